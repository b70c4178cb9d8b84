import assert from 'node:assert/strict';
import { test } from 'node:test';
import { computeMoments, createRandom } from '../statistics/index.ts';
import { evaluateRegressor, metricOf, type RegressorEvaluation } from './index.ts';
import { regressionReport } from './testing/report-samples.ts';
import { assertClose, scikitLearnValues } from './testing/scikit-learn-values.ts';

const { targets, predictions, weights, plain, weighted } = scikitLearnValues.regression;

test('evaluateRegressor gives scikit-learn values inside their intervals, weighted or not', () => {
  for (const [report, expected] of [
    [evaluateRegressor({ targets, predictions }), plain],
    [evaluateRegressor({ targets, predictions, weights }), weighted],
  ] as const) {
    for (const { name, value, interval } of report.metrics) {
      assertClose([value ?? -1], [expected[name] ?? -2]);
      assert(interval !== null && interval.lower < (value ?? 0) && (value ?? 0) < interval.upper, name);
    }
    assert.equal(report.metrics.length, 5);
  }
});

test('evaluateRegressor is decided by input and seed, survives JSON, and marks the worse slice', () => {
  const report = regressionReport();
  assert.deepEqual(regressionReport(), report);
  assert.deepEqual(JSON.parse(JSON.stringify(report)), report);
  const worse = report.slices.filter(({ significantlyWorse }) => significantlyWorse);
  assert.deepEqual(
    worse.map(({ name }) => name),
    ['kind = loft'],
  );
});

test('evaluateRegressor stands beside the mean of the training rows', () => {
  const report = evaluateRegressor({ targets, predictions, trainingTargets: [1, 2, 6] });
  const [mean] = report.baselines;
  assert.equal(mean?.description, 'always 3, the mean of the training rows');
  const byHand = Math.sqrt(targets.reduce((sum, target) => sum + (target - 3) ** 2, 0) / targets.length);
  const error = mean?.metrics.find(({ name }) => name === 'rootMeanSquaredError')?.value ?? -1;
  assertClose([error, mean?.comparison.difference ?? 0], [byHand, (plain['rootMeanSquaredError'] ?? 0) - byHand]);
  assert((mean?.comparison.pValue ?? 1) < 0.01 && (mean?.comparison.interval?.upper ?? 1) < 0);
  const own = evaluateRegressor({ targets, predictions, baselines: [{ name: 'copy', predictions }] });
  assert(own.warnings.some((warning) => /mean baseline was taken from the evaluated rows/.test(warning)));
  assert(own.warnings.some((warning) => /not below that of the baseline "copy"/.test(warning)));
  assert.equal(own.baselines[1]?.comparison.difference, 0);
});

test('evaluateRegressor describes the errors', () => {
  const { residuals } = evaluateRegressor({ targets, predictions });
  assert.equal(residuals?.sample.length, targets.length);
  assert.deepEqual(residuals?.sample[7], [targets[7], predictions[7]]);
  assert.equal(
    residuals?.counts.reduce((a, b) => a + b, 0),
    targets.length,
  );
  const errors = targets.map((target, row) => (predictions[row] ?? 0) - target);
  assert.deepEqual(residuals?.quantiles[0], [0, Math.min(...errors)]);
  assert.deepEqual(residuals?.quantiles.at(-1), [1, Math.max(...errors)]);
});

test('evaluateRegressor warns of targets that make a metric meaningless', () => {
  const constant = evaluateRegressor({ targets: [2, 2, 2], predictions: [2, 2, 1] });
  assert(constant.warnings.some((warning) => /All targets are equal: R² is 1 or 0/.test(warning)));
  const zero = evaluateRegressor({ targets: [0, 2, 3], predictions: [1, 2, 1] });
  assert(zero.warnings.some((warning) => /1 of the targets is 0: MAPE/.test(warning)));
  const one = evaluateRegressor({ targets: [3], predictions: [4] });
  assert.equal(metricOf(one, 'r2'), null);
  assert(one.warnings.some((warning) => /R² is undefined for one row/.test(warning)));
});

test('evaluateRegressor resamples a part of very many rows and shrinks the intervals to all', () => {
  const random = createRandom('large');
  const rows = 60_000;
  const many = Float64Array.from({ length: rows }, () => random.normal());
  const guesses = many.map((target) => 0.8 * target + 0.5 * random.normal());
  const report = evaluateRegressor({ targets: many, predictions: guesses, resamples: 60 });
  const [rmse] = report.metrics;
  const squares = many.map((target, row) => ((guesses[row] ?? 0) - target) ** 2);
  const { mean, sampleStdDev } = computeMoments(squares);
  // By the delta method: the standard error of the mean of the squares over twice its root.
  const standardError = sampleStdDev / Math.sqrt(rows) / (2 * Math.sqrt(mean));
  const [lower, upper] = [rmse?.interval?.lower ?? 0, rmse?.interval?.upper ?? 0];
  assertClose([rmse?.value ?? 0], [Math.sqrt(mean)], 1e-9);
  assert(lower < Math.sqrt(mean) && Math.sqrt(mean) < upper);
  assert(Math.abs((upper - lower) / (2 * 1.96 * standardError) - 1) < 0.35, `${upper - lower} ${standardError}`);
  assert((report.baselines[0]?.comparison.pValue ?? 1) < 0.05);
});

test('evaluateRegressor says precisely what does not fit', () => {
  const refuses = (change: Partial<RegressorEvaluation>, reason: string, message: RegExp): void => {
    assert.throws(() => evaluateRegressor({ targets: [1, 2], predictions: [1, 3], ...change }), { reason, message });
  };
  refuses({ predictions: [1] }, 'INVALID_ARGUMENT', /expects predictions for 2 rows, got 1/);
  refuses({ targets: [1, Number.NaN] }, 'INVALID_DATA', /target at index 1 is NaN/);
  refuses({ predictions: [Infinity, 1] }, 'INVALID_DATA', /prediction at index 0 is Infinity/);
  refuses({ targets: [], predictions: [] }, 'INVALID_DATA', /at least one row/);
  refuses({ trainingTargets: [] }, 'INVALID_DATA', /at least one row/);
  refuses(
    { baselines: [{ name: 'b', predictions: [1, 2, 3] }] },
    'INVALID_ARGUMENT',
    /baseline "b": expects predictions for 2/,
  );
  refuses(
    {
      baselines: [
        { name: 'b', predictions: [1, 2] },
        { name: 'b', predictions: [1, 2] },
      ],
    },
    'INVALID_ARGUMENT',
    /"b" comes twice/,
  );
});
