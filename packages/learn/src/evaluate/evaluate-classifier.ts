// A classifier's report from its scores on held-out rows. Knows no model: scores come in as numbers.
import { AmaasError } from '@amaas/core';
import { checkConfidence, mcNemarTest } from '../statistics/index.ts';
import { checkLabels } from './check-rows.ts';
import {
  calibrationOf,
  classResults,
  classWarnings,
  curvesOf,
  frequentConfusions,
  matrixRows,
} from './classifier-parts.ts';
import {
  type ClassifierEvaluation,
  prepareClassifier,
  rescoreClassifier,
  thresholdOf,
  visitsOf,
} from './classifier-rows.ts';
import { type ClassifierRows, classifierSample, takeClassifierRows } from './classifier-sample.ts';
import { countPairs } from './confusion-matrix.ts';
import { checkNames, describedParts, estimationOptions, sliceEstimation, warnOfFewRows } from './evaluation-options.ts';
import { describeMetric, type MetricName } from './metric-names.ts';
import {
  type BaselineResult,
  type CalibrationResult,
  type EvaluationReport,
  type MetricResult,
  orNull,
  type SliceResult,
} from './report.ts';
import { compareRows, type EstimationOptions, estimateMetrics, measureOnce } from './sample.ts';
import { checkSlices, type Slice, testSlices } from './slices.ts';

/**
 * Evaluates a classifier on rows it has not seen.
 * Metrics follow scikit-learn; shares of counted rows have Wilson intervals, everything else bootstrap ones (BCa).
 * Always stands beside the majority baseline: the most frequent class with the class shares as probabilities.
 * @throws INVALID_ARGUMENT when lengths, names, slices or options do not fit; INVALID_DATA when a label is unknown or a
 * score is not finite or no probability.
 */
export function evaluateClassifier(input: ClassifierEvaluation): EvaluationReport {
  const { classNames, slices = [], baselines = [] } = input;
  const rows = prepareClassifier(input);
  checkSlices('evaluateClassifier', slices, rows.labels.length);
  checkNames(
    'evaluateClassifier',
    'baseline name',
    baselines.map(({ name }) => name),
  );
  const estimation = estimationOptions(input, visitsOf(rows));
  checkConfidence('evaluateClassifier', estimation.confidence);
  const matrix = countPairs(rows);
  const { results, warnings } = estimateMetrics(classifierSample(rows), {
    ...estimation,
    random: estimation.random.fork('metrics'),
  });
  const calibration = calibrationOf(rows);
  const columns = [majorityBaseline(rows, input, estimation), ...givenBaselines(rows, input, estimation)];
  return {
    format: 'amaas-evaluation-1',
    task: rows.positive === null ? 'multiclass' : 'binary',
    n: rows.labels.length,
    weighted: rows.weights !== undefined,
    ...describedParts(input),
    estimation: {
      confidence: estimation.confidence,
      resamples: estimation.resamples,
      seed: String(input.seed ?? 0),
    },
    metrics: [...results, ...calibrationMetric(calibration)],
    classes: classResults(rows, matrix, classNames),
    decision:
      rows.positive === null ? null : { positiveClass: classNames[rows.positive] ?? '', threshold: thresholdOf(input) },
    confusionMatrix: matrixRows(matrix),
    confusions: frequentConfusions(matrix, classNames),
    curves: curvesOf(rows, matrix, classNames),
    calibration,
    residuals: null,
    slices: sliceResults(rows, slices, estimation),
    baselines: columns,
    warnings: [
      ...(input.warnings ?? []),
      ...warnOfFewRows(rows.labels.length),
      ...classWarnings(rows, matrix, classNames),
      ...warnings,
      ...baselineWarnings(input, columns),
    ],
  };
}

/** Resampling moves a calibration error upwards, so an interval around it would mislead. */
function calibrationMetric(calibration: CalibrationResult | null): readonly MetricResult[] {
  if (calibration === null) return [];
  const name = 'expectedCalibrationError';
  return [{ name, ...describeMetric(name), value: calibration.expectedCalibrationError, interval: null }];
}

