import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkOperation, type OperationCase } from '../../reference/testing/check-operation.ts';
import { input } from '../value.ts';
import * as op from './index.ts';

const cases: Readonly<Record<string, OperationCase>> = {
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
};

for (const [name, operation] of Object.entries(cases)) test(name, () => checkOperation(operation));

test('reductions and softmax refuse axes that are not there', () => {
  const a = input('a', 'float32', [2, 3]);
  assert.throws(() => op.softmax(a, 2), { message: 'Softmax: axis must be in [-2, 1], got 2' });
  assert.throws(() => op.reduceMean(a, { axes: [0, -2] }), { message: 'ReduceMean: axes [0,-2] name one axis twice' });
});
