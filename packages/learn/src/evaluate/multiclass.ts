// Metrics of more than two classes from the whole matrix of scores: one-vs-rest areas and top-k accuracy.
// Definitions follow scikit-learn 1.9.
import { AmaasError } from '@amaas/core';
import { checkFinite, checkLabels, checkMatrix, checkWeights, weightedMean } from './check-rows.ts';
import { computeAveragePrecision, computeRocAuc } from './ranking.ts';

export interface ClassScoredRows {
  /** Class index of every row, 0 … classes − 1. */
  readonly labels: ArrayLike<number>;
  /** [rows, classes] row-major; any finite numbers, higher means more likely. */
  readonly scores: ArrayLike<number>;
  readonly classes: number;
  readonly weights?: ArrayLike<number> | undefined;
}

/**
 * Mean over the classes of each one's ROC AUC against the rest: plain (`macro`) or by support (`weighted`).
 * @returns 0 … 1; NaN when a class has no rows or all.
 * @throws INVALID_ARGUMENT on different lengths; INVALID_DATA on no rows, unknown classes, scores that are not finite.
 */
export function computeRocAucOneVsRest(rows: ClassScoredRows, averaging: 'macro' | 'weighted'): number {
  checkRows('rocAucOneVsRest', rows);
  return averageOverClasses(rows, averaging, computeRocAuc);
}

/**
 * Mean over the classes that have rows of each one's average precision against the rest.
 * @throws as {@link computeRocAucOneVsRest}
 */
export function computeAveragePrecisionOneVsRest(rows: ClassScoredRows, averaging: 'macro' | 'weighted'): number {
  checkRows('averagePrecisionOneVsRest', rows);
  return averageOverClasses(rows, averaging, (one) =>
    supportOf(one.positives, one.weights) > 0 ? computeAveragePrecision(one) : null,
  );
}

/**
 * Share of rows whose class is among the k with the highest scores; of equal scores the later class counts as higher.
 * @param k - 1 … classes − 1; from classes on the result is always 1
 * @throws INVALID_ARGUMENT when k is not a whole number ≥ 1 or lengths differ; INVALID_DATA as above.
 */
export function computeTopKAccuracy(rows: ClassScoredRows, k: number): number {
  checkRows('topKAccuracy', rows);
  if (!Number.isSafeInteger(k) || k < 1) {
    throw new AmaasError('INVALID_ARGUMENT', `topKAccuracy: k must be a whole number ≥ 1, got ${k}`);
  }
  return weightedMean(
    labelRanks(rows).map((rank) => Number(rank < k)),
    rows.weights,
  );
}

/** For every row, how many classes score above its own. */
export function labelRanks({ labels, scores, classes }: ClassScoredRows): Int32Array {
  return Int32Array.from({ length: labels.length }, (_, row) => {
    const own = labels[row] ?? 0;
    const ownScore = scores[row * classes + own] ?? 0;
    let above = 0;
    for (let k = 0; k < classes; k++) {
      const score = scores[row * classes + k] ?? 0;
      if (score > ownScore || (score === ownScore && k > own)) above++;
    }
    return above;
  });
}

/** One class's column of a row-major matrix. */
export function columnOf(scores: ArrayLike<number>, classes: number, column: number): Float64Array {
  return Float64Array.from({ length: scores.length / classes }, (_, row) => scores[row * classes + column] ?? 0);
}

/** 1 where the label is the class, else 0. */
export function indicatorOf(labels: ArrayLike<number>, own: number): Uint8Array {
  return Uint8Array.from({ length: labels.length }, (_, row) => Number(labels[row] === own));
}

interface OneVsRest {
  readonly positives: Uint8Array;
  readonly scores: Float64Array;
  readonly weights: ArrayLike<number> | undefined;
}

/** `measure` gives null for a class that is left out. */
function averageOverClasses(
  { labels, scores, classes, weights }: ClassScoredRows,
  averaging: 'macro' | 'weighted',
  measure: (rows: OneVsRest) => number | null,
): number {
  let sum = 0;
  let total = 0;
  for (let k = 0; k < classes; k++) {
    const positives = indicatorOf(labels, k);
    const value = measure({ positives, scores: columnOf(scores, classes, k), weights });
    if (value === null) continue;
    const weight = averaging === 'macro' ? 1 : supportOf(positives, weights);
    sum += weight * value;
    total += weight;
  }
  return sum / total;
}

function supportOf(positives: Uint8Array, weights: ArrayLike<number> | undefined): number {
  let support = 0;
  for (let row = 0; row < positives.length; row++) {
    support += (positives[row] ?? 0) * (weights === undefined ? 1 : (weights[row] ?? 0));
  }
  return support;
}

function checkRows(operation: string, { labels, scores, classes, weights }: ClassScoredRows): void {
  checkMatrix(operation, [labels.length, classes], { name: 'scores', length: scores.length });
  checkLabels(operation, labels, { name: 'label', classes });
  checkFinite(operation, 'score', scores);
  checkWeights(operation, labels.length, weights);
}
