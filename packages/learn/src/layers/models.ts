// Ready models: what one would otherwise write out in layers again and again.
import { add, concat, gather, scalar, swapLast, type Value } from '../graph/index.ts';
import { activation } from './activations.ts';
import { conv1d, conv2d, globalAveragePool, globalMaxPool, maxPool2d } from './convolution.ts';
import { dense, embedding } from './dense.ts';
import { dropout } from './dropout.ts';
import type { InitializerChoice } from './initializers.ts';
import { type Layer, layer, type Network } from './layer.ts';
import { batchNorm } from './normalization.ts';
import type { Regularizer } from './regularizers.ts';
import type { Scope } from './scope.ts';
import { flatten, functional, residual, sequential } from './sequential.ts';

/** What the last layer gives: one number, one probability, or a probability per class. */
export type Head =
  | { readonly kind: 'regression' }
  | { readonly kind: 'binary' }
  | { readonly kind: 'multiclass'; readonly classes: number };

/** The last layer for a task. */
export function headLayer(head: Head, kernelRegularizer?: Regularizer): Layer {
  const regularizer = kernelRegularizer === undefined ? {} : { kernelRegularizer };
  switch (head.kind) {
    case 'regression':
      return dense(1, regularizer);
    case 'binary':
      return dense(1, { activation: 'sigmoid', ...regularizer });
    case 'multiclass':
      return dense(head.classes, { activation: 'softmax', ...regularizer });
    default:
      return head satisfies never;
  }
}

/** Linear regression: [batch, features] → [batch, 1]. */
export function linearRegression(kernelRegularizer?: Regularizer): Layer {
  return headLayer({ kind: 'regression' }, kernelRegularizer);
}

/** Logistic regression: [batch, features] → [batch, 1], a probability. */
export function logisticRegression(kernelRegularizer?: Regularizer): Layer {
  return headLayer({ kind: 'binary' }, kernelRegularizer);
}

/** Softmax regression: [batch, features] → [batch, classes], probabilities. */
export function softmaxRegression(classes: number, kernelRegularizer?: Regularizer): Layer {
  return headLayer({ kind: 'multiclass', classes }, kernelRegularizer);
}

export interface MlpOptions {
  /** Units of the hidden layers, in order. */
  readonly hidden: readonly number[];
  readonly head: Head;
  /** After each hidden layer; default 0. */
  readonly dropout?: number;
  /** Whether hidden layers are normalised over the batch; default false. */
  readonly batchNorm?: boolean;
  readonly kernelRegularizer?: Regularizer;
}

/** Dense ReLU layers and a head. Shapes: x [batch, ...] → the head's. */
export function mlp({ head, ...hidden }: MlpOptions): Layer {
  return sequential([mlpBody(hidden), headLayer(head, hidden.kernelRegularizer)]);
}

function mlpBody({
  hidden,
  dropout: rate = 0,
  batchNorm: normalised = false,
  kernelRegularizer,
}: Omit<MlpOptions, 'head'>): Layer {
  const regularizer = kernelRegularizer === undefined ? {} : { kernelRegularizer };
  return sequential(
    hidden.flatMap((units) => [
      dense(units, { kernelInitializer: 'heNormal', useBias: !normalised, ...regularizer }),
      ...(normalised ? [batchNorm()] : []),
      activation('relu'),
      ...(rate > 0 ? [dropout(rate)] : []),
    ]),
  );
}

/** One categorical column: its number of codes and the width its codes are embedded in. */
export interface CategoryColumn {
  readonly codes: number;
  readonly width: number;
}

export interface TabularNetworkOptions extends MlpOptions {
  /** Width of the numeric input; 0: there is none. */
  readonly numericWidth: number;
  readonly categories: readonly CategoryColumn[];
  /** Adds a linear path past the hidden layers (wide & deep); default true. Source: Cheng et al. 2016. */
  readonly wide?: boolean;
}

/** Names of the inputs of a {@link tabularNetwork}. */
export const NUMERIC_INPUT = 'numeric';
export const CATEGORY_INPUT = 'categories';

/**
 * Numbers and embedded categories into an MLP.
 * Inputs: `numeric` float32 [batch, numericWidth], `categories` int64 [batch, columns] of codes.
 */
export function tabularNetwork(options: TabularNetworkOptions): Network {
  const { numericWidth, categories, wide = true } = options;
  const names = [...(numericWidth > 0 ? [NUMERIC_INPUT] : []), ...(categories.length > 0 ? [CATEGORY_INPUT] : [])];
  const deep = mlp(options);
  return functional(names, (inputs, scope) => {
    const numeric = numericWidth > 0 ? [inputs.get(NUMERIC_INPUT)] : [];
    const embedded = categories.map(({ codes, width }, index) => {
      const column = gather(inputs.get(CATEGORY_INPUT), scalar('int64', index), 1);
      return embedding(codes, width).apply(column, scope.inside(`category.${index}`));
    });
    const features = concat([...numeric, ...embedded], 1);
    if (!wide || options.hidden.length === 0) return deep.apply(features, scope.inside('deep'));
    return wideAndDeep(features, { deep: options, scope });
  });
}

