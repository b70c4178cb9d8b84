import { test } from 'node:test';
import { checkOperation, type OperationCase } from '../../reference/testing/check-operation.ts';
import * as op from './index.ts';

const cases: Readonly<Record<string, OperationCase>> = {
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
