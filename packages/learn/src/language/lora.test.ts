import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createTensor, type Executor, type TensorOf } from '@amaas/core';
import { createOrtNodeExecutor } from '@amaas/engine-ort-node';
import { createReferenceExecutor } from '../compile/index.ts';
import { constant, gradients, reduceSum, square, type Value } from '../graph/index.ts';
import { createScope } from '../layers/index.ts';
import { evaluate, type NumericArray, numbersOf } from '../reference/index.ts';
import { createRandom } from '../statistics/index.ts';
import {
  adamW,
  buildTrainingGraph,
  type Examples,
  fit,
  lossFor,
  optimizerFor,
  sparseCategoricalCrossentropy,
  TrainedModel,
} from '../train/index.ts';
import type { LlamaKernel } from './llama-weights.ts';
import { completeLora, type LoraModel, type LoraOptions, loraNetwork, loraParts, mergeLora } from './lora.ts';
import { computeLogits, drawLlama, greatestDifference } from './testing/llama-network.ts';

const OPTIONS = {
  ...{
    vocabularySize: 11,
    blockSize: 8,
    layers: 2,
    heads: 4,
    keyValueHeads: 2,
    width: 16,
    innerWidth: 24,
    tied: false,
  },
};
const IDS = [1, 5, 10, 3, 3, 0];

/** A Llama with thin kernels that are drawn, so that they add something. */
function drawLora(lora: LoraOptions, seed: string): LoraModel {
  const { rank, targets } = completeLora(lora);
  const { weights } = drawLlama(OPTIONS, 'base');
  const random = createRandom(seed);
  const drawn = (name: string, shape: readonly [number, number]): [string, TensorOf<'float32'>] => {
    const own = random.fork(name);
    const data = Float32Array.from({ length: shape[0] * shape[1] }, () => 0.4 * own.normal());
    return [name, createTensor('float32', shape, data)];
  };
  const thin = loraParts(OPTIONS, targets).flatMap(({ a, b, shape: [rows = 0, columns = 0] }) => [
    drawn(a, [columns, rank]),
    drawn(b, [rank, rows]),
  ]);
  return { options: OPTIONS, lora, weights: new Map([...weights, ...thin]) };
}

async function appliedLogits(executor: Executor, { options, lora, weights }: LoraModel): Promise<Float32Array[]> {
  const model = new TrainedModel({
    network: loraNetwork(options, lora),
    inputs: new Map([['ids', { dtype: 'int32', shape: [IDS.length] }]]),
    weights,
  });
  const ids = createTensor('int32', [1, IDS.length], Int32Array.from(IDS));
  const { data } = await model.predict(executor, new Map([['ids', ids]]));
  assert.ok(data instanceof Float32Array);
  const size = options.vocabularySize;
  return IDS.map((_, position) => data.subarray(position * size, (position + 1) * size));
}

const TARGETS: readonly (readonly LlamaKernel[])[] = [
  ['q', 'k', 'v', 'o', 'gate', 'up', 'down'],
  ['k'],
  ['v', 'up'],
  ['gate', 'q', 'v'],
];

for (const targets of TARGETS) {
  test(`mergeLora: merged kernels give the logits of thin ones beside them: ${targets.join(', ')}`, async () => {
    const model = drawLora({ rank: 3, alpha: 5, targets }, 'thin');
    const merged = mergeLora(model);
    assert.deepEqual([...merged.weights.keys()].sort(), [...drawLlama(OPTIONS, 'base').weights.keys()].sort());
    for (const executor of [createReferenceExecutor(), await createOrtNodeExecutor({ threads: 1 })]) {
      const applied = await appliedLogits(executor, model);
      const difference = greatestDifference(applied, await computeLogits(executor, merged, IDS));
      assert.ok(difference < 2e-5, `${executor.name}: ${difference}`);
      const base = await computeLogits(executor, drawLlama(OPTIONS, 'base'), IDS);
      assert.ok(greatestDifference(applied, base) > 0.1, 'thin kernels change something');
    }
  });
}

