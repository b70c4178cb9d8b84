// How good predicted probabilities are as probabilities: log loss, Brier score, calibration.
// Definitions follow scikit-learn 1.9; the expected calibration error follows Naeini et al. (2015) and Guo et al. (2017).
import { AmaasError } from '@amaas/core';
import { quantileOfSorted } from '../statistics/index.ts';
import { checkLabels, checkLength, checkMatrix, checkProbabilities, checkWeights, weightedMean } from './check-rows.ts';

export interface ProbabilityRows {
  /** Class index of every row, 0 … classes − 1. */
  readonly labels: ArrayLike<number>;
  /** [rows, classes] row-major, or for two classes [rows] with the probability of the second. */
  readonly probabilities: ArrayLike<number>;
  readonly classes: number;
  readonly weights?: ArrayLike<number> | undefined;
}

/**
 * Mean −ln of the probability given to the right class. Probabilities are kept off 0 and 1 by the rounding step of
 * their array (2⁻²³ for a Float32Array, 2⁻⁵² for others), so that one certain mistake does not make the loss infinite.
 * @throws INVALID_ARGUMENT on different lengths; INVALID_DATA on unknown classes or what are no probabilities.
 */
export function computeLogLoss(rows: ProbabilityRows): number {
  checkRows('logLoss', rows);
  return weightedMean(rowLogLosses(rows), rows.weights);
}

/** −ln of every row's probability for its class, for rows that were checked before. */
export function rowLogLosses({ labels, probabilities, classes }: ProbabilityRows): Float64Array {
  const step = probabilities instanceof Float32Array ? 2 ** -23 : 2 ** -52;
  return Float64Array.from({ length: labels.length }, (_, row) => {
    const own = probabilityOf(probabilities, { row, label: labels[row] ?? 0, rows: labels.length, classes });
    return -Math.log(Math.min(1 - step, Math.max(step, own)));
  });
}

/**
 * Mean squared distance between the probabilities and what came: 0 … 1 for two classes (the second one's probability
 * alone), 0 … 2 for more (over all classes).
 * @throws as {@link computeLogLoss}
 */
export function computeBrierScore(rows: ProbabilityRows): number {
  checkRows('brierScore', rows);
  return weightedMean(rowBrierScores(rows), rows.weights);
}

/** Every row's squared distance, for rows that were checked before. */
export function rowBrierScores({ labels, probabilities, classes }: ProbabilityRows): Float64Array {
  const rows = labels.length;
  return Float64Array.from({ length: rows }, (_, row) => {
    let sum = 0;
    for (let k = 0; k < classes; k++) {
      const probability = probabilityOf(probabilities, { row, label: k, rows, classes });
      sum += (probability - Number(k === labels[row])) ** 2;
    }
    return classes === 2 ? sum / 2 : sum;
  });
}

function probabilityOf(
  probabilities: ArrayLike<number>,
  { row, label, rows, classes }: { row: number; label: number; rows: number; classes: number },
): number {
  if (probabilities.length !== rows) return probabilities[row * classes + label] ?? 0;
  const second = probabilities[row] ?? 0;
  return label === 1 ? second : 1 - second;
}

/** One bin of a calibration curve. */
export interface CalibrationBin {
  /** Probabilities above this (and 0 in the first bin)… */
  readonly lower: number;
  /** … up to and including this one. */
  readonly upper: number;
  readonly rows: number;
  /** Weight of the rows; equals `rows` without weights. */
  readonly weight: number;
  readonly meanProbability: number;
  /** Share of the rows in which what was predicted came. */
  readonly observedShare: number;
}

export interface CalibrationRows {
  /** Probability given to an event, 0 … 1. */
  readonly probabilities: ArrayLike<number>;
  /** 1 where the event came, else 0. */
  readonly outcomes: ArrayLike<number>;
  readonly weights?: ArrayLike<number> | undefined;
}

export interface CalibrationOptions {
  /** Default 10. */
  readonly bins?: number;
  /** `uniform`: equally wide bins (default); `quantile`: bins with about equally many rows. */
  readonly strategy?: 'uniform' | 'quantile';
}

/**
 * Predicted against observed frequencies; bins without weight are left out.
 * @throws INVALID_ARGUMENT on different lengths or a bad bin count; INVALID_DATA on what are no probabilities.
 */
export function computeCalibrationCurve(
  rows: CalibrationRows,
  { bins = 10, strategy = 'uniform' }: CalibrationOptions = {},
): readonly CalibrationBin[] {
  const { probabilities, outcomes, weights } = rows;
  checkLength('calibrationCurve', outcomes.length, { name: 'probabilities', length: probabilities.length });
  checkLabels('calibrationCurve', outcomes, { name: 'outcome', classes: 2 });
  checkProbabilities('calibrationCurve', probabilities, { rows: outcomes.length, classes: 1 });
  checkWeights('calibrationCurve', outcomes.length, weights);
  if (!Number.isSafeInteger(bins) || bins < 1) {
    throw new AmaasError('INVALID_ARGUMENT', `calibrationCurve: bins must be a whole number ≥ 1, got ${bins}`);
  }
  const edges = calibrationEdges(probabilities, bins, strategy);
  const sums = edges.slice(1).map(() => ({ rows: 0, weight: 0, predicted: 0, observed: 0 }));
  for (let row = 0; row < outcomes.length; row++) {
    const probability = probabilities[row] ?? 0;
    let bin = 0;
    while (bin < bins - 1 && (edges[bin + 1] ?? 1) < probability) bin++;
    const sum = sums[bin];
    if (sum === undefined) continue;
    const weight = weights === undefined ? 1 : (weights[row] ?? 0);
    sum.rows++;
    sum.weight += weight;
    sum.predicted += weight * probability;
    sum.observed += weight * (outcomes[row] ?? 0);
  }
  return sums
    .map(({ rows: count, weight, predicted, observed }, bin) => ({
      lower: edges[bin] ?? 0,
      upper: edges[bin + 1] ?? 1,
      rows: count,
      weight,
      meanProbability: predicted / weight,
      observedShare: observed / weight,
    }))
    .filter(({ weight }) => weight > 0);
}

/** Mean distance between predicted and observed frequency over the bins, by their weight; 0 … 1. */
export function computeExpectedCalibrationError(bins: readonly CalibrationBin[]): number {
  const total = bins.reduce((sum, { weight }) => sum + weight, 0);
  return bins.reduce(
    (sum, { weight, meanProbability, observedShare }) =>
      sum + (weight / total) * Math.abs(observedShare - meanProbability),
    0,
  );
}

function calibrationEdges(
  probabilities: ArrayLike<number>,
  bins: number,
  strategy: 'uniform' | 'quantile',
): readonly number[] {
  const levels = Array.from({ length: bins + 1 }, (_, i) => i / bins);
  if (strategy === 'uniform') return levels;
  const sorted = Float64Array.from(probabilities).sort();
  return levels.map((level) => quantileOfSorted(sorted, level));
}

function checkRows(operation: string, { labels, probabilities, classes, weights }: ProbabilityRows): void {
  const rows = labels.length;
  const isSecondOnly = classes === 2 && probabilities.length === rows;
  if (isSecondOnly) checkLength(operation, rows, { name: 'probabilities', length: rows });
  else checkMatrix(operation, [rows, classes], { name: 'probabilities', length: probabilities.length });
  checkLabels(operation, labels, { name: 'label', classes });
  checkProbabilities(operation, probabilities, { rows, classes });
  checkWeights(operation, rows, weights);
}
