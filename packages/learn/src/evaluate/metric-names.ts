// The metrics a report may hold: what they are called in JSON, how people call them, and which way is better.

interface MetricEntry {
  readonly title: string;
  readonly higherIsBetter: boolean;
}

const up = (title: string): MetricEntry => ({ title, higherIsBetter: true });
const down = (title: string): MetricEntry => ({ title, higherIsBetter: false });

const METRICS = {
  accuracy: up('Accuracy'),
  balancedAccuracy: up('Balanced accuracy'),
  precision: up('Precision'),
  recall: up('Recall'),
  specificity: up('Specificity'),
  f1: up('F1'),
  precisionMacro: up('Precision (macro)'),
  recallMacro: up('Recall (macro)'),
  f1Macro: up('F1 (macro)'),
  precisionWeighted: up('Precision (weighted)'),
  f1Weighted: up('F1 (weighted)'),
  rocAuc: up('ROC AUC'),
  averagePrecision: up('PR AUC (average precision)'),
  rocAucMacro: up('ROC AUC (one-vs-rest, macro)'),
  rocAucWeighted: up('ROC AUC (one-vs-rest, weighted)'),
  averagePrecisionMacro: up('PR AUC (one-vs-rest, macro)'),
  matthewsCorrelation: up('Matthews correlation'),
  logLoss: down('Log loss'),
  brierScore: down('Brier score'),
  expectedCalibrationError: down('Expected calibration error'),
  rootMeanSquaredError: down('RMSE'),
  meanSquaredError: down('MSE'),
  meanAbsoluteError: down('MAE'),
  meanAbsolutePercentageError: down('MAPE'),
  r2: up('R²'),
} as const satisfies Readonly<Record<string, MetricEntry>>;

/** A metric's name in a report. */
export type MetricName = keyof typeof METRICS | `top${number}Accuracy`;

/** How people call a metric, and which way is better. */
export function describeMetric(name: MetricName): MetricEntry {
  if (isListed(name)) return METRICS[name];
  return up(`Top-${name.slice('top'.length, -'Accuracy'.length)} accuracy`);
}

function isListed(name: MetricName): name is keyof typeof METRICS {
  return Object.hasOwn(METRICS, name);
}
