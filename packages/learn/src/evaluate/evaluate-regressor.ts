// A regression's report from its predictions on held-out rows. Knows no model: predictions come in as numbers.
import {
  checkConfidence,
  computeHistogram,
  computeMoments,
  computeQuantiles,
  type Random,
} from '../statistics/index.ts';
import { checkFinite, checkLength, checkWeights, weightedMean } from './check-rows.ts';
import {
  checkNames,
  describedParts,
  type EvaluationOptions,
  estimationOptions,
  sliceEstimation,
  warnOfFewRows,
} from './evaluation-options.ts';
import type { MetricName } from './metric-names.ts';
import { type NumberRows, type RegressionScores, scoreNumbers } from './regression-metrics.ts';
import { type BaselineResult, type EvaluationReport, orNull, type ResidualResult, type SliceResult } from './report.ts';
import {
  compareRows,
  type EstimationOptions,
  estimateMetrics,
  MOST_RESAMPLED_ROWS,
  type MeasuredSample,
  measureOnce,
  takeRows,
} from './sample.ts';
import { checkSlices, type Slice, testSlices } from './slices.ts';

export interface RegressorEvaluation extends EvaluationOptions {
  /** True value of every row. */
  readonly targets: ArrayLike<number>;
  readonly predictions: ArrayLike<number>;
  /** Targets of the training rows: what the mean baseline learns from; default the evaluated targets. */
  readonly trainingTargets?: ArrayLike<number>;
  /** Further models to stand beside this one, with predictions for the same rows. */
  readonly baselines?: readonly {
    readonly name: string;
    readonly description?: string;
    readonly predictions: ArrayLike<number>;
  }[];
}

const OPERATION = 'evaluateRegressor';

/**
 * Evaluates predicted numbers on rows the model has not seen.
 * Metrics follow scikit-learn, with bootstrap intervals (BCa). Always stands beside the mean baseline.
 * @throws INVALID_ARGUMENT when lengths, names, slices or options do not fit; INVALID_DATA on values that are not finite.
 */
export function evaluateRegressor(input: RegressorEvaluation): EvaluationReport {
  const { targets, predictions, weights, slices = [], baselines = [] } = input;
  checkPredictions(OPERATION, targets, predictions);
  checkFinite(OPERATION, 'target', targets);
  checkWeights(OPERATION, targets.length, weights);
  checkSlices(OPERATION, slices, targets.length);
  checkNames(
    OPERATION,
    'baseline name',
    baselines.map(({ name }) => name),
  );
  for (const { name, predictions: others } of baselines) {
    checkPredictions(`${OPERATION}: baseline "${name}"`, targets, others);
  }
  const rows: NumberRows = { targets, predictions, weights };
  const estimation = estimationOptions(input, Math.min(targets.length, MOST_RESAMPLED_ROWS) * 3);
  checkConfidence(OPERATION, estimation.confidence);
  const { results, warnings } = estimateMetrics(numberSample(rows), {
    ...estimation,
    random: estimation.random.fork('metrics'),
  });
  const columns = [
    meanBaseline(rows, input.trainingTargets, estimation),
    ...baselines.map(({ name, description = '', predictions: others }) =>
      baselineResult(rows, { ...rows, predictions: others }, { name, description, estimation }),
    ),
  ];
  return {
    format: 'amaas-evaluation-1',
    task: 'regression',
    n: targets.length,
    weighted: weights !== undefined,
    ...describedParts(input),
    estimation: { confidence: estimation.confidence, resamples: estimation.resamples, seed: String(input.seed ?? 0) },
    metrics: results,
    classes: [],
    decision: null,
    confusionMatrix: null,
    confusions: [],
    curves: [],
    calibration: null,
    residuals: residualsOf(rows, estimation.random.fork('residuals')),
    slices: sliceResults(rows, slices, estimation),
    baselines: columns,
    warnings: [
      ...(input.warnings ?? []),
      ...warnOfFewRows(targets.length),
      ...targetWarnings(targets),
      ...warnings,
      ...baselineWarnings(columns, {
        level: 1 - estimation.confidence,
        isOwnMean: input.trainingTargets === undefined,
      }),
    ],
  };
}

const NAMES: readonly (MetricName & keyof RegressionScores)[] = [
  'rootMeanSquaredError',
  'meanAbsoluteError',
  'r2',
  'meanSquaredError',
  'meanAbsolutePercentageError',
];

function numberSample({ targets, predictions, weights }: NumberRows): MeasuredSample {
  return {
    rows: targets.length,
    weights,
    names: NAMES,
    measure(under) {
      const scores = scoreNumbers({ targets, predictions, weights: under });
      return NAMES.map((name) => scores[name]);
    },
    take: (taken) => numberSample(takeNumberRows({ targets, predictions, weights }, taken)),
    exactIntervals: () => new Map(),
  };
}

function takeNumberRows({ targets, predictions, weights }: NumberRows, taken: ArrayLike<number>): NumberRows {
  return {
    targets: takeRows(targets, taken),
    predictions: takeRows(predictions, taken),
    weights: weights === undefined ? undefined : takeRows(weights, taken),
  };
}

