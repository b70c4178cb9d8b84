// Logits to log-probabilities in float64, and sums of probabilities kept as logarithms. Refuses what is no distribution.
import { AmaasError } from '@amaas/core';

/** log(exp(a) + exp(b)) without leaving logarithms; −Infinity is a probability of 0. */
export function addLogs(a: number, b: number): number {
  const [high, low] = a > b ? [a, b] : [b, a];
  return low === Number.NEGATIVE_INFINITY ? high : high + Math.log1p(Math.exp(low - high));
}

/**
 * Greatest of the logits, after all were looked at.
 * @throws INVALID_DATA on NaN, on +Infinity, or where all are −Infinity (no choice is possible).
 */
export function largestLogit(operation: string, logits: ArrayLike<number>): number {
  let largest = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < logits.length; i++) {
    const logit = logits[i] ?? Number.NaN;
    if (!(logit < Number.POSITIVE_INFINITY)) {
      throw new AmaasError(
        'INVALID_DATA',
        `${operation}: logit ${i} is ${logit}, expected a finite number or -Infinity`,
      );
    }
    if (logit > largest) largest = logit;
  }
  if (largest === Number.NEGATIVE_INFINITY) {
    throw new AmaasError(
      'INVALID_DATA',
      `${operation}: all of ${logits.length} logits are -Infinity: nothing can follow`,
    );
  }
  return largest;
}

/** One of {@link computeLogProbabilities}. @throws INVALID_DATA as {@link largestLogit}. */
export function logProbabilityOf(operation: string, logits: ArrayLike<number>, token: number): number {
  return (logits[token] ?? Number.NEGATIVE_INFINITY) - logTotal(operation, logits);
}

/** log-softmax; log-probabilities come out as they went in. @throws INVALID_DATA as {@link largestLogit}. */
export function computeLogProbabilities(operation: string, logits: ArrayLike<number>): Float64Array {
  const offset = logTotal(operation, logits);
  const logProbabilities = new Float64Array(logits.length);
  for (let i = 0; i < logits.length; i++) logProbabilities[i] = (logits[i] ?? 0) - offset;
  return logProbabilities;
}

/** Logarithm of the sum of the exponentials. */
function logTotal(operation: string, logits: ArrayLike<number>): number {
  const largest = largestLogit(operation, logits);
  let sum = 0;
  for (let i = 0; i < logits.length; i++) sum += Math.exp((logits[i] ?? 0) - largest);
  return largest + Math.log(sum);
}
