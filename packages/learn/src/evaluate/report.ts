// An evaluation as plain JSON data: what every reader of it (terminal, page, registry, comparison) works from.
// Undefined numbers are null. Names that users chose are values here, never keys.
import type { Interval } from '../statistics/index.ts';
import type { MetricName } from './metric-names.ts';

export type EvaluationTask = 'binary' | 'multiclass' | 'regression';

/** One line of what a caller knows about its data, model or training: `Seed: 7`. */
export interface Fact {
  readonly label: string;
  readonly value: string | number | boolean;
}

/** The evaluated rows, as the caller describes them. */
export interface DataDescription {
  readonly name: string;
  readonly facts?: readonly Fact[];
}

/** The model, as the caller describes it. */
export interface ModelDescription {
  readonly name: string;
  readonly facts?: readonly Fact[];
}

/** One line of a training's plot. */
export interface TrainingCurve {
  /** What is measured, `loss`; curves of one quantity share a plot. */
  readonly quantity: string;
  /** Which line it is, `training`. */
  readonly part: string;
  /** What x counts, `epoch`. */
  readonly unit: string;
  /** [x, value] in ascending x; null, which is what NaN and infinities become, leaves a gap. */
  readonly points: readonly (readonly [number, number | null])[];
}

export interface TrainingDescription {
  readonly facts?: readonly Fact[];
  readonly curves?: readonly TrainingCurve[];
}

export interface MetricResult {
  readonly name: MetricName;
  readonly title: string;
  readonly higherIsBetter: boolean;
  readonly value: number | null;
  readonly interval: Interval | null;
}

export interface ClassResult {
  readonly className: string;
  /** Weight of the rows of the class; their number without weights. */
  readonly support: number;
  readonly precision: number;
  readonly recall: number;
  readonly f1: number;
  readonly rocAuc: number | null;
  readonly averagePrecision: number | null;
}

/** Rows of one class that were predicted as another. */
export interface Confusion {
  readonly actual: string;
  readonly predicted: string;
  /** Weight of the rows. */
  readonly count: number;
}

/** Thinned curves of one class against the rest. */
export interface ClassCurves {
  readonly className: string;
  /** [false positive rate, true positive rate, threshold]; the first threshold is above all scores: null. */
  readonly roc: readonly (readonly [number, number, number | null])[];
  /** [recall, precision, threshold]; the last threshold is above all scores: null. */
  readonly precisionRecall: readonly (readonly [number, number, number | null])[];
  /** Share of the class, which a precision without any skill would be. */
  readonly prevalence: number;
}

export interface CalibrationBinResult {
  readonly lower: number;
  readonly upper: number;
  readonly rows: number;
  readonly meanProbability: number;
  readonly observedShare: number;
}

export interface CalibrationResult {
  /** Whose probability: of the positive class, or of whichever class was predicted. */
  readonly of: 'positive class' | 'predicted class';
  readonly bins: readonly CalibrationBinResult[];
  readonly expectedCalibrationError: number;
}

export interface ResidualResult {
  /** [target, prediction] of at most 400 rows, drawn by the seed. */
  readonly sample: readonly (readonly [number, number])[];
  /** Histogram of prediction − target. */
  readonly edges: readonly number[];
  readonly counts: readonly number[];
  /** Levels 0, 0.05, 0.25, 0.5, 0.75, 0.95, 1 of prediction − target. */
  readonly quantiles: readonly (readonly [level: number, value: number])[];
}

export interface SliceResult {
  readonly name: string;
  readonly n: number;
  readonly metrics: readonly MetricResult[];
  /** One-sided: how likely rows drawn by chance would do as badly; corrected for the number of slices. */
  readonly pValue: number;
  /** Whether pValue lies below 1 − confidence. */
  readonly significantlyWorse: boolean;
}

/** The model's value minus a baseline's, on the same rows. */
export interface BaselineComparison {
  readonly metric: MetricName;
  readonly difference: number;
  readonly interval: Interval | null;
  /** Two-sided; null where undefined. */
  readonly pValue: number | null;
}

export interface BaselineResult {
  readonly name: string;
  readonly description: string;
  readonly metrics: readonly { readonly name: MetricName; readonly value: number | null }[];
  readonly comparison: BaselineComparison;
}

export interface EvaluationReport {
  readonly format: 'amaas-evaluation-1';
  readonly task: EvaluationTask;
  /** Evaluated rows. */
  readonly n: number;
  readonly weighted: boolean;
  readonly data: DataDescription;
  readonly model: ModelDescription | null;
  readonly training: TrainingDescription | null;
  /** How the intervals were made. */
  readonly estimation: { readonly confidence: number; readonly resamples: number; readonly seed: string };
  readonly metrics: readonly MetricResult[];
  /** Empty for a regression. */
  readonly classes: readonly ClassResult[];
  /** The class that precision, recall and curves of a binary task are about, and from which score on it is predicted. */
  readonly decision: { readonly positiveClass: string; readonly threshold: number } | null;
  /** Rows are actual, columns predicted classes, in the order of `classes`; null for a regression or above 100 classes. */
  readonly confusionMatrix: readonly (readonly number[])[] | null;
  /** The most frequent mistakes, at most 20. */
  readonly confusions: readonly Confusion[];
  readonly curves: readonly ClassCurves[];
  readonly calibration: CalibrationResult | null;
  readonly residuals: ResidualResult | null;
  readonly slices: readonly SliceResult[];
  readonly baselines: readonly BaselineResult[];
  /** What makes a number less certain than it looks. */
  readonly warnings: readonly string[];
}

/** A metric's value in a report; null where it is undefined or not part of it. */
export function metricOf(report: EvaluationReport, name: MetricName): number | null {
  return report.metrics.find((metric) => metric.name === name)?.value ?? null;
}

/** NaN and infinities have no JSON: null. */
export function orNull(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}
