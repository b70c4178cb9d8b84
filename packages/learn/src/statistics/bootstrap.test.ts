import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type BootstrapEstimate,
  bootstrapInterval,
  bootstrapIntervals,
  defaultResamples,
  extendEstimate,
} from './bootstrap.ts';
import { createRandom } from './random.ts';
import { scipyValues } from './testing/scipy-values.ts';

const { sample } = scipyValues;

function weightedMoments(values: readonly number[], weights: ArrayLike<number>): readonly [number, number] {
  let total = 0;
  let sum = 0;
  let squares = 0;
  values.forEach((value, i) => {
    const weight = weights[i] ?? 0;
    total += weight;
    sum += weight * value;
    squares += weight * value * value;
  });
  const mean = sum / total;
  return [mean, squares / total - mean * mean];
}

function estimates(method: 'percentile' | 'bca', seed = 'oracle', resamples = 20_000): readonly BootstrapEstimate[] {
  return bootstrapIntervals({
    rows: sample.length,
    statistics: (weights) => weightedMoments(sample, weights),
    random: createRandom(seed),
    resamples,
    confidence: 0.9,
    method,
  });
}

test('bootstrapIntervals agrees with SciPy for a skewed sample, where percentile and BCa differ by far more', () => {
  const cases = [
    ['percentile', scipyValues.percentile, scipyValues.percentilevar],
    ['bca', scipyValues.BCa, scipyValues.BCavar],
  ] as const;
  for (const [method, meanEnds, varianceEnds] of cases) {
    const [mean, variance] = estimates(method);
    // Monte Carlo error of the ends at 20,000 resamples is about 0.004 and 0.03.
    for (const [estimate, ends, tolerance] of [
      [mean, meanEnds, 0.015],
      [variance, varianceEnds, 0.09],
    ] as const) {
      assert.equal(estimate?.interval?.method, method);
      assert(Math.abs((estimate.interval?.lower ?? 0) - ends[0]) < tolerance, `${method} ${estimate.interval?.lower}`);
      assert(Math.abs((estimate.interval?.upper ?? 0) - ends[1]) < tolerance, `${method} ${estimate.interval?.upper}`);
    }
    assert(Math.abs((mean?.standardError ?? 0) - scipyValues.se) < 0.006);
  }
});

test('bootstrapIntervals is decided by the seed', () => {
  assert.deepEqual(estimates('bca', 'a', 100), estimates('bca', 'a', 100));
  assert.notDeepEqual(estimates('bca', 'a', 100), estimates('bca', 'b', 100));
});

test('bootstrapIntervals by blocks gives the acceleration that leaving out single rows gives', () => {
  // 16 copies of each value: 480 rows go into 200 blocks. The interval shrinks fourfold and keeps a quarter of its skew.
  const copies = Array.from({ length: 16 }, () => sample).flat();
  const { interval, value } = bootstrapInterval({
    rows: copies.length,
    statistic: (weights) => weightedMoments(copies, weights)[0],
    random: createRandom(3),
    resamples: 8000,
    confidence: 0.9,
  });
  const [low, high] = [value - (interval?.lower ?? 0), (interval?.upper ?? 0) - value];
  // scipy.stats.bootstrap with leave-one-out on the same 480 values: 1.4332 … 1.6446, mean 1.5323
  assert(Math.abs(low - 0.0991) < 0.006 && Math.abs(high - 0.1123) < 0.006, `${low} ${high}`);
  assert(high > low * 1.05);
});

test('bootstrapInterval covers the true mean of a skewed population about as often as it says', () => {
  const random = createRandom('coverage');
  let covered = 0;
  const rounds = 400;
  for (let round = 0; round < rounds; round++) {
    const values = Array.from({ length: 60 }, () => -Math.log(1 - random.uniform())); // mean 1
    const { interval } = bootstrapInterval({
      rows: 60,
      statistic: (weights) => weightedMoments(values, weights)[0],
      random: random.fork(round),
      resamples: 400,
      confidence: 0.8,
    });
    if (interval !== null && interval.lower <= 1 && interval.upper >= 1) covered++;
  }
  assert(Math.abs(covered / rounds - 0.79) < 0.06, `${covered / rounds}`);
});

test('bootstrapInterval leaves undefined resamples out and gives no interval where half are undefined', () => {
  // Undefined unless row 0 was drawn: 1 − (1 − 1/n)^n of the resamples are defined, about 0.65.
  const conditional = (rows: number): BootstrapEstimate =>
    bootstrapInterval({
      rows,
      statistic: (weights) => ((weights[0] ?? 0) > 0 ? (weights[1] ?? 0) : Number.NaN),
      random: createRandom(1),
      resamples: 1000,
    });
  const { interval, undefinedResamples } = conditional(20);
  assert(interval !== null && Math.abs(undefinedResamples - 358) < 60, `${undefinedResamples}`);
  const rare = bootstrapInterval({
    rows: 40,
    statistic: (weights) => ((weights[0] ?? 0) > 0 && (weights[1] ?? 0) > 0 ? 1 : Number.NaN),
    random: createRandom(1),
  });
  assert.equal(rare.interval, null);
});

test('bootstrapInterval of a statistic without variation has no width and says percentile', () => {
  const { interval } = bootstrapInterval({ rows: 9, statistic: () => 0.7, random: createRandom(1), resamples: 50 });
  assert.deepEqual(interval, { lower: 0.7, upper: 0.7, confidence: 0.95, method: 'percentile' });
});

test('extendEstimate from a quarter of the rows gives about the interval of all rows', () => {
  const random = createRandom('extend');
  const values = Array.from({ length: 4000 }, () => random.normal() ** 2);
  const estimate = (rows: readonly number[]): BootstrapEstimate =>
    bootstrapInterval({
      rows: rows.length,
      statistic: (weights) => weightedMoments(rows, weights)[0],
      random: createRandom(rows.length),
      resamples: 2000,
    });
  const whole = estimate(values);
  const part = estimate(values.filter((_, row) => row % 4 === 1));
  const extended = extendEstimate(part, { value: whole.value, partRows: 1000, rows: 4000 });
  const widthOf = ({ interval }: BootstrapEstimate): number => (interval?.upper ?? 0) - (interval?.lower ?? 0);
  assert.equal(extended.value, whole.value);
  assert(Math.abs(widthOf(extended) / widthOf(whole) - 1) < 0.2, `${widthOf(extended)} ${widthOf(whole)}`);
  assert(Math.abs(widthOf(part) / widthOf(extended) - 2) < 1e-9);
  assert((extended.interval?.lower ?? 9) < whole.value && whole.value < (extended.interval?.upper ?? 0));
  assert(Math.abs(extended.standardError / part.standardError - 0.5) < 1e-12);
  assert.equal(extended.interval?.method, part.interval?.method);
});

test('bootstrapIntervals refuses what it cannot resample', () => {
  const options = { rows: 3, statistic: () => 1, random: createRandom(1) };
  assert.throws(() => bootstrapInterval({ ...options, rows: 0 }), { reason: 'INVALID_ARGUMENT' });
  assert.throws(() => bootstrapInterval({ ...options, resamples: 1 }), /resamples must be a whole number ≥ 2, got 1/);
  assert.throws(() => bootstrapInterval({ ...options, confidence: 1 }), { reason: 'INVALID_ARGUMENT' });
  assert.deepEqual([10, 1e6, 1e9].map(defaultResamples), [1000, 200, 200]);
});
