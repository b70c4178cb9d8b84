import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkOperation, type OperationCase } from '../../reference/testing/check-operation.ts';
import { input } from '../value.ts';
import * as op from './index.ts';

const cases: Readonly<Record<string, OperationCase>> = {
  reshape: { shapes: [[2, 6]], build: (x) => op.reshape(x, [3, -1]) },
  flatten: { shapes: [[2, 3, 2]], build: (x) => op.mul(op.flatten(x), 2) },
  'unsqueeze and squeeze': { shapes: [[2, 1, 3]], build: (x) => op.unsqueeze(op.squeeze(x, 1), -1) },
  transpose: { shapes: [[2, 3, 4]], build: (x) => op.transpose(x, [2, 0, 1]) },
  concat: {
    shapes: [
      [2, 1],
      [2, 3],
      [2, 2],
    ],
    build: (a, b, c) => op.concat([a, b, c], 1),
  },
  'split uses every part': {
    shapes: [[2, 6]],
    build: (x) => {
      const [a, , c] = op.split(x, 1, [1, 2, 3]);
      return op.mul(a ?? x, c ?? x);
    },
  },
  slice: { shapes: [[4, 5]], build: (x) => op.slice(x, 1, 1, 4) },
  'slice with a step': { shapes: [[2, 7]], build: (x) => op.slice(x, 1, 1, 7, 3) },
  'slice from the end': { shapes: [[5]], build: (x) => op.slice(x, 0, -3, -1) },
  pad: { shapes: [[2, 3]], build: (x) => op.pad(x, [1, 0], [0, 2]) },
  expand: { shapes: [[2, 1]], build: (x) => op.expand(x, [3, 2, 4]) },
  reduceSum: { shapes: [[2, 3, 4]], build: (x) => op.reduceSum(x, { axes: [0, -1] }) },
  'reduceSum of everything': { shapes: [[2, 3]], build: (x) => op.reduceSum(x) },
  reduceMean: { shapes: [[2, 3, 4]], build: (x) => op.reduceMean(x, { axes: [1], keepAxes: true }) },
  reduceMax: { shapes: [[3, 5]], build: (x) => op.reduceMax(x, { axes: [1] }) },
  reduceMin: { shapes: [[3, 5]], build: (x) => op.reduceMin(x, { axes: [0], keepAxes: true }) },
  logSumExp: { shapes: [[3, 5]], build: (x) => op.logSumExp(op.mul(x, 30), { axes: [1] }), gradientTolerance: 1e-5 },
  softmax: { shapes: [[3, 5]], build: (x) => op.softmax(x) },
  'softmax along the first axis': { shapes: [[3, 2, 2]], build: (x) => op.softmax(x, 0) },
  logSoftmax: { shapes: [[2, 4]], build: (x) => op.logSoftmax(x) },
  argMax: { shapes: [[3, 4]], build: (x) => op.argMax(x, 0), noGradient: 'positions' },
  argMin: { shapes: [[3, 4]], build: (x) => op.argMin(x), noGradient: 'positions' },
  matMul: {
    shapes: [
      [3, 4],
      [4, 2],
    ],
    build: op.matMul,
  },
  'matMul of batches': {
    shapes: [
      [2, 3, 4],
      [2, 4, 2],
    ],
    build: op.matMul,
  },
  'matMul broadcasts batches': {
    shapes: [
      [2, 1, 3, 4],
      [5, 4, 2],
    ],
    build: op.matMul,
  },
  'matMul of a batch and a matrix': {
    shapes: [
      [2, 3, 4],
      [4, 2],
    ],
    build: op.matMul,
  },
  gemm: {
    shapes: [[4, 3], [2, 4], [2]],
    build: (a, b, c) => op.gemm([a, b, c], { transA: 1, transB: 1, alpha: 0.5, beta: 2 }),
    noGradient: 'written by passes after differentiation',
  },
  'fusedMatMul with transposed batches': {
    shapes: [
      [3, 2, 5, 4],
      [6, 2, 5, 4],
    ],
    build: (a, b) => op.fusedMatMul(a, b, { transBatchA: 1, transBatchB: 1, transB: 1, alpha: 0.25 }),
    noGradient: 'written by passes after differentiation',
  },
  'fusedMatMul with transposed matrices': {
    shapes: [
      [2, 4, 3],
      [2, 4, 5],
    ],
    build: (a, b) => op.fusedMatMul(a, b, { transA: 1 }),
    noGradient: 'written by passes after differentiation',
  },
  gather: {
    shapes: [
      [4, 3],
      [2, 2],
    ],
    dtypes: ['float32', 'int64'],
    values: [null, [0, 3, 3, 1]],
    build: (data, indices) => op.gather(data, indices),
  },
  'gather along a later axis': {
    shapes: [[2, 4, 3], [5]],
    dtypes: ['float32', 'int32'],
    values: [null, [0, 3, 3, 1, 2]],
    build: (data, indices) => op.gather(data, indices, 1),
  },
  'gather from a table too long for one-hot rows': {
    shapes: [
      [600, 2],
      [3, 2],
    ],
    dtypes: ['float32', 'int64'],
    values: [null, [5, 599, 5, 0, 1, 2]],
    build: (data, indices) => op.gather(data, indices),
  },
  oneHot: {
    shapes: [[3]],
    dtypes: ['int64'],
    values: [[2, 0, 1]],
    build: (x) => op.oneHot(x, 4),
    noGradient: 'indices',
  },
  scatterNdAdd: {
    shapes: [
      [4, 3],
      [3, 1],
      [3, 3],
    ],
    dtypes: ['float32', 'int64', 'float32'],
    values: [null, [1, 1, 3], null],
    build: op.scatterNdAdd,
  },
  gatherNd: {
    shapes: [
      [3, 4],
      [3, 2],
    ],
    dtypes: ['float32', 'int64'],
    values: [null, [1, 1, 2, 3, 1, 1]],
    build: op.gatherNd,
  },
};

for (const [name, operation] of Object.entries(cases)) test(name, () => checkOperation(operation));

test('reshape works sizes out that are symbols', () => {
  const x = input('x', 'float32', ['N', 4, 3]);
  assert.deepEqual(op.reshape(x, ['N', -1]).shape, ['N', 12]);
  assert.deepEqual(op.reshape(x, [-1, 12]).shape, ['N', 12]);
  assert.throws(() => op.reshape(x, [-1, 5]), {
    reason: 'INVALID_GRAPH',
    message: 'Reshape: [N,4,3] cannot become [-1,5]',
  });
});

test('operations refuse operands that do not fit, naming themselves', () => {
  const a = input('a', 'float32', [2, 3]);
  const b = input('b', 'float32', [4, 5]);
  assert.throws(() => op.add(a, b), { message: 'Add: shapes [2,3] and [4,5] do not broadcast (2 against 4)' });
  assert.throws(() => op.matMul(a, b), { message: 'MatMul: the inner sizes of [2,3] and [4,5] differ (3 against 4)' });
  assert.throws(() => op.add(a, op.cast(a, 'int64')), { message: 'Add: expected equal dtypes, got float32 and int64' });
  assert.throws(() => op.softmax(a, 2), { message: 'Softmax: axis must be in [-2, 1], got 2' });
});
