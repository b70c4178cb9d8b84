import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AmaasError, type AnswerEnd, type AnswerEvent } from '@amaas/core';
import { encodeAnswer, encodeNoAnswer, encodeOllamaError, OllamaAnswerStream, ollamaStatus } from './index.ts';

const at = new Date('2026-03-04T05:06:07.089Z');
const head = { model: 'chat:latest', created_at: '2026-03-04T05:06:07.089Z' };
const END: AnswerEnd = {
  type: 'ended',
  reason: 'tool-calls',
  stopText: null,
  seed: 3,
  usage: {
    promptTokens: 17,
    cachedTokens: 5,
    completionTokens: 23,
    reasoningTokens: 4,
    queueMs: 2,
    promptMs: 1.5,
    generationMs: 40.25,
    loadMs: 300,
  },
};
const TIMES = {
  total_duration: 345_678_000,
  load_duration: 300_000_000,
  prompt_eval_count: 17,
  prompt_eval_duration: 1_500_000,
  eval_count: 23,
  eval_duration: 40_250_000,
};
const drawn = { token: 9, text: 'é', logProbability: -0.25, top: [{ token: 8, text: 'e', logProbability: -0.125 }] };
const EVENTS: readonly AnswerEvent[] = [
  { type: 'started', promptTokens: 17, cachedTokens: 5, loadMs: 300 },
  { type: 'reasoning', text: 'hm', tokens: [] },
  { type: 'text', text: 'é', tokens: [drawn] },
  { type: 'tool-call', index: 0, id: 'a', name: 'weather' },
  { type: 'tool-arguments', index: 0, text: '{"city":' },
  { type: 'tool-arguments', index: 0, text: '"Ulm"}' },
  { type: 'tool-call', index: 1, id: 'b', name: 'time' },
  END,
];
const LOGPROBS = [
  {
    token: 'é',
    logprob: -0.25,
    bytes: [195, 169],
    top_logprobs: [{ token: 'e', logprob: -0.125, bytes: [101] }],
  },
];
const CALLS = [
  { id: 'a', function: { index: 0, name: 'weather', arguments: { city: 'Ulm' } } },
  { id: 'b', function: { index: 1, name: 'time', arguments: {} } },
];

test('OllamaAnswerStream writes a line for a piece, calls of tools whole, times in nanoseconds at the end', () => {
  const stream = new OllamaAnswerStream({ model: 'chat:latest', form: 'chat' });
  const lines = EVENTS.flatMap((event) => stream.write(event, { at, elapsedMs: 345.678 }));
  const message = (more: object) => ({ ...head, message: { role: 'assistant', content: '', ...more }, done: false });
  assert.deepEqual(lines, [
    message({ thinking: 'hm' }),
    { ...message({ content: 'é' }), logprobs: LOGPROBS },
    message({ tool_calls: [CALLS[0]] }),
    message({ tool_calls: [CALLS[1]] }),
    { ...message({}), done: true, done_reason: 'stop', ...TIMES },
  ]);
});

test('OllamaAnswerStream leaves out a call whose arguments were cut off, and says that the answer was', () => {
  const stream = new OllamaAnswerStream({ model: 'chat:latest', form: 'generate' });
  const cut: readonly AnswerEvent[] = [...EVENTS.slice(2, 5), { ...END, reason: 'length' }];
  assert.deepEqual(
    cut.flatMap((event) => stream.write(event, { at, elapsedMs: 345.678 })),
    [
      { ...head, response: 'é', logprobs: LOGPROBS, done: false },
      { ...head, response: '', done: true, done_reason: 'length', ...TIMES },
    ],
  );
});

test('encodeAnswer puts a whole answer into one object of either form', () => {
  const toolCalls = [
    { id: 'a', name: 'weather', arguments: '{"city":"Ulm"}' },
    { id: 'b', name: 'time', arguments: '' },
  ];
  const answer = { text: 'é', reasoning: 'hm', toolCalls, tokens: [drawn], end: END };
  const now = { at, elapsedMs: 345.678 };
  const inner = { thinking: 'hm', tool_calls: CALLS };
  const end = { done: true, done_reason: 'stop', ...TIMES };
  assert.deepEqual(encodeAnswer({ model: 'chat:latest', form: 'chat' }, answer, now), {
    ...head,
    message: { role: 'assistant', content: 'é', ...inner },
    logprobs: LOGPROBS,
    ...end,
  });
  assert.deepEqual(encodeAnswer({ model: 'chat:latest', form: 'generate' }, answer, now), {
    ...head,
    response: 'é',
    ...inner,
    logprobs: LOGPROBS,
    ...end,
  });
  assert.deepEqual(encodeNoAnswer({ model: 'chat:latest', form: 'generate' }, 'unload', at), {
    ...head,
    response: '',
    done: true,
    done_reason: 'unload',
  });
});

test('encodeOllamaError tells what a caller may read, under the status that Ollama gives', () => {
  const inside = new AmaasError('INTERNAL', 'the disk is on fire');
  assert.doesNotMatch(encodeOllamaError(inside).error, /fire/);
  assert.deepEqual(
    [ollamaStatus(inside), encodeOllamaError(new AmaasError('QUEUE_FULL', 'full'))],
    [500, { error: 'full' }],
  );
  assert.deepEqual(
    (['MODEL_NOT_FOUND', 'CONTEXT_OVERFLOW', 'QUEUE_FULL', 'METHOD_NOT_ALLOWED', 'REQUEST_TOO_LARGE'] as const).map(
      (reason) => ollamaStatus(new AmaasError(reason, 'x')),
    ),
    [404, 400, 503, 405, 413],
  );
});