function sliceResults(
  rows: ClassifierRows,
  slices: readonly Slice[],
  estimation: EstimationOptions,
): readonly SliceResult[] {
  const losses = correctness(rows).map((right) => 1 - right);
  const level = 1 - estimation.confidence;
  const random = estimation.random.fork('slices');
  const pValues = testSlices(slices, { losses, weights: rows.weights, areErrors: true, random, level });
  const shown: readonly MetricName[] =
    rows.positive === null ? ['accuracy', 'f1Weighted'] : ['accuracy', 'f1', 'rocAuc'];
  return slices.map((slice, i): SliceResult => {
    const sample = classifierSample({
      ...takeClassifierRows(rows, slice.rows),
      areProbabilities: false, // losses of slices are not shown
      topK: [],
      ranked: rows.ranked && rows.positive !== null,
    });
    const { results } = estimateMetrics(sample, sliceEstimation(estimation, slice.name));
    const pValue = pValues[i] ?? 1;
    return {
      name: slice.name,
      n: slice.rows.length,
      metrics: results.filter(({ name }) => shown.includes(name)),
      pValue,
      significantlyWorse: pValue < level,
    };
  });
}

function correctness({ labels, predictions }: ClassifierRows): Float64Array {
  return Float64Array.from(predictions, (prediction, row) => Number(prediction === labels[row]));
}

function majorityBaseline(
  rows: ClassifierRows,
  input: ClassifierEvaluation,
  estimation: EstimationOptions,
): BaselineResult {
  const { classNames, trainingLabels } = input;
  const { classes } = rows;
  const shares = new Float64Array(classes);
  const learned = trainingLabels ?? rows.labels;
  if (learned.length === 0) throw new AmaasError('INVALID_DATA', 'evaluateClassifier: there are no training labels');
  checkLabels('evaluateClassifier', learned, { name: 'training label', classes });
  for (let row = 0; row < learned.length; row++) {
    const label = learned[row] ?? 0;
    const weight = trainingLabels === undefined && rows.weights !== undefined ? (rows.weights[row] ?? 0) : 1;
    shares[label] = (shares[label] ?? 0) + weight;
  }
  const total = shares.reduce((sum, share) => sum + share, 0);
  const majority = shares.indexOf(Math.max(...shares));
  const count = rows.labels.length;
  const constant: ClassifierRows = {
    ...rows,
    predictions: new Int32Array(count).fill(majority),
    scores: Float64Array.from({ length: count * classes }, (_, i) => (shares[i % classes] ?? 0) / total),
  };
  return baselineResult(rows, constant, {
    name: 'Majority',
    description: `always "${classNames[majority]}", the most frequent class of the ${trainingLabels === undefined ? 'evaluated' : 'training'} rows`,
    estimation,
  });
}

function givenBaselines(
  rows: ClassifierRows,
  input: ClassifierEvaluation,
  estimation: EstimationOptions,
): readonly BaselineResult[] {
  return (input.baselines ?? []).map(({ name, description = '', scores }) =>
    baselineResult(rows, rescoreClassifier(rows, { input, name, scores }), { name, description, estimation }),
  );
}

function baselineResult(
  rows: ClassifierRows,
  baseline: ClassifierRows,
  { name, description, estimation }: { name: string; description: string; estimation: EstimationOptions },
): BaselineResult {
  const [first, second] = [correctness(rows), correctness(baseline)];
  const { difference, interval, pValue } = compareRows(
    { first, second, weights: rows.weights, metricOfMean: (mean) => mean },
    { ...estimation, random: estimation.random.fork('baseline', name) },
  );
  const exact =
    rows.weights === undefined
      ? mcNemarTest({
          onlyFirstRight: first.filter((right, row) => right > (second[row] ?? 0)).length,
          onlySecondRight: second.filter((right, row) => right > (first[row] ?? 0)).length,
        })
      : orNull(pValue);
  return {
    name,
    description,
    metrics: measureOnce(classifierSample(baseline)),
    comparison: { metric: 'accuracy', difference, interval, pValue: exact },
  };
}

function baselineWarnings(
  { trainingLabels, confidence = 0.95 }: ClassifierEvaluation,
  baselines: readonly BaselineResult[],
): readonly string[] {
  const notBeaten = baselines.filter(
    ({ comparison: { difference, pValue } }) => difference <= 0 || (pValue ?? 1) >= 1 - confidence,
  );
  return [
    ...notBeaten.map(({ name, comparison: { difference } }) =>
      difference > 0
        ? `The accuracy is not significantly above that of the baseline "${name}".`
        : `The accuracy is not above that of the baseline "${name}".`,
    ),
    ...(trainingLabels === undefined
      ? ['The majority baseline was taken from the evaluated rows, as no training labels were given.']
      : []),
  ];
}
