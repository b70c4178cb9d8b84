// Our side of the training benches: per workload, the network and the compiled training steps. Runs in Node and in
// browsers, so that it gets its executor and imports nothing that either lacks.
import { createTensor, type Executor, type Tensor } from '@amaas/core';
import { add, reshape } from '@amaas/learn/graph';
import {
  activation,
  asNetwork,
  batchNorm,
  constantInitializer,
  conv2d,
  dense,
  embedding,
  flatten,
  globalAveragePool,
  gpt,
  type Layer,
  layer,
  lstm,
  maxPool2d,
  residual,
  sequential,
  stacked,
} from '@amaas/learn/layers';
import { createRandom } from '@amaas/learn/statistics';
import {
  adam,
  adamW,
  binaryCrossentropy,
  buildTrainingGraph,
  initialWeights,
  type Loss,
  type Optimizer,
  sgd,
  sparseCategoricalCrossentropy,
  TrainingSteps,
} from '@amaas/learn/train';
import { type Batch, batchesOf, type WorkloadName } from './workloads.ts';

/** A training under way; it takes its batches in turn by itself. */
export interface OurTraining {
  /** Does `steps` steps and gives the loss of the last. */
  step(steps: number): Promise<number>;
}

export type OurWorkload = (executor: Executor, threads: number) => Promise<OurTraining>;

interface Setting {
  readonly network: Layer;
  readonly loss: Loss;
  readonly optimizer: Optimizer;
  readonly clipNorm?: number;
}

const NO_BIAS = { useBias: false } as const;

/** A trained number per channel, so that the block's input has a gradient as it has inside a deep network. */
const channelOffset = layer('offset', (x, scope) => {
  const channels = Number(x.shape[1]);
  const offset = scope.parameter('offset', [channels], { initializer: constantInitializer(0) });
  return add(x, reshape(offset, [channels, 1, 1]));
});

const SETTINGS: Readonly<Record<WorkloadName, () => Setting>> = {
  'mlp-small': () => ({
    network: sequential([
      dense(64, { activation: 'relu' }),
      dense(32, { activation: 'relu' }),
      dense(1, { activation: 'sigmoid' }),
    ]),
    loss: binaryCrossentropy(),
    optimizer: adam(),
  }),
  'mlp-digits': () => ({
    network: sequential([
      dense(512, { activation: 'relu' }),
      dense(256, { activation: 'relu' }),
      dense(10, { activation: 'softmax' }),
    ]),
    loss: sparseCategoricalCrossentropy(),
    optimizer: adam(),
  }),
  lenet: () => ({
    network: sequential([
      conv2d(16, 5, { activation: 'relu' }),
      maxPool2d(2),
      conv2d(32, 5, { activation: 'relu' }),
      maxPool2d(2),
      flatten(),
      dense(10, { activation: 'softmax' }),
    ]),
    loss: sparseCategoricalCrossentropy(),
    optimizer: sgd({ learningRate: 0.05 }),
  }),
  'resnet-block': () => ({
    network: sequential([
      channelOffset,
      residual([
        conv2d(64, 3, { padding: 'same', ...NO_BIAS }),
        batchNorm(),
        activation('relu'),
        conv2d(64, 3, { padding: 'same', ...NO_BIAS }),
        batchNorm(),
      ]),
      activation('relu'),
      globalAveragePool(),
      dense(10, { activation: 'softmax' }),
    ]),
    loss: sparseCategoricalCrossentropy(),
    optimizer: sgd({ learningRate: 0.05 }),
  }),
  gpt: () => ({
    network: gpt({ vocabularySize: 65, blockSize: 64, layers: 4, heads: 4, width: 128 }),
    loss: sparseCategoricalCrossentropy({ fromLogits: true }),
    optimizer: adamW({ learningRate: 1e-3, beta2: 0.99, weightDecay: 0.1 }),
    clipNorm: 1,
  }),
  lstm: () => ({
    network: sequential([embedding(65, 256), stacked([lstm(256), lstm(256, { returnSequences: true })]), dense(65)]),
    loss: sparseCategoricalCrossentropy({ fromLogits: true }),
    optimizer: adam(),
  }),
};

