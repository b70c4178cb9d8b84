import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isBody, sortNodes, type Value, verifyGraph } from '../graph/index.ts';
import {
  activation,
  asNetwork,
  batchNorm,
  conv2d,
  dense,
  flatten,
  globalAveragePool,
  sequential,
} from '../layers/index.ts';
import { simplify } from '../compile/index.ts';
import { buildTrainingGraph, fit, sgd, sparseCategoricalCrossentropy, type TrainingOptions } from './index.ts';
import { matrix, ortExecutor } from './testing/small-training.ts';
import { assertNear } from './testing/torch-values.ts';

const images: TrainingOptions = {
  network: asNetwork(
    sequential([
      conv2d(4, 5, { useBias: false }),
      batchNorm(),
      activation('relu'),
      globalAveragePool(),
      dense(3, { activation: 'softmax' }),
    ]),
  ),
  inputs: new Map([['x', { dtype: 'float32', shape: [2, 9, 9] }]]),
  target: { dtype: 'int64', shape: [] },
  batchSize: 4,
  loss: sparseCategoricalCrossentropy(),
  metrics: [],
  optimizer: sgd(),
};

/** Operators of a graph and of all bodies in it. */
function operatorsOf(values: Iterable<Value>): readonly string[] {
  return sortNodes(values).flatMap(({ operation, attributes }) => [
    operation.name,
    ...Object.values(attributes).flatMap((attribute) => (isBody(attribute) ? operatorsOf(attribute.outputs) : [])),
  ]);
}

test('buildTrainingGraph computes a convolution in one form for all that read it, statistics included', () => {
  for (const accumulate of [1, 3]) {
    const { outputs } = buildTrainingGraph({ ...images, accumulate });
    verifyGraph([...outputs.values()]);
    const operators = operatorsOf(simplify(outputs).values());
    assert.equal(operators.includes('Conv'), false);
    assert.equal(operators.filter((name) => name === 'Scan').length, accumulate === 1 ? 1 : 2);
  }
});

test('buildTrainingGraph names what goes in and what comes out', () => {
  const graph = buildTrainingGraph({
    ...images,
    network: asNetwork(sequential([flatten(), batchNorm(), dense(3, { activation: 'softmax' })])),
    accumulate: 2,
  });
  const names = graph.inputs.map(({ origin, shape }) => (origin.kind === 'input' ? `${origin.name} [${shape}]` : ''));
  assert.deepEqual(names, [
    'step []',
    'parameters.0 [162,3]',
    'parameters.1 [327]',
    '1.batchNorm/mean [162]',
    '1.batchNorm/variance [162]',
    'x [steps,2,4,2,9,9]',
    'target [steps,2,4]',
    'row weights [steps,2,4]',
    'learning rate [steps]',
  ]);
  assert.deepEqual(
    [...graph.outputs.keys()],
    [
      ...['step', 'parameters.0', 'parameters.1', '1.batchNorm/mean', '1.batchNorm/variance'].map(
        (name) => `next.${name}`,
      ),
      ...['loss', 'weight', 'rows', 'penalty', 'gradient norm'],
    ],
  );
  assert.deepEqual(graph.prediction, [4, 3]);
});

test('clipValue bounds every element of the gradients, clipNorm their length together', async () => {
  // One row, prediction 0: d/dw is −2 · y · x, d/db is −2 · y.
  const examples = { inputs: new Map([['x', matrix([1, 3], [0.5, -2, 0.01])]]), target: matrix([1], [-3]) };
  const change = async (clip: {
    readonly clipValue?: number;
    readonly clipNorm?: number;
  }): Promise<readonly number[]> => {
    const { model } = await fit(dense(1, { kernelInitializer: 'zeros' }), examples, {
      ...clip,
      ...{ executor: await ortExecutor(), loss: 'mse', optimizer: sgd({ learningRate: 1 }), epochs: 1 },
    });
    return [...model.weights.values()].flatMap(({ data }) => [...data]);
  };
  const gradients = [-3, 12, -0.06, -6];
  assertNear(await change({}), gradients, { tolerance: 1e-6, what: 'unclipped' });
  assertNear(await change({ clipValue: 1.5 }), [-1.5, 1.5, -0.06, -1.5], { tolerance: 1e-6, what: 'by value' });
  const norm = Math.hypot(...gradients);
  assertNear(
    await change({ clipNorm: 2 }),
    gradients.map((each) => (each * 2) / (norm + 1e-6)),
    { tolerance: 1e-6, what: 'by norm' },
  );
  assertNear(await change({ clipNorm: 20 }), gradients, { tolerance: 1e-6, what: 'within the norm' });
  // The norm is that of what is left after clipping by value.
  const left = [-1.5, 1.5, -0.06, -1.5];
  assertNear(
    await change({ clipValue: 1.5, clipNorm: 1 }),
    left.map((each) => each / (Math.hypot(...left) + 1e-6)),
    { tolerance: 1e-6, what: 'by both' },
  );
});
