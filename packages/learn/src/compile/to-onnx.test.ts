import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { NamedTensors, TensorOf } from '@amaas/core';
import { createOrtNodeExecutor } from '@amaas/engine-ort-node';
import {
  add,
  applyOne,
  concat,
  constantOf,
  cumSum,
  defineOperation,
  exp,
  expand,
  fusedMatMul,
  input,
  matMul,
  mul,
  reduceSum,
  reshape,
  scan,
  slice,
  softmax,
  split,
  sub,
  transpose,
  type Value,
} from '../graph/index.ts';
import { inspectModel, type OnnxGraph, readModel, walkModel } from '../onnx/index.ts';
import { compileToOnnx, ONNX_OPSET, toOnnx } from './index.ts';

const executor = await createOrtNodeExecutor({ threads: 1 });

function tensor(shape: readonly number[], ...data: readonly number[]): TensorOf<'float32'> {
  return { dtype: 'float32', shape, data: Float32Array.from(data) };
}

async function runOnOrt(
  outputs: ReadonlyMap<string, Value>,
  inputs: NamedTensors,
  declared: readonly Value[] = [],
): Promise<ReadonlyMap<string, readonly number[]>> {
  const compiled = await executor.compile(compileToOnnx(outputs, { inputs: declared }));
  try {
    return new Map([...(await compiled.run(inputs))].map(([name, { data }]) => [name, Array.from(data, Number)]));
  } finally {
    await compiled.dispose();
  }
}

/** Every name a model gives, in its graph and all bodies. */
function namesOf({ nodes, initializers, inputs }: OnnxGraph): readonly string[] {
  const inner = nodes.flatMap(({ attributes }) =>
    (attributes ?? []).flatMap(({ g }) => (g === undefined ? [] : namesOf(g))),
  );
  return [
    ...inputs.map(({ name }) => name),
    ...initializers.flatMap(({ name }) => name ?? []),
    ...nodes.flatMap(({ outputs }) => outputs),
    ...inner,
  ];
}

const x = input('x', 'float32', [2]);

test('toOnnx declares inputs in the order asked for, then those it found, each once', () => {
  const [a, b, unused] = [input('a', 'float32', [2]), input('b', 'float32', [2]), input('unused', 'int64', ['N'])];
  const model = toOnnx(new Map([['y', add(x, add(b, a))]]), { inputs: [a, unused, a] });
  assert.deepEqual(
    model.graph.inputs.map(({ name }) => name),
    ['a', 'unused', 'b', 'x'],
  );
  const { inputs, outputs, opsets } = inspectModel(model);
  assert.deepEqual(inputs[1], { kind: 'tensor', name: 'unused', dtype: 'int64', shape: ['N'] });
  assert.deepEqual(outputs, [{ kind: 'tensor', name: 'y', dtype: 'float32', shape: [2] }]);
  assert.deepEqual([...opsets], [['', ONNX_OPSET]]);
});

test('toOnnx keeps names that users gave, whatever it would have called things itself', async () => {
  const names = ['Add_0', 'constant_0', 'integers_0', 'item_0', 'result_0', 'Scan_0', '__proto__', 'a b/c:0'];
  const values = names.map((name) => input(name, 'float32', [2]));
  const sum = values.reduce((total, value) => add(total, value));
  const { states } = scan(
    [sum],
    [constantOf('float32', [3, 2], [1, 2, 3, 4, 5, 6])],
    ([state = sum], [element = sum]) => ({
      states: [add(mul(state, 0.5), element)],
      outputs: [],
    }),
  );
  const outputs = new Map([
    ['Add_1', sum],
    ['Exp_0', reduceSum(states[0] ?? sum, { axes: [0] })],
  ]);
  const model = toOnnx(outputs);
  const all = namesOf(model.graph);
  assert.equal(new Set(all).size, all.length, `${all}`);
  const found = await runOnOrt(outputs, new Map(names.map((name, index) => [name, tensor([2], index, 1)])));
  assert.deepEqual(found.get('Add_1'), [28, 8]);
  // Halved three times: 28 / 8 + 1 / 4 + 3 / 2 + 5 and 8 / 8 + 2 / 4 + 4 / 2 + 6.
  assert.deepEqual(found.get('Exp_0'), [10.25 + 9.5]);
});

