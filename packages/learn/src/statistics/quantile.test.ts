import assert from 'node:assert/strict';
import { test } from 'node:test';
import { computeMedian, computeQuantiles, quantileOfSorted } from './quantile.ts';
import { deviation, scipyValues } from './testing/scipy-values.ts';

test("computeQuantiles interpolates as NumPy's default and leaves the sample as it is", () => {
  const before = [...scipyValues.sample];
  const levels = Object.keys(scipyValues.quantiles).map(Number);
  const quantiles = computeQuantiles(scipyValues.sample, levels);
  Object.values(scipyValues.quantiles).forEach((expected, i) => {
    assert.equal(deviation(quantiles[i] ?? 0, expected), null);
  });
  assert.deepEqual(scipyValues.sample, before);
  assert.equal(computeMedian([3, 9, -2, 4]), 3.5);
});

test('quantileOfSorted gives infinities back instead of NaN', () => {
  assert.equal(quantileOfSorted([1, Infinity, Infinity], 0.75), Infinity);
});

test('computeQuantiles refuses what has no quantiles', () => {
  assert.throws(() => computeQuantiles([], [0.5]), { reason: 'INVALID_DATA' });
  assert.throws(() => computeQuantiles([1, Number.NaN], [0.5]), { reason: 'INVALID_DATA' });
  assert.throws(() => computeQuantiles([1, 2], [1.01]), { reason: 'INVALID_ARGUMENT' });
});
