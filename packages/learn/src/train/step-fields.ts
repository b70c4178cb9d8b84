// Names and types of what a training step is fed. Names of the network's inputs come from users and may be anything; what
// training feeds besides keeps its plain names, so that an input of such a name gets another one inside the graph.
import type { DType } from '@amaas/core';
import { input, type Value } from '../graph/index.ts';

/** Type of one tensor of a batch, without the batch axis. */
export interface FieldType {
  readonly dtype: DType;
  readonly shape: readonly number[];
}

/** Names of what a run is fed per step besides the network's own inputs. */
export const TARGET = 'target';
export const ROW_WEIGHTS = 'row weights';
export const LEARNING_RATE = 'learning rate';
export const STEP = 'step';

/** Those, and the names of results. */
const RESERVED: ReadonlySet<string> = new Set([
  ...[TARGET, ROW_WEIGHTS, LEARNING_RATE, STEP],
  ...['loss', 'weight', 'rows', 'penalty', 'gradient norm'],
]);

/** What the network's input of that name is called in the graphs of training and evaluation. */
export function fieldName(name: string): string {
  return RESERVED.has(name) || /^(parameters|random|input|next|metric)\./.test(name) ? `input.${name}` : name;
}

/** Inputs of one batch by field name: the network's, the target and the rows' weights. */
export function batchFields(
  { inputs, target }: { readonly inputs: ReadonlyMap<string, FieldType>; readonly target: FieldType },
  batchSize: number,
): ReadonlyMap<string, Value> {
  const field = (name: string, { dtype, shape }: FieldType): readonly [string, Value] => [
    name,
    input(name, dtype, [batchSize, ...shape]),
  ];
  return new Map([
    ...[...inputs].map(([name, type]) => field(fieldName(name), type)),
    field(TARGET, target),
    field(ROW_WEIGHTS, { dtype: 'float32', shape: [] }),
  ]);
}
