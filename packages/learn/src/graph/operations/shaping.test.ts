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
