// The models whose training is held against PyTorch's: what they are, their data and their weights, all made of
// `madeNumbers`. `torch-models.json` holds what the same models, written plainly in PyTorch 2.13 with float64, gave: per
// step the loss and the norm of the gradients, and per tensor two numbers after the first and after the last step: its
// product with madeNumbers(99, …), and the root of its sum of squares.
import { createTensor, type Tensor, type TensorOf } from '@amaas/core';
import {
  activation,
  asNetwork,
  dense,
  encoderDecoder,
  globalAveragePool,
  gpt,
  l1l2,
  l2,
  layer,
  layerNorm,
  type Layer,
  leNet,
  llama,
  multiHeadSelfAttention,
  type Network,
  resNet,
  rmsNorm,
  sequential,
  tabularNetwork,
  textCnn,
  transformerBlock,
} from '../../layers/index.ts';
import { swapLast } from '../../graph/index.ts';
import {
  adamW,
  binaryCrossentropy,
  type Loss,
  meanSquaredError,
  type Optimizer,
  sequenceCrossentropy,
  sgd,
  sparseCategoricalCrossentropy,
} from '../index.ts';
import { madeIndices, madeNumbers } from './made-numbers.ts';

export interface TorchCase {
  readonly network: Network;
  readonly loss: Loss;
  readonly optimizer: Optimizer;
  readonly clipNorm?: number;
  readonly batchSize: number;
  readonly inputs: ReadonlyMap<string, Field>;
  readonly target: Field;
}

/** One row's shape, and what its numbers are: floats of a size, or indices below a bound. */
export interface Field {
  readonly shape: readonly number[];
  readonly scale?: number;
  readonly bound?: number;
}

export const TORCH_STEPS = 10;

const image = (...shape: readonly number[]): ReadonlyMap<string, Field> => new Map([['x', { shape, scale: 1.5 }]]);
const classes = (bound: number, ...shape: readonly number[]): Field => ({ shape, bound });
const momentum = (learningRate: number): Optimizer => sgd({ learningRate, momentum: 0.9 });
const tokens = image(5, 6);

/** Attention over five tokens, its mean through a dense layer: a number per sequence. */
function attending(
  attention: Layer,
): Pick<TorchCase, 'network' | 'loss' | 'optimizer' | 'batchSize' | 'inputs' | 'target'> {
  const swapped = layer('swap', (x) => swapLast(x));
  return {
    network: asNetwork(sequential([attention, swapped, globalAveragePool(), dense(1)])),
    loss: meanSquaredError,
    optimizer: momentum(0.1),
    batchSize: 4,
    inputs: tokens,
    target: { shape: [1], scale: 1 },
  };
}

