import assert from 'node:assert/strict';
import { test } from 'node:test';
import { computeRegressionScores, type RegressionScores } from './regression-metrics.ts';
import { assertClose, scikitLearnValues } from './testing/scikit-learn-values.ts';

const { targets, predictions, weights, plain, weighted, withZero, constantWrong, constantRight } =
  scikitLearnValues.regression;

test('computeRegressionScores equals scikit-learn, with and without weights', () => {
  const check = (scores: RegressionScores, expected: Readonly<Record<string, number>>): void => {
    assert.deepEqual(Object.keys(scores).sort(), Object.keys(expected).sort());
    for (const [name, value] of Object.entries(scores)) assertClose([value], [expected[name] ?? Number.NaN]);
  };
  check(computeRegressionScores({ targets, predictions }), plain);
  check(computeRegressionScores({ targets, predictions, weights }), weighted);
});

test('computeRegressionScores at the edges: a target of 0, a constant target, one row', () => {
  const zeroed = targets.map((target, row) => (row === 4 ? 0 : target));
  assertClose([computeRegressionScores({ targets: zeroed, predictions }).meanAbsolutePercentageError], [withZero]);
  assert.equal(computeRegressionScores({ targets: [2, 2, 2], predictions: [2, 2, 1] }).r2, constantWrong);
  assert.equal(computeRegressionScores({ targets: [2, 2, 2], predictions: [2, 2, 2] }).r2, constantRight);
  const one = computeRegressionScores({ targets: [2], predictions: [5] });
  assert(Number.isNaN(one.r2) && one.meanSquaredError === 9);
});

test('computeRegressionScores refuses what is no number', () => {
  assert.throws(() => computeRegressionScores({ targets: [1, 2], predictions: [1, Infinity] }), {
    reason: 'INVALID_DATA',
    message: /prediction at index 1 is Infinity/,
  });
  assert.throws(() => computeRegressionScores({ targets: [1, 2], predictions: [1] }), { reason: 'INVALID_ARGUMENT' });
  assert.throws(() => computeRegressionScores({ targets: [], predictions: [] }), /at least one row, got none/);
});
