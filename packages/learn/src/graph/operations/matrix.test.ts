import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkOperation, type OperationCase } from '../../reference/testing/check-operation.ts';
import { input } from '../value.ts';
import * as op from './index.ts';

const cases: Readonly<Record<string, OperationCase>> = {
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
};

for (const [name, operation] of Object.entries(cases)) test(name, () => checkOperation(operation));

test('matMul refuses operands that do not fit', () => {
  const a = input('a', 'float32', [2, 3]);
  const b = input('b', 'float32', [4, 5]);
  assert.throws(() => op.matMul(a, b), { message: 'MatMul: the inner sizes of [2,3] and [4,5] differ (3 against 4)' });
});
