import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AnswerEnd, AnswerEvent } from '@amaas/core';
import { collectAnswer } from './whole-answer.ts';

const USAGE = {
  ...{ promptTokens: 3, cachedTokens: 1, completionTokens: 5, reasoningTokens: 2 },
  ...{ queueMs: 0, promptMs: 1, generationMs: 2, loadMs: 0 },
};
const END: AnswerEnd = { type: 'ended', reason: 'tool-calls', stopText: null, usage: USAGE, seed: 7 };
const token = (text: string) => ({ token: 4, text, logProbability: -0.5, top: [] });

async function* stream(...events: readonly AnswerEvent[]): AsyncGenerator<AnswerEvent> {
  yield* events;
}

test('collectAnswer joins texts, thoughts and the arguments of each call', async () => {
  const events = stream(
    { type: 'started', promptTokens: 3, cachedTokens: 1, loadMs: 0 },
    { type: 'reasoning', text: 'hm', tokens: [token('hm')] },
    { type: 'text', text: 'a', tokens: [token('a')] },
    { type: 'text', text: 'b', tokens: [token('b')] },
    { type: 'tool-call', index: 0, id: 'x', name: 'f' },
    { type: 'tool-arguments', index: 0, text: '{"n":' },
    { type: 'tool-arguments', index: 0, text: '1}' },
    { type: 'tool-call', index: 1, id: 'y', name: 'g' },
    END,
  );
  assert.deepEqual(await collectAnswer(events), {
    text: 'ab',
    reasoning: 'hm',
    tokens: [token('a'), token('b')],
    toolCalls: [
      { id: 'x', name: 'f', arguments: '{"n":1}' },
      { id: 'y', name: 'g', arguments: '' },
    ],
    end: END,
  });
});

test('collectAnswer refuses a stream without its last event', async () => {
  await assert.rejects(collectAnswer(stream({ type: 'text', text: 'a', tokens: [] })), TypeError);
});
