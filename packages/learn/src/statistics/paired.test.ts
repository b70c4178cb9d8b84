import assert from 'node:assert/strict';
import { test } from 'node:test';
import { comparePaired } from './paired.ts';
import { createRandom } from './random.ts';

function compare(shift: number, seed: string): ReturnType<typeof comparePaired> {
  const random = createRandom(seed);
  // Hard and easy rows make both models' losses vary far more than their difference does.
  const hardness = Array.from({ length: 120 }, () => 5 * random.normal());
  const first = hardness.map((level) => level + 0.5 * random.normal() + shift);
  const second = hardness.map((level) => level + 0.5 * random.normal());
  const mean = (values: readonly number[], weights: Float64Array): number =>
    values.reduce((sum, value, i) => sum + value * (weights[i] ?? 0), 0) / weights.reduce((a, b) => a + b, 0);
  return comparePaired({
    rows: 120,
    pair: (weights) => [mean(first, weights), mean(second, weights)],
    random: random.fork('bootstrap'),
    resamples: 500,
  });
}

test('comparePaired sees a small steady difference through large shared variation', () => {
  const { difference, interval, pValue } = compare(0.3, 'shifted');
  assert(Math.abs(difference - 0.3) < 0.2, `${difference}`);
  assert((interval?.lower ?? -1) > 0 && pValue < 0.01, `${interval?.lower} ${pValue}`);
});

test('comparePaired rarely sees a difference where there is none', () => {
  const findings = Array.from({ length: 100 }, (_, i) => compare(0, `null ${i}`)).filter(({ pValue }) => pValue < 0.1);
  assert(findings.length >= 3 && findings.length <= 20, `${findings.length} of 100 at 10 %`);
});

test('comparePaired of a model with itself has no difference', () => {
  const same = comparePaired({ rows: 5, pair: () => [0.4, 0.4], random: createRandom(1), resamples: 20 });
  assert.deepEqual([same.difference, same.pValue, same.interval?.upper], [0, 1, 0]);
  const undefinedPair = comparePaired({ rows: 5, pair: () => [0.4, Number.NaN], random: createRandom(1) });
  assert(Number.isNaN(undefinedPair.pValue) && undefinedPair.interval === null);
});
