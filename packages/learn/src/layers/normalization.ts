// Normalisation layers.
import { AmaasError, formatShape } from '@amaas/core';
import {
  add,
  batchNormalization as normalizeBy,
  batchNormalizationTraining,
  layerNormalization as normalizeLayer,
  mul,
  rmsNormalization,
} from '../graph/index.ts';
import { lastSize } from './dense.ts';
import { constantInitializer } from './initializers.ts';
import { type Layer, layer } from './layer.ts';

export interface LayerNormOptions {
  /** Added to the variance; default 1e-5, as in PyTorch. */
  readonly epsilon?: number;
  /** Default true. */
  readonly useBias?: boolean;
}

/** Mean 0 and variance 1 over the last axis, then a trained scale and bias. Source: Ba, Kiros & Hinton 2016. */
export function layerNorm({ epsilon = 1e-5, useBias = true }: LayerNormOptions = {}): Layer {
  return layer('layerNorm', (x, scope) => {
    const size = lastSize(x, 'layerNorm');
    const scale = scope.parameter('scale', [size], { initializer: constantInitializer(1), decays: false });
    const bias = useBias
      ? { bias: scope.parameter('bias', [size], { initializer: constantInitializer(0), decays: false }) }
      : {};
    return normalizeLayer(x, { scale, ...bias, epsilon });
  });
}

/** Root mean square 1 over the last axis, then a trained scale. Source: Zhang & Sennrich 2019. */
export function rmsNorm({ epsilon = 1e-5 }: { readonly epsilon?: number } = {}): Layer {
  return layer('rmsNorm', (x, scope) => {
    const size = lastSize(x, 'rmsNorm');
    const scale = scope.parameter('scale', [size], { initializer: constantInitializer(1), decays: false });
    return rmsNormalization(x, { scale, epsilon });
  });
}

export interface BatchNormOptions {
  /** Share of the running statistics kept at each step; default 0.9, as PyTorch's 0.1 of the new ones. */
  readonly momentum?: number;
  /** Added to the variance; default 1e-5, as in PyTorch. */
  readonly epsilon?: number;
}

/**
 * Mean 0 and variance 1 per channel (axis 1) over the batch, then a trained scale and bias; by running statistics when
 * not training. Source: Ioffe & Szegedy 2015.
 */
export function batchNorm({ momentum = 0.9, epsilon = 1e-5 }: BatchNormOptions = {}): Layer {
  return layer('batchNorm', (x, scope) => {
    const channels = x.shape[1];
    if (typeof channels !== 'number') {
      throw new AmaasError('INVALID_GRAPH', `batchNorm: expected [batch, channels, ...], got ${formatShape(x.shape)}`);
    }
    const parameter = (name: string, value: number) =>
      scope.parameter(name, [channels], { initializer: constantInitializer(value), decays: false });
    const scale = parameter('scale', 1);
    const bias = parameter('bias', 0);
    const mean = scope.statistic('mean', [channels], 0);
    const variance = scope.statistic('variance', [channels], 1);
    if (!scope.training) return normalizeBy(x, { scale, bias, mean, variance, epsilon });
    const batch = batchNormalizationTraining(x, { scale, bias, epsilon });
    const rows = x.shape.reduce<number>((total, size, axis) => (axis === 1 ? total : total * Number(size)), 1);
    // The variance of the population is estimated from the sample, as PyTorch does.
    const unbiased = mul(batch.variance, rows / Math.max(1, rows - 1));
    scope.updateStatistic('mean', add(mul(mean, momentum), mul(batch.mean, 1 - momentum)));
    scope.updateStatistic('variance', add(mul(variance, momentum), mul(unbiased, 1 - momentum)));
    return batch.y;
  });
}
