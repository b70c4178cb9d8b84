import { test } from 'node:test';
import { checkOperation, type OperationCase } from '../../reference/testing/check-operation.ts';
import { withGradient } from './with-gradient.ts';
import * as op from './index.ts';
import assert from 'node:assert/strict';
import { input, type Value } from '../value.ts';
import { gradients } from '../gradients.ts';
import { rewrite } from '../traverse.ts';
import { evaluate, numbersOf } from '../../reference/index.ts';

/** Away from 0, where these have a kink. */
const bent = (x: number): number => 1.7 * x + Math.sign(x) * 0.1;

const cases: Readonly<Record<string, OperationCase>> = {
  gelu: { shapes: [[3, 7]], build: (x) => op.gelu(x), transform: bent },
  'gelu by tanh': { shapes: [[3, 7]], build: (x) => op.gelu(x, 'tanh'), transform: bent },
  silu: { shapes: [[3, 7]], build: op.silu, transform: bent },
  mish: { shapes: [[3, 7]], build: op.mish, transform: bent },
  hardSigmoid: { shapes: [[3, 7]], build: (x) => op.hardSigmoid(x), values: [drawn(21)] },
  'hardSigmoid with its own slope': {
    shapes: [[3, 7]],
    build: (x) => op.hardSigmoid(x, 0.3, 0.4),
    values: [drawn(21)],
  },
  hardSwish: { shapes: [[3, 7]], build: op.hardSwish, values: [drawn(21)] },
  leakyRelu: { shapes: [[3, 7]], build: (x) => op.leakyRelu(x), transform: bent },
  'leakyRelu that falls on the left': { shapes: [[7]], build: (x) => op.leakyRelu(x, -0.3), transform: bent },
  elu: { shapes: [[3, 7]], build: (x) => op.elu(x), transform: bent },
  'elu with an alpha': { shapes: [[9]], build: (x) => op.elu(x, 0.4), transform: bent },
  selu: { shapes: [[3, 7]], build: (x) => op.selu(x), transform: bent },
  softsign: { shapes: [[3, 7]], build: op.softsign, transform: bent },
  prelu: {
    shapes: [
      [2, 3, 4],
      [3, 1],
    ],
    build: op.prelu,
    transform: bent,
  },
};

/** From −4 to 4 in even steps, none of them on a kink. */
function drawn(count: number): readonly number[] {
  return Array.from({ length: count }, (_, index) => -4.03 + (8 * index) / (count - 1));
}

for (const [name, operation] of Object.entries(cases)) test(name, () => checkOperation(operation));

test('withGradient uses the values of the graph it is in after a rewrite', () => {
  const x = input('x', 'float64', []);
  const squared = withGradient(op.mul(x, x), [x], (dy, _, at) => [op.mul(dy, op.mul(at, 2))]);
  const other = input('other', 'float64', []);
  const [moved] = rewrite([op.reduceSum(squared)], new Map<Value, Value>([[x, other]]));
  assert(moved);
  const [gradient] = gradients(moved, [other]);
  assert(gradient);
  const three = { dtype: 'float64', shape: [], data: Float64Array.of(3) } as const;
  assert.equal(numbersOf(evaluate([gradient], new Map([[other, three]]))[0]).data[0], 6);
});
