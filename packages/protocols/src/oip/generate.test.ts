import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AmaasError, type AnswerEnd, type AnswerEvent, type GeneratedToken } from '@amaas/core';
import {
  decodeGenerateRequest,
  encodeGenerateErrorEvent,
  encodeGenerateReply,
  encodeGenerateStream,
  type GenerateSubject,
} from './index.ts';

test('decodeGenerateRequest has the defaults of the protocol', () => {
  assert.deepEqual(decodeGenerateRequest({ text_input: 'Once' }), {
    id: null,
    wantsDetails: false,
    isStream: null,
    call: { input: { kind: 'prompt', prompt: 'Once' }, maxTokens: 20, sampling: {}, stop: [] },
  });
});

const PARAMETERS = {
  max_tokens: 7,
  temperature: 0.5,
  top_p: 0.9,
  top_k: 30,
  min_p: 0.1,
  repetition_penalty: 1.2,
  presence_penalty: -0.5,
  frequency_penalty: 0.25,
  seed: 11,
  stop: ['a', 'b'],
  details: true,
  stream: false,
  exclude_input_in_output: true,
};

test('decodeGenerateRequest reads parameters in parameters, beside the text, and in both places', () => {
  const expected = {
    id: 'mine',
    wantsDetails: true,
    isStream: false,
    call: {
      input: { kind: 'prompt', prompt: '' },
      maxTokens: 7,
      sampling: {
        temperature: 0.5,
        topP: 0.9,
        topK: 30,
        minP: 0.1,
        repeatPenalty: 1.2,
        presencePenalty: -0.5,
        frequencyPenalty: 0.25,
        seed: 11,
      },
      stop: ['a', 'b'],
      logProbabilities: { top: 0 },
    },
  };
  const { seed, stop, ...rest } = PARAMETERS;
  assert.deepEqual(decodeGenerateRequest({ id: 'mine', text_input: '', parameters: PARAMETERS }), expected);
  assert.deepEqual(decodeGenerateRequest({ id: 'mine', text_input: '', ...PARAMETERS }), expected);
  assert.deepEqual(decodeGenerateRequest({ id: 'mine', text_input: '', seed, stop, parameters: rest }), expected);
});

test('decodeGenerateRequest takes a single stop text, and any number below one for all tokens', () => {
  const { call } = decodeGenerateRequest({ text_input: 'x', stop: 'END', top_k: -1 });
  assert.deepEqual([call.stop, call.sampling?.topK], [['END'], 2_147_483_647]);
});

test('decodeGenerateRequest refuses by name', () => {
  const refused: readonly (readonly [object, RegExp])[] = [
    [{}, /^text_input: is needed/],
    [{ text_input: ['x'] }, /^text_input: expected a string/],
    [{ text_input: 'x', bad_words: '' }, /^bad_words: is not supported/],
    [{ text_input: 'x', parameters: { best_of: 2 } }, /^parameters.best_of: is not supported/],
    [{ text_input: 'x', parameters: { top_p: 2 } }, /^parameters.top_p: expected a number from 0 to 1, got 2/],
    [{ text_input: 'x', max_tokens: 0 }, /^max_tokens: expected a whole number of at least 1/],
    [{ text_input: 'x', seed: 1, parameters: { seed: 1 } }, /^seed: is in parameters, too/],
    [{ text_input: 'x', parameters: { stop: ['a', ''] } }, /^parameters.stop: expected texts that are not empty/],
    [{ text_input: 'x', parameters: { stop: [1] } }, /^parameters.stop/],
    [{ text_input: 'x', exclude_input_in_output: false }, /^exclude_input_in_output: replies hold/],
  ];
  for (const [body, message] of refused) {
    assert.throws(() => decodeGenerateRequest(body), { reason: 'INVALID_ARGUMENT', message });
  }
});

const USAGE = {
  promptTokens: 3,
  cachedTokens: 0,
  completionTokens: 2,
  reasoningTokens: 0,
  queueMs: 0,
  promptMs: 0,
  generationMs: 0,
  loadMs: 0,
};

function ended(reason: AnswerEnd['reason'], stopText: string | null = null): AnswerEnd {
  return { type: 'ended', reason, stopText, usage: USAGE, seed: 1 };
}

function token(id: number, text: string): GeneratedToken {
  return { token: id, text, logProbability: -id / 4, top: [] };
}

const PLAIN: GenerateSubject = { model: 'chat', version: 3, id: null, wantsDetails: false };
const DETAILED: GenerateSubject = { ...PLAIN, id: 'mine', wantsDetails: true };

test('encodeGenerateReply says why the text ended only where that was asked', () => {
  const generated = { text: 'ab', tokens: [token(1, 'a'), token(2, 'b')], end: ended('length') };
  assert.deepEqual(encodeGenerateReply(generated, PLAIN), {
    model_name: 'chat',
    model_version: '3',
    text_output: 'ab',
  });
  const reply = (end: AnswerEnd) => encodeGenerateReply({ ...generated, end }, DETAILED);
  const details = (reason: string) => ({
    id: 'mine',
    model_name: 'chat',
    model_version: '3',
    text_output: 'ab',
    details: {
      finish_reason: reason,
      logprobs: [
        { id: 1, text: 'a', logprob: -0.25, special: false },
        { id: 2, text: 'b', logprob: -0.5, special: false },
      ],
    },
  });
  assert.deepEqual(reply(ended('length')), details('length'));
  assert.deepEqual(reply(ended('stop')), details('eos_token'));
  assert.deepEqual(reply(ended('stop', 'END')), details('stop_sequence'));
});

async function streamed(subject: GenerateSubject, ...events: readonly AnswerEvent[]): Promise<readonly unknown[]> {
  async function* source(): AsyncGenerator<AnswerEvent> {
    yield { type: 'started', promptTokens: 3, cachedTokens: 0, loadMs: 0 };
    yield* events;
  }
  const replies: unknown[] = [];
  for await (const piece of encodeGenerateStream(source(), subject)) {
    const [, data = ''] = /^data: (.+)\n\n$/.exec(piece) ?? assert.fail(piece);
    replies.push(JSON.parse(data));
  }
  return replies;
}

test('encodeGenerateStream gives a reply for every piece', async () => {
  const a = { type: 'text', text: 'a', tokens: [token(1, 'a')] } as const;
  const b = { type: 'text', text: 'b', tokens: [token(2, 'b')] } as const;
  const common = { model_name: 'chat', model_version: '3' };
  assert.deepEqual(await streamed(PLAIN, a, b, ended('stop')), [
    { ...common, text_output: 'a' },
    { ...common, text_output: 'b' },
  ]);
  assert.deepEqual(await streamed(PLAIN, ended('stop')), [{ ...common, text_output: '' }]);
  assert.deepEqual(await streamed(DETAILED, a, ended('stop', 'END')), [
    {
      ...common,
      id: 'mine',
      text_output: 'a',
      details: { finish_reason: null, logprobs: [{ id: 1, text: 'a', logprob: -0.25, special: false }] },
    },
    { ...common, id: 'mine', text_output: '', details: { finish_reason: 'stop_sequence', logprobs: [] } },
  ]);
});

test('encodeGenerateErrorEvent keeps to itself what only the log may know', () => {
  assert.equal(
    encodeGenerateErrorEvent(new AmaasError('ENGINE_CRASHED', 'the process ended')),
    'data: {"error":"the process ended"}\n\n',
  );
  assert.doesNotMatch(encodeGenerateErrorEvent(new AmaasError('INTERNAL', 'secret.ts')), /secret/);
});
