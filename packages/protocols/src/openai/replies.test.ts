// Replies of chat and plain completions: whole and in chunks.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AnswerEnd, AnswerEvent, GeneratedToken } from '@amaas/core';
import { ChatStream, encodeChatReply } from './chat-reply.ts';
import { CompletionStream, encodeCompletionReply } from './completion-reply.ts';
import type { WholeAnswer } from './reply.ts';

const HEAD = { id: 'x-1', createdSeconds: 1700000000, model: 'm:canary', fingerprint: 'amaas-1' };

function ended(reason: AnswerEnd['reason'], tokens: Partial<AnswerEnd['usage']> = {}): AnswerEnd {
  const none = { promptTokens: 0, cachedTokens: 0, completionTokens: 0, reasoningTokens: 0 };
  const usage = { ...none, queueMs: 1, promptMs: 1, generationMs: 1, loadMs: 0, ...tokens };
  return { type: 'ended', reason, stopText: null, seed: 1, usage };
}

function token(text: string, logProbability: number, top: GeneratedToken['top'] = []): GeneratedToken {
  return { token: 5, text, logProbability, top };
}

function whole(answer: Partial<WholeAnswer>): WholeAnswer {
  return { text: '', reasoning: '', toolCalls: [], tokens: [], end: ended('stop'), ...answer };
}

const STARTED = { type: 'started', promptTokens: 4, cachedTokens: 2, loadMs: 0 } as const;

/** The objects of a stream; the last is the word it ends with. */
function chunksOf(pieces: readonly string[]): readonly unknown[] {
  const blocks = pieces.join('').split('\n\n');
  assert.equal(blocks.pop(), '');
  return blocks.map((block) => {
    assert.match(block, /^data: [^\n]+$/);
    return block === 'data: [DONE]' ? '[DONE]' : JSON.parse(block.slice(6));
  });
}

const CHAT = { hasLogprobs: false, choices: 1, includesUsage: false };

test('encodeChatReply says texts, thoughts, calls, ends and usage of all choices', () => {
  const calls = [{ id: 'c1', name: 'weather', arguments: '{"city":"Oslo"}' }];
  const answers = [
    whole({ text: 'Hi', end: ended('length', { promptTokens: 9, cachedTokens: 4, completionTokens: 3 }) }),
    whole({
      reasoning: 'hm',
      toolCalls: calls,
      end: ended('tool-calls', { promptTokens: 9, cachedTokens: 8, completionTokens: 5, reasoningTokens: 2 }),
    }),
  ];
  const call = { id: 'c1', type: 'function', function: { name: 'weather', arguments: '{"city":"Oslo"}' } };
  assert.deepEqual(encodeChatReply(HEAD, answers, { ...CHAT, choices: 2 }), {
    id: 'x-1',
    object: 'chat.completion',
    created: 1700000000,
    model: 'm:canary',
    system_fingerprint: 'amaas-1',
    choices: [
      {
        index: 0,
        message: { role: 'assistant', content: 'Hi', refusal: null },
        logprobs: null,
        finish_reason: 'length',
      },
      {
        index: 1,
        message: { role: 'assistant', content: null, refusal: null, reasoning_content: 'hm', tool_calls: [call] },
        logprobs: null,
        finish_reason: 'tool_calls',
      },
    ],
    usage: {
      prompt_tokens: 9,
      completion_tokens: 8,
      total_tokens: 17,
      prompt_tokens_details: { cached_tokens: 4 },
      completion_tokens_details: { reasoning_tokens: 2 },
    },
  });
});

test('encodeChatReply gives log-probabilities with the bytes of tokens, where the text tells them', () => {
  const top = [token('é', -0.25), token('�', Number.NEGATIVE_INFINITY)];
  const reply = encodeChatReply(HEAD, [whole({ text: 'é', tokens: [token('é', -0.25, top)] })], {
    ...CHAT,
    hasLogprobs: true,
  });
  const bytes = [0xc3, 0xa9];
  const content = {
    token: 'é',
    logprob: -0.25,
    bytes,
    top_logprobs: [
      { token: 'é', logprob: -0.25, bytes },
      { token: '�', logprob: -9999, bytes: null },
    ],
  };
  assert.deepEqual(JSON.parse(JSON.stringify(reply)).choices[0].logprobs, { content: [content], refusal: null });
});

test('ChatStream says who speaks, then what, then why it ended', () => {
  const stream = new ChatStream(HEAD, CHAT);
  const events: AnswerEvent[] = [
    STARTED,
    { type: 'reasoning', text: 'hm', tokens: [] },
    { type: 'text', text: '', tokens: [] },
    { type: 'text', text: 'Hi\n\nyou', tokens: [] },
    { type: 'tool-call', index: 0, id: 'c1', name: 'weather' },
    { type: 'tool-arguments', index: 0, text: '{"ci' },
    { type: 'tool-arguments', index: 0, text: 'ty":1}' },
    ended('tool-calls'),
  ];
  const chunk = (delta: object, finish: string | null = null): object => ({
    id: 'x-1',
    object: 'chat.completion.chunk',
    created: 1700000000,
    model: 'm:canary',
    system_fingerprint: 'amaas-1',
    choices: [{ index: 0, delta, logprobs: null, finish_reason: finish }],
  });
  assert.deepEqual(chunksOf([...events.map((event) => stream.encode(0, event)), stream.end()]), [
    chunk({ role: 'assistant', content: '' }),
    chunk({ reasoning_content: 'hm' }),
    chunk({ content: 'Hi\n\nyou' }),
    chunk({ tool_calls: [{ index: 0, id: 'c1', type: 'function', function: { name: 'weather', arguments: '' } }] }),
    chunk({ tool_calls: [{ index: 0, function: { arguments: '{"ci' } }] }),
    chunk({ tool_calls: [{ index: 0, function: { arguments: 'ty":1}' } }] }),
    chunk({}, 'tool_calls'),
    '[DONE]',
  ]);
});

