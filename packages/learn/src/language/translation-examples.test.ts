import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SOURCE_INPUT, TARGET_INPUT } from '../layers/index.ts';
import { createRandom } from '../statistics/index.ts';
import { trainCharacters } from '../tokenize/index.ts';
import {
  chooseLengths,
  type EncodedPair,
  encodePair,
  pairExamples,
  pairLength,
  pairParts,
} from './translation-examples.ts';
import { createTranslationTokenizer, translationTokens } from './translation-tokenizer.ts';

const TEXTS = ['der Hund schläft', 'the dog sleeps', 'der Hund bellt laut', 'the dog barks loudly', 'laut', 'loud'];

function pair(source: readonly number[], target: readonly number[]): EncodedPair {
  return { source: Int32Array.from(source), target: Int32Array.from(target) };
}

for (const kind of ['unigram', 'bpe'] as const) {
  test(`createTranslationTokenizer, ${kind}: texts end by their token, and come back without it`, () => {
    const tokenizer = createTranslationTokenizer({ kind, vocabularySize: 300 }, TEXTS);
    const { padding, begin, end } = translationTokens(tokenizer);
    assert.equal(new Set([padding, begin, end]).size, 3);
    for (const text of TEXTS) {
      const { ids } = tokenizer.encode(text);
      assert.equal(ids.at(-1), end);
      assert.deepEqual(ids.subarray(0, -1), encodePair({ source: text, target: '' }, tokenizer).source);
      assert.equal(tokenizer.decode(ids), text);
    }
  });
}

test('createTranslationTokenizer takes a tokenizer as it is; translationTokens names what it lacks', () => {
  const given = trainCharacters(TEXTS, { specialTokens: ['<pad>', '<s>'] });
  assert.equal(createTranslationTokenizer(given, []), given);
  assert.throws(() => translationTokens(given), {
    reason: 'INVALID_ARGUMENT',
    message: 'translator: the tokenizer has no token </s>',
  });
});

test('chooseLengths finds the least padding that so many lengths allow', () => {
  const random = createRandom('lengths');
  for (let trial = 0; trial < 20; trial++) {
    const lengths = Array.from({ length: 12 }, () => 1 + random.integer(9));
    const greatest = Math.max(...lengths);
    const costOf = (chosen: readonly number[]): number =>
      lengths.reduce((sum, length) => sum + (chosen.find((most) => length <= most) ?? Number.NaN), 0);
    for (const count of [1, 2, 3]) {
      let least = Number.POSITIVE_INFINITY;
      for (let first = 1; first <= greatest; first++) {
        for (let second = first; second <= greatest; second++) {
          const chosen = [...(count > 2 ? [first] : []), ...(count > 1 ? [second] : []), greatest];
          least = Math.min(least, costOf(chosen));
        }
      }
      const found = chooseLengths(lengths, count);
      assert(found.length <= count);
      assert.deepEqual(
        found,
        found.toSorted((a, b) => a - b),
      );
      assert.equal(costOf(found), least, `${lengths} in ${count}: ${found}`);
    }
  }
  assert.deepEqual(chooseLengths([4, 4, 4], 3), [4]);
});

test('pairExamples lays pairs out: sources end, targets begin one step before they are to be said', () => {
  const pairs = [pair([11, 12], [21, 22, 23]), pair([13], [24])];
  assert.deepEqual(pairs.map(pairLength), [4, 2]);
  const { inputs, target } = pairExamples(pairs, 4, { padding: 1, begin: 2, end: 3 });
  assert.deepEqual([...(inputs.get(SOURCE_INPUT)?.data ?? [])], [11, 12, 3, 1, 13, 3, 1, 1]);
  assert.deepEqual([...(inputs.get(TARGET_INPUT)?.data ?? [])], [2, 21, 22, 23, 2, 24, 1, 1]);
  assert.deepEqual(Array.from(target.data, Number), [21, 22, 23, 3, 24, 3, -100, -100]);
  assert.throws(() => pairExamples([], 4, { padding: 1, begin: 2, end: 3 }), { reason: 'INVALID_DATA' });
});

test('pairParts puts every pair into the shortest length it fits, and leaves out what fits none', () => {
  const tokenizer = createTranslationTokenizer({ vocabularySize: 60 }, TEXTS);
  const pairs = [pair([5], [5]), pair([5, 6, 7], [5]), pair([5], [5, 6]), pair([5, 6, 7, 8, 9], [5])];
  const parts = pairParts(pairs, { tokenizer, lengths: [2, 4, 5], batchTokens: 13 });
  assert.deepEqual(
    parts.map(({ examples, batchSize }) => [examples.target.shape, batchSize]),
    [
      [[2, 4], 3],
      [[1, 2], 7],
    ],
  );
});
