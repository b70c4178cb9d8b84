// No model at all, against numbers worked out by hand.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Tensor } from '@amaas/core';
import type { TableExamples } from './table-preparation.ts';
import type { TableTarget } from './table-target.ts';
import { constantCandidate } from './tune-table-baseline.ts';

function examples(target: TableTarget, parts: readonly [Tensor, Tensor]): TableExamples {
  const [training, validation] = parts.map((tensor) => ({ inputs: new Map(), target: tensor }));
  assert.ok(training !== undefined && validation !== undefined);
  return { sizes: { numericWidth: 1, categoryCodes: [] }, target, training, validation };
}

const floats = (...values: readonly number[]): Tensor => ({
  dtype: 'float32',
  shape: [values.length],
  data: Float32Array.from(values),
});
const codes = (...values: readonly number[]): Tensor => ({
  dtype: 'int64',
  shape: [values.length],
  data: BigInt64Array.from(values, BigInt),
});

test('constantCandidate of a regression is the mean of the training part', () => {
  const target: TableTarget = { task: 'regression', column: 'y', mean: 7, stdDev: 2 };
  const { name, validationLoss } = constantCandidate(examples(target, [floats(1, 2, 6), floats(3, 5, 1)]));
  assert.equal(name, 'Mean');
  assert.ok(Math.abs((validationLoss ?? 0) - 8 / 3) < 1e-12);
});

test('constantCandidate of classes answers with their shares in the training part', () => {
  const target: TableTarget = { task: 'multiclass', column: 'y', classes: ['a', 'b', 'c'] };
  const found = constantCandidate(examples(target, [codes(2, 2, 0, 2), codes(2, 0, 0, 0, 2)]));
  assert.equal(found.name, 'Majority');
  assert.deepEqual(found.validationMetrics, { accuracy: 0.4 });
  assert.ok(Math.abs((found.validationLoss ?? 0) - (-3 * Math.log(0.25) - 2 * Math.log(0.75)) / 5) < 1e-12);
  const unseen = constantCandidate(examples(target, [codes(2, 2, 0, 2), codes(1)]));
  assert.equal(unseen.validationLoss, null);
});
