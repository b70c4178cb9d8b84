// How far predicted numbers are from the true ones. Definitions follow scikit-learn 1.9.
import { checkFinite, checkLength, checkWeights } from './check-rows.ts';

export interface NumberRows {
  readonly targets: ArrayLike<number>;
  readonly predictions: ArrayLike<number>;
  readonly weights?: ArrayLike<number> | undefined;
}

export interface RegressionScores {
  readonly meanSquaredError: number;
  readonly rootMeanSquaredError: number;
  readonly meanAbsoluteError: number;
  /** A ratio, not a percentage: 0.1 is 10 %. A target of 0 counts as 2⁻⁵² and makes it huge. */
  readonly meanAbsolutePercentageError: number;
  /** Share of the targets' variance that is explained; NaN below two rows; 1 or 0 (right or not) for a constant target. */
  readonly r2: number;
}

/** @throws INVALID_ARGUMENT on different lengths; INVALID_DATA on no rows, values that are not finite or bad weights. */
export function computeRegressionScores(rows: NumberRows): RegressionScores {
  const { targets, predictions, weights } = rows;
  checkLength('regressionScores', targets.length, { name: 'predictions', length: predictions.length });
  checkFinite('regressionScores', 'target', targets);
  checkFinite('regressionScores', 'prediction', predictions);
  checkWeights('regressionScores', targets.length, weights);
  return scoreNumbers(rows);
}

/** {@link computeRegressionScores} for rows that were checked before. */
export function scoreNumbers({ targets, predictions, weights }: NumberRows): RegressionScores {
  const rows = targets.length;
  let [total, squared, absolute, relative, targetSum, counted] = [0, 0, 0, 0, 0, 0];
  for (let row = 0; row < rows; row++) {
    const weight = weights === undefined ? 1 : (weights[row] ?? 0);
    const target = targets[row] ?? 0;
    const error = Math.abs((predictions[row] ?? 0) - target);
    total += weight;
    squared += weight * error * error;
    absolute += weight * error;
    relative += (weight * error) / Math.max(Math.abs(target), Number.EPSILON);
    targetSum += weight * target;
    if (weight > 0) counted++;
  }
  const targetMean = targetSum / total;
  let variation = 0;
  for (let row = 0; row < rows; row++) {
    const weight = weights === undefined ? 1 : (weights[row] ?? 0);
    variation += weight * ((targets[row] ?? 0) - targetMean) ** 2;
  }
  return {
    meanSquaredError: squared / total,
    rootMeanSquaredError: Math.sqrt(squared / total),
    meanAbsoluteError: absolute / total,
    meanAbsolutePercentageError: relative / total,
    r2: counted < 2 ? Number.NaN : explainedShare(squared, variation),
  };
}

function explainedShare(squared: number, variation: number): number {
  if (variation > 0) return 1 - squared / variation;
  return squared === 0 ? 1 : 0;
}