test('ChatStream ends with the usage of all choices where that was asked for', () => {
  const stream = new ChatStream(HEAD, { hasLogprobs: true, choices: 2, includesUsage: true });
  const chunks = chunksOf([
    stream.encode(1, STARTED),
    stream.encode(1, { type: 'text', text: 'a', tokens: [token('a', -1)] }),
    stream.encode(1, ended('stop', { promptTokens: 4, completionTokens: 2 })),
    stream.encode(0, ended('stop', { promptTokens: 4, cachedTokens: 3, completionTokens: 1 })),
    stream.end(),
  ]);
  const [first, second, , , last, done] = chunks;
  assert(typeof first === 'object' && first !== null && 'usage' in first && first.usage === null);
  assert.match(JSON.stringify(second), /"index":1,.*"token":"a","logprob":-1,"bytes":\[97\],"top_logprobs":\[\]/);
  assert(typeof last === 'object' && last !== null && 'choices' in last && 'usage' in last);
  assert.deepEqual(last.choices, []);
  assert.deepEqual(last.usage, {
    prompt_tokens: 4,
    completion_tokens: 3,
    total_tokens: 7,
    prompt_tokens_details: { cached_tokens: 3 },
    completion_tokens_details: { reasoning_tokens: 0 },
  });
  assert.equal(done, '[DONE]');
});

const PLAIN = { topLogprobs: undefined, echoes: ['', ''], choices: 1, includesUsage: false };

test('encodeCompletionReply counts every prompt once, and puts prompts in front where asked', () => {
  const answers = [
    whole({ text: ' upon', end: ended('length', { promptTokens: 2, completionTokens: 1 }) }),
    whole({ text: ' two', end: ended('stop', { promptTokens: 3, completionTokens: 4 }) }),
  ];
  assert.deepEqual(encodeCompletionReply(HEAD, answers, { ...PLAIN, echoes: ['Once', 'One'] }), {
    id: 'x-1',
    object: 'text_completion',
    created: 1700000000,
    model: 'm:canary',
    system_fingerprint: 'amaas-1',
    choices: [
      { text: 'Once upon', index: 0, logprobs: null, finish_reason: 'length' },
      { text: 'One two', index: 1, logprobs: null, finish_reason: 'stop' },
    ],
    usage: {
      prompt_tokens: 5,
      completion_tokens: 5,
      total_tokens: 10,
      prompt_tokens_details: { cached_tokens: 0 },
      completion_tokens_details: { reasoning_tokens: 0 },
    },
  });
});

test('plain completions place their tokens in the text, in characters as Python counts them', () => {
  const tokens = [
    token('𝄞', -1, [token('__proto__', -1), token('𝄞', -2)]),
    token(' a', -2),
    token('�', -3),
    token('!', -4),
  ];
  const text = '𝄞 aé!';
  const options = { ...PLAIN, topLogprobs: 2 };
  const reply = JSON.parse(JSON.stringify(encodeCompletionReply(HEAD, [whole({ text, tokens })], options)));
  const { logprobs } = reply.choices[0];
  assert.deepEqual(logprobs.tokens, ['𝄞', ' a', '�', '!']);
  assert.deepEqual(logprobs.token_logprobs, [-1, -2, -3, -4]);
  assert.deepEqual(logprobs.text_offset, [0, 1, 3, 4]);
  assert.equal(JSON.stringify(logprobs.top_logprobs[0]), '{"__proto__":-1,"𝄞":-2}');
  const stream = new CompletionStream(HEAD, { ...options, topLogprobs: 0 });
  const chunks = chunksOf([
    stream.encode(0, { type: 'text', text: '𝄞 a', tokens: tokens.slice(0, 2) }),
    stream.encode(0, { type: 'text', text: 'é!', tokens: tokens.slice(2) }),
  ]);
  assert.deepEqual(
    chunks.map((chunk) => /"top_logprobs":(.+?),"text_offset":(\[.*?\])/.exec(JSON.stringify(chunk))?.slice(1)),
    [
      ['null', '[0,1]'],
      ['null', '[3,4]'],
    ],
  );
});

test('CompletionStream begins with the prompt where asked, and ends as all streams do', () => {
  const stream = new CompletionStream(HEAD, { ...PLAIN, echoes: ['Once'], includesUsage: true });
  const events: AnswerEvent[] = [STARTED, { type: 'text', text: ' upon', tokens: [] }, ended('stop')];
  const chunks = chunksOf([...events.map((event) => stream.encode(0, event)), stream.end()]);
  assert.deepEqual(
    chunks.map((chunk) => /"choices":(\[.*?\])/.exec(JSON.stringify(chunk))?.[1] ?? chunk),
    [
      '[{"text":"Once","index":0,"logprobs":null,"finish_reason":null}]',
      '[{"text":" upon","index":0,"logprobs":null,"finish_reason":null}]',
      '[{"text":"","index":0,"logprobs":null,"finish_reason":"stop"}]',
      '[]',
      '[DONE]',
    ],
  );
});
