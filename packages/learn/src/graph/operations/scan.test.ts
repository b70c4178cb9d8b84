import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compileToOnnx } from '../../compile/index.ts';
import { arrayFromTensor, evaluate, type NumericArray, numbersOf, tensorFromArray } from '../../reference/index.ts';
import { assertClose, checkOperation, ortExecutor } from '../../reference/testing/check-operation.ts';
import { createRandom } from '../../statistics/index.ts';
import { gradients, pullBack } from '../gradients.ts';
import { sortNodes } from '../traverse.ts';
import { input, type Value } from '../value.ts';
import { isBody, verifyGraph } from '../verify.ts';
import * as op from './index.ts';

type Loop = typeof op.scan;

/** The same as `scan`, as one long graph. */
const unrolled: Loop = (initial, sequences, step, { reverse = false } = {}) => {
  const length = Number(sequences[0]?.shape[0]);
  let states = initial;
  const outputs: (readonly Value[])[] = [];
  for (let index = 0; index < length; index++) {
    const at = reverse ? length - 1 - index : index;
    const elements = sequences.map((each) => op.squeeze(op.slice(each, 0, at, at + 1), 0));
    const next = step(states, elements);
    states = next.states;
    outputs.push(next.outputs);
  }
  if (reverse) outputs.reverse();
  const stacked = (outputs[0] ?? []).map((_, which) =>
    op.concat(
      outputs.map((each) => op.unsqueeze(each[which] ?? assert.fail(), 0)),
      0,
    ),
  );
  return { states, outputs: stacked };
};

interface LoopCase {
  readonly shapes: readonly (readonly number[])[];
  readonly build: (loop: Loop, ...inputs: Value[]) => Value;
}

const one = (values: readonly Value[], index = 0): Value => values[index] ?? assert.fail();

function lstm(loop: Loop, [x, h, c, w, u, b]: readonly Value[], reverse = false): Value {
  assert(x && h && c && w && u && b);
  const size = Number(h.shape[1]);
  const result = loop(
    [h, c],
    [x],
    ([hidden, cell], [element]) => {
      assert(hidden && cell && element);
      const gates = op.split(op.add(op.add(op.matMul(element, w), op.matMul(hidden, u)), b), 1, [
        size,
        size,
        size,
        size,
      ]);
      const next = op.add(
        op.mul(op.sigmoid(one(gates, 1)), cell),
        op.mul(op.sigmoid(one(gates, 0)), op.tanh(one(gates, 2))),
      );
      const output = op.mul(op.sigmoid(one(gates, 3)), op.tanh(next));
      return { states: [output, next], outputs: [output] };
    },
    { reverse },
  );
  return op.concat([one(result.outputs), op.unsqueeze(one(result.states, 1), 0)], 0);
}