test('toOnnx refuses names that come twice, or not at all', () => {
  const twin = input('x', 'float32', [3]);
  const refused: readonly (readonly [() => unknown, string])[] = [
    [() => toOnnx(new Map([['y', add(reduceSum(x), reduceSum(twin))]])), 'onnx: two inputs or outputs are named x'],
    [() => toOnnx(new Map([['x', exp(x)]])), 'onnx: two inputs or outputs are named x'],
    [() => toOnnx(new Map([['y', exp(x)]]), { inputs: [twin] }), 'onnx: two inputs or outputs are named x'],
    [() => toOnnx(new Map([['', exp(x)]])), 'onnx: an input or output has no name'],
    [() => toOnnx(new Map([['y', exp(input('', 'float32', [2]))]])), 'onnx: an input or output has no name'],
    [() => toOnnx(new Map([['y', exp(x)]]), { inputs: [exp(x)] }), 'onnx: expected an input, got a computed value'],
  ];
  for (const [attempt, message] of refused) assert.throws(attempt, { reason: 'INVALID_GRAPH', message });
});

test('toOnnx gives inputs, constants and values of two names as outputs', async () => {
  const twice = mul(x, 2);
  const [first = x, second = x] = split(input('pair', 'float32', [4]), 0, [1, 3]);
  const outputs = new Map([
    ['a', twice],
    ['b', twice],
    ['c', x],
    ['d', constantOf('float32', [2], [7, 8])],
    ['e', x],
    ['second', second],
    ['sum', add(first, twice)],
    ['again', second],
  ]);
  const found = await runOnOrt(
    outputs,
    new Map([
      ['x', tensor([2], 3, 4)],
      ['pair', tensor([4], 1, 2, 3, 4)],
    ]),
  );
  assert.deepEqual(
    [...found],
    [
      ['a', [6, 8]],
      ['b', [6, 8]],
      ['c', [3, 4]],
      ['d', [7, 8]],
      ['e', [3, 4]],
      ['second', [2, 3, 4]],
      ['sum', [7, 9]],
      ['again', [2, 3, 4]],
    ],
  );
});

test('toOnnx writes shapes with symbols so that any size runs', async () => {
  const rows = input('rows', 'float32', ['N', 6]);
  const outputs = new Map([
    ['same', reshape(rows, ['N', 2, 3])],
    ['moved', reshape(rows, [2, 3, 'N'])],
    ['wide', expand(reshape(rows, ['N', 1, 6]), ['N', 2, 6])],
    ['joined', concat([rows, rows], 0)],
    ['part', slice(rows, 1, 1, 6, 2)],
  ]);
  for (const size of [1, 3]) {
    const data = Array.from({ length: size * 6 }, (_, k) => k);
    const found = await runOnOrt(outputs, new Map([['rows', tensor([size, 6], ...data)]]));
    assert.deepEqual(found.get('same'), data);
    assert.deepEqual(found.get('moved'), data);
    assert.deepEqual(found.get('joined'), [...data, ...data]);
    assert.equal(found.get('wide')?.length, 12 * size);
    assert.deepEqual(
      found.get('part'),
      data.filter((k) => k % 6 === 1 || k % 6 === 3 || k % 6 === 5),
    );
  }
  const two = input('two', 'float32', ['A', 'B', 6]);
  assert.deepEqual(
    (
      await runOnOrt(
        new Map([['y', reshape(two, ['A', 'B', 2, 3])]]),
        new Map([['two', tensor([1, 2, 6], ...Array(12).keys())]]),
      )
    ).get('y'),
    [...Array(12).keys()],
  );
  assert.throws(() => toOnnx(new Map([['y', reshape(two, ['B', 'A', 6])]])), {
    reason: 'INVALID_GRAPH',
    message: 'Reshape: more than one size of [B,A,6] is not known',
  });
  assert.throws(() => toOnnx(new Map([['y', expand(input('one', 'float32', [1, 6]), ['M', 6])]])), {
    reason: 'INVALID_GRAPH',
    message: 'Expand: size M of [M,6] is not known',
  });
});

test('toOnnx keeps the place of an input that is left out between two that are not', () => {
  const windowed = defineOperation<{
    readonly [name: string]: readonly number[] | undefined;
    readonly starts: readonly number[] | undefined;
    readonly ends: readonly number[] | undefined;
  }>({
    name: 'Windowed',
    attributes: { starts: { kind: 'ints', asInput: true }, ends: { kind: 'ints', asInput: true } },
    infer: ([value]) => (value ? [{ dtype: value.dtype, shape: value.shape }] : []),
  });
  const inputsFor = (starts: readonly number[] | undefined, ends: readonly number[] | undefined) =>
    toOnnx(new Map([['y', applyOne(windowed, [x], { starts, ends })]])).graph.nodes[0]?.inputs;
  assert.deepEqual(inputsFor([1], [2]), ['x', 'integers_0', 'integers_1']);
  assert.deepEqual(inputsFor(undefined, [2]), ['x', '', 'integers_0']);
  assert.deepEqual(inputsFor([1], undefined), ['x', 'integers_0']);
  assert.deepEqual(inputsFor(undefined, undefined), ['x']);
});

