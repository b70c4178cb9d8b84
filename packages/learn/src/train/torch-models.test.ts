// Whole models trained step by step against PyTorch: losses, gradient norms, every tensor after one and after ten steps,
// running statistics, and what the trained model predicts.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Executor, NamedTensors, Tensor } from '@amaas/core';
import { createOrtNodeExecutor } from '@amaas/engine-ort-node';
import { createReferenceExecutor } from '../compile/index.ts';
import { createRandom, type Random } from '../statistics/index.ts';
import { ROW_WEIGHTS, TARGET } from './step-fields.ts';
import {
  caseTensor,
  caseWeight,
  type Field,
  summarize,
  TORCH_CASES,
  TORCH_STEPS,
  type TorchCase,
} from './testing/torch-models.ts';
import { madeNumbers } from './testing/made-numbers.ts';
import { buildTrainingGraph, type FieldType, TrainedModel, TrainingSteps, type Weights } from './index.ts';

type Summaries = Readonly<Record<string, readonly [number, number]>>;

interface Expected {
  readonly losses: readonly number[];
  readonly gradientNorms: readonly number[];
  readonly first: Summaries;
  readonly last: Summaries;
  readonly prediction: readonly [number, number];
}

const fixture: Readonly<Record<string, Expected>> = JSON.parse(
  readFileSync(join(import.meta.dirname, 'testing/torch-models.json'), 'utf8'),
);

/** For which the float64 reference takes too long. */
const LARGE = new Set(['lenet', 'resnet']);

for (const [name, model] of Object.entries(TORCH_CASES)) {
  const expected = fixture[name];
  assert(expected, name);
  test(`TrainingSteps trains ${name} as PyTorch does, in float32`, async () => {
    await compare(model, expected, { executor: await createOrtNodeExecutor({ threads: 1 }), tolerance: 1e-4 });
  });
  if (LARGE.has(name)) continue;
  // Nothing hides behind rounding here.
  test(`TrainingSteps trains ${name} as PyTorch does, in float64`, async () => {
    await compare(model, expected, { executor: createReferenceExecutor(), tolerance: 2e-6 });
  });
}

async function compare(
  model: TorchCase,
  expected: Expected,
  { executor, tolerance }: { readonly executor: Executor; readonly tolerance: number },
): Promise<void> {
  const { network, loss, optimizer, batchSize, clipNorm } = model;
  const inputs = new Map([...model.inputs].map(([name, field]) => [name, typeOf(field)]));
  const graph = buildTrainingGraph({
    ...{ network, inputs, target: typeOf(model.target), batchSize, loss, metrics: [], optimizer, clipNorm },
  });
  const weights: Weights = new Map(
    graph.record.parameters.map(({ name, shape }, index) => [name, caseWeight(name, shape, 100 + index)]),
  );
  const data = new Map(
    [...model.inputs.values()].map((field, index) => [index, caseTensor(field, 10 + index, batchSize)]),
  );
  const fields: NamedTensors = new Map<string, Tensor>([
    ...[...model.inputs.keys()].map((name, index) => [name, data.get(index) ?? assert.fail()] as const),
    [TARGET, caseTensor(model.target, 20, batchSize)],
    [
      ROW_WEIGHTS,
      { dtype: 'float32', shape: [TORCH_STEPS, batchSize], data: new Float32Array(TORCH_STEPS * batchSize).fill(1) },
    ],
  ]);
  const steps = await TrainingSteps.create(graph, { executor, weights });
  const near = (actual: number, wanted: number, what: string): void =>
    assert(
      Math.abs(actual - wanted) <= tolerance * Math.max(1, Math.abs(wanted)),
      `${what}: ${actual}, PyTorch ${wanted}`,
    );
  const nearAll = (summaries: Summaries, when: string): void => {
    const found = steps.weights();
    assert.deepEqual([...found.keys()].toSorted(), Object.keys(summaries).toSorted());
    for (const [name, tensor] of found) {
      for (const [k, value] of summarize(tensor.data).entries()) {
        near(value, summaries[name]?.[k] ?? Number.NaN, `${name} ${when} [${k}]`);
      }
    }
  };
  try {
    for (const [from, to, summaries] of [
      [0, 1, expected.first],
      [1, TORCH_STEPS, expected.last],
    ] as const) {
      const results = await steps.run({
        fields: new Map([...fields].map(([name, tensor]) => [name, cut(tensor, from, to)])),
        learningRates: Float32Array.from({ length: to - from }, (_, index) => optimizer.schedule(from + index)),
        random: madeRandom(),
        firstStep: from,
      });
      for (let step = from; step < to; step++) {
        const at = step - from;
        near(
          (results.losses[at] ?? 0) / (results.weights[at] ?? 0),
          expected.losses[step] ?? 0,
          `loss of step ${step}`,
        );
        near(results.gradientNorms[at] ?? 0, expected.gradientNorms[step] ?? 0, `gradient norm of step ${step}`);
      }
      nearAll(summaries, `after step ${to}`);
    }
    const trained = new TrainedModel({ network, inputs, weights: steps.weights() });
    const rows = new Map([...inputs.keys()].map((name) => [name, firstBatch(fields.get(name) ?? assert.fail())]));
    const prediction = await trained.predict(executor, rows);
    assert(prediction.dtype === 'float32');
    for (const [k, value] of summarize(prediction.data).entries()) {
      near(value, expected.prediction[k] ?? Number.NaN, `prediction [${k}]`);
    }
  } finally {
    await steps.dispose();
  }
}

function typeOf({ shape, bound }: Field): FieldType {
  return { dtype: bound === undefined ? 'float32' : 'int64', shape };
}

/** Steps `from … to − 1` of a field. */
function cut(tensor: Tensor, from: number, to: number): Tensor {
  const size = tensor.shape.slice(1).reduce((product, each) => product * each, 1);
  const shape = [to - from, ...tensor.shape.slice(1)];
  if (tensor.dtype === 'float32') return { ...tensor, shape, data: tensor.data.slice(from * size, to * size) };
  assert(tensor.dtype === 'int64');
  return { ...tensor, shape, data: tensor.data.slice(from * size, to * size) };
}

function firstBatch(tensor: Tensor): Tensor {
  const first = cut(tensor, 0, 1);
  return { ...first, shape: first.shape.slice(1) };
}

/** Draws, for random input `random.k` of step s, what the fixture's script drew. */
function madeRandom(): Random {
  const base = createRandom(0);
  return {
    uint32: () => base.uint32(),
    integer: (bound) => base.integer(bound),
    normal: () => base.normal(),
    shuffle: (array) => base.shuffle(array),
    saveState: () => base.saveState(),
    uniform: () => base.uniform(),
    fork(name, step) {
      const drawn = madeNumbers(1000 + 10 * Number(step) + Number(String(name).split('.')[1]), 1000, 0.5);
      let next = 0;
      return { ...madeRandom(), uniform: () => (drawn[next++] ?? assert.fail()) + 0.5 };
    },
  };
}
