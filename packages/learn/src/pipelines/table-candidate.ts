// Trains one network on a prepared table: how its settings become an optimiser, a schedule and a stop. Which candidates
// there are, and which is chosen, is the callers' affair.
import { type Clock, type Executor, systemClock } from '@amaas/core';
import {
  accuracy,
  adamW,
  binaryCrossentropy,
  type CheckpointStore,
  cosineDecay,
  type EpochRecord,
  type Examples,
  type ExampleStream,
  type FitProgress,
  fit,
  type Loss,
  meanSquaredError,
  type Metric,
  sparseCategoricalCrossentropy,
  squaredError,
  type TrainedModel,
} from '../train/index.ts';
import { buildTableNetwork, linearOptions, perceptronOptions, type TableModelOptions } from './choose-network.ts';
import type { TableExamples } from './table-preparation.ts';
import { headOf, type TableTarget } from './table-target.ts';

/** What a candidate learns from, in memory or not. */
export type CandidateExamples = Omit<TableExamples, 'training'> & { readonly training: Examples | ExampleStream };

export interface CandidateTraining {
  readonly examples: CandidateExamples;
  readonly executor: Executor;
  /** Default 0. */
  readonly seed?: string | number;
  /** If it holds a finished training of this very candidate, that is what comes back. */
  readonly checkpoint?: CheckpointStore;
  /** Default 5 seconds: what a killed training loses. */
  readonly checkpointEveryMs?: number;
  readonly onProgress?: (progress: FitProgress) => void;
  /** After every epoch; awaited. */
  readonly onEpoch?: (record: EpochRecord) => void | Promise<void>;
  /** Asked after every epoch; true ends the training there with the best weights so far. */
  readonly shouldStop?: (record: EpochRecord) => boolean;
  readonly signal?: AbortSignal;
  readonly threads?: number;
  readonly clock?: Clock;
}

export interface TableCandidate {
  /** Decides its draws, together with the seed. */
  readonly name: string;
  readonly options: TableModelOptions;
  readonly model: TrainedModel;
  readonly history: readonly EpochRecord[];
  /** Whose weights the model has; 1 at the first. */
  readonly epoch: number;
  /** Of the epoch whose weights the model has. */
  readonly validationLoss: number;
  /** The same epoch's, by the metric's name without `validation`. */
  readonly validationMetrics: Readonly<Record<string, number>>;
}

/** The candidate of some settings: all others are chosen from the number of rows. */
export function namedCandidate(
  rows: number,
  model: Partial<TableModelOptions> = {},
): Pick<TableCandidate, 'name' | 'options'> {
  const options = { ...perceptronOptions(rows), ...model };
  if (options.hidden.length > 0) return { name: 'perceptron', options };
  return { name: 'linear', options: { ...linearOptions(rows), ...model } };
}

const CHECKPOINT_EVERY_MS = 5000;

/** Epochs a candidate may go on without getting better on the validation rows. */
const PATIENCE = { small: 20, large: 5 };

/** @throws TRAINING_DIVERGED; CANCELLED; INVALID_CHECKPOINT */
export async function trainTableCandidate(
  { name, options }: Pick<TableCandidate, 'name' | 'options'>,
  { examples, ...training }: CandidateTraining,
): Promise<TableCandidate> {
  const { sizes, target } = examples;
  const rows = countTraining(examples);
  const steps = Math.ceil(rows / options.batchSize) * options.epochs;
  const small = rows < 2000;
  const { checkpoint, checkpointEveryMs = CHECKPOINT_EVERY_MS } = training;
  const { model, history, epoch } = await fit(buildTableNetwork(sizes, headOf(target), options), examples.training, {
    executor: training.executor,
    loss: lossOf(target),
    metrics: [metricOf(target)],
    optimizer: adamW({
      learningRate: cosineDecay(options.learningRate, steps, { warmupSteps: Math.min(100, Math.floor(steps / 20)) }),
      weightDecay: options.weightDecay,
    }),
    epochs: options.epochs,
    batchSize: options.batchSize,
    validation: examples.validation,
    earlyStopping: { patience: small ? PATIENCE.small : PATIENCE.large },
    clipNorm: 5,
    seed: `${training.seed ?? 0} ${name}`,
    ...(training.onProgress === undefined ? {} : { onProgress: training.onProgress }),
    ...(training.onEpoch === undefined ? {} : { onEpoch: training.onEpoch }),
    ...(training.shouldStop === undefined ? {} : { shouldStop: training.shouldStop }),
    ...(checkpoint === undefined ? {} : { checkpoint: { store: checkpoint, everyMs: checkpointEveryMs } }),
    ...(training.signal === undefined ? {} : { signal: training.signal }),
    ...(training.threads === undefined ? {} : { threads: training.threads }),
    clock: training.clock ?? systemClock,
  });
  const values = Object.entries(history[epoch - 1]?.values ?? {});
  const validated = values.flatMap(([key, value]) =>
    key.startsWith(VALIDATION) ? [[key.slice(VALIDATION.length), value] as const] : [],
  );
  const { loss = Number.POSITIVE_INFINITY, ...validationMetrics } = Object.fromEntries(validated);
  return { name, options, model, history, epoch, validationLoss: loss, validationMetrics };
}

/** Rows of an epoch. */
export function countTraining({ training }: CandidateExamples): number {
  return 'rowCount' in training ? training.rowCount : (training.target.shape[0] ?? 1);
}

const VALIDATION = 'validation ';

function lossOf({ task }: TableTarget): Loss {
  if (task === 'binary') return binaryCrossentropy();
  return task === 'multiclass' ? sparseCategoricalCrossentropy() : meanSquaredError;
}

function metricOf({ task }: TableTarget): Metric {
  return task === 'regression' ? squaredError : accuracy;
}