const cases: Readonly<Record<string, LoopCase>> = {
  'cumulative products': {
    shapes: [[5, 3]],
    build: (loop, x) =>
      one(
        loop([op.filled(x.dtype, [3], 1)], [x], ([product], [element]) => {
          const next = op.mul(one([product ?? x]), element ?? x);
          return { states: [next], outputs: [next] };
        }).outputs,
      ),
  },
  'cumulative products from the end': {
    shapes: [[5, 3], [3]],
    build: (loop, x, start) =>
      one(
        loop(
          [start],
          [x],
          ([product], [element]) => {
            const next = op.mul(product ?? x, element ?? x);
            return { states: [next], outputs: [product ?? x] };
          },
          { reverse: true },
        ).outputs,
      ),
  },
  'a recurrent cell': {
    shapes: [[4, 2, 3], [2, 5], [3, 5], [5, 5], [5]],
    build: (loop, x, h, w, u, b) =>
      one(
        loop([h], [x], ([hidden], [element]) => {
          const next = op.tanh(op.add(op.add(op.matMul(element ?? x, w), op.matMul(hidden ?? h, u)), b));
          return { states: [next], outputs: [next] };
        }).outputs,
      ),
  },
  'a long short-term memory cell': {
    shapes: [[4, 2, 3], [2, 2], [2, 2], [3, 8], [2, 8], [8]],
    build: (loop, ...inputs) => lstm(loop, inputs),
  },
  'a long short-term memory cell backwards': {
    shapes: [[3, 2, 3], [2, 2], [2, 2], [3, 8], [2, 8], [8]],
    build: (loop, ...inputs) => lstm(loop, inputs, true),
  },
  'only the final state, two sequences, an unused state': {
    shapes: [[4, 2], [4, 2], [2], [2]],
    build: (loop, a, b, first, second) =>
      one(
        loop([first, second], [a, b], ([x, y], [p, q]) => ({
          states: [op.add(op.mul(x ?? a, p ?? a), q ?? b), op.mul(y ?? a, 2)],
          outputs: [op.exp(q ?? b)],
        })).states,
      ),
  },
  'a state that another one reads a step later': {
    shapes: [[4, 2], [2], [2]],
    build: (loop, x, first, second) =>
      one(
        loop([first, second], [x], ([a, b], [element]) => ({
          states: [op.sin(b ?? x), op.mul(a ?? x, element ?? x)],
          outputs: [],
        })).states,
      ),
  },
  'a counter among the states': {
    shapes: [[3, 4], [4]],
    build: (loop, x, start) =>
      one(
        loop([start, op.scalar('int64', 0)], [x], ([state, count], [element]) => {
          const picked = op.gather(element ?? x, count ?? x);
          return {
            states: [op.mul(state ?? x, picked), op.add(count ?? x, 1)],
            outputs: [op.mul(picked, op.cast(count ?? x, x.dtype))],
          };
        }).states,
      ),
  },
  'work that is the same in every step': {
    shapes: [
      [3, 2],
      [2, 2],
    ],
    build: (loop, x, w) =>
      one(
        loop([op.filled(x.dtype, [2], 0.5)], [x], ([state], [element]) => {
          const table = op.matMul(op.exp(w), op.tanh(w));
          const next = op.reshape(op.matMul(op.reshape(op.mul(state ?? x, element ?? x), [1, 2]), table), [2]);
          return { states: [next], outputs: [op.add(next, op.reduceSum(op.mul(table, table)))] };
        }).outputs,
      ),
  },
  'a loop inside a loop that uses values of both and from outside': {
    shapes: [[2, 3, 2], [2], [2]],
    build: (loop, x, start, weight) =>
      one(
        loop([start], [x], ([outer], [rows]) => {
          const shift = op.sin(op.mul(outer ?? x, weight));
          const inner = loop([op.tanh(outer ?? x)], [rows ?? x], ([state], [row]) => {
            const next = op.mul(op.add(op.mul(state ?? x, row ?? x), shift), op.exp(weight));
            return { states: [next], outputs: [op.mul(next, outer ?? x)] };
          });
          return { states: [op.tanh(one(inner.states))], outputs: [op.reduceSum(one(inner.outputs), { axes: [0] })] };
        }).outputs,
      ),
  },
};

function randomArrays(shapes: readonly (readonly number[])[], dtype: 'float32' | 'float64'): readonly NumericArray[] {
  const random = createRandom('scan');
  return shapes.map((shape) => {
    const count = shape.reduce((total, size) => total * size, 1);
    return { dtype, shape, data: Float64Array.from({ length: count }, () => Math.fround(random.normal() * 0.7)) };
  });
}

for (const [name, { shapes, build }] of Object.entries(cases)) {
  test(`scan: ${name}: runs, and its derivatives are those of finite differences`, () =>
    checkOperation({ shapes, build: (...inputs) => build(op.scan, ...inputs), transform: (x) => x * 0.7 }));

  test(`scan: ${name}: equals the unrolled graph in value and derivatives`, async () => {
    const graphOf = (
      loop: Loop,
      dtype: 'float32' | 'float64',
    ): { sources: readonly Value[]; values: readonly Value[] } => {
      const sources = shapes.map((shape, index) => input(`x${index}`, dtype, shape));
      const result = build(loop, ...sources);
      const loss = op.reduceSum(op.mul(result, op.sin(result)));
      return { sources, values: [result, ...gradients(loss, sources)] };
    };
    const arrays = randomArrays(shapes, 'float64');
    const compute = ({ sources, values }: ReturnType<typeof graphOf>): readonly NumericArray[] =>
      evaluate(values, new Map(sources.map((source, index) => [source, arrays[index] ?? assert.fail()]))).map(
        numbersOf,
      );
    const looped = graphOf(op.scan, 'float64');
    verifyGraph(looped.values);
    const expected = compute(graphOf(unrolled, 'float64'));
    const joined = { ...looped, values: op.joinScans(looped.values) };
    verifyGraph(joined.values);
    for (const found of [compute(looped), compute(joined)]) {
      for (const [index, array] of found.entries()) assertClose(array, expected[index] ?? assert.fail(), 1e-12);
    }

    const float32 = graphOf(op.scan, 'float32');
    const model = compileToOnnx(new Map(float32.values.map((value, index) => [`y${index}`, value])), {
      inputs: float32.sources,
    });
    const compiled = await (await ortExecutor()).compile(model);
    try {
      const feeds = randomArrays(shapes, 'float32').map(
        (array, index) => [`x${index}`, tensorFromArray(array)] as const,
      );
      const outputs = await compiled.run(new Map(feeds));
      for (const [index, array] of expected.entries()) {
        const found = arrayFromTensor(outputs.get(`y${index}`) ?? assert.fail());
        assertClose(found, { ...array, dtype: 'float32' }, 1e-5);
      }
    } finally {
      await compiled.dispose();
    }
  });
}

