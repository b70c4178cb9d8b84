import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  averageClassScores,
  computeAccuracy,
  computeBalancedAccuracy,
  computeClassScores,
  computeConfusionMatrix,
  computeMatthewsCorrelation,
  type PredictedRows,
  predictClasses,
} from './confusion-matrix.ts';
import { assertClose, type DecisionValues, scikitLearnValues } from './testing/scikit-learn-values.ts';

const { binary, multiclass, gaps, oneClass, onePrediction } = scikitLearnValues;
const calls = binary.scores.map((score) => Number(score >= 0.5));
const guesses = predictClasses(multiclass.scores, 4);

function check(rows: PredictedRows, expected: DecisionValues): void {
  const matrix = computeConfusionMatrix(rows);
  assertClose(matrix.counts, expected.confusion);
  assertClose(
    [computeAccuracy(matrix), computeBalancedAccuracy(matrix), computeMatthewsCorrelation(matrix)],
    [expected.accuracy, expected.balancedAccuracy, expected.matthews],
  );
  computeClassScores(matrix).forEach(({ precision, recall, f1, support }, k) => {
    assertClose([precision, recall, f1, support], expected.classes[k] ?? []);
  });
  for (const averaging of ['macro', 'micro', 'weighted'] as const) {
    const { precision, recall, f1 } = averageClassScores(matrix, averaging);
    assertClose([precision, recall, f1], expected[averaging]);
  }
}

test('every metric on decisions equals scikit-learn, with and without weights, ties included', () => {
  check({ labels: binary.labels, predictions: calls, classes: 2 }, binary.plain);
  check({ labels: binary.labels, predictions: calls, classes: 2, weights: binary.weights }, binary.weighted);
  check({ labels: multiclass.labels, predictions: guesses, classes: 4 }, multiclass.plain);
  check(
    { labels: multiclass.labels, predictions: guesses, classes: 4, weights: multiclass.weights },
    multiclass.weighted,
  );
});

test('classes that are never predicted, never right or not there at all count as in scikit-learn', () => {
  check({ ...gaps, classes: 4 }, gaps);
  check({ ...oneClass, classes: 2 }, oneClass);
  check({ ...onePrediction, classes: 2 }, onePrediction);
  // A class without rows and predictions is no part of the macro mean.
  const { f1 } = averageClassScores(computeConfusionMatrix({ ...onePrediction, classes: 5 }), 'macro');
  assertClose([f1], [onePrediction.macro[2] ?? 0]);
});

test('predictClasses takes the first of equal scores', () => {
  assert.deepEqual([...predictClasses([0.2, 0.4, 0.4, 0.5, 0.1, 0.5], 3)], [1, 0]);
});

test('computeConfusionMatrix names the row that is wrong', () => {
  const refuses = (rows: Partial<PredictedRows>, reason: string, message: RegExp): void => {
    const whole = { labels: [0, 1, 2], predictions: [0, 1, 2], classes: 3, ...rows };
    assert.throws(() => computeConfusionMatrix(whole), { reason, message });
  };
  refuses({ labels: [0, 1, 3] }, 'INVALID_DATA', /label of row 2 is 3, expected a class index in 0 … 2/);
  refuses({ predictions: [0, 0.5, 1] }, 'INVALID_DATA', /prediction of row 1 is 0.5/);
  refuses({ predictions: [0, 1] }, 'INVALID_ARGUMENT', /expects predictions for 3 rows, got 2/);
  refuses({ labels: [], predictions: [] }, 'INVALID_DATA', /at least one row/);
  refuses({ weights: [1, -1, 1] }, 'INVALID_DATA', /weight of row 1 is -1/);
  refuses({ weights: [0, 0, 0] }, 'INVALID_DATA', /all weights are 0/);
  refuses({ weights: [1, 1, Number.NaN] }, 'INVALID_DATA', /weight of row 2 is NaN/);
});
