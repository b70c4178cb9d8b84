import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRandom } from '../../statistics/index.ts';
import { assertClose } from '../testing/scikit-learn-values.ts';
import { computeLikelihoodScores, estimateLikelihoodIntervals } from './perplexity.ts';

test('computeLikelihoodScores of a uniform model is what it is uniform over', () => {
  // 7 choices per token, in documents of 3 and 11 tokens, two bytes and one and a half characters each.
  const scores = computeLikelihoodScores({
    logLikelihoods: [-3 * Math.log(7), -11 * Math.log(7)],
    tokens: [3, 11],
    bytes: [6, 22],
    characters: [5, 16],
  });
  assertClose([scores.perplexity, scores.nats], [7, Math.log(7)]);
  const { bitsPerToken, bitsPerByte, bitsPerCharacter } = scores;
  const bits = Math.log2(7);
  assertClose([bitsPerToken, bitsPerByte ?? 0, bitsPerCharacter ?? 0], [bits, bits / 2, (bits * 14) / 21]);
});

test('computeLikelihoodScores counts long documents more, and gives null for what was not counted', () => {
  const scores = computeLikelihoodScores({ logLikelihoods: [-1, -20], tokens: [1, 4] });
  assertClose([scores.nats], [21 / 5]);
  assert.deepEqual([scores.bitsPerByte, scores.bitsPerCharacter], [null, null]);
});

test('estimateLikelihoodIntervals covers the score, and is undefined for what was not counted', () => {
  const random = createRandom('documents');
  const tokens = Array.from({ length: 60 }, () => 5 + random.integer(40));
  const logLikelihoods = tokens.map((count) => -count * (2 + random.uniform()));
  const rows = { logLikelihoods, tokens, bytes: tokens.map((count) => 3 * count) };
  const { perplexity, bitsPerByte, bitsPerCharacter } = estimateLikelihoodIntervals(rows, { random, resamples: 300 });
  const scores = computeLikelihoodScores(rows);
  assert(perplexity !== null && bitsPerByte !== null && bitsPerCharacter === null);
  assert(perplexity.lower < scores.perplexity && scores.perplexity < perplexity.upper);
  // The same quantity on another scale.
  assertClose([perplexity.lower], [2 ** (bitsPerByte.lower * 3)], 1e-2);
});

test('computeLikelihoodScores refuses what is no likelihood', () => {
  assert.throws(() => computeLikelihoodScores({ logLikelihoods: [1], tokens: [1] }), /of document 0 is 1, expected/);
  assert.throws(() => computeLikelihoodScores({ logLikelihoods: [], tokens: [] }), { reason: 'INVALID_DATA' });
  assert.throws(() => computeLikelihoodScores({ logLikelihoods: [-1], tokens: [0.5] }), /tokens of document 0 is 0.5/);
  assert.throws(() => computeLikelihoodScores({ logLikelihoods: [-1], tokens: [0] }), /all documents have 0 tokens/);
  assert.throws(() => computeLikelihoodScores({ logLikelihoods: [-1], tokens: [1], bytes: [] }), {
    reason: 'INVALID_ARGUMENT',
  });
});
