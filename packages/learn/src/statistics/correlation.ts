// How strongly two columns go together.
import { AmaasError } from '@amaas/core';

/**
 * Pearson's linear correlation, −1 … 1; NaN where a column is constant.
 * @throws INVALID_ARGUMENT on different lengths; INVALID_DATA below two rows.
 */
export function pearsonCorrelation(first: ArrayLike<number>, second: ArrayLike<number>): number {
  checkPair('pearsonCorrelation', first, second);
  const rows = first.length;
  const firstMean = mean(first);
  const secondMean = mean(second);
  let product = 0;
  let firstSquares = 0;
  let secondSquares = 0;
  for (let i = 0; i < rows; i++) {
    const a = (first[i] ?? 0) - firstMean;
    const b = (second[i] ?? 0) - secondMean;
    product += a * b;
    firstSquares += a * a;
    secondSquares += b * b;
  }
  const correlation = product / Math.sqrt(firstSquares) / Math.sqrt(secondSquares);
  return Math.max(-1, Math.min(1, correlation)); // rounding may pass 1 by a bit
}

/**
 * Spearman's rank correlation, −1 … 1; tied values share their mean rank; NaN where a column is constant.
 * @throws INVALID_ARGUMENT on different lengths; INVALID_DATA below two rows.
 */
export function spearmanCorrelation(first: ArrayLike<number>, second: ArrayLike<number>): number {
  checkPair('spearmanCorrelation', first, second);
  return pearsonCorrelation(computeRanks(first), computeRanks(second));
}

/** Ranks from 1, tied values sharing the mean of theirs. */
export function computeRanks(values: ArrayLike<number>): Float64Array {
  const order = Array.from({ length: values.length }, (_, index) => index).sort(
    (a, b) => (values[a] ?? 0) - (values[b] ?? 0),
  );
  const ranks = new Float64Array(values.length);
  let start = 0;
  while (start < order.length) {
    let end = start + 1;
    while (end < order.length && values[order[end] ?? 0] === values[order[start] ?? 0]) end++;
    for (let i = start; i < end; i++) ranks[order[i] ?? 0] = (start + 1 + end) / 2;
    start = end;
  }
  return ranks;
}

function mean(values: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i] ?? 0;
  return sum / values.length;
}

function checkPair(operation: string, first: ArrayLike<number>, second: ArrayLike<number>): void {
  if (first.length !== second.length) {
    throw new AmaasError(
      'INVALID_ARGUMENT',
      `${operation}: expects two columns of one length, got ${first.length} and ${second.length}`,
    );
  }
  if (first.length < 2) {
    throw new AmaasError('INVALID_DATA', `${operation}: expects at least 2 rows, got ${first.length}`);
  }
}