/** Names of the operators of a graph, of its bodies too. */
function operators(values: readonly Value[]): readonly string[] {
  return sortNodes(values).flatMap(({ operation, attributes }) => {
    const { body } = attributes;
    return [operation.name, ...(isBody(body) ? operators(body.outputs) : [])];
  });
}

test('joinScans leaves one forward and one backward loop, without what nobody asked for', () => {
  const shapes = cases['a long short-term memory cell']?.shapes ?? assert.fail();
  const sources = shapes.map((shape, index) => input(`x${index}`, 'float32', shape));
  const loss = op.reduceSum(lstm(op.scan, sources));
  const count = (values: readonly Value[], name: string): number =>
    operators(values).filter((each) => each === name).length;
  const graph = [loss, ...gradients(loss, sources)];
  const weights = [loss, ...gradients(loss, sources.slice(3))];
  assert.equal(count(op.joinScans(graph), 'Scan'), 2);
  // Once forward, and once for each of x, h, W and U; without x one less.
  assert.equal(count(op.joinScans(graph), 'MatMul'), 2 + 4);
  assert.equal(count(op.joinScans(weights), 'MatMul'), 2 + 3);
  assert.equal(count(op.joinScans([loss]), 'Tanh'), 2);
  const again = op.joinScans(op.joinScans(graph));
  assert.deepEqual(operators(again), operators(op.joinScans(graph)));
});

test('scan can be differentiated twice', () =>
  checkOperation({
    shapes: [
      [3, 2],
      [2, 2],
    ],
    build: (x, w) => {
      const { states } = op.scan([op.filled(x.dtype, [1, 2], 0.3)], [x], ([state], [element]) => ({
        states: [op.tanh(op.add(op.matMul(state ?? x, w), element ?? x))],
        outputs: [],
      }));
      const [dx, dw] = gradients(op.reduceSum(op.square(one(states))), [x, w]);
      return op.add(op.reduceSum(op.square(dx ?? x)), op.reduceSum(op.square(dw ?? w)));
    },
    tolerance: 1e-4,
  }));

test('scan over sequences without elements gives the initial states, derivatives included', async () => {
  const start = input('start', 'float32', [2]);
  const run = (x: Value): readonly Value[] => {
    const { states, outputs } = op.scan([start], [x], ([state], [element]) => {
      const next = op.mul(state ?? x, element ?? x);
      return { states: [next], outputs: [next] };
    });
    const [gradient] = pullBack([one(states), one(outputs)], [op.mul(one(states), 2), x], [start]);
    return [one(states), one(outputs), gradient ?? assert.fail()];
  };
  const initial: NumericArray = { dtype: 'float32', shape: [2], data: Float64Array.of(3, -2) };
  const empty: NumericArray = { dtype: 'float32', shape: [0, 2], data: new Float64Array() };
  const expected = [initial, empty, { ...initial, data: Float64Array.of(6, -4) }];
  for (const length of ['T', 0]) {
    const x = input('x', 'float32', [length, 2]);
    const feeds = new Map([
      [x, empty],
      [start, initial],
    ]);
    for (const [index, array] of evaluate(run(x), feeds).entries()) {
      assertClose(array, expected[index] ?? assert.fail(), 0);
    }
  }
  const values = run(input('x', 'float32', [0, 2])).map((value, index) => [`y${index}`, value] as const);
  const compiled = await (await ortExecutor()).compile(compileToOnnx(new Map(values), { inputs: [start] }));
  try {
    const outputs = await compiled.run(new Map([['start', tensorFromArray(initial)]]));
    for (const [index, array] of expected.entries()) {
      assertClose(arrayFromTensor(outputs.get(`y${index}`) ?? assert.fail()), array, 0);
    }
  } finally {
    await compiled.dispose();
  }
});

test('scan works on lengths and batches that are known when it runs', async () => {
  const x = input('x', 'float32', ['T', 'N', 2]);
  const h = input('h', 'float32', ['N', 2]);
  const w = input('w', 'float32', [2, 2]);
  const { states, outputs } = op.scan([h], [x], ([state], [element]) => {
    const next = op.tanh(op.matMul(op.add(state ?? x, element ?? x), w));
    return { states: [next], outputs: [op.mul(next, element ?? x)] };
  });
  const pulled = pullBack([one(states), one(outputs)], [h, x], [x, h, w]);
  const values = [one(outputs), ...pulled.map((gradient) => gradient ?? assert.fail())];
  const random = createRandom('symbols');
  const draw = (shape: readonly number[]): NumericArray => {
    const count = shape.reduce((total, size) => total * size, 1);
    return { dtype: 'float32', shape, data: Float64Array.from({ length: count }, () => Math.fround(random.normal())) };
  };
  const arrays = [draw([5, 3, 2]), draw([3, 2]), draw([2, 2])];
  const inputs = [x, h, w];
  const expected = evaluate(values, new Map(inputs.map((value, index) => [value, arrays[index] ?? assert.fail()])));
  const compiled = await (await ortExecutor()).compile(
    compileToOnnx(new Map(values.map((value, index) => [`y${index}`, value])), { inputs }),
  );
  try {
    const found = await compiled.run(
      new Map(['x', 'h', 'w'].map((name, index) => [name, tensorFromArray(arrays[index] ?? assert.fail())])),
    );
    for (const [index, array] of expected.entries()) {
      assertClose(arrayFromTensor(found.get(`y${index}`) ?? assert.fail()), array, 1e-5);
    }
  } finally {
    await compiled.dispose();
  }
});

