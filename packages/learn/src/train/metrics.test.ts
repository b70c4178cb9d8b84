import assert from 'node:assert/strict';
import { test } from 'node:test';
import { constantOf } from '../graph/index.ts';
import type { DType } from '@amaas/core';
import { evaluate, numbersOf } from '../reference/index.ts';
import { absoluteError, accuracy, type Metric, metricFor, squaredError } from './metrics.ts';

interface Given {
  readonly shape: readonly number[];
  readonly data: readonly number[];
  readonly dtype?: DType;
}

function perRow(metric: Metric, prediction: Given, target: Given): readonly number[] {
  const value = ({ shape, data, dtype = 'float32' }: Given) => constantOf(dtype, shape, data);
  const [rows] = evaluate([metric.perRow(value(prediction), value(target))], new Map());
  return [...numbersOf(rows).data];
}

const scores: Given = { shape: [3, 4], data: [0.1, 0.2, 0.6, 0.1, 0.7, 0.1, 0.1, 0.1, 0.3, 0.3, 0.2, 0.2] };

test('accuracy compares the greatest score with class indices of any dtype and shape', () => {
  for (const dtype of ['int64', 'int32', 'uint8', 'float32'] as const) {
    assert.deepEqual(perRow(accuracy, scores, { shape: [3], data: [2, 1, 0], dtype }), [1, 0, 1], dtype);
    assert.deepEqual(perRow(accuracy, scores, { shape: [3, 1], data: [2, 1, 1], dtype }), [1, 0, 0], dtype);
  }
});

test('accuracy compares the greatest score with the greatest of a distribution', () => {
  const rows: Given = { shape: [3, 4], data: [0, 0, 1, 0, 0, 0, 0, 1, 0.4, 0.3, 0.2, 0.1] };
  assert.deepEqual(perRow(accuracy, scores, rows), [1, 0, 1]);
});

test('accuracy of probabilities counts those above one half', () => {
  const prediction: Given = { shape: [5, 1], data: [0.4, 0.6, 0.5, 0.51, 0.9] };
  for (const dtype of ['int64', 'float32', 'bool'] as const) {
    assert.deepEqual(
      perRow(accuracy, prediction, { shape: [5], data: [0, 1, 1, 1, 0], dtype }),
      [1, 1, 0, 1, 0],
      dtype,
    );
  }
});

test('accuracy of sequences is the share of right places of each row', () => {
  const prediction: Given = { shape: [2, 2, 3], data: [0.8, 0.1, 0.1, 0.1, 0.8, 0.1, 0.1, 0.1, 0.8, 0.3, 0.4, 0.3] };
  assert.deepEqual(perRow(accuracy, prediction, { shape: [2, 2], data: [0, 2, 2, 1], dtype: 'int64' }), [0.5, 1]);
});

test('errors are means over a row, whatever the target’s dtype', () => {
  const prediction: Given = { shape: [2, 2], data: [1.5, -2, 0.25, 4] };
  for (const dtype of ['float32', 'int32', 'int64'] as const) {
    const target: Given = { shape: [2, 2], data: [1, 1, 0, 7], dtype };
    assert.deepEqual(perRow(absoluteError, prediction, target), [1.75, 1.625]);
    assert.deepEqual(perRow(squaredError, prediction, target), [(0.25 + 9) / 2, (0.0625 + 9) / 2]);
  }
});

test('metricFor knows its names, and no other', () => {
  assert.equal(metricFor('mae'), absoluteError);
  assert.equal(metricFor(squaredError), squaredError);
  // @ts-expect-error: JavaScript may pass any text
  assert.throws(() => metricFor('auc'), {
    reason: 'INVALID_ARGUMENT',
    message: 'metric: expected one of accuracy, absoluteError, mae, squaredError, mse, got auc',
  });
});