/** Head over the hidden layers' result and the features together: both paths are trained at once. */
function wideAndDeep(features: Value, { deep, scope }: { readonly deep: MlpOptions; readonly scope: Scope }): Value {
  const { head, ...hidden } = deep;
  const body = mlpBody(hidden).apply(features, scope.inside('deep'));
  const width = head.kind === 'multiclass' ? head.classes : 1;
  const logits = add(
    dense(width).apply(body, scope.inside('head')),
    dense(width, { useBias: false, kernelInitializer: 'zeros' }).apply(features, scope.inside('wide')),
  );
  if (head.kind === 'regression') return logits;
  return activation(head.kind === 'binary' ? 'sigmoid' : 'softmax').apply(logits, scope);
}

/** Two convolutions with pooling and a dense layer, after LeCun et al. 1998 with today's parts. Shapes: x [batch, channels, height, width]. */
export function leNet(head: Head, { dropout: rate = 0 }: { readonly dropout?: number } = {}): Layer {
  return sequential([
    conv2d(32, 5, { padding: 'same', activation: 'relu', kernelInitializer: 'heNormal' }),
    maxPool2d(2),
    conv2d(64, 5, { padding: 'same', activation: 'relu', kernelInitializer: 'heNormal' }),
    maxPool2d(2),
    flatten(),
    dense(256, { activation: 'relu', kernelInitializer: 'heNormal' }),
    ...(rate > 0 ? [dropout(rate)] : []),
    headLayer(head),
  ]);
}

export interface ResNetOptions {
  readonly head: Head;
  /** Channels of the stages; each after the first halves the image. Default [16, 32, 64]. */
  readonly stages?: readonly number[];
  /** Residual blocks per stage; default 1. */
  readonly blocks?: number;
}

/** A residual CNN in the layout of He et al. 2016 for small images. Shapes: x [batch, channels, height, width]. */
export function resNet({ head, stages = [16, 32, 64], blocks = 1 }: ResNetOptions): Layer {
  const first = stages[0] ?? 16;
  return sequential([
    ...convNormRelu(first, 1),
    ...stages.flatMap((channels, stage) =>
      Array.from({ length: blocks }, (_, block) => residualBlock(channels, stage > 0 && block === 0)),
    ),
    globalAveragePool(),
    headLayer(head),
  ]);
}

function residualBlock(channels: number, halves: boolean): Layer {
  const strides = halves ? 2 : 1;
  const body = [...convNormRelu(channels, strides), conv2d(channels, 3, CONV), batchNorm()];
  const block = halves
    ? residual(body, sequential([conv2d(channels, 1, { ...CONV, padding: 0, strides }), batchNorm()]))
    : residual(body);
  return sequential([block, activation('relu')], 'residualBlock');
}

/** He's padding of one on every side, also where the stride is 2: the sizes are those of an unpadded 1 × 1 shortcut. */
const CONV = { padding: 1, useBias: false, kernelInitializer: 'heNormal' } as const;

function convNormRelu(channels: number, strides: number): readonly Layer[] {
  return [conv2d(channels, 3, { ...CONV, strides }), batchNorm(), activation('relu')];
}

export interface TextCnnOptions {
  readonly vocabularySize: number;
  readonly head: Head;
  /** Width of the word vectors; default 64. */
  readonly embeddingWidth?: number;
  /** Filters per window; default 64. */
  readonly filters?: number;
  /** Words seen at once; default [3, 4, 5]. */
  readonly windows?: readonly number[];
  /** Before the head; default 0.5. */
  readonly dropout?: number;
  /** Share of the numbers in word vectors dropped; default 0. */
  readonly embeddingDropout?: number;
  /** Of the word vectors; default that of {@link embedding}. */
  readonly embeddingInitializer?: InitializerChoice;
}

/** Convolutions of several widths over word vectors, the greatest answer of each. Shapes: ids [batch, length]. Source: Kim 2014. */
export function textCnn(options: TextCnnOptions): Layer {
  const { vocabularySize, head, embeddingWidth = 64, filters = 64, windows = [3, 4, 5], dropout: rate = 0.5 } = options;
  const { embeddingDropout = 0, embeddingInitializer: initializer } = options;
  const vectors = embedding(vocabularySize, embeddingWidth, initializer === undefined ? {} : { initializer });
  return layer('textCnn', (ids, scope) => {
    const words = dropout(embeddingDropout).apply(vectors.apply(ids, scope.inside('embedding')), scope);
    const sequence = swapLast(words);
    const answers = windows.map((size) =>
      sequential([conv1d(filters, size, { activation: 'relu', kernelInitializer: 'heNormal' }), globalMaxPool()]).apply(
        sequence,
        scope.inside(`window.${size}`),
      ),
    );
    const joined = dropout(rate).apply(concat(answers, 1), scope);
    return headLayer(head).apply(joined, scope.inside('head'));
  });
}