test('toOnnx stores equal lists of integers once, and one element apart from a list of it', () => {
  const rows = input('rows', 'float32', [2, 3]);
  const sums = add(reduceSum(rows, { axes: [1], keepAxes: true }), reduceSum(exp(rows), { axes: [1], keepAxes: true }));
  const { initializers } = toOnnx(new Map([['y', sums]])).graph;
  assert.equal(initializers.length, 1);
  // The running sum takes its axis as a number, the sum as a list of one.
  const both = cumSum(expand(reduceSum(rows, { axes: [1], keepAxes: true }), [2, 3]), 1);
  const lists = toOnnx(new Map([['y', both]])).graph.initializers.map(({ dims }) => dims?.length);
  assert.deepEqual(lists.toSorted(), [0, 1, 1]);
});

test('toOnnx writes loops within loops that see values around them', async () => {
  const matrix = input('matrix', 'float32', [2, 2]);
  const table = input('table', 'float32', [3, 2, 2]);
  const { states, outputs } = scan([x], [table], ([state = x], [rows = x]) => {
    const inner = scan([constantOf('float32', [], [0])], [rows], ([sum = x], [row = x]) => ({
      states: [add(sum, reduceSum(mul(row, matMulVector(matrix, state))))],
      outputs: [mul(row, sum)],
    }));
    return { states: [sub(state, inner.states[0] ?? x)], outputs: inner.outputs };
  });
  const found = await runOnOrt(
    new Map([
      ['state', states[0] ?? x],
      ['stacked', outputs[0] ?? x],
    ]),
    new Map([
      ['x', tensor([2], 1, -1)],
      ['matrix', tensor([2, 2], 0, 1, 1, 0)],
      ['table', tensor([3, 2, 2], 1, 0, 0, 0, 0, 1, 0, 0, 1, 1, 1, -1)],
    ]),
  );
  // By hand: the matrix swaps the state's two numbers.
  const state = [1, -1];
  const stacked: number[] = [];
  for (const rows of [
    [
      [1, 0],
      [0, 0],
    ],
    [
      [0, 1],
      [0, 0],
    ],
    [
      [1, 1],
      [1, -1],
    ],
  ]) {
    const swapped = state.toReversed();
    let sum = 0;
    for (const [a = 0, b = 0] of rows) {
      stacked.push(a * sum, b * sum);
      sum += a * (swapped[0] ?? 0) + b * (swapped[1] ?? 0);
    }
    for (const k of state.keys()) state[k] = (state[k] ?? 0) - sum;
  }
  assert.deepEqual(found.get('state'), state);
  assert.deepEqual(found.get('stacked'), stacked);
});

function matMulVector(matrix: Value, vector: Value): Value {
  return reshape(matMul(matrix, reshape(vector, [2, 1])), [2]);
}

test('toOnnx names the operator sets it uses, also in bodies, and keeps metadata', () => {
  const [a, b] = [input('a', 'float32', [4, 2, 2]), input('b', 'float32', [4, 2, 2])];
  const { states } = scan([b], [a], ([state = b], [element = a]) => ({
    states: [add(fusedMatMul(state, expand(element, [4, 2, 2]), { transB: 1 }), state)],
    outputs: [],
  }));
  const bytes = compileToOnnx(new Map([['y', softmax(transpose(states[0] ?? a, [2, 0, 1]))]]), {
    metadata: new Map([
      ['author', 'someone'],
      ['__proto__', 'kept'],
    ]),
  });
  const model = readModel(bytes);
  assert.deepEqual(
    [...inspectModel(model).opsets],
    [
      ['', ONNX_OPSET],
      ['com.microsoft', 1],
    ],
  );
  assert.deepEqual(model.metadata, [
    { key: 'author', value: 'someone' },
    { key: '__proto__', value: 'kept' },
  ]);
  const domains: (string | undefined)[] = [];
  walkModel(model, { node: ({ domain }) => void domains.push(domain) });
  assert(domains.includes('com.microsoft'));
});
