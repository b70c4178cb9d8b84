import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkOperation, type OperationCase } from '../../reference/testing/check-operation.ts';
import { input } from '../value.ts';
import * as op from './index.ts';

/** Inputs 1 … are per channel; the last is a variance. */
const positiveLast =
  (last: number) =>
  (value: number, index: number): number =>
    index === last ? Math.abs(value) + 0.4 : value;

const cases: Readonly<Record<string, OperationCase>> = {
  layerNormalization: { shapes: [[3, 5]], build: (x) => op.layerNormalization(x) },
  'layerNormalization with scale and bias': {
    shapes: [[2, 3, 5], [5], [5]],
    build: (x, scale, bias) => op.layerNormalization(x, { scale, bias, epsilon: 1e-3 }),
  },
  'layerNormalization over two axes': {
    shapes: [
      [2, 3, 4],
      [3, 4],
    ],
    build: (x, scale) => op.layerNormalization(x, { scale, axis: 1 }),
  },
  rmsNormalization: { shapes: [[3, 5], [5]], build: (x, scale) => op.rmsNormalization(x, { scale }) },
  rmsNormalizationOperator: {
    shapes: [[2, 3, 5], [5]],
    build: (x, scale) => op.rmsNormalizationOperator(x, { scale, epsilon: 0.01 }),
    noGradient: 'only computes',
  },
  'rmsNormalization over two axes': { shapes: [[2, 3, 4]], build: (x) => op.rmsNormalization(x, { axis: 1 }) },
  batchNormalization: {
    shapes: [[2, 3, 2, 2], [3], [3], [3], [3]],
    build: (x, scale, bias, mean, variance) => op.batchNormalization(x, { scale, bias, mean, variance, epsilon: 1e-3 }),
    transform: positiveLast(4),
  },
  'batchNormalization of rows': {
    shapes: [[4, 3], [3], [3], [3], [3]],
    build: (x, scale, bias, mean, variance) => op.batchNormalization(x, { scale, bias, mean, variance }),
    transform: positiveLast(4),
  },
  batchNormalizationTraining: {
    shapes: [[3, 2, 2, 3], [2], [2]],
    build: (x, scale, bias) => op.batchNormalizationTraining(x, { scale, bias }).y,
    gradientTolerance: 1e-5,
  },
  'batchNormalizationTraining of rows': {
    shapes: [[5, 3], [3], [3]],
    build: (x, scale, bias) => op.batchNormalizationTraining(x, { scale, bias, epsilon: 1e-3 }).y,
    gradientTolerance: 1e-5,
  },
  'batchNormalizationTraining gives the statistics': {
    shapes: [[3, 2, 4], [2], [2]],
    build: (x, scale, bias) => {
      const { mean, variance } = op.batchNormalizationTraining(x, { scale, bias });
      return op.concat([mean, variance], 0);
    },
  },
  'statistics and result differentiated together': {
    shapes: [[4, 2], [2], [2]],
    build: (x, scale, bias) => {
      const { y, mean, variance } = op.batchNormalizationTraining(x, { scale, bias });
      return op.mul(op.add(y, mean), variance);
    },
    gradientTolerance: 1e-5,
  },
};

for (const [name, operation] of Object.entries(cases)) test(name, () => checkOperation(operation));

test('normalisation refuses parameters of another shape', () => {
  const x = input('x', 'float32', [2, 3, 4]);
  const scale = input('scale', 'float32', [2]);
  assert.throws(() => op.batchNormalizationTraining(x, { scale, bias: scale }), {
    message: 'BatchNormalization: expected float32 [3], got float32 [2]',
  });
  assert.throws(() => op.layerNormalization(x, { scale, axis: 1 }), {
    message: 'LayerNormalization: scale and bias must be float32 [3,4], got float32 [2]',
  });
});
