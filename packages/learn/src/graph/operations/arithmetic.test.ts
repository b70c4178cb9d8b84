import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkOperation, type OperationCase } from '../../reference/testing/check-operation.ts';
import { input } from '../value.ts';
import * as op from './index.ts';

const positive = (x: number): number => Math.abs(x) + 0.5;
/** Away from 0, where these have a kink. */
const bent = (x: number): number => x + Math.sign(x) * 0.1;

const cases: Readonly<Record<string, OperationCase>> = {
  'add broadcasts both ways': {
    shapes: [
      [2, 1, 3],
      [4, 1],
    ],
    build: op.add,
  },
  'add of a scalar': { shapes: [[3]], build: (x) => op.add(2.5, x) },
  'sub broadcasts': { shapes: [[3, 2], [2]], build: op.sub },
  'mul broadcasts': {
    shapes: [
      [2, 3],
      [2, 1],
    ],
    build: op.mul,
  },
  'mul of a value with itself': { shapes: [[5]], build: op.square },
  'div broadcasts': { shapes: [[3], [2, 3]], build: op.div, transform: positive },
  'pow of two values': { shapes: [[2, 3], [3]], build: op.pow, transform: positive, gradientTolerance: 1e-5 },
  'pow with a constant exponent': { shapes: [[4]], build: (x) => op.pow(x, 3) },
  maximum: { shapes: [[7], [7]], build: op.maximum },
  minimum: { shapes: [[2, 7], [7]], build: op.minimum },
  neg: { shapes: [[4]], build: op.neg },
  abs: { shapes: [[9]], build: op.abs, transform: bent },
  exp: { shapes: [[4]], build: op.exp },
  log: { shapes: [[4]], build: op.log, transform: positive },
  sqrt: { shapes: [[4]], build: op.sqrt, transform: positive },
  reciprocal: { shapes: [[4]], build: op.reciprocal, transform: positive },
  sin: { shapes: [[6]], build: op.sin },
  cos: { shapes: [[6]], build: op.cos },
  tanh: { shapes: [[6]], build: op.tanh },
  sigmoid: { shapes: [[6]], build: op.sigmoid },
  softplus: { shapes: [[6]], build: op.softplus },
  erf: { shapes: [[3, 4]], build: op.erf, transform: (x) => x * 2 },
  relu: { shapes: [[9]], build: op.relu, transform: bent },
  clip: { shapes: [[9]], build: (x) => op.clip(x, -0.8, 0.9) },
  round: {
    shapes: [[5]],
    build: op.round,
    values: [[0.5, 1.5, -2.5, 2.4, -0.6]],
    noGradient: 'zero almost everywhere',
  },
  'floor and ceil': { shapes: [[4]], build: (x) => op.add(op.floor(x), op.ceil(x)) },
  sign: { shapes: [[4]], build: op.sign, transform: bent },
  where: { shapes: [[2, 3], [3], [2, 3]], build: (c, a, b) => op.where(op.greater(c, 0.05), a, b) },
  'cast to int64 and back': {
    shapes: [[4]],
    build: (x) => op.cast(op.cast(op.mul(x, 3), 'int64'), 'float32'),
    noGradient: 'not differentiable',
  },
  'comparisons and logic': {
    shapes: [[8], [8]],
    build: (a, b) =>
      op.or(op.and(op.greater(a, b), op.lessOrEqual(b, 0.3)), op.not(op.greaterOrEqual(op.less(a, 9.5) ? a : b, 0.1))),
    noGradient: 'booleans',
  },
  'isNan and notEqual': {
    shapes: [[3]],
    values: [[Number.NaN, 2, 3]],
    build: (x) => op.or(op.isNan(x), op.notEqual(x, 3)),
    noGradient: 'booleans',
  },
};

for (const [name, operation] of Object.entries(cases)) test(name, () => checkOperation(operation));

test('arithmetic refuses operands that do not fit, naming itself', () => {
  const a = input('a', 'float32', [2, 3]);
  const b = input('b', 'float32', [4, 5]);
  assert.throws(() => op.add(a, b), { message: 'Add: shapes [2,3] and [4,5] do not broadcast (2 against 4)' });
  assert.throws(() => op.add(a, op.cast(a, 'int64')), { message: 'Add: expected equal dtypes, got float32 and int64' });
});
