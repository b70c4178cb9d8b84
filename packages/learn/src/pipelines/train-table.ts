// From a table to a model: look at the columns, split, fit the preprocessing on the training part, train candidates,
// choose by validation, export one graph, and report on rows none of it has seen, by the exported graph itself.
import type { Clock } from '@amaas/core';
import type { CheckpointStore, EpochRecord, FitProgress } from '../train/index.ts';
import type { TableModelOptions } from './choose-network.ts';
import {
  type CandidateExamples,
  countTraining,
  namedCandidate,
  type TableCandidate,
  trainTableCandidate,
} from './table-candidate.ts';
import { finishTable, type TrainedTable } from './table-outcome.ts';
import { type PrepareTableEvent, type PrepareTableOptions, prepareTable } from './table-preparation.ts';
import { openTableStream } from './table-stream.ts';

export { lossCurves, type TrainedTable } from './table-outcome.ts';

export interface TrainTableOptions extends Omit<PrepareTableOptions, 'onEvent'> {
  /** Settings of the network; default: chosen from the number of rows. */
  readonly model?: Partial<TableModelOptions>;
  readonly checkpoint?: (candidate: string) => CheckpointStore;
  /** Default 5 seconds: what a killed training loses. */
  readonly checkpointEveryMs?: number;
  readonly onEvent?: (event: TrainTableEvent) => void;
  readonly threads?: number;
  readonly clock?: Clock;
}

/** What happens while a table is learned. */
export type TrainTableEvent =
  | PrepareTableEvent
  | { readonly kind: 'training'; readonly candidate: string; readonly progress: FitProgress }
  | { readonly kind: 'epoch'; readonly candidate: string; readonly record: EpochRecord }
  | { readonly kind: 'trained'; readonly candidate: string; readonly validationLoss: number; readonly epochs: number }
  | { readonly kind: 'evaluating' };

/**
 * Trains a model of a table.
 * @throws INVALID_DATA with what to do about it, when the table cannot be learned from; CANCELLED; TRAINING_DIVERGED
 */
export async function trainTable(options: TrainTableOptions): Promise<TrainedTable> {
  const { source, executor, seed = 0 } = options;
  const prepared = await prepareTable(options);
  const { examples, streamed } = prepared;
  const rest =
    streamed === null
      ? null
      : await openTableStream({ ...prepared, source, executor, examples: examples.training, rows: streamed });
  const { chosen, baseline } = await chooseCandidate(
    options,
    rest === null ? examples : { ...examples, training: rest.stream },
  ).finally(() => rest?.close());
  options.onEvent?.({ kind: 'evaluating' });
  const others = baseline === null ? [] : [baseline];
  return finishTable(prepared, { source, executor, seed, chosen, others });
}

/** Trains the linear model and the perceptron (or the one asked for) and takes the better on the validation rows. */
export async function chooseCandidate(
  options: TrainTableOptions,
  examples: CandidateExamples,
): Promise<{ readonly chosen: TableCandidate; readonly baseline: TableCandidate | null }> {
  const rows = countTraining(examples);
  const asked = namedCandidate(rows, options.model);
  if (asked.name === 'linear') return { chosen: await train(asked, { examples, options }), baseline: null };
  // What was asked of a network is not meant for the linear model beside it, its length apart.
  const { epochs } = options.model ?? {};
  const plain = namedCandidate(rows, { hidden: [], ...(epochs === undefined ? {} : { epochs }) });
  const linear = await train(plain, { examples, options });
  const deep = await train(asked, { examples, options });
  return deep.validationLoss < linear.validationLoss
    ? { chosen: deep, baseline: linear }
    : { chosen: linear, baseline: deep };
}

async function train(
  candidate: Pick<TableCandidate, 'name' | 'options'>,
  { examples, options }: { readonly examples: CandidateExamples; readonly options: TrainTableOptions },
): Promise<TableCandidate> {
  const { executor, seed, checkpoint, checkpointEveryMs, onEvent, signal, threads, clock } = options;
  const { name } = candidate;
  const trained = await trainTableCandidate(candidate, {
    examples,
    executor,
    onProgress: (progress) => onEvent?.({ kind: 'training', candidate: name, progress }),
    onEpoch: (record) => onEvent?.({ kind: 'epoch', candidate: name, record }),
    ...(seed === undefined ? {} : { seed }),
    ...(checkpoint === undefined ? {} : { checkpoint: checkpoint(name) }),
    ...(checkpointEveryMs === undefined ? {} : { checkpointEveryMs }),
    ...(signal === undefined ? {} : { signal }),
    ...(threads === undefined ? {} : { threads }),
    ...(clock === undefined ? {} : { clock }),
  });
  onEvent?.({
    kind: 'trained',
    candidate: name,
    validationLoss: trained.validationLoss,
    epochs: trained.history.length,
  });
  return trained;
}
