import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fisherTest, logFactorial, mcNemarTest, wilsonInterval } from './counts.ts';
import { deviation, scipyValues } from './testing/scipy-values.ts';

test("wilsonInterval equals SciPy's, at no and at only successes too", () => {
  for (const [successes, trials, confidence, lower, upper] of scipyValues.wilson) {
    const interval = wilsonInterval(successes, trials, confidence);
    assert.equal(deviation(interval.lower, lower), null);
    assert.equal(deviation(interval.upper, upper), null);
  }
  assert.throws(() => wilsonInterval(3, 2), { reason: 'INVALID_ARGUMENT' });
  assert.throws(() => wilsonInterval(0, 0), { reason: 'INVALID_ARGUMENT' });
  assert.throws(() => wilsonInterval(1, 2, 95), /confidence must lie between 0 and 1, both excluded, got 95/);
});

test('logFactorial is exact to float64 on both sides of its switch of formulas', () => {
  for (const [n, expected] of scipyValues.logfact) {
    assert.equal(deviation(logFactorial(n), expected, 1e-14), null, `n = ${n}`);
  }
});

test('mcNemarTest equals the exact binomial test', () => {
  for (const [onlyFirstRight, onlySecondRight, expected] of scipyValues.mcnemar) {
    assert.equal(deviation(mcNemarTest({ onlyFirstRight, onlySecondRight }), expected, 1e-10), null);
  }
  assert.equal(mcNemarTest({ onlyFirstRight: 0, onlySecondRight: 0 }), 1);
  assert.throws(() => mcNemarTest({ onlyFirstRight: 0.5, onlySecondRight: 0 }), { reason: 'INVALID_ARGUMENT' });
});

test('fisherTest equals SciPy on one-sided tables', () => {
  for (const [failures, trials, otherFailures, otherTrials, expected] of scipyValues.fisher) {
    const pValue = fisherTest({ failures, trials, otherFailures, otherTrials });
    assert.equal(deviation(pValue, expected, 1e-10), null);
  }
  assert.throws(() => fisherTest({ failures: 2, trials: 1, otherFailures: 0, otherTrials: 4 }), /more failures/);
});
