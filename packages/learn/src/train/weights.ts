// Initial weights.
import { createTensor, type TensorOf } from '@amaas/core';
import type { BuildRecord, Parameter } from '../layers/index.ts';
import type { Random } from '../statistics/index.ts';
import type { Weights } from './packing.ts';
import { initialStatistics } from './step-graph.ts';

/** Weights of a network before training. */
export function initialWeights({ parameters, statistics }: BuildRecord, random: Random): Weights {
  return new Map<string, TensorOf<'float32'>>([
    ...parameters.map((parameter) => [parameter.name, drawWeight(parameter, random)] as const),
    ...initialStatistics(statistics),
  ]);
}

/** A parameter's value before training; it depends on the seed and the parameter's name alone. */
export function drawWeight({ name, shape, initializer }: Parameter, random: Random): TensorOf<'float32'> {
  return createTensor('float32', shape, initializer(shape, random.fork('initial', name)));
}

/** Number of trained numbers. */
export function countParameters({ parameters }: BuildRecord): number {
  return parameters.reduce((sum, { shape }) => sum + shape.reduce((product, size) => product * size, 1), 0);
}
