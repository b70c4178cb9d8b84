// Metrics that only ask in which order scores put the rows: ROC and precision-recall curves and the areas under them.
// Definitions follow scikit-learn 1.9. Sorting is done once, so that bootstrap resamples cost one pass each.
import { AmaasError } from '@amaas/core';
import { checkFinite, checkLength, checkWeights } from './check-rows.ts';

/** Rows in descending order of their score. */
export interface Ranking {
  readonly order: Uint32Array;
  /** In that order: 1 where the row is of the class. */
  readonly positives: Uint8Array;
  /** In that order: 1 at the last row of each group of equal scores. */
  readonly endsTie: Uint8Array;
}

/** Ranks rows with finite scores. */
export function rankRows({ positives, scores }: Pick<ScoredRows, 'positives' | 'scores'>): Ranking {
  const order = Uint32Array.from({ length: scores.length }, (_, row) => row);
  order.sort((a, b) => (scores[b] ?? 0) - (scores[a] ?? 0));
  return {
    order,
    positives: Uint8Array.from(order, (row) => positives[row] ?? 0),
    // Behind the last row there is no score to be equal to.
    endsTie: Uint8Array.from(order, (row, i) => Number(scores[row] !== scores[order[i + 1] ?? -1])),
  };
}

/** Rows with their scores for one class against the rest. */
export interface ScoredRows {
  /** 1 where a row is of the class, else 0. */
  readonly positives: ArrayLike<number>;
  /** Any finite numbers; higher means more likely of the class. */
  readonly scores: ArrayLike<number>;
  readonly weights?: ArrayLike<number> | undefined;
}

/** Weights of true and false positives when the rows down to each group of equal scores are called positive. */
interface Thresholds {
  readonly truePositives: Float64Array;
  readonly falsePositives: Float64Array;
  /** The lowest score called positive. */
  readonly thresholds: Float64Array;
}

function accumulate({ order, positives, endsTie }: Ranking, { scores, weights }: ScoredRows): Thresholds {
  const [truePositives, falsePositives, thresholds]: [number[], number[], number[]] = [[], [], []];
  let [right, wrong] = [0, 0];
  order.forEach((row, i) => {
    const weight = weights === undefined ? 1 : (weights[row] ?? 0);
    if (positives[i] === 1) right += weight;
    else wrong += weight;
    if (endsTie[i] !== 1) return;
    truePositives.push(right);
    falsePositives.push(wrong);
    thresholds.push(scores[row] ?? Number.NaN);
  });
  return {
    truePositives: Float64Array.from(truePositives),
    falsePositives: Float64Array.from(falsePositives),
    thresholds: Float64Array.from(thresholds),
  };
}

/**
 * Area under the ROC curve: how likely a positive row scores above a negative one, ties counting half.
 * @returns 0 … 1; NaN when only one class is there.
 * @throws INVALID_ARGUMENT on different lengths; INVALID_DATA on no rows, a score that is not finite or a bad weight.
 */
export function computeRocAuc(rows: ScoredRows): number {
  return rankedAreas(rankChecked('rocAuc', rows), rows.weights).rocAuc;
}

/**
 * Average precision: the area under the precision-recall curve as a step function, without interpolation.
 * @returns 0 … 1; 0 when no row is positive.
 * @throws as {@link computeRocAuc}
 */
export function computeAveragePrecision(rows: ScoredRows): number {
  return rankedAreas(rankChecked('averagePrecision', rows), rows.weights).averagePrecision;
}

/** Both areas from one pass over ranked rows. */
export interface Areas {
  readonly rocAuc: number;
  readonly averagePrecision: number;
  /** Weight of the positive rows. */
  readonly support: number;
}

/** {@link computeRocAuc} and {@link computeAveragePrecision} of rows that are ranked already. */
export function rankedAreas({ order, positives, endsTie }: Ranking, weights: ArrayLike<number> | undefined): Areas {
  let [right, wrong, rightBefore, wrongBefore, rocArea, precisionArea] = [0, 0, 0, 0, 0, 0];
  for (let i = 0; i < order.length; i++) {
    const weight = weights === undefined ? 1 : (weights[order[i] ?? 0] ?? 0);
    if (positives[i] === 1) right += weight;
    else wrong += weight;
    if (endsTie[i] !== 1) continue;
    rocArea += ((wrong - wrongBefore) * (right + rightBefore)) / 2;
    if (right > rightBefore) precisionArea += ((right - rightBefore) * right) / (right + wrong);
    rightBefore = right;
    wrongBefore = wrong;
  }
  return {
    rocAuc: right > 0 && wrong > 0 ? rocArea / (right * wrong) : Number.NaN,
    averagePrecision: right > 0 ? precisionArea / right : 0,
    support: right,
  };
}

