import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Column, tableFromColumns } from '../index.ts';
import { scoreLeakage } from './leakage.ts';

function columnsOf(x: readonly unknown[], y: readonly unknown[]): readonly [Column, Column] {
  const [feature, target] = tableFromColumns({ x, y }).columns;
  assert(feature !== undefined && target !== undefined);
  return [feature, target];
}

test('scoreLeakage gives the ROC AUC of scikit-learn for two classes, in either direction', () => {
  const y = Array.from({ length: 40 }, (_, i) => (i >= 20 ? 'ill' : 'well'));
  const x = y.map((_, i) => ({ 17: 24.5, 19: 20, 20: 19, 24: 16.5 })[i] ?? i);
  for (const feature of [x, x.map((value) => -value)]) {
    const leakage = scoreLeakage(...columnsOf(feature, y), 'binary');
    assert.equal(leakage?.measure, 'ROC AUC');
    assert(Math.abs(leakage.score - 0.98) < 1e-12, `${leakage.score}`); // sklearn.metrics.roc_auc_score
  }
});

test('scoreLeakage gives the adjusted R² of the means of groups', () => {
  const group = Array.from({ length: 48 }, (_, i) => (i * 7) % 5);
  const y = group.map((value, i) => ((i * 37) % 11) + 3 * value);
  const leakage = scoreLeakage(...columnsOf(group.map(String), y), 'regression');
  assert.equal(leakage?.measure, 'R²');
  assert(Math.abs(leakage.score - 0.5700326435459194) < 1e-12, `${leakage.score}`); // from sklearn.metrics.r2_score
});

test('scoreLeakage leaves rows out that lack a cell, and says nothing of fewer than 20', () => {
  const y = Array.from({ length: 25 }, (_, i) => i % 2);
  const x = y.map((value, i) => (i < 5 ? (i === 0 ? value : null) : value));
  assert.deepEqual(scoreLeakage(...columnsOf(x, y), 'binary'), { score: 1, measure: 'equal cells' });
  const fewer = y.map((value, i) => (i === 3 || (i >= 4 && i < 23) ? value : null));
  assert.equal(
    scoreLeakage(
      ...columnsOf(
        fewer.map((value, i) => (i === 5 ? null : value)),
        y,
      ),
      'binary',
    ),
    undefined,
  );
});
