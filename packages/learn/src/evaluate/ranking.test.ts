import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  computeAveragePrecision,
  computePrecisionRecallCurve,
  computeRocAuc,
  computeRocCurve,
  type ScoredRows,
} from './ranking.ts';
import { assertClose, type BinaryValues, scikitLearnValues } from './testing/scikit-learn-values.ts';

const { binary, none } = scikitLearnValues;

function check(rows: ScoredRows, expected: BinaryValues): void {
  assertClose([computeRocAuc(rows), computeAveragePrecision(rows)], [expected.rocAuc, expected.averagePrecision]);
  const roc = computeRocCurve(rows);
  assertClose(roc.falsePositiveRates, expected.roc[0] ?? []);
  assertClose(roc.truePositiveRates, expected.roc[1] ?? []);
  assert.equal(roc.thresholds[0], Infinity);
  assertClose(roc.thresholds.subarray(1), expected.roc[2] ?? []);
  const curve = computePrecisionRecallCurve(rows);
  assertClose(curve.precisions, expected.pr[0] ?? []);
  assertClose(curve.recalls, expected.pr[1] ?? []);
  assertClose(curve.thresholds, expected.pr[2] ?? []);
}

test('curves and areas equal scikit-learn for tied scores, with and without weights', () => {
  check({ positives: binary.labels, scores: binary.scores }, binary.plain);
  check({ positives: binary.labels, scores: binary.scores, weights: binary.weights }, binary.weighted);
});

test('computeRocAuc depends on the order of the scores only, and turns round with it', () => {
  const area = computeRocAuc({ positives: binary.labels, scores: binary.scores });
  const stretched = binary.scores.map((score) => 7 * score ** 3 - 4);
  assertClose([computeRocAuc({ positives: binary.labels, scores: stretched })], [area]);
  const turned = binary.scores.map((score) => -score);
  assertClose([computeRocAuc({ positives: binary.labels, scores: turned })], [1 - area]);
});

test('one class only: no area under the ROC curve, average precision as in scikit-learn', () => {
  const rows = { positives: [0, 0, 0], scores: [0.1, 0.7, 0.3] };
  assert(Number.isNaN(computeRocAuc(rows)));
  assert(Number.isNaN(computeRocAuc({ ...rows, positives: [1, 1, 1] })));
  assert.equal(computeAveragePrecision(rows), none.ap_none);
  const { precisions, recalls, thresholds } = computePrecisionRecallCurve(rows);
  assert.deepEqual([[...precisions], [...recalls], [...thresholds]], none.pr_none);
  assert(computeRocCurve(rows).truePositiveRates.every(Number.isNaN));
  assert.deepEqual([...computeRocCurve(rows).falsePositiveRates], [0, 1 / 3, 1]);
});

test('computeRocAuc refuses scores that have no order and outcomes that are none', () => {
  const rows = { positives: [0, 1], scores: [0.1, Number.NaN] };
  assert.throws(() => computeRocAuc(rows), { reason: 'INVALID_DATA', message: /score at index 1 is NaN/ });
  assert.throws(() => computeRocAuc({ positives: [0, 2], scores: [1, 2] }), /outcome of row 1 is 2, expected 0 or 1/);
  assert.throws(() => computeRocAuc({ positives: [0, 1], scores: [1] }), { reason: 'INVALID_ARGUMENT' });
});
