// How good a model is on rows it has not seen: metrics, folds, slices, and a report as data, text and a page.
// Knows labels, scores and weights as plain arrays; no models, no data sets, no files.
export * from './confusion-matrix.ts';
export * from './evaluate-classifier.ts';
export * from './evaluate-regressor.ts';
export type { EvaluationOptions } from './evaluation-options.ts';
export type { ClassifierEvaluation, ClassifierScores } from './classifier-rows.ts';
export * from './folds.ts';
export { describeMetric, type MetricName } from './metric-names.ts';
export * from './multiclass.ts';
export * from './probability-metrics.ts';
export * from './ranking.ts';
export * from './regression-metrics.ts';
export * from './report.ts';
export { type Slice, slicesByRange, slicesByValue } from './slices.ts';
