import assert from 'node:assert/strict';
import { test } from 'node:test';
import { computeMoments, Moments } from './moments.ts';
import { createRandom } from './random.ts';
import { deviation, scipyValues } from './testing/scipy-values.ts';

test('Moments gives the mean and both variances', () => {
  const moments = computeMoments(scipyValues.sample);
  assert.equal(deviation(moments.mean, scipyValues.mean), null);
  assert.equal(deviation(moments.sampleVariance, scipyValues.var), null);
  assert.equal(deviation(moments.populationVariance, scipyValues.pvar), null);
  assert.equal(deviation(moments.sampleStdDev, Math.sqrt(scipyValues.var)), null);
  assert.equal(deviation(moments.standardError, Math.sqrt(scipyValues.var / 30)), null);
  assert.deepEqual([moments.minimum, moments.maximum, moments.count], [0.284, 5.879, 30]);
});

test('Moments.merge of any cut equals counting the whole', () => {
  const random = createRandom('moments');
  for (let round = 0; round < 20; round++) {
    const cut = random.integer(31);
    const left = computeMoments(scipyValues.sample.slice(0, cut));
    left.merge(JSON.parse(JSON.stringify(computeMoments(scipyValues.sample.slice(cut)).saveState())));
    assert.equal(deviation(left.mean, scipyValues.mean), null);
    assert.equal(deviation(left.sampleVariance, scipyValues.var), null, `cut at ${cut}`);
    assert.deepEqual([left.minimum, left.maximum, left.count], [0.284, 5.879, 30]);
  }
});

test('Moments keeps its digits far from zero, where the sum of squares loses them', () => {
  const shifted = computeMoments(scipyValues.sample.map((value) => value + 1e9));
  assert.equal(deviation(shifted.sampleVariance, scipyValues.var, 1e-6), null);
});

test('Moments is NaN where nothing was counted, and NaN once NaN was', () => {
  const moments = new Moments();
  assert(
    Number.isNaN(moments.mean) && Number.isNaN(moments.sampleVariance) && Number.isNaN(moments.populationVariance),
  );
  moments.merge(new Moments());
  moments.add(2);
  assert(moments.mean === 2 && Number.isNaN(moments.sampleVariance) && moments.populationVariance === 0);
  moments.add(Number.NaN);
  assert(Number.isNaN(moments.mean) && Number.isNaN(moments.minimum));
});