test('scan refuses what cannot be repeated', () => {
  const x = input('x', 'float32', [4, 2]);
  const start = input('start', 'float32', [2]);
  const run = (step: (state: Value, element: Value) => readonly Value[], sequences: readonly Value[] = [x]): void => {
    op.scan([start], sequences, ([state], [element]) => ({
      states: step(state ?? x, element ?? x),
      outputs: [],
    }));
  };
  const refused = (message: string): { reason: string; message: string } => ({ reason: 'INVALID_GRAPH', message });
  assert.throws(
    () => run((state) => [op.unsqueeze(state, 0)]),
    refused('Scan: state 0 starts as float32 [2] and becomes float32 [1,2]'),
  );
  assert.throws(
    () => run((state) => [op.cast(state, 'int64')]),
    refused('Scan: state 0 starts as float32 [2] and becomes int64 [2]'),
  );
  assert.throws(() => run(() => []), refused('Scan: a step must give 1 states as it was given, got 0'));
  assert.throws(
    () => run((state) => [state], [x, input('y', 'float32', [3])]),
    refused('Scan: sequences of 4 and 3 elements do not go together'),
  );
  assert.throws(
    () => run((state) => [state], []),
    refused('Scan: expected at least one sequence and no scalars among them'),
  );
});

test('scan repeats a whole training step with a hundred states', async () => {
  const [layers, width, batch, steps] = [17, 3, 2, 8];
  const shapes = Array.from({ length: layers * 6 }, (_, index) => (index % 2 === 0 ? [width, width] : [width]));
  const states = shapes.map((shape, index) => input(`s${index}`, 'float32', shape));
  const x = input('x', 'float32', [steps, batch, width]);
  const train = (loop: Loop): readonly Value[] => {
    const result = loop(states, [x], (current, [rows]) => {
      const [parameters, means, squares] = [0, 1, 2].map((part) =>
        current.slice(part * layers * 2, (part + 1) * layers * 2),
      );
      assert(parameters && means && squares && rows);
      let hidden = rows;
      for (let layer = 0; layer < layers; layer++) {
        const product = op.matMul(hidden, one(parameters, 2 * layer));
        hidden = op.add(hidden, op.tanh(op.add(product, one(parameters, 2 * layer + 1))));
      }
      const loss = op.reduceMean(op.square(op.sub(hidden, 0.3)));
      const nextMeans: Value[] = [];
      const nextSquares: Value[] = [];
      const next = gradients(loss, parameters).map((gradient, index) => {
        const mean = op.add(op.mul(one(means, index), 0.9), op.mul(gradient, 0.1));
        const square = op.add(op.mul(one(squares, index), 0.99), op.mul(op.square(gradient), 0.01));
        nextMeans.push(mean);
        nextSquares.push(square);
        return op.sub(one(parameters, index), op.div(op.mul(mean, 0.05), op.add(op.sqrt(op.abs(square)), 0.1)));
      });
      return { states: [...next, ...nextMeans, ...nextSquares], outputs: [loss] };
    });
    return [...result.states, ...result.outputs];
  };
  const arrays = randomArrays([...shapes, [steps, batch, width]], 'float32');
  const inputs = [...states, x];
  const expected = evaluate(
    train(unrolled),
    new Map(inputs.map((value, index) => [value, arrays[index] ?? assert.fail()])),
  );
  const outputs = new Map(train(op.scan).map((value, index) => [`y${index}`, value]));
  const compiled = await (await ortExecutor()).compile(compileToOnnx(outputs, { inputs }));
  try {
    const names = compiled.inputNames;
    const found = await compiled.run(
      new Map(names.map((name, index) => [name, tensorFromArray(arrays[index] ?? assert.fail())])),
    );
    for (const [index, array] of expected.entries()) {
      assertClose(arrayFromTensor(found.get(`y${index}`) ?? assert.fail()), array, 1e-4);
    }
  } finally {
    await compiled.dispose();
  }
});
