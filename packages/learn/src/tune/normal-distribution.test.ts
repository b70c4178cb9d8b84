import assert from 'node:assert/strict';
import { test } from 'node:test';
import { normalCdf } from './normal-distribution.ts';

test('normalCdf agrees with scipy.stats.norm.cdf in both tails and where its two forms meet', () => {
  const oracle: readonly (readonly [number, number])[] = [
    [-9, 1.1285884059538324e-19],
    [-4, 3.167124183311986e-5],
    [-3.6, 0.00015910859015753364],
    [-3.5, 0.00023262907903552502],
    [-1.3, 0.09680048458561036],
    [-0.2, 0.42074029056089696],
    [0.7, 0.758036347776927],
    [2.9, 0.998134186699616],
    [5.5, 0.9999999810104375],
  ];
  for (const [x, expected] of oracle) {
    assert(Math.abs(normalCdf(x) - expected) < 1e-11 * expected, `${x}: ${normalCdf(x)} against ${expected}`);
  }
});
