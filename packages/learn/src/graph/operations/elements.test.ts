import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkOperation, type OperationCase } from '../../reference/testing/check-operation.ts';
import { input } from '../value.ts';
import * as op from './index.ts';

const cases: Readonly<Record<string, OperationCase>> = {
  gatherElements: {
    shapes: [
      [3, 4],
      [2, 4],
    ],
    dtypes: ['float32', 'int64'],
    values: [null, [0, 2, 1, -1, 0, 0, 1, 2]],
    build: (data, indices) => op.gatherElements(data, indices),
  },
  'gatherElements along the last axis, fewer rows': {
    shapes: [
      [3, 2, 4],
      [2, 2, 3],
    ],
    dtypes: ['float32', 'int32'],
    values: [null, [0, 3, 3, 1, 1, 1, 2, 0, 1, -4, 3, 2]],
    build: (data, indices) => op.gatherElements(data, indices, -1),
  },
  'scatterElementsAdd adds up equal indices': {
    shapes: [
      [3, 4],
      [2, 4],
      [2, 4],
    ],
    dtypes: ['float32', 'int64', 'float32'],
    values: [null, [0, 2, 1, -1, 0, 0, 1, 2], null],
    build: (data, indices, updates) => op.scatterElementsAdd(data, indices, { updates }),
  },
  'scatterElementsAdd along a later axis': {
    shapes: [
      [2, 5],
      [2, 3],
      [2, 3],
    ],
    dtypes: ['float32', 'int64', 'float32'],
    values: [null, [4, 4, 0, 1, 2, 1], null],
    build: (data, indices, updates) => op.scatterElementsAdd(data, indices, { updates, axis: 1 }),
  },
  'topK values': { shapes: [[3, 6]], build: (x) => op.topK(x, 3).values },
  'topK values, the smallest along the first axis': {
    shapes: [[5, 2, 2]],
    build: (x) => op.mul(op.topK(x, 2, { axis: 0, largest: false }).values, 3),
  },
  'topK indices, equal elements in order': {
    shapes: [[2, 5]],
    values: [[1, 3, 3, 0, 3, -1, -1, -2, -1, -5]],
    build: (x) => op.topK(x, 4).indices,
    noGradient: 'positions',
  },
  cumSum: { shapes: [[2, 5]], build: (x) => op.cumSum(x, 1) },
  'cumSum from the end without the element': {
    shapes: [[4, 2, 3]],
    build: (x) => op.cumSum(x, 0, { exclusive: true, reverse: true }),
  },
  'cumSum without the element': { shapes: [[2, 4]], build: (x) => op.cumSum(op.square(x), -1, { exclusive: true }) },
  tile: { shapes: [[2, 3]], build: (x) => op.tile(x, [2, 3]) },
  'tile of a cube': { shapes: [[2, 1, 3]], build: (x) => op.square(op.tile(x, [1, 2, 2])) },
  lowerTriangle: { shapes: [[2, 4, 3]], build: (x) => op.lowerTriangle(x) },
  'lowerTriangle below the diagonal': { shapes: [[3, 4]], build: (x) => op.lowerTriangle(x, -1) },
  'upperTriangle above the diagonal': { shapes: [[4, 4]], build: (x) => op.upperTriangle(x, 1) },
  rangeOf: {
    shapes: [[1, 4]],
    build: (x) => op.mul(x, op.rangeOf(4, { start: -1, step: 0.5, dtype: x.dtype })),
  },
};

for (const [name, operation] of Object.entries(cases)) test(name, () => checkOperation(operation));

test('operations on elements refuse what does not fit', () => {
  const x = input('x', 'float32', [2, 3]);
  const refused = (message: string): { reason: string; message: string } => ({ reason: 'INVALID_GRAPH', message });
  assert.throws(
    () => op.gatherElements(x, input('i', 'int64', [2, 4]), 0),
    refused('GatherElements: indices [2,4] do not fit [2,3]'),
  );
  assert.throws(() => op.topK(x, 4), refused('TopK: 4 of 3 elements cannot be taken'));
  assert.throws(() => op.tile(x, [2]), refused('Tile: expected one number per axis of [2,3], got [2]'));
  assert.throws(() => op.cumSum(x, 2), refused('CumSum: axis must be in [-2, 1], got 2'));
});
