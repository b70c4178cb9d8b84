// Loops with a condition, in float64 and on ONNX Runtime, read back from ONNX too.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createTensor, type Executor, type Tensor } from '@amaas/core';
import { compileToOnnx, createReferenceExecutor, simplify } from '../../compile/index.ts';
import { arrayFromTensor, evaluate, numbersOf } from '../../reference/index.ts';
import { ortExecutor } from '../../reference/testing/check-operation.ts';
import { gradients } from '../gradients.ts';
import { input, type Value } from '../value.ts';
import { verifyGraph } from '../verify.ts';
import * as op from './index.ts';

/** Each output as shape and numbers, by every way there is to compute it; all must agree. */
async function compute(
  outputs: readonly Value[],
  feeds: ReadonlyMap<Value, Tensor>,
): Promise<readonly (readonly [readonly number[], readonly number[]])[]> {
  verifyGraph(outputs);
  const arrays = new Map([...feeds].map(([value, tensor]) => [value, arrayFromTensor(tensor)]));
  const direct = evaluate(outputs, arrays).map(
    (array) => [array.shape, [...numbersOf(array).data].map(Math.fround)] as const,
  );
  const named = new Map(outputs.map((value, index) => [`y${index}`, value]));
  const models = [compileToOnnx(named), compileToOnnx(simplify(named))];
  const executors: readonly Executor[] = [await ortExecutor(), createReferenceExecutor()];
  for (const executor of executors) {
    for (const model of models) {
      const compiled = await executor.compile(model);
      const inputs = [...feeds].map(
        ([{ origin }, tensor]) => [origin.kind === 'input' ? origin.name : '', tensor] as const,
      );
      const results = await compiled.run(new Map(inputs));
      const found = [...named.keys()].map((name) => {
        const tensor = results.get(name) ?? assert.fail();
        return [tensor.shape, Array.from(tensor.data, Number)] as const;
      });
      assert.deepEqual(found, direct, executor.name);
      await compiled.dispose();
    }
  }
  return direct;
}

const floats = (shape: readonly number[], ...numbers: readonly number[]): Tensor =>
  createTensor('float32', shape, Float32Array.from(numbers));

test('loop goes on while the step says so, and no longer than it may', async () => {
  const x = input('x', 'float32', []);
  const factor = input('factor', 'float32', []);
  const most = input('most', 'int64', []);
  const [doubled = x, steps = x] = op.loop(
    [x, op.scalar('int64', 0)],
    ([state = x, count = x], index) => {
      const next = op.mul(state, factor);
      return { goesOn: op.less(next, 100), states: [next, op.add(count, op.add(index, 1))] };
    },
    { most },
  );
  const run = (first: number, limit: bigint): ReturnType<typeof compute> =>
    compute(
      [doubled, steps],
      new Map([
        [x, floats([], first)],
        [factor, floats([], 3)],
        [most, createTensor('int64', [], BigInt64Array.of(limit))],
      ]),
    );
  assert.deepEqual(await run(2, 50n), [
    [[], [162]],
    [[], [10]],
  ]);
  assert.deepEqual(await run(2, 2n), [
    [[], [18]],
    [[], [3]],
  ]);
  assert.deepEqual(await run(2, 0n), [
    [[], [2]],
    [[], [0]],
  ]);
});

test('loop need not begin', async () => {
  const x = input('x', 'float32', []);
  const [y = x] = op.loop([x], ([state = x]) => ({ goesOn: op.scalar('bool', 1), states: [op.add(state, 1)] }), {
    most: 3,
    begins: op.greater(x, 1),
  });
  assert.deepEqual(await compute([y], new Map([[x, floats([], 0.5)]])), [[[], [0.5]]]);
  assert.deepEqual(await compute([y], new Map([[x, floats([], 1.5)]])), [[[], [4.5]]]);
});

test('loop carries what grows: sizes that change alike are one size, others are others', async () => {
  const x = input('x', 'float32', ['N', 2]);
  const [once = x, twin = x, twice = x, kept = x] = op.loop(
    [x, x, x, x],
    ([a = x, b = x, c = x, d = x]) => {
      const longer = op.concat([a, x], 0);
      const other = op.concat([b, op.mul(x, 2)], 0);
      return {
        goesOn: op.less(op.reduceSum(c), 100),
        // The sum needs both to be known to be of one size.
        states: [longer, op.add(longer, other), op.concat([c, c], 0), op.add(d, x)],
      };
    },
    { most: 9 },
  );
  assert.deepEqual(once.shape, twin.shape);
  assert.notDeepEqual(once.shape, twice.shape);
  assert.deepEqual(kept.shape, ['N', 2]);
  const found = await compute([once, twin, twice, kept], new Map([[x, floats([1, 2], 10, 20)]]));
  assert.deepEqual(
    found.map(([shape]) => shape),
    [
      [4, 2],
      [4, 2],
      [8, 2],
      [1, 2],
    ],
  );
  assert.deepEqual(found[1]?.[1], [40, 80, 50, 100, 40, 80, 30, 60]);
  assert.deepEqual(found[3]?.[1], [40, 80]);
});

test('loop inside loop', async () => {
  const x = input('x', 'float32', ['N']);
  const [y = x] = op.loop(
    [x],
    ([outer = x]) => {
      const [inner = x] = op.loop(
        [outer],
        ([state = x]) => ({ goesOn: op.scalar('bool', 1), states: [op.concat([state, x], 0)] }),
        { most: 2, name: 'inner' },
      );
      return { goesOn: op.scalar('bool', 1), states: [inner] };
    },
    { most: 2, name: 'outer' },
  );
  assert.deepEqual(await compute([y], new Map([[x, floats([1], 7)]])), [[[5], [7, 7, 7, 7, 7]]]);
});

test('loop refuses states that become something else, conditions that are none, and derivatives', () => {
  const x = input('x', 'float32', [2]);
  const go = op.scalar('bool', 1);
  const refused: readonly (readonly [() => unknown, RegExp])[] = [
    [
      () => op.loop([x], ([a = x]) => ({ goesOn: go, states: [op.cast(a, 'int64')] }), { most: 2 }),
      /^Loop: state 0 starts as float32 \[2\] and becomes int64 \[2\]$/,
    ],
    [() => op.loop([x], () => ({ goesOn: go, states: [] }), { most: 2 }), /must give 1 states as it was given, got 0/],
    [() => op.loop([x], ([a = x]) => ({ goesOn: a, states: [a] }), { most: 2 }), /condition that is a bool scalar/],
    [
      () =>
        gradients(
          op.reduceSum(op.loop([x], ([a = x]) => ({ goesOn: go, states: [op.mul(a, x)] }), { most: 2 })[0] ?? x),
          [x],
        ),
      /Loop/,
    ],
  ];
  for (const [attempt, message] of refused) assert.throws(attempt, { reason: 'INVALID_GRAPH', message });
});