/** Points of a ROC curve from (0, 0) to (1, 1). */
export interface RocCurve {
  readonly falsePositiveRates: Float64Array;
  readonly truePositiveRates: Float64Array;
  /** Rows scoring at least this are called positive; the first one is Infinity. */
  readonly thresholds: Float64Array;
}

/**
 * ROC curve without the points that lie on a straight line between others. The rates of an absent class are NaN.
 * @throws as {@link computeRocAuc}
 */
export function computeRocCurve(rows: ScoredRows): RocCurve {
  const ranking = rankChecked('rocCurve', rows);
  return rankedRocCurve(ranking, rows);
}

/** {@link computeRocCurve} of rows that are ranked already. */
export function rankedRocCurve(ranking: Ranking, rows: ScoredRows): RocCurve {
  const { truePositives, falsePositives, thresholds } = accumulate(ranking, rows);
  const last = truePositives.length - 1;
  const turns = (values: Float64Array, i: number): boolean =>
    (values[i + 1] ?? 0) - (values[i] ?? 0) !== (values[i] ?? 0) - (values[i - 1] ?? 0);
  const kept: number[] = [];
  for (let i = 0; i <= last; i++) {
    if (i === 0 || i === last || turns(truePositives, i) || turns(falsePositives, i)) kept.push(i);
  }
  const [positives, negatives] = [truePositives[last] ?? 0, falsePositives[last] ?? 0];
  return {
    falsePositiveRates: withFirst(0, kept, (i) => (falsePositives[i] ?? 0) / negatives, negatives),
    truePositiveRates: withFirst(0, kept, (i) => (truePositives[i] ?? 0) / positives, positives),
    thresholds: withFirst(Number.POSITIVE_INFINITY, kept, (i) => thresholds[i] ?? Number.NaN),
  };
}

/** Points of a precision-recall curve, in ascending order of the threshold. */
export interface PrecisionRecallCurve {
  /** One more than thresholds: the last is 1. */
  readonly precisions: Float64Array;
  /** One more than thresholds: the last is 0. */
  readonly recalls: Float64Array;
  /** Rows scoring at least this are called positive. */
  readonly thresholds: Float64Array;
}

/** Precision-recall curve; when no row is positive every recall but the last is 1. @throws as {@link computeRocAuc} */
export function computePrecisionRecallCurve(rows: ScoredRows): PrecisionRecallCurve {
  return rankedPrecisionRecallCurve(rankChecked('precisionRecallCurve', rows), rows);
}

/** {@link computePrecisionRecallCurve} of rows that are ranked already. */
export function rankedPrecisionRecallCurve(ranking: Ranking, rows: ScoredRows): PrecisionRecallCurve {
  const { truePositives, falsePositives, thresholds } = accumulate(ranking, rows);
  const groups = truePositives.length;
  const positives = truePositives[groups - 1] ?? 0;
  const precisions = new Float64Array(groups + 1).fill(1);
  const recalls = new Float64Array(groups + 1);
  for (let group = 0; group < groups; group++) {
    const at = groups - 1 - group;
    const right = truePositives[group] ?? 0;
    const called = right + (falsePositives[group] ?? 0);
    precisions[at] = called === 0 ? 0 : right / called;
    recalls[at] = positives === 0 ? 1 : right / positives;
  }
  return { precisions, recalls, thresholds: thresholds.reverse() };
}

function withFirst(first: number, kept: readonly number[], valueAt: (i: number) => number, total = 1): Float64Array {
  if (total === 0) return new Float64Array(kept.length + 1).fill(Number.NaN);
  return Float64Array.from([first, ...kept.map(valueAt)]);
}

function rankChecked(operation: string, { positives, scores, weights }: ScoredRows): Ranking {
  checkLength(operation, positives.length, { name: 'scores', length: scores.length });
  checkFinite(operation, 'score', scores);
  checkWeights(operation, positives.length, weights);
  for (let row = 0; row < positives.length; row++) {
    if (positives[row] !== 0 && positives[row] !== 1) {
      throw new AmaasError('INVALID_DATA', `${operation}: outcome of row ${row} is ${positives[row]}, expected 0 or 1`);
    }
  }
  return rankRows({ positives, scores });
}
