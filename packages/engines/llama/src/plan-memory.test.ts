import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sharedDataPath, skipWithoutSharedData } from '../../../../tools/test-data.ts';
import { type MemoryFacts, planMemory, readFileFacts } from './plan-memory.ts';

const MODEL = 'llm/stories260K.gguf';

test('readFileFacts counts the cache of all layers, with shared heads', {
  skip: skipWithoutSharedData(MODEL),
}, async () => {
  const facts = await readFileFacts(sharedDataPath(MODEL));
  // 5 layers, 4 heads of keys and values of size 8, two bytes each.
  assert.equal(facts.cacheBytesPerToken, 5 * 4 * (8 + 8) * 2);
  assert.deepEqual([facts.trainedContextTokens, facts.vocabularySize, facts.fileBytes], [2048, 512, 1_185_376]);
});

const facts: MemoryFacts = {
  fileBytes: 100e6,
  vocabularySize: 32_000,
  trainedContextTokens: 32_768,
  cacheBytesPerToken: 10_000,
  stepBytesPerToken: 50e6 / 512,
  isEncoder: false,
};
const plan = (maxMemoryBytes: number, contextTokens: number | null = null, parallel: number | null = null) =>
  planMemory('m', facts, { contextTokens, parallel, maxMemoryBytes });

test('planMemory gives the usual where it fits, else fewer sequences, else fewer tokens', () => {
  assert.deepEqual(plan(1e9), { contextTokens: 8192, parallel: 4, bytes: 150e6 + 8192 * 4 * 10_000 });
  assert.deepEqual(plan(320e6), { contextTokens: 8192, parallel: 2, bytes: 150e6 + 8192 * 2 * 10_000 });
  assert.deepEqual(plan(200e6), { contextTokens: 4096, parallel: 1, bytes: 150e6 + 4096 * 10_000 });
  assert.equal(
    planMemory(
      'm',
      { ...facts, trainedContextTokens: 1000 },
      { contextTokens: null, parallel: null, maxMemoryBytes: 1e9 },
    ).contextTokens,
    1000,
  );
});

test('planMemory keeps what was asked for, or refuses with the numbers', () => {
  assert.deepEqual([plan(250e6, 1000).contextTokens, plan(250e6, null, 4).parallel], [1000, 4]);
  assert.throws(() => plan(200e6, 8192), {
    reason: 'MEMORY_LIMIT',
    message:
      'load: model "m" needs 232 MB (weights 100 MB, 1 × 8192 tokens of context 82 MB, buffers 50 MB), and 200 MB are allowed',
  });
  assert.throws(() => plan(120e6), { reason: 'MEMORY_LIMIT' });
});

test('planMemory gives an encoder one step as long as its context, and no more places than it was trained for', () => {
  const encoder = { ...facts, cacheBytesPerToken: 0, stepBytesPerToken: 20_000, isEncoder: true };
  const wish = { contextTokens: null, parallel: null, maxMemoryBytes: 1e9 };
  assert.deepEqual(planMemory('m', encoder, wish), { contextTokens: 2048, parallel: 1, bytes: 100e6 + 2048 * 20_000 });
  assert.deepEqual(planMemory('m', encoder, { ...wish, maxMemoryBytes: 125e6 }).contextTokens, 1024);
  assert.throws(() => planMemory('m', { ...encoder, trainedContextTokens: 512 }, { ...wish, contextTokens: 513 }), {
    reason: 'INVALID_CONFIG',
    message: 'load: model "m" reads at most 512 tokens, and a context of 513 is asked for',
  });
});
