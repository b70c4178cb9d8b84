// Estimates and exact tests on counts: Wilson's interval for a share, McNemar's test, Fisher's test.
import { AmaasError } from '@amaas/core';
import { checkConfidence, DEFAULT_CONFIDENCE, type Interval } from './interval.ts';
import { normalQuantile } from './normal-distribution.ts';

/**
 * Interval for the share of successes among independent trials; sensible at 0 and 1 too, where the plain normal
 * interval has no width.
 * @param confidence - default 0.95
 * @throws INVALID_ARGUMENT unless 0 ≤ successes ≤ trials and trials > 0.
 * Source: Wilson (1927), without continuity correction.
 */
export function wilsonInterval(successes: number, trials: number, confidence = DEFAULT_CONFIDENCE): Interval {
  checkConfidence('wilsonInterval', confidence);
  if (!(trials > 0 && successes >= 0 && successes <= trials)) {
    throw new AmaasError(
      'INVALID_ARGUMENT',
      `wilsonInterval: expects 0 ≤ successes ≤ trials and trials > 0, got ${successes} of ${trials}`,
    );
  }
  const z = normalQuantile((1 + confidence) / 2);
  const share = successes / trials;
  const squared = (z * z) / trials;
  const centre = (share + squared / 2) / (1 + squared);
  const halfWidth = ((z / (1 + squared)) * Math.sqrt(share * (1 - share) + squared / 4)) / Math.sqrt(trials);
  return {
    // At the ends the formula gives exactly 0 or 1 but for rounding.
    lower: successes === 0 ? 0 : centre - halfWidth,
    upper: successes === trials ? 1 : centre + halfWidth,
    confidence,
    method: 'wilson',
  };
}

/** Natural logarithm of n! for a whole n ≥ 0, to float64 precision. */
export function logFactorial(n: number): number {
  if (n < 20) {
    let product = 1;
    for (let i = 2; i <= n; i++) product *= i;
    return Math.log(product);
  }
  // Stirling's series; the first term left out is below 1e-15 from n = 20 on.
  const inverse = 1 / (n + 1);
  const square = inverse * inverse;
  const correction = inverse * (1 / 12 - square * (1 / 360 - square * (1 / 1260 - square / 1680)));
  return (n + 0.5) * Math.log(n + 1) - (n + 1) + 0.5 * Math.log(2 * Math.PI) + correction;
}

/** The rows on which two models disagree about being right. */
export interface Disagreements {
  readonly onlyFirstRight: number;
  readonly onlySecondRight: number;
}

/**
 * McNemar's exact two-sided test that two models are right equally often on the same rows.
 * @returns the p-value; 1 when they never disagree.
 * @throws INVALID_ARGUMENT unless both counts are whole numbers ≥ 0.
 * Source: McNemar (1947) in its exact binomial form.
 */
export function mcNemarTest({ onlyFirstRight, onlySecondRight }: Disagreements): number {
  checkCounts('mcNemarTest', [onlyFirstRight, onlySecondRight]);
  const n = onlyFirstRight + onlySecondRight;
  const fewer = Math.min(onlyFirstRight, onlySecondRight);
  let tail = 0;
  const whole = logFactorial(n) - n * Math.LN2;
  for (let k = 0; k <= fewer; k++) tail += Math.exp(whole - logFactorial(k) - logFactorial(n - k));
  return Math.min(1, 2 * tail);
}

/** Two groups of independent trials. */
export interface TwoGroups {
  readonly failures: number;
  readonly trials: number;
  readonly otherFailures: number;
  readonly otherTrials: number;
}

/**
 * Fisher's exact one-sided test that the first group fails no more often than the other.
 * @returns the p-value: how likely so many failures in the first group are if both fail equally often.
 * @throws INVALID_ARGUMENT unless all counts are whole, ≥ 0, and failures ≤ trials.
 * Source: Fisher (1935): the upper tail of the hypergeometric distribution.
 */
export function fisherTest({ failures, trials, otherFailures, otherTrials }: TwoGroups): number {
  checkCounts('fisherTest', [failures, trials, otherFailures, otherTrials]);
  if (failures > trials || otherFailures > otherTrials) {
    throw new AmaasError('INVALID_ARGUMENT', 'fisherTest: there cannot be more failures than trials');
  }
  const allFailures = failures + otherFailures;
  const whole = logChoose(trials + otherTrials, allFailures);
  let tail = 0;
  for (let k = failures; k <= Math.min(allFailures, trials); k++) {
    if (allFailures - k <= otherTrials) {
      tail += Math.exp(logChoose(trials, k) + logChoose(otherTrials, allFailures - k) - whole);
    }
  }
  return Math.min(1, tail);
}

function logChoose(n: number, k: number): number {
  return logFactorial(n) - logFactorial(k) - logFactorial(n - k);
}

function checkCounts(operation: string, counts: readonly number[]): void {
  const wrong = counts.find((count) => !(Number.isSafeInteger(count) && count >= 0));
  if (wrong !== undefined) {
    throw new AmaasError('INVALID_ARGUMENT', `${operation}: counts are whole numbers ≥ 0, got ${wrong}`);
  }
}
