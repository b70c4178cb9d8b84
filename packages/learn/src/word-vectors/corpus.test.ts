import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRandom } from '../statistics/index.ts';
import { AliasSampler, createNoise, keepProbabilities, readCorpus, sentencesOf } from './index.ts';

const sentences = [
  ['b', 'a', 'x', 'a', 'c'],
  ['a', 'y'],
  ['c', 'b', 'a', 'b', 'z', 'c'],
  ['y', 'x'],
];

test('readCorpus keeps frequent words, most frequent first, and sentences with two of them', async () => {
  const { vocabulary, ids, ends } = await readCorpus(sentences, { minCount: 3 });
  assert.deepEqual(vocabulary.words, ['a', 'b', 'c']);
  assert.deepEqual([...vocabulary.counts, vocabulary.total], [4, 3, 3, 10]);
  assert.deepEqual([...ids], [1, 0, 0, 2, 2, 1, 0, 1, 2]);
  assert.deepEqual([...ends], [4, 9]);
});

test('readCorpus reads generators once and keeps at most so many words', async () => {
  let read = 0;
  async function* stream(): AsyncGenerator<readonly string[]> {
    for (const sentence of sentences) {
      read++;
      yield sentence;
    }
  }
  const corpus = await readCorpus(stream(), { minCount: 2, maxWords: 2 });
  assert.equal(read, 4);
  assert.deepEqual(corpus.vocabulary.words, ['a', 'b']);
  assert.deepEqual([...corpus.ids], [1, 0, 0, 1, 0, 1]);
});

test('readCorpus holds more words than its first room', async () => {
  const long = Array.from({ length: 5000 }, (_, k) => `w${k % 7}`);
  const { ids, vocabulary } = await readCorpus([long]);
  assert.equal(ids.length, 5000);
  long.forEach((word, k) => {
    assert.equal(vocabulary.words[ids[k] ?? -1], word);
  });
});

test('readCorpus refuses what cannot be learned from', async () => {
  await assert.rejects(readCorpus(sentences), { reason: 'INVALID_DATA', message: /none of 6 words occurs 5 times/ });
  await assert.rejects(readCorpus([]), { reason: 'INVALID_DATA' });
  await assert.rejects(readCorpus([['a'], ['b'], ['a']], { minCount: 1 }), /no sentence has two words/);
  await assert.rejects(readCorpus(sentences, { minCount: 0 }), { reason: 'INVALID_ARGUMENT' });
  await assert.rejects(readCorpus(sentences, { maxWords: 1.5 }), { reason: 'INVALID_ARGUMENT' });
  await assert.rejects(readCorpus(sentences, { signal: AbortSignal.abort() }), { reason: 'CANCELLED' });
});

test('keepProbabilities are the root of threshold by frequency', () => {
  const vocabulary = { words: ['a', 'b', 'c'], counts: Float64Array.of(900, 90, 10), total: 1000 };
  const kept = keepProbabilities(vocabulary, 0.03);
  [Math.sqrt(0.03 / 0.9), Math.sqrt(0.03 / 0.09), 1].forEach((expected, k) => {
    assert(Math.abs((kept[k] ?? 0) - expected) < 1e-15);
  });
  assert.deepEqual([...keepProbabilities(vocabulary, 0)], [1, 1, 1]);
  assert.throws(() => keepProbabilities(vocabulary, 1), { reason: 'INVALID_ARGUMENT' });
});

test('AliasSampler holds and draws its distribution', () => {
  const weights = Float64Array.of(0.3, 5, 0, 1.7, 1.7, 9.1, 0.02);
  const sampler = new AliasSampler(weights);
  const sum = weights.reduce((total, each) => total + each, 0);
  sampler.probabilities().forEach((probability, k) => {
    assert(Math.abs(probability - (weights[k] ?? 0) / sum) < 1e-12);
  });
  const random = createRandom(5);
  const counts = new Float64Array(weights.length);
  const draws = 50_000;
  for (let k = 0; k < draws; k++) {
    const drawn = sampler.draw(random);
    counts[drawn] = (counts[drawn] ?? 0) + 1;
  }
  counts.forEach((count, k) => {
    const expected = (draws * (weights[k] ?? 0)) / sum;
    assert(Math.abs(count - expected) <= 4.5 * Math.sqrt(expected), `${k}: ${count} of ${expected}`);
  });
});

test('AliasSampler refuses weights that are no distribution', () => {
  for (const weights of [[], [0, 0], [1, -1, 2], [Number.NaN]]) {
    assert.throws(() => new AliasSampler(Float64Array.from(weights)), { reason: 'INVALID_ARGUMENT' });
  }
});

test('createNoise raises counts to 0.75', () => {
  const vocabulary = { words: ['a', 'b'], counts: Float64Array.of(81, 16), total: 97 };
  const [a = 0, b = 0] = createNoise(vocabulary).probabilities();
  assert(Math.abs(a - 27 / 35) < 1e-12 && Math.abs(b - 8 / 35) < 1e-12);
});

test('sentencesOf cuts text into sentences of lower-case words', () => {
  const text = 'The Dog’s well-known. "Is it?" She said:\n\n  ÉTÉ 1999 -- don\'t!';
  assert.deepEqual(
    [...sentencesOf(text)],
    [
      ['the', "dog's", 'well-known'],
      ['is', 'it'],
      ['she', 'said'],
      ['été', '1999', "don't"],
    ],
  );
  assert.deepEqual([...sentencesOf(' … ')], []);
});
