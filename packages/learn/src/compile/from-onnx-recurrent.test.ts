// ONNX's recurrent operators read as graphs: against ONNX Runtime, and what is refused.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AmaasError, createTensor, type Tensor } from '@amaas/core';
import { skipWithoutSharedData } from '../../../../tools/test-data.ts';
import { reduceSum, gradients } from '../graph/index.ts';
import {
  floatAttribute,
  intAttribute,
  type OnnxAttribute,
  type OnnxModel,
  onnxFromTensor,
  readModel,
  stringAttribute,
  stringsAttribute,
  tensorValueInfo,
} from '../onnx/index.ts';
import { loadSharedModel } from '../onnx/testing/models.ts';
import { evaluate, numbersOf } from '../reference/index.ts';
import { createRandom } from '../statistics/index.ts';
import { fromOnnx } from './from-onnx.ts';
import { compareWithRuntime } from './testing/compare-with-runtime.ts';

const [TIME, BATCH, FEATURES, UNITS] = [5, 3, 2, 4];

interface NodeOptions {
  readonly opType: 'RNN' | 'GRU' | 'LSTM';
  readonly directions?: 1 | 2;
  readonly attributes?: readonly OnnxAttribute[];
  /** Which of B, sequence_lens, initial_h, initial_c and P the node has; default B. */
  readonly given?: readonly string[];
  readonly batchFirst?: boolean;
}

function modelOf({
  opType,
  directions = 1,
  attributes = [],
  given = ['B'],
  batchFirst = false,
}: NodeOptions): OnnxModel {
  const rows = { RNN: 1, GRU: 3, LSTM: 4 }[opType] * UNITS;
  const random = createRandom(opType);
  const drawn = (...shape: readonly number[]): Tensor => {
    const length = shape.reduce((a, b) => a * b, 1);
    return createTensor(
      'float32',
      shape,
      Float32Array.from({ length }, () => random.normal() * 0.7),
    );
  };
  const state = batchFirst ? [BATCH, directions, UNITS] : [directions, BATCH, UNITS];
  const stored: Readonly<Record<string, Tensor>> = {
    W: drawn(directions, rows, FEATURES),
    R: drawn(directions, rows, UNITS),
    B: drawn(directions, 2 * rows),
    sequence_lens: createTensor('int32', [BATCH], Int32Array.of(4, 5, 2)),
    initial_h: drawn(...state),
    initial_c: drawn(...state),
    P: drawn(directions, 3 * UNITS),
  };
  const optional = ['B', 'sequence_lens', 'initial_h', 'initial_c', 'P'].map((name) =>
    given.includes(name) ? name : '',
  );
  while (optional.at(-1) === '') optional.pop();
  const outputs = opType === 'LSTM' ? ['Y', 'Y_h', 'Y_c'] : ['Y', 'Y_h'];
  return {
    irVersion: 8,
    opsetImports: [{ version: 18 }],
    graph: {
      nodes: [
        {
          opType,
          inputs: ['x', 'W', 'R', ...optional],
          outputs,
          attributes: [
            intAttribute('hidden_size', UNITS),
            ...(directions === 2 ? [stringAttribute('direction', 'bidirectional')] : []),
            ...(batchFirst ? [intAttribute('layout', 1)] : []),
            ...attributes,
          ],
        },
      ],
      initializers: ['W', 'R', ...given].flatMap((name) => {
        const tensor = stored[name];
        return tensor === undefined ? [] : [onnxFromTensor(name, tensor)];
      }),
      inputs: [tensorValueInfo('x', 'float32', batchFirst ? [BATCH, TIME, FEATURES] : [TIME, BATCH, FEATURES])],
      outputs: outputs.map((name) => ({ name })),
    },
  };
}

const ALL = ['B', 'sequence_lens', 'initial_h'];
const CASES: Readonly<Record<string, NodeOptions>> = {
  'an RNN without bias': { opType: 'RNN', given: [] },
  'an RNN in both directions with an activation each': {
    opType: 'RNN',
    directions: 2,
    attributes: [stringsAttribute('activations', ['Relu', 'Sigmoid'])],
    given: ALL,
  },
  'a GRU as ONNX has it by default': { opType: 'GRU', given: ALL },
  'a GRU in both directions, reset after': {
    opType: 'GRU',
    directions: 2,
    attributes: [intAttribute('linear_before_reset', 1)],
    given: ALL,
  },
  'a GRU backwards': { opType: 'GRU', attributes: [stringAttribute('direction', 'reverse')] },
  'an LSTM with initial states alone': { opType: 'LSTM', given: ['initial_h', 'initial_c'] },
  'an LSTM in both directions with all it may have': { opType: 'LSTM', directions: 2, given: [...ALL, 'initial_c'] },
};

for (const [name, options] of Object.entries(CASES)) {
  test(`fromOnnx reads ${name}: ONNX Runtime's values`, () => compareWithRuntime(modelOf(options)));
}

