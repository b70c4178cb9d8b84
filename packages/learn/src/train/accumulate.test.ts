import assert from 'node:assert/strict';
import { test } from 'node:test';
import { batchNorm, dense, dropout, type Layer, l2, layer, sequential } from '../layers/index.ts';
import { isBody, mul, reduceMean, sortNodes, square, type Value } from '../graph/index.ts';
import { createReferenceExecutor } from '../compile/index.ts';
import { createRandom } from '../statistics/index.ts';
import { asNetwork } from '../layers/index.ts';
import {
  adamW,
  buildTrainingGraph,
  type FitOptions,
  fit,
  initialWeights,
  lossFor,
  metricFor,
  type Optimizer,
  sgd,
  sparseCategoricalCrossentropy,
  TrainingSteps,
  type Weights,
} from './index.ts';
import { madeIndices } from './testing/made-numbers.ts';
import { integers, ortExecutor, smallExamples, weightBytes } from './testing/small-training.ts';
import { assertNear } from './testing/torch-values.ts';

const executor = await ortExecutor();
const numbersOf = (weights: Weights): readonly number[] => [...weights.values()].flatMap(({ data }) => [...data]);

/** A penalty on activations, as a mean over the batch. */
const activityPenalty = layer('activity', (x, scope) => {
  scope.penalize(mul(reduceMean(square(x)), 0.3));
  return x;
});

const network = (): Layer =>
  sequential([
    dense(6, { activation: 'tanh', kernelRegularizer: l2(0.05) }),
    activityPenalty,
    dense(3, { activation: 'softmax' }),
  ]);

const optimizers: readonly Optimizer[] = [
  sgd({ learningRate: 0.2, momentum: 0.9 }),
  adamW({ learningRate: 0.02, weightDecay: 0.1, epsilon: 1e-3 }),
];

for (const optimizer of optimizers) {
  test(`fit with batches accumulated updates as ${optimizer.name} does with one large batch`, async () => {
    const rows = smallExamples(48);
    const weights = Float32Array.from({ length: 48 }, (_, row) => 0.5 + (row % 5));
    const examples = { ...rows, target: integers([48], madeIndices(2, 48, 3)), weights };
    const options: FitOptions = {
      executor,
      loss: sparseCategoricalCrossentropy({ classWeights: [1, 3, 0.5], labelSmoothing: 0.05 }),
      metrics: ['accuracy'],
      optimizer,
      clipNorm: 0.4,
      epochs: 5,
    };
    const large = await fit(network(), examples, { ...options, batchSize: 24 });
    for (const [batchSize, accumulate] of [
      [12, 2],
      [8, 3],
      [4, 6],
    ] as const) {
      const small = await fit(network(), examples, { ...options, batchSize, accumulate });
      assertNear(numbersOf(small.model.weights), numbersOf(large.model.weights), {
        tolerance: 3e-6,
        what: `${accumulate} of ${batchSize}`,
      });
      for (const [epoch, { values }] of small.history.entries()) {
        assertNear(Object.values(values), Object.values(large.history[epoch]?.values ?? {}), {
          tolerance: 3e-6,
          what: 'values',
        });
      }
    }
  });
}

test('fit accumulates what is left of the rows in the last update, and no more batches than there are', async () => {
  const examples = smallExamples(29);
  const plain = (): Layer => sequential([dense(4, { activation: 'tanh' }), dense(1)]);
  const options: FitOptions = { executor, loss: 'mse', optimizer: sgd({ learningRate: 0.1 }), epochs: 4 };
  const large = await fit(plain(), examples, { ...options, batchSize: 12 });
  const small = await fit(plain(), examples, { ...options, batchSize: 4, accumulate: 3 });
  assertNear(numbersOf(small.model.weights), numbersOf(large.model.weights), { tolerance: 2e-6, what: 'weights' });
  const whole = await fit(plain(), examples, { ...options, batchSize: 29 });
  const beyond = await fit(plain(), examples, { ...options, batchSize: 8, accumulate: 100 });
  assertNear(numbersOf(beyond.model.weights), numbersOf(whole.model.weights), { tolerance: 2e-6, what: 'weights' });
});

test('fit takes no more batches for an update than there are rows for', async () => {
  const network = (): Layer => sequential([batchNorm(), dense(1)]);
  const options: FitOptions = { executor, loss: 'mse', epochs: 2, batchSize: 8 };
  const four = await fit(network(), smallExamples(29), { ...options, accumulate: 4 });
  const many = await fit(network(), smallExamples(29), { ...options, accumulate: 100 });
  assert.deepEqual(weightBytes(many.model.weights), weightBytes(four.model.weights));
});

