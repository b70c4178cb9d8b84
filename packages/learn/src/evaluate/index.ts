// How good a model is on rows it has not seen: metrics, folds, slices, and a report as data, text and a page.
// Knows labels, scores and weights as plain arrays; no models, no data sets, no files.
export {
  type Averaging,
  averageClassScores,
  type ClassScores,
  type ConfusionMatrix,
  computeAccuracy,
  computeBalancedAccuracy,
  computeClassScores,
  computeConfusionMatrix,
  computeMatthewsCorrelation,
  type PredictedRows,
  predictClasses,
} from './confusion-matrix.ts';
export * from './evaluate-classifier.ts';
export * from './evaluate-regressor.ts';
export type { EvaluationOptions } from './evaluation-options.ts';
export type { ClassifierEvaluation, ClassifierScores } from './classifier-rows.ts';
export * from './folds.ts';
export { escapeHtml, type HtmlTable, tableHtml, userHtml } from './html.ts';
export { pageHtml, type PageParts } from './page-frame.ts';
export { trainingPlots } from './curve-plots.ts';
export { formatReport } from './format-report.ts';
export { describeMetric, type MetricName } from './metric-names.ts';
export {
  type ClassScoredRows,
  computeAveragePrecisionOneVsRest,
  computeRocAucOneVsRest,
  computeTopKAccuracy,
} from './multiclass.ts';
export { renderReportPage } from './page.ts';
export {
  type CalibrationBin,
  type CalibrationOptions,
  type CalibrationRows,
  computeBrierScore,
  computeCalibrationCurve,
  computeExpectedCalibrationError,
  computeLogLoss,
  type ProbabilityRows,
} from './probability-metrics.ts';
export {
  computeAveragePrecision,
  computePrecisionRecallCurve,
  computeRocAuc,
  computeRocCurve,
  type PrecisionRecallCurve,
  type RocCurve,
  type ScoredRows,
} from './ranking.ts';
export { computeRegressionScores, type NumberRows, type RegressionScores } from './regression-metrics.ts';
export * from './report.ts';
export { type Slice, slicesByRange, slicesByValue } from './slices.ts';
export * from './text-scores/index.ts';
