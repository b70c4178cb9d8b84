// Convolution and pooling layers. Images are [batch, channels, height, width], sequences [batch, channels, length].
import { AmaasError, formatShape } from '@amaas/core';
import {
  averagePool as averagePoolValue,
  conv,
  convTranspose,
  globalAveragePool as globalAveragePoolValue,
  globalMaxPool as globalMaxPoolValue,
  maxPool as maxPoolValue,
  type Padding,
  reshape,
  type Value,
} from '../graph/index.ts';
import { type Activation, activate } from './activations.ts';
import { assertCount } from './dense.ts';
import { type InitializerChoice, initializerFor } from './initializers.ts';
import { type Layer, layer } from './layer.ts';
import type { Regularizer } from './regularizers.ts';

export interface ConvLayerOptions {
  /** One number for all axes, or one per axis; default 1. */
  readonly strides?: number | readonly number[];
  readonly dilations?: number | readonly number[];
  /** `valid` (default), `same`, or amounts. */
  readonly padding?: Padding;
  /** Channels and filters fall into this many groups that do not see each other; default 1. */
  readonly groups?: number;
  /** Default `linear`. */
  readonly activation?: Activation;
  /** Default true; turn it off before batch normalisation. */
  readonly useBias?: boolean;
  /** Default `glorotUniform`, as in Keras; `heNormal` suits deep ReLU networks. */
  readonly kernelInitializer?: InitializerChoice;
  readonly kernelRegularizer?: Regularizer;
}

/**
 * Convolution of images.
 * Shapes: x [batch, channels, height, width] → [batch, filters, …]; parameters `kernel` [filters, channels / groups, ...kernelSize], `bias` [filters].
 */
export function conv2d(filters: number, kernelSize: number | readonly number[], options: ConvLayerOptions = {}): Layer {
  return convolution('conv2d', 2, { ...options, filters, kernelSize });
}

/** Convolution of sequences. Shapes: x [batch, channels, length] → [batch, filters, …]; parameters as {@link conv2d}. */
export function conv1d(filters: number, kernelSize: number | readonly number[], options: ConvLayerOptions = {}): Layer {
  return convolution('conv1d', 1, { ...options, filters, kernelSize });
}

export interface ConvTransposeLayerOptions extends ConvLayerOptions {
  /** Added at the end of each axis, less than the stride; default 0. */
  readonly outputPadding?: number | readonly number[];
}

/**
 * Transposed convolution of images: the way back from a convolution's shape.
 * Shapes: x [batch, channels, height, width] → [batch, filters, …]; parameter `kernel` [channels, filters / groups, ...kernelSize].
 */
export function conv2dTranspose(
  filters: number,
  kernelSize: number | readonly number[],
  options: ConvTransposeLayerOptions = {},
): Layer {
  assertCount('conv2dTranspose: filters', filters);
  const kernelShape = sizes(kernelSize, 2);
  return layer('conv2dTranspose', (x, scope) => {
    const channels = channelsOf(x, 'conv2dTranspose', 2);
    const { groups = 1, useBias = true, activation = 'linear' } = options;
    const area = kernelShape.reduce((product, size) => product * size, 1);
    const fans = { fanIn: (channels / groups) * area, fanOut: (filters / groups) * area };
    const kernel = scope.parameter('kernel', [channels, filters / groups, ...kernelShape], {
      initializer: initializerFor(options.kernelInitializer ?? 'glorotUniform', fans),
      regularizer: options.kernelRegularizer,
    });
    const bias = useBias
      ? { bias: scope.parameter('bias', [filters], { initializer: initializerFor('zeros', fans), decays: false }) }
      : {};
    const extra = options.outputPadding === undefined ? {} : { outputPadding: options.outputPadding };
    return activate(convTranspose(x, kernel, { ...windowOptions(options), ...extra, ...bias, groups }), activation);
  });
}

function convolution(
  name: string,
  rank: number,
  options: ConvLayerOptions & { readonly filters: number; readonly kernelSize: number | readonly number[] },
): Layer {
  const { filters, groups = 1, useBias = true, activation = 'linear' } = options;
  assertCount(`${name}: filters`, filters);
  const kernelShape = sizes(options.kernelSize, rank);
  return layer(name, (x, scope) => {
    const channels = channelsOf(x, name, rank);
    const area = kernelShape.reduce((product, size) => product * size, 1);
    const fans = { fanIn: (channels / groups) * area, fanOut: (filters / groups) * area };
    const kernel = scope.parameter('kernel', [filters, channels / groups, ...kernelShape], {
      initializer: initializerFor(options.kernelInitializer ?? 'glorotUniform', fans),
      regularizer: options.kernelRegularizer,
    });
    const bias = useBias
      ? { bias: scope.parameter('bias', [filters], { initializer: initializerFor('zeros', fans), decays: false }) }
      : {};
    return activate(conv(x, kernel, { ...windowOptions(options), ...bias, groups }), activation);
  });
}

export interface PoolLayerOptions {
  /** Default: the pool's size, so that windows lie side by side. */
  readonly strides?: number | readonly number[];
  readonly padding?: Padding;
}

/** The greatest element of every window of an image. */
export function maxPool2d(poolSize: number | readonly number[] = 2, options: PoolLayerOptions = {}): Layer {
  return layer('maxPool2d', (x) => maxPoolValue(x, sizes(poolSize, 2), options));
}

/** The greatest element of every window of a sequence. */
export function maxPool1d(poolSize = 2, options: PoolLayerOptions = {}): Layer {
  return layer('maxPool1d', (x) => maxPoolValue(x, [poolSize], options));
}

/** The mean of every window of an image. */
export function averagePool2d(poolSize: number | readonly number[] = 2, options: PoolLayerOptions = {}): Layer {
  return layer('averagePool2d', (x) => averagePoolValue(x, sizes(poolSize, 2), options));
}

/** The mean over everything but batch and channels. Shapes: x [batch, channels, ...] → [batch, channels]. */
export function globalAveragePool(): Layer {
  return layer('globalAveragePool', (x) => reshape(globalAveragePoolValue(x), x.shape.slice(0, 2)));
}

/** The maximum over everything but batch and channels. Shapes: x [batch, channels, ...] → [batch, channels]. */
export function globalMaxPool(): Layer {
  return layer('globalMaxPool', (x) => reshape(globalMaxPoolValue(x), x.shape.slice(0, 2)));
}

function windowOptions({
  strides,
  dilations,
  padding,
}: ConvLayerOptions): Pick<ConvLayerOptions, 'strides' | 'dilations' | 'padding'> {
  return {
    ...(strides === undefined ? {} : { strides }),
    ...(dilations === undefined ? {} : { dilations }),
    ...(padding === undefined ? {} : { padding }),
  };
}

function sizes(size: number | readonly number[], rank: number): readonly number[] {
  return typeof size === 'number' ? new Array<number>(rank).fill(size) : size;
}

function channelsOf(x: Value, name: string, rank: number): number {
  const channels = x.shape[1];
  if (typeof channels !== 'number' || x.shape.length !== rank + 2) {
    const expected = rank === 2 ? '[batch, channels, height, width]' : '[batch, channels, length]';
    throw new AmaasError('INVALID_GRAPH', `${name}: expected ${expected}, got ${formatShape(x.shape)}`);
  }
  return channels;
}