test('fit with accumulation updates running statistics by every batch in turn', async () => {
  const rows = 24;
  const examples = smallExamples(rows);
  const x = examples.inputs.get('x') ?? assert.fail();
  const { model } = await fit(sequential([batchNorm({ momentum: 0.7 }), dense(1)]), examples, {
    executor,
    loss: 'mse',
    optimizer: sgd({ learningRate: 0 }),
    epochs: 2,
    batchSize: 4,
    accumulate: 3,
    shuffle: false,
  });
  for (let channel = 0; channel < 5; channel++) {
    let [mean, variance] = [0, 1];
    for (let batch = 0; batch < 2 * (rows / 4); batch++) {
      const from = (batch % (rows / 4)) * 4;
      const seen = [0, 1, 2, 3].map((row) => Number(x.data[(from + row) * 5 + channel]));
      const middle = seen.reduce((sum, value) => sum + value, 0) / 4;
      const spread = seen.reduce((sum, value) => sum + (value - middle) ** 2, 0) / 3;
      mean = 0.7 * mean + 0.3 * middle;
      variance = 0.7 * variance + 0.3 * spread;
    }
    const found = (name: string): number => model.weights.get(`0.batchNorm/${name}`)?.data[channel] ?? Number.NaN;
    assertNear([found('mean'), found('variance')], [mean, variance], { tolerance: 1e-5, what: `channel ${channel}` });
  }
});

test('accumulated batches take the memory of one: nothing computed is as large as all of them', () => {
  const graph = (batchSize: number, accumulate: number) =>
    buildTrainingGraph({
      network: asNetwork(sequential([dense(50, { activation: 'relu' }), dense(1)])),
      inputs: new Map([['x', { dtype: 'float32', shape: [3] }]]),
      target: { dtype: 'float32', shape: [] },
      ...{ batchSize, accumulate, loss: lossFor('mse'), metrics: [], optimizer: sgd() },
    });
  // A batch's hidden layer is the largest thing there is.
  assert.equal(largestOf(graph(8, 40).outputs.values()), 8 * 50);
  assert.equal(largestOf(graph(320, 1).outputs.values()), 320 * 50);
});

/** Elements of the largest value that a graph, or a body in it, computes. */
function largestOf(values: Iterable<Value>): number {
  const sizes = sortNodes(values).flatMap(({ outputs, attributes }) => [
    ...outputs.map(({ shape }) =>
      shape.reduce<number>((total, size) => total * (typeof size === 'number' ? size : 1), 1),
    ),
    ...Object.values(attributes).map((attribute) => (isBody(attribute) ? largestOf(attribute.outputs) : 0)),
  ]);
  return Math.max(0, ...sizes);
}

test('accumulated batches draw dropout masks of their own', async () => {
  const graph = buildTrainingGraph({
    network: asNetwork(sequential([dropout(0.5), dense(1, { kernelInitializer: 'ones', useBias: false })])),
    inputs: new Map([['x', { dtype: 'float32', shape: [3] }]]),
    target: { dtype: 'float32', shape: [] },
    batchSize: 2,
    accumulate: 4,
    loss: lossFor('mse'),
    metrics: [metricFor('mae')],
    optimizer: sgd({ learningRate: 0 }),
  });
  assert.deepEqual(graph.randomInputs, [{ name: 'random.0', shape: [4, 2, 3] }]);
  const random = createRandom(3);
  const weights = initialWeights(graph.record, random);
  const sums: number[] = [];
  for (const runtime of [executor, createReferenceExecutor()]) {
    const steps = await TrainingSteps.create(graph, { executor: runtime, weights });
    const ones = (...shape: readonly number[]) => ({
      dtype: 'float32' as const,
      shape,
      data: new Float32Array(shape.reduce((a, b) => a * b)).fill(1),
    });
    const { losses, rows, metrics } = await steps.run({
      fields: new Map([
        ['x', ones(1, 4, 2, 3)],
        ['target', ones(1, 4, 2)],
        ['row weights', ones(1, 4, 2)],
      ]),
      learningRates: Float32Array.of(0),
      random,
      firstStep: 0,
    });
    assert.deepEqual([...rows], [8]);
    sums.push(losses[0] ?? 0, metrics.get('absoluteError')?.[0] ?? 0);
    await steps.dispose();
  }
  // Each row's sum is 2 · (how many of its three are kept).
  const source = random.fork('random.0', 0);
  const errors = Array.from({ length: 8 }, () => {
    const kept = [0, 0, 0].reduce((count) => count + (Math.fround(source.uniform()) >= 0.5 ? 1 : 0), 0);
    return 2 * kept - 1;
  });
  const expected = [
    errors.reduce((sum, error) => sum + error ** 2, 0),
    errors.reduce((sum, error) => sum + Math.abs(error), 0),
  ];
  assertNear(sums, [...expected, ...expected], { tolerance: 1e-6, what: 'sums' });
});

test('fit gives the same bits again with accumulation, with one thread and with two', async () => {
  const options: FitOptions = { executor, loss: 'mse', epochs: 3, batchSize: 4, accumulate: 3, optimizer: 'adam' };
  const bits = async (threads: number): Promise<unknown> =>
    weightBytes(
      (
        await fit(sequential([dense(8, { activation: 'relu' }), dropout(0.2), dense(1)]), smallExamples(40), {
          ...options,
          threads,
        })
      ).model.weights,
    );
  const once = await bits(1);
  assert.deepEqual(await bits(1), once);
  assert.deepEqual(await bits(2), once);
});
