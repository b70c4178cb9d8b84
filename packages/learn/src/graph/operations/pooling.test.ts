import assert from 'node:assert/strict';
import { test } from 'node:test';
import { evaluate, numbersOf } from '../../reference/index.ts';
import { checkOperation, type OperationCase } from '../../reference/testing/check-operation.ts';
import { gradients } from '../gradients.ts';
import { input, type Value } from '../value.ts';
import * as op from './index.ts';

const cases: Readonly<Record<string, OperationCase>> = {
  maxPool: { shapes: [[2, 3, 4, 6]], build: (x) => op.maxPool(x, [2, 2]) },
  'maxPool of windows of many places': { shapes: [[1, 2, 8, 9]], build: (x) => op.maxPool(x, [4, 3]) },
  'maxPool over one axis side by side': { shapes: [[2, 2, 7]], build: (x) => op.maxPool(x, [3]) },
  'maxPool leaves a rest': { shapes: [[2, 2, 5, 7]], build: (x) => op.maxPool(x, [2, 3]) },
  'maxPool of overlapping windows': { shapes: [[2, 2, 7, 6]], build: (x) => op.maxPool(x, [3, 3], { strides: 2 }) },
  'maxPool with padding': {
    shapes: [[1, 2, 5, 6]],
    build: (x) => op.maxPool(x, [3, 3], { strides: [2, 1], padding: [1, 0, 0, 1] }),
    transform: (x) => x - 3, // padding that counted as zero would win
  },
  'maxPool with dilation': {
    shapes: [[1, 2, 6, 6]],
    build: (x) => op.maxPool(x, [2, 2], { strides: 1, dilations: [2, 3] }),
  },
  'maxPool, same': { shapes: [[1, 2, 5, 4]], build: (x) => op.maxPool(x, [3, 2], { strides: 2, padding: 'same' }) },
  'maxPool over the end': {
    shapes: [[1, 2, 5, 6]],
    build: (x) => op.maxPool(x, [2, 3], { strides: [2, 2], ceil: true }),
  },
  'maxPool over one axis': { shapes: [[2, 2, 9]], build: (x) => op.maxPool(x, [4], { strides: 2 }) },
  'maxPool with gaps between windows': {
    shapes: [[1, 2, 8, 5]],
    build: (x) => op.maxPool(x, [2, 1], { strides: [3, 2] }),
  },
  averagePool: { shapes: [[2, 3, 4, 6]], build: (x) => op.averagePool(x, [2, 3]) },
  'averagePool leaves a rest': { shapes: [[2, 2, 5, 7]], build: (x) => op.averagePool(x, [2, 2]) },
  'averagePool of overlapping windows': {
    shapes: [[2, 2, 7, 6]],
    build: (x) => op.averagePool(x, [3, 2], { strides: [2, 1] }),
  },
  'averagePool with padding that does not count': {
    shapes: [[1, 2, 5, 6]],
    build: (x) => op.averagePool(x, [3, 3], { strides: [2, 1], padding: [1, 0, 1, 2] }),
  },
  'averagePool with padding that counts': {
    shapes: [[1, 2, 5, 6]],
    build: (x) => op.averagePool(x, [3, 3], { strides: 2, padding: 1, countPadding: true }),
  },
  'averagePool over the end': {
    shapes: [[1, 2, 5, 6]],
    build: (x) => op.averagePool(x, [2, 3], { strides: 2, ceil: true }),
  },
  'averagePool over one axis': { shapes: [[2, 2, 9]], build: (x) => op.averagePool(x, [3], { strides: 2 }) },
  globalAveragePool: { shapes: [[2, 3, 4, 5]], build: op.globalAveragePool },
  globalMaxPool: { shapes: [[2, 3, 7]], build: op.globalMaxPool },
  upsampleNearest: { shapes: [[2, 2, 3, 2]], build: (x) => op.upsampleNearest(x, [2, 3]) },
};

for (const [name, operation] of Object.entries(cases)) test(name, () => checkOperation(operation));

function gradientOf(build: (x: Value) => Value, shape: readonly number[], data: readonly number[]): readonly number[] {
  const x = input('x', 'float64', shape);
  const [gradient] = gradients(op.reduceSum(build(x)), [x]);
  assert(gradient);
  const [array] = evaluate([gradient], new Map([[x, { dtype: 'float64', shape, data: Float64Array.from(data) }]]));
  return [...numbersOf(array).data];
}

test('maxPool gives the gradient to the first among equals', () => {
  const data = [4, 4, 1, 2, 3, 4, 2, 2];
  assert.deepEqual(
    gradientOf((x) => op.maxPool(x, [2, 2]), [1, 1, 2, 4], data),
    [1, 0, 0, 1, 0, 0, 0, 0],
  );
  assert.deepEqual(
    gradientOf((x) => op.maxPool(x, [2], { strides: 1 }), [1, 1, 5], [1, 3, 3, 3, 2]),
    [0, 2, 1, 1, 0],
  );
});

test('maxPool and averagePool refuse what does not fit', () => {
  const x = input('x', 'float32', [1, 2, 5, 5]);
  assert.throws(() => op.maxPool(x, [3]), { message: 'MaxPool: a kernel [3] does not slide over [5,5]' });
  assert.throws(() => op.maxPool(x, [2, 2], { padding: 2 }), {
    message: "MaxPool: padding must be less than the window's 2",
  });
  assert.throws(() => op.averagePool(x, [2, 2], { ceil: true, countPadding: true }), {
    message: 'AveragePool: padding cannot count where a window reaches over the end',
  });
});
