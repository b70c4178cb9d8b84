// Metrics that only ask in which order scores put the rows: ROC and precision-recall curves and the areas under them.
// Definitions follow scikit-learn 1.9. Sorting is done once, so that bootstrap resamples cost one pass each.
import { AmaasError } from '@amaas/core';
import { checkFinite, checkLength, checkWeights } from './check-rows.ts';

/** Rows in descending order of their score. */
export interface Ranking {
  readonly order: Uint32Array;
  /** Positions in `order` one past each group of equal scores; the last one is the number of rows. */
  readonly tieEnds: Uint32Array;
}

/** Ranks finite scores. */
export function rankScores(scores: ArrayLike<number>): Ranking {
  const order = Uint32Array.from({ length: scores.length }, (_, row) => row);
  order.sort((a, b) => (scores[b] ?? 0) - (scores[a] ?? 0));
  const tieEnds: number[] = [];
  for (let i = 1; i <= order.length; i++) {
    if (i === order.length || scores[order[i] ?? 0] !== scores[order[i - 1] ?? 0]) tieEnds.push(i);
  }
  return { order, tieEnds: Uint32Array.from(tieEnds) };
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
}

/** Which rows are positive, and how much each counts. */
export type Outcomes = Pick<ScoredRows, 'positives' | 'weights'>;

function accumulate({ order, tieEnds }: Ranking, { positives, weights }: Outcomes): Thresholds {
  const truePositives = new Float64Array(tieEnds.length);
  const falsePositives = new Float64Array(tieEnds.length);
  let [right, wrong, start] = [0, 0, 0];
  tieEnds.forEach((end, group) => {
    for (let i = start; i < end; i++) {
      const row = order[i] ?? 0;
      const weight = weights === undefined ? 1 : (weights[row] ?? 0);
      if (positives[row] === 1) right += weight;
      else wrong += weight;
    }
    truePositives[group] = right;
    falsePositives[group] = wrong;
    start = end;
  });
  return { truePositives, falsePositives };
}

/**
 * Area under the ROC curve: how likely a positive row scores above a negative one, ties counting half.
 * @returns 0 … 1; NaN when only one class is there.
 * @throws INVALID_ARGUMENT on different lengths; INVALID_DATA on no rows, a score that is not finite or a bad weight.
 */
export function computeRocAuc(rows: ScoredRows): number {
  return rankedRocAuc(rankChecked('rocAuc', rows), rows);
}

/** {@link computeRocAuc} of rows that are ranked already. */
export function rankedRocAuc({ order, tieEnds }: Ranking, { positives, weights }: Outcomes): number {
  let [right, wrong, area, start] = [0, 0, 0, 0];
  for (const end of tieEnds) {
    const [rightBefore, wrongBefore] = [right, wrong];
    for (let i = start; i < end; i++) {
      const row = order[i] ?? 0;
      const weight = weights === undefined ? 1 : (weights[row] ?? 0);
      if (positives[row] === 1) right += weight;
      else wrong += weight;
    }
    area += ((wrong - wrongBefore) * (right + rightBefore)) / 2;
    start = end;
  }
  return right > 0 && wrong > 0 ? area / (right * wrong) : Number.NaN;
}

/**
 * Average precision: the area under the precision-recall curve as a step function, without interpolation.
 * @returns 0 … 1; 0 when no row is positive.
 * @throws as {@link computeRocAuc}
 */
export function computeAveragePrecision(rows: ScoredRows): number {
  return rankedAveragePrecision(rankChecked('averagePrecision', rows), rows);
}

/** {@link computeAveragePrecision} of rows that are ranked already. */
export function rankedAveragePrecision({ order, tieEnds }: Ranking, { positives, weights }: Outcomes): number {
  let [right, called, area, start] = [0, 0, 0, 0];
  for (const end of tieEnds) {
    const rightBefore = right;
    for (let i = start; i < end; i++) {
      const row = order[i] ?? 0;
      const weight = weights === undefined ? 1 : (weights[row] ?? 0);
      called += weight;
      if (positives[row] === 1) right += weight;
    }
    if (right > rightBefore) area += ((right - rightBefore) * right) / called;
    start = end;
  }
  return right > 0 ? area / right : 0;
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
  const { truePositives, falsePositives } = accumulate(ranking, rows);
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
    thresholds: withFirst(Number.POSITIVE_INFINITY, kept, (i) => thresholdOf(ranking, rows.scores, i)),
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
  const { truePositives, falsePositives } = accumulate(ranking, rows);
  const groups = truePositives.length;
  const positives = truePositives[groups - 1] ?? 0;
  const precisions = new Float64Array(groups + 1).fill(1);
  const recalls = new Float64Array(groups + 1);
  const thresholds = new Float64Array(groups);
  for (let group = 0; group < groups; group++) {
    const at = groups - 1 - group;
    const right = truePositives[group] ?? 0;
    const called = right + (falsePositives[group] ?? 0);
    precisions[at] = called === 0 ? 0 : right / called;
    recalls[at] = positives === 0 ? 1 : right / positives;
    thresholds[at] = thresholdOf(ranking, rows.scores, group);
  }
  return { precisions, recalls, thresholds };
}

function thresholdOf({ order, tieEnds }: Ranking, scores: ArrayLike<number>, group: number): number {
  return scores[order[(tieEnds[group] ?? 1) - 1] ?? 0] ?? Number.NaN;
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
  return rankScores(scores);
}