export const TORCH_CASES: Readonly<Record<string, TorchCase>> = {
  mlp: {
    network: asNetwork(
      sequential([
        dense(5, { activation: 'relu', kernelRegularizer: l2(0.02) }),
        dense(4, { activation: 'tanh', kernelRegularizer: l1l2(0.01, 0.03) }),
        dense(3, { activation: 'softmax' }),
      ]),
    ),
    loss: sparseCategoricalCrossentropy({ classWeights: [0.5, 2, 1.25], labelSmoothing: 0.1 }),
    optimizer: sgd({ learningRate: 0.1, momentum: 0.9, nesterov: true }),
    clipNorm: 0.7,
    batchSize: 8,
    inputs: image(6),
    target: classes(3),
  },
  lenet: {
    network: asNetwork(leNet({ kind: 'multiclass', classes: 4 })),
    loss: sparseCategoricalCrossentropy(),
    optimizer: momentum(0.01),
    batchSize: 6,
    inputs: image(1, 12, 12),
    target: classes(4),
  },
  resnet: {
    network: asNetwork(resNet({ head: { kind: 'multiclass', classes: 4 }, stages: [4, 6], blocks: 2 })),
    loss: sparseCategoricalCrossentropy(),
    optimizer: momentum(0.01),
    batchSize: 6,
    inputs: image(3, 8, 8),
    target: classes(4),
  },
  textCnn: {
    network: asNetwork(
      textCnn({
        vocabularySize: 20,
        head: { kind: 'multiclass', classes: 3 },
        embeddingWidth: 6,
        filters: 5,
        windows: [2, 3],
        dropout: 0,
      }),
    ),
    loss: sparseCategoricalCrossentropy(),
    optimizer: momentum(0.05),
    batchSize: 4,
    inputs: new Map([['x', classes(20, 9)]]),
    target: classes(3),
  },
  tabular: {
    network: tabularNetwork({
      numericWidth: 3,
      categories: [
        { codes: 5, width: 2 },
        { codes: 4, width: 3 },
      ],
      hidden: [6, 5],
      head: { kind: 'binary' },
      batchNorm: true,
    }),
    loss: binaryCrossentropy({ classWeights: [1, 3] }),
    optimizer: momentum(0.05),
    batchSize: 8,
    inputs: new Map([
      ['numeric', { shape: [3], scale: 2 }],
      ['categories', classes(4, 2)],
    ]),
    target: classes(2, 1),
  },
  attention: attending(multiHeadSelfAttention({ heads: 2 })),
  attentionCausalDropout: attending(multiHeadSelfAttention({ heads: 3, causal: true, dropout: 0.3, useBias: false })),
  transformer: attending(
    sequential([
      transformerBlock({ heads: 2, innerWidth: 7, dropout: 0.25 }),
      layerNorm(),
      rmsNorm(),
      activation('gelu'),
    ]),
  ),
  gpt: {
    network: asNetwork(gpt({ vocabularySize: 11, blockSize: 7, layers: 2, heads: 2, width: 8 })),
    loss: sparseCategoricalCrossentropy({ fromLogits: true }),
    optimizer: momentum(0.1),
    batchSize: 3,
    inputs: new Map([['x', classes(11, 7)]]),
    target: classes(11, 7),
  },
  gptAdamW: {
    network: asNetwork(gpt({ vocabularySize: 11, blockSize: 9, layers: 2, heads: 4, width: 8, useBias: true })),
    loss: sparseCategoricalCrossentropy({ fromLogits: true }),
    // The gradient of the keys' bias is rounding alone, which a small epsilon would make steps of.
    optimizer: adamW({ learningRate: 0.01, beta2: 0.99, weightDecay: 0.1, epsilon: 1e-4 }),
    clipNorm: 1,
    batchSize: 3,
    inputs: new Map([['x', classes(11, 7)]]),
    target: classes(11, 7),
  },
  llama: {
    network: asNetwork(
      llama({ vocabularySize: 11, blockSize: 7, layers: 2, heads: 4, keyValueHeads: 2, width: 16, innerWidth: 10 }),
    ),
    loss: sequenceCrossentropy({ ignore: 3 }),
    optimizer: momentum(0.1),
    batchSize: 3,
    inputs: new Map([['x', classes(11, 7)]]),
    target: classes(11, 7),
  },
  encoderDecoder: {
    network: encoderDecoder({ sourceVocabularySize: 7, targetVocabularySize: 9, layers: 2, heads: 2, width: 8 }),
    loss: sequenceCrossentropy({ ignore: 0, labelSmoothing: 0.1 }),
    optimizer: momentum(0.1),
    batchSize: 3,
    inputs: new Map([
      ['source', classes(7, 6)],
      ['target ids', classes(9, 5)],
    ]),
    target: classes(9, 5),
  },
  encoderDecoderAfter: {
    network: encoderDecoder({
      ...{ sourceVocabularySize: 7, layers: 1, heads: 2, width: 8, innerWidth: 6, normFirst: false },
      ...{ activation: 'gelu', learnedPositions: 8, padding: 2, dropout: 0.2 },
    }),
    loss: sequenceCrossentropy({ ignore: 2 }),
    optimizer: momentum(0.1),
    batchSize: 3,
    inputs: new Map([
      ['source', classes(7, 6)],
      ['target ids', classes(7, 5)],
    ]),
    target: classes(7, 5),
  },
};

/** Ten batches of a field, [10, batch, ...]. */
export function caseTensor({ shape, scale, bound }: Field, seed: number, batchSize: number): Tensor {
  const sizes = [TORCH_STEPS, batchSize, ...shape];
  const count = sizes.reduce((product, size) => product * size, 1);
  return bound === undefined
    ? createTensor('float32', sizes, Float32Array.from(madeNumbers(seed, count, scale)))
    : createTensor('int64', sizes, BigInt64Array.from(madeIndices(seed, count, bound), BigInt));
}

/** A parameter's made value: matrices as wide as their fan-in asks for, scales around 1, the rest around 0. */
export function caseWeight(name: string, shape: readonly number[], seed: number): TensorOf<'float32'> {
  const count = shape.reduce((product, size) => product * size, 1);
  const outputs = shape.length === 2 ? (shape[1] ?? 1) : (shape[0] ?? 1);
  const scale = shape.length === 1 ? 0.3 : 1.5 / Math.sqrt(count / outputs);
  const middle = name.endsWith('scale') ? 1 : 0;
  return createTensor(
    'float32',
    shape,
    Float32Array.from(madeNumbers(seed, count, scale), (value) => middle + value),
  );
}

/** What the fixture holds of a tensor. */
export function summarize(data: Float32Array): readonly [number, number] {
  const directions = madeNumbers(99, data.length);
  const along = data.reduce((sum, value, index) => sum + value * (directions[index] ?? 0), 0);
  return [along, Math.sqrt(data.reduce((sum, value) => sum + value * value, 0))];
}
