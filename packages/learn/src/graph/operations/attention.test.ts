import assert from 'node:assert/strict';
import { test } from 'node:test';
import { evaluate, numbersOf } from '../../reference/index.ts';
import { checkOperation, type OperationCase } from '../../reference/testing/check-operation.ts';
import { gradients } from '../gradients.ts';
import { input } from '../value.ts';
import * as op from './index.ts';

const heads = [
  [2, 2, 3, 4],
  [2, 2, 5, 4],
  [2, 2, 5, 3],
] as const;

const cases: Readonly<Record<string, OperationCase>> = {
  scaledDotProductAttention: { shapes: heads, build: (q, k, v) => op.scaledDotProductAttention(q, k, v) },
  'scaledDotProductAttention of the past': {
    shapes: [
      [1, 2, 4, 3],
      [1, 2, 4, 3],
      [1, 2, 4, 3],
    ],
    build: (q, k, v) => op.scaledDotProductAttention(q, k, v, { causal: true, scale: 0.7 }),
  },
  'scaledDotProductAttention with what is added to the scores': {
    shapes: [...heads, [3, 5]],
    build: (q, k, v, bias) => op.scaledDotProductAttention(q, k, v, { mask: bias }),
  },
  'scaledDotProductAttention over some sources': {
    shapes: [...heads, [2, 1, 1, 5]],
    values: [null, null, null, [1, 0, 1, 1, 0, 0, 0, 0, 0, 0]],
    dtypes: ['float32', 'float32', 'float32', 'int64'],
    build: (q, k, v, allowed) => op.scaledDotProductAttention(q, k, v, { mask: op.equal(allowed, 1) }),
  },
  'scaledDotProductAttention over some sources of the past': {
    shapes: [[1, 1, 3, 2], [1, 1, 3, 2], [1, 1, 3, 2], [3]],
    values: [null, null, null, [0, 1, 1]],
    dtypes: ['float32', 'float32', 'float32', 'int64'],
    build: (q, k, v, allowed) => op.scaledDotProductAttention(q, k, v, { mask: op.equal(allowed, 1), causal: true }),
  },
  'maskedSoftmax along the first axis': {
    shapes: [
      [4, 3],
      [4, 3],
    ],
    values: [null, [1, 1, 0, 0, 1, 0, 1, 1, 0, 1, 1, 0]],
    dtypes: ['float32', 'int64'],
    build: (x, allowed) => op.maskedSoftmax(op.mul(x, 5), op.equal(allowed, 1), 0),
  },
};

for (const [name, operation] of Object.entries(cases)) test(name, () => checkOperation(operation));

test('maskedSoftmax gives zeros and no gradient where nothing is allowed', () => {
  const x = input('x', 'float64', [3, 2]);
  const mask = op.constantOf('bool', [3, 2], [1, 1, 0, 0, 0, 1]);
  const y = op.maskedSoftmax(x, mask);
  const [gradient] = gradients(op.reduceSum(op.mul(y, op.exp(y))), [x]);
  const values = Float64Array.of(1, 1, 50, Number.NaN, Number.POSITIVE_INFINITY, -3);
  const [found, slope] = evaluate(
    [y, gradient ?? assert.fail()],
    new Map([[x, { dtype: 'float64', shape: [3, 2], data: values }]]),
  );
  assert.deepEqual([...numbersOf(found).data], [0.5, 0.5, 0, 0, 0, 1]);
  assert.deepEqual([...numbersOf(slope).data].slice(2, 5), [0, 0, 0]);
});

test('attention refuses shapes that do not fit', () => {
  const q = input('q', 'float32', [1, 1, 3, 2]);
  const k = input('k', 'float32', [1, 1, 4, 2]);
  assert.throws(() => op.scaledDotProductAttention(q, k, k, { causal: true }), {
    reason: 'INVALID_GRAPH',
    message: 'attention: causal needs as many sources as times, got 4 and 3',
  });
  assert.throws(() => op.maskedSoftmax(q, op.constantOf('bool', [4], [1, 1, 0, 0])), { reason: 'INVALID_GRAPH' });
});
