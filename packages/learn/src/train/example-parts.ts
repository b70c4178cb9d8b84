// Rows of several shapes in one training, such as sentences by their length: every step is of one part, so that each part
// has a graph of its own shape, and all parts train the same weights. Knows no graphs.
import { AmaasError, type NamedTensors } from '@amaas/core';
import type { Random } from '../statistics/index.ts';
import type { BatchLayout, BatchSource } from './batches.ts';
import { rowTypes, type RowTypes } from './check-examples.ts';
import { countRows, type Examples } from './examples.ts';
import { assertWhole } from './monitor.ts';
import { type ExampleStream, isStream } from './stream-batches.ts';

export interface ExamplePart {
  readonly examples: Examples;
  /** Rows computed together; default: those of the training. Fewer for longer rows keep steps of one size. */
  readonly batchSize?: number;
}

/** Rows by shape; validation rows and the trained model are of the first part's. */
export interface ExampleParts {
  readonly parts: readonly ExamplePart[];
}

export type TrainingRows = Examples | ExampleStream | ExampleParts;

export function isParts(rows: TrainingRows): rows is ExampleParts {
  return 'parts' in rows;
}

/** Rows of one shape, and how they make up steps. */
export interface PlannedPart {
  readonly rows: Examples | ExampleStream;
  readonly types: RowTypes;
  readonly layout: BatchLayout;
}

/** @throws INVALID_ARGUMENT for a part's batch size that is none */
export function planParts(
  given: TrainingRows,
  { batchSize, accumulate }: { readonly batchSize: number; readonly accumulate: number },
): readonly PlannedPart[] {
  const plan = (rows: Examples | ExampleStream, wanted: number): PlannedPart => {
    const count = isStream(rows) ? rows.rowCount : countRows(rows);
    const size = Math.min(wanted, count);
    const layout = { batchSize: size, accumulate: Math.min(accumulate, Math.ceil(count / size)) };
    return { rows, types: isStream(rows) ? rows : rowTypes(rows), layout };
  };
  if (!isParts(given)) return [plan(given, batchSize)];
  return given.parts.map((part, index) => {
    const wanted = part.batchSize ?? batchSize;
    assertWhole(`fit: batchSize of part ${index}`, wanted, 1);
    return plan(part.examples, wanted);
  });
}

/** Some steps of one part; fields are [steps, ...]. */
export interface PartSteps {
  readonly part: number;
  readonly steps: number;
  readonly fields: NamedTensors;
}

export interface PartBatches {
  /** The next steps, `most` of them unless the part changes before; there are that many left. */
  next(most: number): Promise<PartSteps>;
  close(): Promise<void>;
}

export interface PartSource {
  readonly stepsPerEpoch: number;
  /** The steps of an epoch from step `fromStep` on. Whoever opens it closes it. */
  open(epoch: number, fromStep: number): PartBatches;
}

/** Steps of all parts in an order that depends on seed and epoch alone. @param random - null: one part after the other */
export function interleave(sources: readonly BatchSource[], random: Random | null): PartSource {
  return {
    stepsPerEpoch: sources.reduce((sum, { stepsPerEpoch }) => sum + stepsPerEpoch, 0),
    open(epoch, fromStep) {
      const order = Uint32Array.from(sources.flatMap(({ stepsPerEpoch }, part) => Array(stepsPerEpoch).fill(part)));
      random?.fork('parts', epoch).shuffle(order);
      const done = sources.map(() => 0);
      for (const part of order.subarray(0, fromStep)) done[part] = (done[part] ?? 0) + 1;
      const opened = sources.map((source, part) => source.open(epoch, done[part] ?? 0));
      let at = fromStep;
      return {
        async next(most) {
          const part = order[at] ?? 0;
          let steps = 1;
          while (steps < most && order[at + steps] === part) steps++;
          at += steps;
          const fields = await opened[part]?.next(steps);
          if (fields === undefined) throw new AmaasError('INTERNAL', 'fit: no steps are left');
          return { part, steps, fields };
        },
        async close() {
          for (const batches of opened) await batches.close();
        },
      };
    },
  };
}
