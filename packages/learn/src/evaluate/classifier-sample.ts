// A classifier's scores made ready for measuring: sorted once, per-row losses computed once.
import { type Interval, wilsonInterval } from '../statistics/index.ts';
import {
  averageClassScores,
  type ConfusionMatrix,
  type ClassScores,
  computeAccuracy,
  computeBalancedAccuracy,
  computeClassScores,
  computeMatthewsCorrelation,
  countPairs,
} from './confusion-matrix.ts';
import { weightedMean } from './check-rows.ts';
import type { MetricName } from './metric-names.ts';
import { columnOf, indicatorOf, labelRanks } from './multiclass.ts';
import { rowBrierScores, rowLogLosses } from './probability-metrics.ts';
import { type Ranking, rankedAreas, rankRows } from './ranking.ts';
import { type MeasuredSample, takeRows } from './sample.ts';

/** Checked rows of a classifier. */
export interface ClassifierRows {
  readonly labels: ArrayLike<number>;
  readonly predictions: Int32Array;
  /** [rows, classes] row-major. */
  readonly scores: Float32Array | Float64Array;
  readonly classes: number;
  readonly weights: ArrayLike<number> | undefined;
  /** Whether the scores are probabilities; otherwise only their order means anything. */
  readonly areProbabilities: boolean;
  /** The class a binary task is about; null for more classes. */
  readonly positive: number | null;
  readonly topK: readonly number[];
  /** Whether metrics that need the order of the scores are wanted: they cost a pass per class. */
  readonly ranked: boolean;
}

/** @returns the sample; its memory is about 5 bytes × rows × classes where ranked. */
export function classifierSample(rows: ClassifierRows): MeasuredSample {
  const { labels, predictions, classes, weights, positive } = rows;
  const count = labels.length;
  const rankings = rows.ranked ? rankClasses(rows) : [];
  const topHits = rows.topK.map((k) => Float64Array.from(labelRanks(rows), (rank) => Number(rank < k)));
  const rowLosses = rows.areProbabilities ? lossesOf(rows) : [];
  const areaNames: readonly MetricName[] =
    positive === null ? ['rocAucMacro', 'rocAucWeighted', 'averagePrecisionMacro'] : ['rocAuc', 'averagePrecision'];
  const decisionNames: readonly MetricName[] =
    positive === null
      ? ['precisionMacro', 'recallMacro', 'f1Macro', 'precisionWeighted', 'f1Weighted']
      : ['precision', 'recall', 'specificity', 'f1'];
  return {
    rows: count,
    weights,
    names: [
      'accuracy',
      'balancedAccuracy',
      ...decisionNames,
      ...rows.topK.map((k): MetricName => `top${k}Accuracy`),
      ...(rows.ranked ? areaNames : []),
      'matthewsCorrelation',
      ...(rows.areProbabilities ? (['logLoss', 'brierScore'] as const) : []),
    ],
    measure(under) {
      const matrix = countPairs({ labels, predictions, classes, weights: under });
      const scores = computeClassScores(matrix);
      const areas = positive === null ? meanAreas(rankings, under) : binaryAreas(rankings, under);
      return [
        computeAccuracy(matrix, scores),
        computeBalancedAccuracy(matrix, scores),
        ...(positive === null ? averagedDecisions(matrix, scores) : binaryDecisions(scores, positive)),
        ...topHits.map((hits) => weightedMean(hits, under)),
        ...(rows.ranked ? areas : []),
        computeMatthewsCorrelation(matrix, scores),
        ...rowLosses.map((losses) => weightedMean(losses, under)),
      ];
    },
    take: (taken) => classifierSample(takeClassifierRows(rows, taken)),
    exactIntervals(confidence) {
      const intervals = new Map<MetricName, Interval>();
      if (weights !== undefined) return intervals; // weighted rows are no equal trials
      const matrix = countPairs({ labels, predictions, classes });
      const share = (name: MetricName, successes: number, trials: number): void => {
        if (trials > 0) intervals.set(name, wilsonInterval(successes, trials, confidence));
      };
      share('accuracy', Math.round(computeAccuracy(matrix) * count), count);
      if (positive === null) return intervals;
      const other = 1 - positive;
      const [right, wrong] = [positive, other].map((k) => computeClassScores(matrix)[k]);
      const truePositives = matrix.counts[positive * 2 + positive] ?? 0;
      share('precision', truePositives, right?.predicted ?? 0);
      share('recall', truePositives, right?.support ?? 0);
      share('specificity', matrix.counts[other * 2 + other] ?? 0, wrong?.support ?? 0);
      return intervals;
    },
  };
}

/** Some of the rows; the scores stay in their kind of array, on which rounding depends. */
export function takeClassifierRows(rows: ClassifierRows, taken: ArrayLike<number>): ClassifierRows {
  const { classes, scores, weights } = rows;
  const kept =
    scores instanceof Float32Array
      ? new Float32Array(taken.length * classes)
      : new Float64Array(taken.length * classes);
  for (let i = 0; i < taken.length; i++) {
    const row = taken[i] ?? 0;
    kept.set(scores.subarray(row * classes, (row + 1) * classes), i * classes);
  }
  return {
    ...rows,
    labels: takeRows(rows.labels, taken),
    predictions: Int32Array.from(takeRows(rows.predictions, taken)),
    scores: kept,
    weights: weights === undefined ? undefined : takeRows(weights, taken),
  };
}

function lossesOf({ labels, scores, classes }: ClassifierRows): readonly Float64Array[] {
  const rows = { labels, probabilities: scores, classes };
  return [rowLogLosses(rows), rowBrierScores(rows)];
}

function rankClasses({ labels, scores, classes, positive }: ClassifierRows): readonly Ranking[] {
  const wanted = positive === null ? Array.from({ length: classes }, (_, k) => k) : [positive];
  return wanted.map((k) => rankRows({ positives: indicatorOf(labels, k), scores: columnOf(scores, classes, k) }));
}

function binaryDecisions(scores: readonly ClassScores[], positive: number): readonly number[] {
  const of = scores[positive];
  const other = scores[1 - positive];
  return [of?.precision ?? 0, of?.recall ?? 0, other?.recall ?? 0, of?.f1 ?? 0];
}

function averagedDecisions(matrix: ConfusionMatrix, scores: readonly ClassScores[]): readonly number[] {
  const macro = averageClassScores(matrix, 'macro', scores);
  const weighted = averageClassScores(matrix, 'weighted', scores);
  return [macro.precision, macro.recall, macro.f1, weighted.precision, weighted.f1];
}

function meanAreas(rankings: readonly Ranking[], under: ArrayLike<number> | undefined): readonly number[] {
  let [rocSum, rocWeighted, precisionSum, present, total] = [0, 0, 0, 0, 0];
  for (const ranking of rankings) {
    const { rocAuc, averagePrecision, support } = rankedAreas(ranking, under);
    rocSum += rocAuc;
    rocWeighted += support * rocAuc;
    total += support;
    if (support > 0) {
      precisionSum += averagePrecision;
      present++;
    }
  }
  return [rocSum / rankings.length, rocWeighted / total, precisionSum / present];
}

function binaryAreas([ranking]: readonly Ranking[], under: ArrayLike<number> | undefined): readonly number[] {
  if (ranking === undefined) return [];
  const { rocAuc, averagePrecision } = rankedAreas(ranking, under);
  return [rocAuc, averagePrecision];
}