test('loraNetwork: gradients of the thin kernels are those of finite differences, and nothing else is trained', () => {
  const model = drawLora({ rank: 2 }, 'slopes');
  const { scope, record } = createScope(false);
  const ids = constant(createTensor('int32', [1, IDS.length], Int32Array.from(IDS)));
  const total = reduceSum(square(loraNetwork(OPTIONS, model.lora).build(new Map([['ids', ids]]), scope)));
  const { parameters } = record();
  const trained = parameters.filter(({ trainable }) => trainable);
  const thin = loraParts(OPTIONS, completeLora(model.lora).targets).flatMap(({ a, b }) => [a, b]);
  assert.deepEqual(trained.map(({ name }) => name).sort(), thin.sort());
  const feeds = new Map<Value, NumericArray>(
    parameters.map(({ name, shape, value }) => {
      const data = Float64Array.from(model.weights.get(name)?.data ?? assert.fail(name));
      return [value, { dtype: 'float32', shape, data }];
    }),
  );
  const slopes = gradients(
    total,
    trained.map(({ value }) => value),
  );
  const found = evaluate(slopes, feeds).map((array) => numbersOf(array).data);
  const at = (): number => numbersOf(evaluate([total], feeds)[0]).data[0] ?? Number.NaN;
  for (const [index, { name, value }] of trained.entries()) {
    const { data } = feeds.get(value) ?? assert.fail();
    for (let element = 1; element < data.length; element += Math.ceil(data.length / 3)) {
      const middle = data[element] ?? 0;
      data[element] = middle + 1e-5;
      const above = at();
      data[element] = middle - 1e-5;
      const numeric = (above - at()) / 2e-5;
      data[element] = middle;
      const slope = Number(found[index]?.[element]);
      assert.ok(Math.abs(slope - numeric) <= 1e-6 * Math.max(1, Math.abs(numeric)), `${name}: ${slope}, ${numeric}`);
    }
  }
});

test('loraNetwork: dropout hides inputs of a kernel from its thin ones, and scales up what is left', () => {
  const model = drawLora({ rank: 2, alpha: 3, dropout: 0.25, targets: ['o'] }, 'dropped');
  const build = (training: boolean, lora: LoraOptions): { value: Value; feeds: Map<Value, NumericArray> } => {
    const { scope, record } = createScope(training);
    const ids = constant(createTensor('int32', [1, IDS.length], Int32Array.from(IDS)));
    const value = loraNetwork(OPTIONS, lora).build(new Map([['ids', ids]]), scope);
    const { parameters, randomInputs } = record();
    assert.equal(randomInputs.length, training ? OPTIONS.layers : 0);
    const feeds = new Map<Value, NumericArray>();
    for (const { name, shape, value: own } of parameters) {
      const data = Float64Array.from(model.weights.get(name)?.data ?? []);
      feeds.set(own, { dtype: 'float32', shape, data });
      const scaled = !training && name.endsWith('.a');
      // By hand: every third input is dropped.
      if (scaled)
        data.forEach((x, at) => {
          data[at] = Math.floor(at / 2) % 3 === 0 ? 0 : x / 0.75;
        });
    }
    for (const { value: own } of randomInputs) {
      assert.deepEqual(own.shape, [16, 1]);
      const data = Float64Array.from({ length: 16 }, (_, at) => (at % 3 === 0 ? 0.24 : 0.26));
      feeds.set(own, { dtype: 'float32', shape: [16, 1], data });
    }
    return { value, feeds };
  };
  const trained = build(true, model.lora);
  const byHand = build(false, model.lora);
  const [a, b] = [trained, byHand].map(({ value, feeds }) => numbersOf(evaluate([value], feeds)[0]).data);
  assert.ok(a !== undefined && b !== undefined);
  assert.ok(greatestDifference([a], [b]) < 1e-9);
});

/** Texts in which every id follows from the one before. */
function countingExamples(rows: number): Examples {
  const time = OPTIONS.blockSize;
  const ids = Int32Array.from({ length: rows * time }, (_, at) => (3 * Math.floor(at / time) + 4 * (at % time)) % 11);
  const next = BigInt64Array.from(ids, (id) => BigInt((id + 4) % 11));
  return {
    inputs: new Map([['ids', createTensor('int32', [rows, time], ids)]]),
    target: createTensor('int64', [rows, time], next),
  };
}