test('fromOnnx reads recurrent operators with the batch first as those with the time first', () => {
  const options = { opType: 'LSTM', directions: 2 } as const;
  const [first, last] = [true, false].map((batchFirst) => fromOnnx(modelOf({ ...options, batchFirst })));
  const data = Float64Array.from({ length: TIME * BATCH * FEATURES }, (_, index) => Math.sin(index));
  const timeFirst = data.map((_, index) => {
    const [step, row] = [Math.floor(index / (BATCH * FEATURES)), Math.floor(index / FEATURES) % BATCH];
    return data[(row * TIME + step) * FEATURES + (index % FEATURES)] ?? 0;
  });
  const run = (graph: typeof first, values: Float64Array) => {
    const [x] = graph?.inputs ?? [];
    const shape = x?.shape.map(Number) ?? [];
    return evaluate(
      [...(graph?.outputs.values() ?? [])],
      new Map(x ? [[x, { dtype: x.dtype, shape, data: values }]] : []),
    );
  };
  const [found, expected] = [run(first, data).map(numbersOf), run(last, timeFirst).map(numbersOf)];
  assert.deepEqual(found[0]?.shape, [BATCH, TIME, 2, UNITS]);
  for (const [index, value] of (found[0]?.data ?? assert.fail()).entries()) {
    const [row, step, direction] = [
      Math.floor(index / (TIME * 2 * UNITS)),
      Math.floor(index / (2 * UNITS)) % TIME,
      Math.floor(index / UNITS) % 2,
    ];
    assert.equal(value, expected[0]?.data[((step * 2 + direction) * BATCH + row) * UNITS + (index % UNITS)]);
  }
  for (const which of [1, 2]) {
    assert.deepEqual(found[which]?.shape, [BATCH, 2, UNITS]);
    for (const [index, value] of (found[which]?.data ?? assert.fail()).entries()) {
      const [row, direction] = [Math.floor(index / (2 * UNITS)), Math.floor(index / UNITS) % 2];
      assert.equal(value, expected[which]?.data[(direction * BATCH + row) * UNITS + (index % UNITS)]);
    }
  }
});

test('fromOnnx makes recurrent operators that can be trained further', () => {
  const names = new Set(['W', 'R', 'B']);
  const model = modelOf({ opType: 'LSTM', given: [...ALL, 'initial_c'] });
  const { outputs, parameters } = fromOnnx(model, { isParameter: (name) => names.has(name) });
  const sources = [...parameters.values()].map(({ value }) => value);
  const found = gradients(reduceSum(outputs.get('Y') ?? assert.fail()), sources);
  assert.deepEqual(
    found.map(({ shape }) => shape),
    [
      [1, 16, 2],
      [1, 16, 4],
      [1, 32],
    ],
  );
});

test("fromOnnx reads silero_vad at 16 kHz, an LSTM with its state handed through: ONNX Runtime's values", {
  skip: skipWithoutSharedData('onnx/silero_vad.onnx'),
}, async () => {
  const model = readModel(loadSharedModel('onnx/silero_vad.onnx'));
  const rate = onnxFromTensor('sr', createTensor('int64', [], BigInt64Array.of(16000n)));
  const atOneRate = { ...model, graph: { ...model.graph, initializers: [...model.graph.initializers, rate] } };
  const shapes = new Map([
    ['input', [1, 576]],
    ['state', [2, 1, 128]],
  ]);
  await compareWithRuntime(atOneRate, { shapes });
});

const REFUSED: readonly (readonly [string, NodeOptions, AmaasError['reason'], RegExp])[] = [
  ['peepholes', { opType: 'LSTM', given: ['P'] }, 'UNSUPPORTED_FEATURE', /has peepholes/],
  ['clipping', { opType: 'GRU', attributes: [floatAttribute('clip', 3)] }, 'UNSUPPORTED_FEATURE', /clips/],
  [
    'coupled gates',
    { opType: 'LSTM', attributes: [intAttribute('input_forget', 1)] },
    'UNSUPPORTED_FEATURE',
    /couples/,
  ],
  [
    'another activation',
    { opType: 'RNN', attributes: [stringsAttribute('activations', ['Softsign'])] },
    'UNSUPPORTED_FEATURE',
    /activation softsign/,
  ],
  [
    'other gates',
    { opType: 'GRU', attributes: [stringsAttribute('activations', ['Sigmoid', 'Relu'])] },
    'UNSUPPORTED_FEATURE',
    /activation Relu/,
  ],
  [
    'a direction that is none',
    { opType: 'RNN', attributes: [stringAttribute('direction', 'sideways')] },
    'INVALID_MODEL',
    /direction sideways/,
  ],
  [
    'weights of one direction for two',
    { opType: 'RNN', attributes: [stringAttribute('direction', 'bidirectional')] },
    'INVALID_MODEL',
    /for 2 direction/,
  ],
];

for (const [what, options, reason, message] of REFUSED) {
  test(`fromOnnx refuses recurrent operators with ${what}`, () => {
    assert.throws(
      () => fromOnnx(modelOf(options)),
      (error) => error instanceof AmaasError && error.reason === reason && message.test(error.message),
    );
  });
}