/** Steps of one run; the trainer chooses about as many for steps of this length. */
const STEPS_PER_RUN: Readonly<Record<WorkloadName, number>> = {
  'mlp-small': 64,
  'mlp-digits': 8,
  lenet: 8,
  'resnet-block': 4,
  gpt: 8,
  lstm: 4,
};

/** The workloads we train; `batchesOf` gives every side the same data. */
export const OUR_WORKLOADS: ReadonlyMap<WorkloadName, OurWorkload> = new Map(
  (Object.keys(SETTINGS) as WorkloadName[]).map((name) => [name, start(name)]), // the record has exactly these keys
);

function start(name: WorkloadName): OurWorkload {
  return async (executor, threads) => {
    const { network, loss, optimizer, clipNorm } = SETTINGS[name]();
    const batches = batchesOf(name);
    const [first] = batches;
    if (first === undefined) throw new Error(`${name} has no batches`);
    const [batchSize = 1] = first.xShape;
    const [x, y] = [inputTensor(first), targetTensor(first, loss)];
    const graph = buildTrainingGraph({
      network: asNetwork(network),
      inputs: new Map([['x', { dtype: x.dtype, shape: x.shape.slice(1) }]]),
      target: { dtype: y.dtype, shape: y.shape.slice(1) },
      batchSize,
      loss,
      metrics: [],
      optimizer,
      clipNorm,
    });
    const random = createRandom(name);
    const weights = initialWeights(graph.record, random);
    const training = await TrainingSteps.create(graph, { executor, threads, weights });
    let done = 0;
    return {
      async step(steps) {
        let last = Number.NaN;
        for (let left = steps; left > 0; ) {
          const count = Math.min(left, STEPS_PER_RUN[name]);
          const chosen = Array.from({ length: count }, (_, index) => batches[(done + index) % batches.length] ?? first);
          const results = await training.run({
            fields: new Map([
              ['x', stack(chosen.map(inputTensor))],
              ['target', stack(chosen.map((batch) => targetTensor(batch, loss)))],
              ['row weights', createTensor('float32', [count, batchSize], new Float32Array(count * batchSize).fill(1))],
            ]),
            learningRates: Float32Array.from({ length: count }, (_, index) => optimizer.schedule(done + index)),
            random,
            firstStep: done,
          });
          last = (results.losses.at(-1) ?? Number.NaN) / batchSize;
          done += count;
          left -= count;
        }
        return last;
      },
    };
  };
}

function inputTensor({ x, xShape }: Batch): Tensor {
  return x instanceof Float32Array ? createTensor('float32', xShape, x) : createTensor('int32', xShape, x);
}

function targetTensor({ y, yShape, xShape }: Batch, { targetDType }: Loss): Tensor {
  const shape = [xShape[0] ?? 1, ...(yShape.length === 1 ? [y.length / (xShape[0] ?? 1)] : yShape.slice(1))];
  const rows = shape.at(-1) === 1 && targetDType === 'int64' ? shape.slice(0, -1) : shape;
  return targetDType === 'int64'
    ? createTensor('int64', rows, BigInt64Array.from(Array.from(y, (each) => BigInt(Math.floor(each)))))
    : createTensor('float32', rows, Float32Array.from(y));
}

/** Tensors of one type and shape along a new first axis. */
function stack(tensors: readonly Tensor[]): Tensor {
  const [first] = tensors;
  if (first === undefined) throw new Error('nothing to stack');
  const shape = [tensors.length, ...first.shape];
  if (first.dtype === 'float32') {
    const data = new Float32Array(tensors.length * first.data.length);
    for (const [index, tensor] of tensors.entries())
      if (tensor.dtype === 'float32') data.set(tensor.data, index * first.data.length);
    return createTensor('float32', shape, data);
  }
  if (first.dtype === 'int64') {
    const data = new BigInt64Array(tensors.length * first.data.length);
    for (const [index, tensor] of tensors.entries())
      if (tensor.dtype === 'int64') data.set(tensor.data, index * first.data.length);
    return createTensor('int64', shape, data);
  }
  if (first.dtype !== 'int32') throw new Error(`cannot stack ${first.dtype}`);
  const data = new Int32Array(tensors.length * first.data.length);
  for (const [index, tensor] of tensors.entries())
    if (tensor.dtype === 'int32') data.set(tensor.data, index * first.data.length);
  return createTensor('int32', shape, data);
}
