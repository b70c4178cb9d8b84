// Initial weights.
import { createTensor, type TensorOf } from '@amaas/core';
import type { BuildRecord } from '../layers/index.ts';
import type { Random } from '../statistics/index.ts';
import type { Weights } from './packing.ts';
import { initialStatistics } from './step-graph.ts';

/** Weights of a network before training. Each parameter's draw depends on the seed and its name alone. */
export function initialWeights({ parameters, statistics }: BuildRecord, random: Random): Weights {
  return new Map<string, TensorOf<'float32'>>([
    ...parameters.map(
      ({ name, shape, initializer }) =>
        [name, createTensor('float32', shape, initializer(shape, random.fork('initial', name)))] as const,
    ),
    ...initialStatistics(statistics),
  ]);
}

/** Number of trained numbers. */
export function countParameters({ parameters }: BuildRecord): number {
  return parameters.reduce((sum, { shape }) => sum + shape.reduce((product, size) => product * size, 1), 0);
}
