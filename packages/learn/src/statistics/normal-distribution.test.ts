import assert from 'node:assert/strict';
import { test } from 'node:test';
import { normalCdf, normalQuantile } from './normal-distribution.ts';
import { deviation, scipyValues } from './testing/scipy-values.ts';

test("normalCdf equals SciPy's, tails included", () => {
  for (const [z, expected] of scipyValues.cdf) {
    const tolerance = z < -10 ? 1e-12 : 1e-13;
    assert.equal(deviation(normalCdf(z), expected, tolerance), null, `z = ${z}`);
  }
});

test("normalQuantile equals SciPy's and is undone by normalCdf", () => {
  for (const [probability, expected] of scipyValues.ppf) {
    const error = Math.abs(normalQuantile(probability) - expected);
    assert(error <= 1e-12 * Math.max(1, Math.abs(expected)), `p = ${probability}: off by ${error}`);
    assert.equal(deviation(normalCdf(normalQuantile(probability)), probability, 1e-11), null);
  }
  assert.deepEqual([normalQuantile(0), normalQuantile(1)], [-Infinity, Infinity]);
  assert(Number.isNaN(normalQuantile(1.1)) && Number.isNaN(normalQuantile(Number.NaN)));
});
