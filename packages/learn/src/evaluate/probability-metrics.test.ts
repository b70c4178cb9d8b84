import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  computeBrierScore,
  computeCalibrationCurve,
  computeExpectedCalibrationError,
  computeLogLoss,
} from './probability-metrics.ts';
import { assertClose, scikitLearnValues } from './testing/scikit-learn-values.ts';

const { binary, multiclass } = scikitLearnValues;

test('computeLogLoss and computeBrierScore equal scikit-learn, certain mistakes included', () => {
  for (const weights of [undefined, binary.weights]) {
    const expected = weights === undefined ? binary.plain : binary.weighted;
    const second = { labels: binary.labels, probabilities: binary.scores, classes: 2, weights };
    const both = { ...second, probabilities: binary.scores.flatMap((score) => [1 - score, score]) };
    for (const rows of [second, both]) {
      assertClose([computeLogLoss(rows), computeBrierScore(rows)], [expected.logLoss, expected.brier]);
    }
  }
  for (const weights of [undefined, multiclass.weights]) {
    const expected = weights === undefined ? multiclass.plain : multiclass.weighted;
    const rows = { labels: multiclass.labels, probabilities: multiclass.scores, classes: 4, weights };
    assertClose([computeLogLoss(rows), computeBrierScore(rows)], [expected.logLoss, expected.brier]);
  }
});

test('computeLogLoss keeps float32 probabilities off 0 and 1 by float32 steps, as scikit-learn does', () => {
  const probabilities = Float32Array.from(binary.scores);
  const loss = computeLogLoss({ labels: binary.labels, probabilities, classes: 2 });
  assertClose([loss], [binary.float32LogLoss], 1e-5);
  assert(binary.plain.logLoss > loss + 0.1, 'the fixture holds a certain mistake');
});

test('computeCalibrationCurve equals scikit-learn in both strategies', () => {
  for (const strategy of ['uniform', 'quantile'] as const) {
    const bins = computeCalibrationCurve(
      { probabilities: binary.scores, outcomes: binary.labels },
      { bins: 7, strategy },
    );
    const [observed = [], predicted = []] = binary[`calibration_${strategy}`];
    assertClose(
      bins.map(({ observedShare }) => observedShare),
      observed,
    );
    assertClose(
      bins.map(({ meanProbability }) => meanProbability),
      predicted,
    );
  }
});

test('computeExpectedCalibrationError equals the sum over bins done by numpy; weights of 2 equal doubled rows', () => {
  const rows = { probabilities: binary.scores, outcomes: binary.labels };
  assertClose([computeExpectedCalibrationError(computeCalibrationCurve(rows))], [binary.ece]);
  const weights = binary.labels.map((_, row) => (row % 3 === 0 ? 2 : 1));
  const double = (values: readonly number[]): readonly number[] =>
    values.flatMap((value, row) => (row % 3 === 0 ? [value, value] : [value]));
  const doubled = { probabilities: double(binary.scores), outcomes: double(binary.labels) };
  assertClose(
    [computeExpectedCalibrationError(computeCalibrationCurve({ ...rows, weights }))],
    [computeExpectedCalibrationError(computeCalibrationCurve(doubled))],
  );
});

test('what are no probabilities is refused by row', () => {
  const rows = { labels: [0, 2], classes: 3 };
  assert.throws(() => computeLogLoss({ ...rows, probabilities: [0.2, 0.3, 0.5, 0.6, 0.6, 0.1] }), {
    reason: 'INVALID_DATA',
    message: /probabilities of row 1 add up to 1.3/,
  });
  assert.throws(() => computeLogLoss({ ...rows, probabilities: [0.2, 1.3, -0.5, 1, 0, 0] }), /at index 1 is 1.3/);
  assert.throws(() => computeBrierScore({ ...rows, probabilities: [0.2, 0.8] }), {
    reason: 'INVALID_ARGUMENT',
    message: /expects probabilities \[2,3\], got 2 numbers/,
  });
  assert.throws(() => computeCalibrationCurve({ probabilities: [0.5], outcomes: [1] }, { bins: 0 }), /bins must be/);
});
