import assert from 'node:assert/strict';
import { test } from 'node:test';
import { computeRanks, pearsonCorrelation, spearmanCorrelation } from './correlation.ts';
import { deviation, scipyValues } from './testing/scipy-values.ts';

const { sample, other } = scipyValues;

test("pearsonCorrelation and spearmanCorrelation equal SciPy's, ties included", () => {
  assert.equal(deviation(pearsonCorrelation(sample, other), scipyValues.pearson), null);
  const rounded = sample.map((value) => Math.round(value * 10) / 10);
  assert.equal(deviation(spearmanCorrelation(rounded, other), scipyValues.spearman), null);
  assert.deepEqual([...computeRanks(other)], scipyValues.ranks);
});

test('pearsonCorrelation of a constant column is NaN, of other lengths refused', () => {
  assert(Number.isNaN(pearsonCorrelation([3, 3, 3], [1, 2, 4])));
  assert.throws(() => pearsonCorrelation([1, 2], [1, 2, 3]), /one length, got 2 and 3/);
  assert.throws(() => spearmanCorrelation([1], [1]), { reason: 'INVALID_DATA' });
});
