import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fisherTest } from './counts.ts';
import { holmAdjust, permutationTest } from './permutation.ts';
import { createRandom } from './random.ts';

test("permutationTest on right and wrong rows approaches Fisher's exact p-value", () => {
  const losses = Array.from({ length: 71 }, (_, row) => (row < 5 || (row >= 11 && row < 20) ? 1 : 0));
  const group = Array.from({ length: 11 }, (_, row) => row);
  const exact = fisherTest({ failures: 5, trials: 11, otherFailures: 9, otherTrials: 60 }); // 0.0338
  const pValues = Array.from({ length: 20 }, (_, seed) =>
    permutationTest({ losses, group, random: createRandom(seed), maxDraws: 20_000 }),
  );
  const mean = pValues.reduce((a, b) => a + b, 0) / pValues.length;
  assert(Math.abs(mean - exact) < 0.006, `${mean} against ${exact}`);
});

test('permutationTest heeds weights and stops at its bound', () => {
  const losses = Array.from({ length: 60 }, (_, row) => (row % 7) + (row < 12 ? 9 : 0));
  const group = Array.from({ length: 12 }, (_, row) => row);
  const options = { losses, group, random: createRandom(5), maxDraws: 400 };
  assert.equal(permutationTest(options), 1 / 401);
  // Without weight on the bad rows of the group nothing is left to find.
  const weights = losses.map((_, row) => (row < 11 ? 0 : 1));
  const harmless = losses.map((loss, row) => (row === 11 ? 2 : loss));
  assert(permutationTest({ ...options, losses: harmless, weights }) > 0.3);
  assert.equal(permutationTest({ ...options, group: [] }), 1);
});

test('permutationTest draws every row alike, the last one too', () => {
  const losses = [0, 0, 0, 1];
  const pValues = Array.from({ length: 40 }, (_, seed) =>
    permutationTest({ losses, group: [3], random: createRandom(seed), maxDraws: 5000 }),
  );
  const mean = pValues.reduce((a, b) => a + b, 0) / pValues.length;
  assert(Math.abs(mean - 0.25) < 0.03, `${mean}`); // one of four rows is as bad
  assert.equal(permutationTest({ losses, group: [0, 1, 2, 3], random: createRandom(1), maxDraws: 100 }), 1);
});

test("holmAdjust equals R's p.adjust(method = 'holm') on a worked example", () => {
  // p.adjust(c(0.01, 0.04, 0.03, 0.005), "holm") gives 0.03 0.06 0.06 0.02
  const adjusted = holmAdjust([0.01, 0.04, 0.03, 0.005]);
  [0.03, 0.06, 0.06, 0.02].forEach((expected, i) => {
    assert(Math.abs((adjusted[i] ?? 0) - expected) < 1e-15);
  });
  assert.deepEqual(holmAdjust([0.9, 0.8]), [1, 1]);
});