function absoluteErrors({ targets, predictions }: NumberRows): Float64Array {
  return Float64Array.from({ length: targets.length }, (_, row) =>
    Math.abs((predictions[row] ?? 0) - (targets[row] ?? 0)),
  );
}

function meanBaseline(
  rows: NumberRows,
  trainingTargets: ArrayLike<number> | undefined,
  estimation: EstimationOptions,
): BaselineResult {
  if (trainingTargets !== undefined) {
    checkLength(OPERATION, trainingTargets.length, { name: 'training targets', length: trainingTargets.length });
    checkFinite(OPERATION, 'training target', trainingTargets);
  }
  const mean =
    trainingTargets === undefined ? weightedMean(rows.targets, rows.weights) : computeMoments(trainingTargets).mean;
  const constant = new Float64Array(rows.targets.length).fill(mean);
  const of = trainingTargets === undefined ? 'evaluated' : 'training';
  return baselineResult(
    rows,
    { ...rows, predictions: constant },
    {
      name: 'Mean',
      description: `always ${Number(mean.toPrecision(6))}, the mean of the ${of} rows`,
      estimation,
    },
  );
}

function baselineResult(
  rows: NumberRows,
  baseline: NumberRows,
  { name, description, estimation }: { name: string; description: string; estimation: EstimationOptions },
): BaselineResult {
  const squares = (of: NumberRows): Float64Array => absoluteErrors(of).map((error) => error * error);
  const { difference, interval, pValue } = compareRows(
    { first: squares(rows), second: squares(baseline), weights: rows.weights, metricOfMean: Math.sqrt },
    { ...estimation, random: estimation.random.fork('baseline', name) },
  );
  return {
    name,
    description,
    metrics: measureOnce(numberSample(baseline)),
    comparison: { metric: 'rootMeanSquaredError', difference, interval, pValue: orNull(pValue) },
  };
}

function sliceResults(
  rows: NumberRows,
  slices: readonly Slice[],
  estimation: EstimationOptions,
): readonly SliceResult[] {
  const level = 1 - estimation.confidence;
  const random = estimation.random.fork('slices');
  const losses = absoluteErrors(rows);
  const pValues = testSlices(slices, { losses, weights: rows.weights, areErrors: false, random, level });
  const shown: readonly MetricName[] = ['meanAbsoluteError', 'rootMeanSquaredError', 'r2'];
  return slices.map((slice, i): SliceResult => {
    const { results } = estimateMetrics(
      numberSample(takeNumberRows(rows, slice.rows)),
      sliceEstimation(estimation, slice.name),
    );
    const pValue = pValues[i] ?? 1;
    return {
      name: slice.name,
      n: slice.rows.length,
      metrics: shown.flatMap((name) => results.filter((result) => result.name === name)),
      pValue,
      significantlyWorse: pValue < level,
    };
  });
}

/** More points than that hide each other. */
const SAMPLE_ROWS = 400;

function residualsOf({ targets, predictions }: NumberRows, random: Random): ResidualResult {
  const residuals = Float64Array.from(
    { length: targets.length },
    (_, row) => (predictions[row] ?? 0) - (targets[row] ?? 0),
  );
  const drawn = random
    .shuffle(Uint32Array.from(residuals, (_, row) => row))
    .subarray(0, SAMPLE_ROWS)
    .sort();
  const levels = [0, 0.05, 0.25, 0.5, 0.75, 0.95, 1];
  const quantiles = computeQuantiles(residuals, levels);
  const { edges, counts } = computeHistogram(residuals);
  return {
    sample: Array.from(drawn, (row) => [targets[row] ?? 0, predictions[row] ?? 0] as const),
    edges,
    counts,
    quantiles: levels.map((level, i) => [level, quantiles[i] ?? 0] as const),
  };
}

function targetWarnings(targets: ArrayLike<number>): readonly string[] {
  const { minimum, maximum } = computeMoments(targets);
  let zeros = 0;
  for (let row = 0; row < targets.length; row++) zeros += Number(targets[row] === 0);
  return [
    ...(targets.length > 1 && minimum === maximum
      ? ['All targets are equal: R² is 1 or 0 by convention, and nothing shows whether the model follows the target.']
      : []),
    ...(targets.length === 1 ? ['R² is undefined for one row.'] : []),
    ...(zeros > 0
      ? [
          `${zeros} of the targets ${zeros === 1 ? 'is' : 'are'} 0: MAPE divides by almost zero there and means nothing.`,
        ]
      : []),
  ];
}

function baselineWarnings(
  baselines: readonly BaselineResult[],
  { level, isOwnMean }: { level: number; isOwnMean: boolean },
): readonly string[] {
  return [
    ...baselines.flatMap(({ name, comparison: { difference, pValue } }) => {
      if (difference < 0 && (pValue ?? 1) < level) return [];
      return [`The RMSE is not ${difference < 0 ? 'significantly ' : ''}below that of the baseline "${name}".`];
    }),
    ...(isOwnMean ? ['The mean baseline was taken from the evaluated rows, as no training targets were given.'] : []),
  ];
}

function checkPredictions(operation: string, targets: ArrayLike<number>, predictions: ArrayLike<number>): void {
  checkLength(operation, targets.length, { name: 'predictions', length: predictions.length });
  checkFinite(operation, 'prediction', predictions);
}
