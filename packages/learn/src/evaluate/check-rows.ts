// Refuses evaluation input that would make a metric meaningless, and says which row is wrong.
import { AmaasError } from '@amaas/core';

/** @throws INVALID_DATA when there is no row; INVALID_ARGUMENT when `column` has another length. */
export function checkLength(
  operation: string,
  rows: number,
  column: { readonly name: string; readonly length: number },
): void {
  if (rows === 0) throw new AmaasError('INVALID_DATA', `${operation}: expects at least one row, got none`);
  if (column.length !== rows) {
    throw new AmaasError(
      'INVALID_ARGUMENT',
      `${operation}: expects ${column.name} for ${rows} rows, got ${column.length}`,
    );
  }
}

/** @throws INVALID_DATA when there is no row; INVALID_ARGUMENT unless `matrix` holds rows × classes numbers. */
export function checkMatrix(
  operation: string,
  [rows, classes]: readonly [number, number],
  matrix: { readonly name: string; readonly length: number },
): void {
  if (rows === 0) throw new AmaasError('INVALID_DATA', `${operation}: expects at least one row, got none`);
  if (matrix.length !== rows * classes) {
    throw new AmaasError(
      'INVALID_ARGUMENT',
      `${operation}: expects ${matrix.name} [${rows},${classes}], got ${matrix.length} numbers`,
    );
  }
}

/** @throws INVALID_DATA at the first label that is not a whole number in 0 … classes − 1. */
export function checkLabels(
  operation: string,
  labels: ArrayLike<number>,
  { name, classes }: { readonly name: string; readonly classes: number },
): void {
  for (let row = 0; row < labels.length; row++) {
    const label = labels[row];
    if (label === undefined || !Number.isInteger(label) || label < 0 || label >= classes) {
      throw new AmaasError(
        'INVALID_DATA',
        `${operation}: ${name} of row ${row} is ${label}, expected a class index in 0 … ${classes - 1}`,
      );
    }
  }
}

/** @throws INVALID_DATA at the first value that is NaN or infinite. */
export function checkFinite(operation: string, name: string, values: ArrayLike<number>): void {
  for (let i = 0; i < values.length; i++) {
    if (!Number.isFinite(values[i])) {
      throw new AmaasError(
        'INVALID_DATA',
        `${operation}: ${name} at index ${i} is ${values[i]}, expected a finite number`,
      );
    }
  }
}

/** @throws INVALID_ARGUMENT on another length; INVALID_DATA on a negative or not finite weight, or when all are 0. */
export function checkWeights(operation: string, rows: number, weights: ArrayLike<number> | undefined): void {
  if (weights === undefined) return;
  checkLength(operation, rows, { name: 'weights', length: weights.length });
  let total = 0;
  for (let row = 0; row < rows; row++) {
    const weight = weights[row] ?? Number.NaN;
    if (!(weight >= 0 && weight < Number.POSITIVE_INFINITY)) {
      throw new AmaasError('INVALID_DATA', `${operation}: weight of row ${row} is ${weight}, expected a number ≥ 0`);
    }
    total += weight;
  }
  if (total === 0) throw new AmaasError('INVALID_DATA', `${operation}: all weights are 0`);
}

/** How far from 1 a row's probabilities may add up: float16 outputs stay within it. */
const SUM_TOLERANCE = 5e-3;

/**
 * @param scores - [rows, classes] row-major, or [rows] (the second of two classes)
 * @throws INVALID_DATA on a probability outside 0 … 1 or a row that does not add up to 1.
 */
export function checkProbabilities(
  operation: string,
  scores: ArrayLike<number>,
  { rows, classes }: { readonly rows: number; readonly classes: number },
): void {
  for (let i = 0; i < scores.length; i++) {
    const score = scores[i] ?? Number.NaN;
    if (!(score >= 0 && score <= 1)) {
      throw new AmaasError(
        'INVALID_DATA',
        `${operation}: probability at index ${i} is ${score}, expected 0 … 1; scores that are no probabilities are declared as margins`,
      );
    }
  }
  if (scores.length === rows) return;
  for (let row = 0; row < rows; row++) {
    let sum = 0;
    for (let k = 0; k < classes; k++) sum += scores[row * classes + k] ?? 0;
    if (Math.abs(sum - 1) > SUM_TOLERANCE) {
      throw new AmaasError('INVALID_DATA', `${operation}: probabilities of row ${row} add up to ${sum}, expected 1`);
    }
  }
}

/** Weighted mean; 1 for every row without weights. */
export function weightedMean(values: ArrayLike<number>, weights: ArrayLike<number> | undefined): number {
  let sum = 0;
  let total = 0;
  for (let row = 0; row < values.length; row++) {
    const weight = weights === undefined ? 1 : (weights[row] ?? 0);
    sum += weight * (values[row] ?? 0);
    total += weight;
  }
  return sum / total;
}
