import assert from 'node:assert/strict';
import { test } from 'node:test';
import { computeAveragePrecisionOneVsRest, computeRocAucOneVsRest, computeTopKAccuracy } from './multiclass.ts';
import { assertClose, scikitLearnValues } from './testing/scikit-learn-values.ts';

const { labels, scores, classes, weights, plain, weighted } = scikitLearnValues.multiclass;

test('one-vs-rest areas equal scikit-learn, macro and weighted, with and without weights', () => {
  for (const [rows, expected] of [
    [{ labels, scores, classes }, plain],
    [{ labels, scores, classes, weights }, weighted],
  ] as const) {
    assertClose([computeRocAucOneVsRest(rows, 'macro')], [expected.auc_macro]);
    assertClose([computeRocAucOneVsRest(rows, 'weighted')], [expected.auc_weighted]);
    assertClose([computeAveragePrecisionOneVsRest(rows, 'macro')], [expected.ap_macro]);
    assertClose([computeAveragePrecisionOneVsRest(rows, 'weighted')], [expected.ap_weighted]);
  }
});

test('computeTopKAccuracy equals scikit-learn, equal scores included', () => {
  [1, 2, 3].forEach((k, i) => {
    assertClose([computeTopKAccuracy({ labels, scores, classes }, k)], [plain.topK[i] ?? 0]);
    assertClose([computeTopKAccuracy({ labels, scores, classes, weights }, k)], [weighted.topK[i] ?? 0]);
  });
  assert.equal(computeTopKAccuracy({ labels, scores, classes }, 4), 1);
  assert.throws(() => computeTopKAccuracy({ labels, scores, classes }, 0), /k must be a whole number ≥ 1, got 0/);
});

test('an absent class leaves the mean ROC AUC undefined and the mean average precision to the others', () => {
  const rows = {
    labels: [0, 1, 0, 1],
    scores: [0.5, 0.2, 0.3, 0.1, 0.6, 0.3, 0.2, 0.7, 0.1, 0.3, 0.4, 0.3],
    classes: 3,
  };
  assert(Number.isNaN(computeRocAucOneVsRest(rows, 'macro')));
  // By hand: class 0 is met at ranks 1 and 3, class 1 at ranks 2 and 3.
  const byHand = (1 / 2 + 2 / 3 / 2 + 1 / 2 / 2 + 2 / 3 / 2) / 2;
  assertClose([computeAveragePrecisionOneVsRest(rows, 'macro')], [byHand]);
});

test('computeRocAucOneVsRest tells a missing column', () => {
  assert.throws(() => computeRocAucOneVsRest({ labels, scores: scores.slice(4), classes }, 'macro'), {
    reason: 'INVALID_ARGUMENT',
    message: /expects scores \[48,4\], got 188 numbers/,
  });
});
