// Where the rows of training steps come from: the batches of an epoch in order, from any step on. In memory here; streams
// are `stream-batches`.
import { createTensor, type NamedTensors, type Tensor } from '@amaas/core';
import type { Random } from '../statistics/index.ts';
import { countRows, type Examples, gatherRows, planBatches, rowNumbers, sliceBatches } from './examples.ts';
import { fieldName, ROW_WEIGHTS, TARGET } from './step-fields.ts';

/** How rows make up a step. */
export interface BatchLayout {
  readonly batchSize: number;
  /** Batches of one update. */
  readonly accumulate: number;
}

export interface BatchSource {
  readonly stepsPerEpoch: number;
  /** The batches of an epoch (1 is the first) from step `fromStep` on. Whoever opens it closes it. */
  open(epoch: number, fromStep: number): EpochBatches;
}

export interface EpochBatches {
  /** Fields of the next `count` steps, [count, ...] each; there are that many left. */
  next(count: number): Promise<NamedTensors>;
  close(): Promise<void>;
}

/** Batches of rows in memory. @param random - decides the order of rows, or null to take them as they lie */
export function batchesInMemory(examples: Examples, layout: BatchLayout, random: Random | null): BatchSource {
  const rowsPerStep = layout.batchSize * layout.accumulate;
  return {
    stepsPerEpoch: Math.ceil(countRows(examples) / rowsPerStep),
    open(epoch, fromStep) {
      const order = rowNumbers(countRows(examples));
      random?.fork('shuffle', epoch).shuffle(order);
      const plan = planBatches(order, rowsPerStep);
      let from = fromStep;
      return {
        async next(count) {
          const { rows, rowWeights } = sliceBatches(plan, { from, count, weights: examples.weights });
          from += count;
          return stepFields(examples, rows, { rowWeights, leading: leadingAxes(count, layout) });
        },
        async close() {},
      };
    },
  };
}

/** The axes before those of a row. */
export function leadingAxes(count: number, { batchSize, accumulate }: BatchLayout): readonly number[] {
  return accumulate === 1 ? [count, batchSize] : [count, accumulate, batchSize];
}

/** Chosen rows as a run is fed them. */
export function stepFields(
  { inputs, target }: Examples,
  rows: Uint32Array,
  { rowWeights, leading }: { readonly rowWeights: Float32Array; readonly leading: readonly number[] },
): NamedTensors {
  const fields = new Map<string, Tensor>();
  for (const [name, tensor] of inputs) fields.set(fieldName(name), gatherRows(tensor, rows, leading));
  fields.set(TARGET, gatherRows(target, rows, leading));
  fields.set(ROW_WEIGHTS, createTensor('float32', leading, rowWeights));
  return fields;
}
