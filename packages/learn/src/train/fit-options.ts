// What a training is asked for, and what it reports.
import { AmaasError, type Clock, type Executor } from '@amaas/core';
import type { CheckpointStore } from './checkpoint.ts';
import type { EpochRecord } from './epoch-record.ts';
import type { Examples } from './examples.ts';
import type { Loss, LossName } from './losses.ts';
import type { Metric, MetricName } from './metrics.ts';
import { assertMonitors, assertWhole, type EarlyStopping, type ReduceOnPlateau } from './monitor.ts';
import { assertOptionNames } from './option-names.ts';
import type { Optimizer, OptimizerName } from './optimizers.ts';
import type { Weights } from './packing.ts';
import type { TrainedModel } from './trained-model.ts';

export interface FitOptions {
  readonly executor: Executor;
  readonly loss: Loss | LossName;
  /** Default `adam`. */
  readonly optimizer?: Optimizer | OptimizerName;
  /** Shown while training; default none. */
  readonly metrics?: readonly (Metric | MetricName)[];
  /** Default 10. */
  readonly epochs?: number;
  /** Rows computed together; default 32. */
  readonly batchSize?: number;
  /**
   * Batches whose gradients are added up for one update, so that it is that of `accumulate` · `batchSize` rows in the memory
   * of `batchSize`; default 1. Batch normalisation sees, and counts, every batch by itself.
   */
  readonly accumulate?: number;
  /** Held-out rows (beside parts of the first one's shape), or the share of the rows to hold out before training, chosen by the seed. */
  readonly validation?: Examples | number;
  /** Decides initial weights, order of rows, held-out rows and dropout; default 0. */
  readonly seed?: string | number;
  /** Whether rows come in a new order each epoch; default true. */
  readonly shuffle?: boolean;
  /** Largest norm of all gradients together; larger ones are scaled down to it. */
  readonly clipNorm?: number;
  /** Largest size of a gradient's element. */
  readonly clipValue?: number;
  /** Ends the training when the monitored value no longer improves. */
  readonly earlyStopping?: EarlyStopping;
  /** Lowers the learning rate, whatever its schedule, when the monitored value no longer improves. */
  readonly reduceOnPlateau?: ReduceOnPlateau;
  /** Start from these instead of drawn ones: fine-tuning. Parameters that are not among them are drawn. */
  readonly initialWeights?: Weights;
  /**
   * Where to keep checkpoints; if it holds one of this very training, the training goes on from it. One is written every
   * `everyMs` (default 30 s), at the end, and when the training is cancelled.
   */
  readonly checkpoint?: { readonly store: CheckpointStore; readonly everyMs?: number };
  /** After every run of some steps. */
  readonly onProgress?: (progress: FitProgress) => void;
  /** After every epoch; awaited. `snapshot` gives the model as it stands, such as for trying it out while it trains. */
  readonly onEpoch?: (record: EpochRecord, snapshot: () => TrainedModel) => void | Promise<void>;
  /** Asked after every epoch; true ends the training there, as early stopping would. */
  readonly shouldStop?: (record: EpochRecord) => boolean;
  /** Cancels between runs of some steps; the promise then rejects with CANCELLED. */
  readonly signal?: AbortSignal;
  readonly threads?: number;
  readonly clock?: Clock;
}

export interface FitProgress {
  readonly epoch: number;
  readonly epochs: number;
  readonly step: number;
  readonly stepsPerEpoch: number;
  /** Means over the epoch so far. */
  readonly values: Readonly<Record<string, number>>;
  readonly learningRate: number;
  readonly rowsPerSecond: number;
}

export interface FitResult {
  readonly model: TrainedModel;
  readonly history: readonly EpochRecord[];
  /** The epoch whose weights the model has. */
  readonly epoch: number;
  readonly stoppedEarly: boolean;
}

/** A record, so that the compiler misses no option. */
const OPTIONS: Readonly<Record<keyof FitOptions, true>> = {
  executor: true,
  loss: true,
  optimizer: true,
  metrics: true,
  epochs: true,
  batchSize: true,
  accumulate: true,
  validation: true,
  seed: true,
  shuffle: true,
  clipNorm: true,
  clipValue: true,
  earlyStopping: true,
  reduceOnPlateau: true,
  initialWeights: true,
  checkpoint: true,
  onProgress: true,
  onEpoch: true,
  shouldStop: true,
  signal: true,
  threads: true,
  clock: true,
};

export const FIT_OPTION_NAMES: readonly string[] = Object.keys(OPTIONS);

export const DEFAULT_EPOCHS = 10;
export const DEFAULT_BATCH_SIZE = 32;

/** @throws INVALID_ARGUMENT for unknown options, numbers out of range and metrics of one name */
export function assertFitOptions(options: FitOptions, metrics: readonly Metric[]): void {
  const { epochs = DEFAULT_EPOCHS, batchSize = DEFAULT_BATCH_SIZE, accumulate = 1 } = options;
  assertOptionNames('fit', options, FIT_OPTION_NAMES);
  assertWhole('fit: epochs', epochs, 1);
  assertWhole('fit: batchSize', batchSize, 1);
  assertWhole('fit: accumulate', accumulate, 1);
  assertPositive('fit: clipNorm', options.clipNorm);
  assertPositive('fit: clipValue', options.clipValue);
  assertMonitors(options.earlyStopping, options.reduceOnPlateau);
  const names = [...RESERVED_VALUES, ...metrics.map(({ name }) => name)];
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) {
    throw new AmaasError('INVALID_ARGUMENT', `fit: two of the shown values are named ${twice}`);
  }
}

/** What an epoch counts besides its metrics. */
const RESERVED_VALUES: readonly string[] = ['loss', 'weight', 'rows'];

function assertPositive(what: string, value: number | undefined): void {
  if (value === undefined || value > 0) return;
  throw new AmaasError('INVALID_ARGUMENT', `${what} must be greater than 0, got ${value}`);
}
