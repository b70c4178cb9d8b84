// Initial weights.
import { AmaasError, createTensor, type TensorOf } from '@amaas/core';
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

/**
 * Refuses weights under names that the network has not: training would start from drawn ones without a word.
 * @throws INVALID_CHECKPOINT
 */
export function assertKnownWeights(weights: Weights | undefined, { parameters, statistics }: BuildRecord): void {
  const names = [...parameters, ...statistics].map(({ name }) => name);
  const unknown = [...(weights?.keys() ?? [])].find((name) => !names.includes(name));
  if (unknown === undefined) return;
  throw new AmaasError('INVALID_CHECKPOINT', `fit: initialWeights has ${unknown}; the network has ${names.join(', ')}`);
}