test('fit of a loraNetwork lowers the loss and leaves the base as it is, to the last bit', async () => {
  const base = drawLlama(OPTIONS, 'base');
  const before = new Map([...base.weights].map(([name, { data }]) => [name, data.slice()]));
  const executor = await createOrtNodeExecutor({ threads: 1 });
  const lora: LoraOptions = { rank: 4, dropout: 0.1 };
  const { model, history } = await fit(loraNetwork(OPTIONS, lora), countingExamples(22), {
    executor,
    loss: sparseCategoricalCrossentropy({ fromLogits: true }),
    optimizer: adamW({ learningRate: 0.02, weightDecay: 0.01 }),
    ...{ epochs: 12, batchSize: 11, initialWeights: base.weights, validation: 0.2 },
  });
  const losses = history.map(({ values }) => values['loss'] ?? Number.NaN);
  assert.ok((losses.at(-1) ?? 9) < 0.6 * (losses[0] ?? 0), losses.join(' '));
  for (const [name, data] of before) assert.deepEqual(model.weights.get(name)?.data, data, name);
  const merged = mergeLora({ options: OPTIONS, lora, weights: model.weights });
  const applied = await appliedLogits(executor, { options: OPTIONS, lora, weights: model.weights });
  assert.ok(greatestDifference(applied, await computeLogits(executor, merged, IDS)) < 2e-5);
});

test('a training graph of a loraNetwork keeps states for thin kernels alone', () => {
  const { weights } = drawLlama(OPTIONS, 'base');
  const graph = buildTrainingGraph({
    network: loraNetwork(OPTIONS, { rank: 2, targets: ['q', 'v'] }),
    inputs: new Map([['ids', { dtype: 'int32', shape: [8] }]]),
    target: { dtype: 'int64', shape: [8] },
    batchSize: 2,
    loss: lossFor(sparseCategoricalCrossentropy({ fromLogits: true })),
    metrics: [],
    optimizer: optimizerFor('adam'),
    frozen: ({ name }) => weights.get(name) ?? assert.fail(name),
  });
  const members = graph.groups.flatMap((group) => group.members.map(({ name }) => name));
  assert.deepEqual(
    members.sort(),
    loraParts(OPTIONS, ['q', 'v'])
      .flatMap(({ a, b }) => [a, b])
      .sort(),
  );
  const numbers = graph.states.reduce((sum, { shape }) => sum + shape.reduce((product, size) => product * size, 1), 0);
  // Per block q: 2 · (16 + 16), v: 2 · (16 + 8); each with two moments; and the counter.
  assert.equal(numbers, 3 * 2 * (64 + 48) + 1);
});

test('loraNetwork and mergeLora refuse options and weights that do not fit', () => {
  const refuses = (lora: object, message: RegExp): void => {
    assert.throws(() => loraNetwork(OPTIONS, lora), { reason: 'INVALID_ARGUMENT', message });
  };
  refuses({ rank: 0 }, /^lora: rank must be a whole number of at least 1, got 0$/);
  refuses({ alpha: 0 }, /^lora: alpha must be above 0, got 0$/);
  refuses({ dropout: 1 }, /^lora: dropout must be in \[0, 1\), got 1$/);
  refuses({ targets: [] }, /each once, got none$/);
  refuses({ targets: ['q', 'q'] }, /each once, got q, q$/);
  refuses({ targets: ['x'] }, /targets must be some of q, k, v, o, gate, up, down, each once, got x$/);
  const model = drawLora({ rank: 2 }, 'x');
  assert.throws(() => mergeLora({ ...model, lora: { rank: 3 } }), {
    reason: 'INVALID_CHECKPOINT',
    message: 'lora: 0.attention.query key value/lora.q.a expects [16,3], got [16,2]',
  });
  const { weights } = drawLlama(OPTIONS, 'base');
  assert.throws(() => mergeLora({ ...model, weights }), { message: /lora\.q\.a expects \[16,2\], got nothing$/ });
});
