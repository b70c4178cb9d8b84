// The training loop: epochs of batches, validation, early stopping, checkpoints. What one step computes is
// `step-graph`'s; where it is computed is the executor's.
import { AmaasError, type Clock, createTensor, type Executor, systemClock, type Tensor } from '@amaas/core';
import { asNetwork, type Layer, type Network } from '../layers/index.ts';
import { createRandom, type Random } from '../statistics/index.ts';
import {
  type Checkpoint,
  type CheckpointStore,
  type EpochRecord,
  type Progress,
  readCheckpoint,
  writeCheckpoint,
} from './checkpoint.ts';
import { EvaluationSteps } from './evaluation-steps.ts';
import {
  type BatchPlan,
  countRows,
  type Examples,
  gatherRows,
  planBatches,
  rowNumbers,
  rowType,
  selectExamples,
  sliceBatches,
} from './examples.ts';
import { type Loss, type LossName, lossFor } from './losses.ts';
import { type Metric, type MetricName, metricFor } from './metrics.ts';
import { type Optimizer, type OptimizerName, optimizerFor } from './optimizers.ts';
import type { Weights } from './packing.ts';
import { buildTrainingGraph, MAX_STEPS, ROW_WEIGHTS, TARGET, type TrainingOptions } from './step-graph.ts';
import { TrainedModel } from './trained-model.ts';
import { type StepResults, TrainingSteps } from './training-steps.ts';
import { initialWeights } from './weights.ts';

export interface FitOptions {
  readonly executor: Executor;
  readonly loss: Loss | LossName;
  /** Default `adam`. */
  readonly optimizer?: Optimizer | OptimizerName;
  /** Shown while training; default none. */
  readonly metrics?: readonly (Metric | MetricName)[];
  /** Default 10. */
  readonly epochs?: number;
  /** Rows per update; default 32. */
  readonly batchSize?: number;
  /** Held-out rows, or the share of the rows to hold out before training (chosen by the seed). */
  readonly validation?: Examples | number;
  /** Decides initial weights, order of rows, held-out rows and dropout; default 0. */
  readonly seed?: string | number;
  /** Whether rows come in a new order each epoch; default true. */
  readonly shuffle?: boolean;
  readonly clipNorm?: number;
  readonly clipValue?: number;
  /** Stop when the monitored value has not improved for `patience` epochs. */
  readonly earlyStopping?: EarlyStopping;
  /** Start from these instead of drawn ones: fine-tuning. */
  readonly initialWeights?: Weights;
  /** Where to keep checkpoints; if it holds one of this very training, the training goes on from it. */
  readonly checkpoint?: { readonly store: CheckpointStore; readonly everyMs?: number };
  /** After every run of some steps. */
  readonly onProgress?: (progress: FitProgress) => void;
  /** After every epoch; awaited. */
  readonly onEpoch?: (record: EpochRecord) => void | Promise<void>;
  /** Asked after every epoch; true ends the training there, as early stopping would. */
  readonly shouldStop?: (record: EpochRecord) => boolean;
  /** Cancels between runs of some steps; the promise then rejects with CANCELLED. */
  readonly signal?: AbortSignal;
  readonly threads?: number;
  readonly clock?: Clock;
}

export interface EarlyStopping {
  /** An epoch record's name; default `validation loss`, without validation rows `loss`. */
  readonly monitor?: string;
  /** Epochs without improvement that are endured. */
  readonly patience: number;
  /** Smaller improvements do not count; default 0. */
  readonly minDelta?: number;
  /** Whether the weights of the best epoch come back; default true. */
  readonly restoreBest?: boolean;
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

/** How long one run of several steps should take: long enough to hide its cost, short enough for progress and cancelling. */
const RUN_MS = 60;
const MAX_STEPS_PER_RUN = 64;
const CHECKPOINT_EVERY_MS = 30_000;

/**
 * Trains a network.
 *
 * The same seed, data and settings give the same weights to the last bit, however often the training was interrupted
 * and resumed from its checkpoints.
 * @throws INVALID_DATA, INVALID_GRAPH when data, network and loss do not fit; TRAINING_DIVERGED when the loss is no longer
 * finite; CANCELLED; INVALID_CHECKPOINT
 * @example
 * const { model } = await fit(sequential([dense(1)]), { inputs: new Map([['x', x]]), target: y }, {
 *   executor, loss: 'meanSquaredError', epochs: 20,
 * });
 */
export async function fit(model: Layer | Network, examples: Examples, options: FitOptions): Promise<FitResult> {
  const run = await FitRun.create(asNetwork(model), examples, options);
  try {
    return await run.finish();
  } finally {
    await run.dispose();
  }
}

class FitRun {
  readonly #options: FitOptions;
  readonly #settings: TrainingOptions;
  readonly #training: Examples;
  readonly #validation: Examples | null;
  readonly #random: Random;
  readonly #steps: TrainingSteps;
  readonly #evaluation: EvaluationSteps | null;
  readonly #clock: Clock;
  readonly #fingerprint: string;
  #progress: Progress = EMPTY_PROGRESS;
  #bestWeights: Weights | null = null;
  #stepsPerRun = 1;
  #savedAtMs: number;

  private constructor(parts: FitParts) {
    this.#options = parts.options;
    this.#settings = parts.settings;
    this.#training = parts.training;
    this.#validation = parts.validation;
    this.#random = parts.random;
    this.#steps = parts.steps;
    this.#evaluation = parts.evaluation;
    this.#fingerprint = parts.fingerprint;
    this.#clock = parts.options.clock ?? systemClock;
    this.#savedAtMs = this.#clock.nowMs();
  }

  static async create(network: Network, examples: Examples, options: FitOptions): Promise<FitRun> {
    countRows(examples);
    const random = createRandom(options.seed ?? 0);
    const { training, validation } = holdOut(examples, options, random);
    const settings: TrainingOptions = {
      network,
      inputs: new Map([...examples.inputs].map(([name, tensor]) => [name, rowType(tensor)])),
      target: rowType(examples.target),
      batchSize: expectWhole('batchSize', Math.min(options.batchSize ?? 32, countRows(training))),
      loss: lossFor(options.loss),
      metrics: (options.metrics ?? []).map(metricFor),
      optimizer: optimizerFor(options.optimizer ?? 'adam'),
      clipNorm: options.clipNorm,
      clipValue: options.clipValue,
    };
    expectWhole('epochs', options.epochs ?? DEFAULT_EPOCHS);
    const frozen = options.initialWeights === undefined ? {} : { frozen: options.initialWeights };
    const graph = buildTrainingGraph({ ...settings, ...frozen });
    const drawn = initialWeights(graph.record, random);
    const weights = options.initialWeights === undefined ? drawn : new Map([...drawn, ...options.initialWeights]);
    const threads = options.threads === undefined ? {} : { threads: options.threads };
    const steps = await TrainingSteps.create(graph, { executor: options.executor, weights, ...threads });
    try {
      const evaluation =
        validation === null ? null : await EvaluationSteps.create(options.executor, settings, options.threads);
      const run = new FitRun({
        options,
        settings,
        training,
        validation,
        random,
        steps,
        evaluation,
        fingerprint: fingerprint(graph.states, settings, { rows: countRows(training), seed: options.seed ?? 0 }),
      });
      await run.#resume();
      return run;
    } catch (error) {
      await steps.dispose();
      throw error;
    }
  }

  async finish(): Promise<FitResult> {
    const epochs = this.#options.epochs ?? DEFAULT_EPOCHS;
    let stopped = this.#shouldStop();
    while (this.#progress.epoch < epochs && !stopped) {
      await this.#finishEpoch();
      const record = this.#progress.history.at(-1);
      if (record !== undefined) await this.#options.onEpoch?.(record);
      stopped = this.#shouldStop() || (record !== undefined && this.#options.shouldStop?.(record) === true);
      await this.#save(stopped || this.#progress.epoch === epochs);
    }
    const { best } = this.#progress;
    const restore = best !== null && this.#bestWeights !== null;
    return {
      model: new TrainedModel({
        network: this.#settings.network,
        inputs: this.#settings.inputs,
        weights: restore && this.#bestWeights !== null ? this.#bestWeights : this.#allWeights(),
      }),
      history: this.#progress.history,
      epoch: restore && best !== null ? best.epoch : this.#progress.epoch,
      stoppedEarly: stopped && this.#progress.epoch < epochs,
    };
  }

  async dispose(): Promise<void> {
    await this.#steps.dispose();
    await this.#evaluation?.dispose();
  }

  async #finishEpoch(): Promise<void> {
    const epoch = this.#progress.epoch + 1;
    const order = rowNumbers(countRows(this.#training));
    if (this.#options.shuffle !== false) this.#random.fork('shuffle', epoch).shuffle(order);
    const plan = planBatches(order, this.#settings.batchSize);
    const startedMs = this.#clock.nowMs();
    const startedAt = this.#progress.stepInEpoch;
    while (this.#progress.stepInEpoch < plan.steps) {
      this.#throwIfCancelled();
      await this.#runSteps(plan);
      const seconds = (this.#clock.nowMs() - startedMs) / 1000;
      const steps = this.#progress.stepInEpoch;
      this.#options.onProgress?.({
        epoch,
        epochs: this.#options.epochs ?? DEFAULT_EPOCHS,
        step: steps,
        stepsPerEpoch: plan.steps,
        values: means(this.#progress.sums),
        learningRate: this.#rateAt(this.#progress.steps - 1),
        rowsPerSecond: ((steps - startedAt) * plan.batchSize) / Math.max(seconds, 1e-9),
      });
      await this.#save(false);
      await nextTurn();
    }
    await this.#endEpoch(epoch);
  }

  async #runSteps(plan: BatchPlan): Promise<void> {
    const { stepInEpoch, steps } = this.#progress;
    const count = Math.min(this.#stepsPerRun, plan.steps - stepInEpoch);
    if (steps + count > MAX_STEPS) throw new AmaasError('INVALID_ARGUMENT', `train: more than ${MAX_STEPS} steps`);
    const { weights } = this.#training;
    const { rows, rowWeights } = sliceBatches(plan, { from: stepInEpoch, count, weights });
    const leading = [count, plan.batchSize];
    const fields = new Map<string, Tensor>();
    for (const [name, tensor] of this.#training.inputs) fields.set(name, gatherRows(tensor, rows, leading));
    fields.set(TARGET, gatherRows(this.#training.target, rows, leading));
    fields.set(ROW_WEIGHTS, createTensor('float32', leading, rowWeights));
    const startedMs = this.#clock.nowMs();
    const results = await this.#steps.run({
      fields,
      learningRates: Float32Array.from({ length: count }, (_, index) => this.#rateAt(steps + index)),
      random: this.#random,
      firstStep: steps,
    });
    const stepMs = (this.#clock.nowMs() - startedMs) / count;
    this.#stepsPerRun = Math.max(
      1,
      Math.min(MAX_STEPS_PER_RUN, 2 * this.#stepsPerRun, Math.round(RUN_MS / Math.max(stepMs, 1e-3))),
    );
    this.#assertFinite(results, steps);
    this.#progress = {
      ...this.#progress,
      stepInEpoch: stepInEpoch + count,
      steps: steps + count,
      sums: addSums(this.#progress.sums, results),
    };
  }

  async #endEpoch(epoch: number): Promise<void> {
    const values = means(this.#progress.sums);
    if (this.#evaluation !== null && this.#validation !== null) {
      const measured = await this.#evaluation.run(this.#validation, this.#allWeights(), this.#options.signal);
      for (const [name, value] of measured) values[`validation ${name}`] = value;
    }
    const record: EpochRecord = { epoch, values, learningRate: this.#rateAt(this.#progress.steps - 1) };
    this.#progress = {
      ...this.#progress,
      epoch,
      stepInEpoch: 0,
      sums: {},
      history: [...this.#progress.history, record],
    };
    this.#judge(record);
  }

  /** Keeps the best epoch so far, for early stopping. */
  #judge(record: EpochRecord): void {
    const stopping = this.#options.earlyStopping;
    if (stopping === undefined) return;
    const monitor = stopping.monitor ?? (this.#validation === null ? 'loss' : 'validation loss');
    const value = record.values[monitor];
    if (value === undefined) {
      throw new AmaasError(
        'INVALID_ARGUMENT',
        `earlyStopping: there is no value named ${monitor}, only ${Object.keys(record.values).join(', ')}`,
      );
    }
    const metric = this.#settings.metrics.find(({ name }) => monitor === name || monitor === `validation ${name}`);
    const score = metric?.higherIsBetter === true ? -value : value;
    const { best } = this.#progress;
    if (best === null || score < best.score - (stopping.minDelta ?? 0)) {
      this.#progress = { ...this.#progress, best: { epoch: record.epoch, score }, epochsWithoutImprovement: 0 };
      this.#bestWeights = stopping.restoreBest === false ? null : this.#allWeights();
    } else {
      const { epochsWithoutImprovement } = this.#progress;
      this.#progress = { ...this.#progress, epochsWithoutImprovement: epochsWithoutImprovement + 1 };
    }
  }

  #shouldStop(): boolean {
    const patience = this.#options.earlyStopping?.patience;
    return patience !== undefined && this.#progress.epochsWithoutImprovement > patience;
  }

  #rateAt(step: number): number {
    return this.#settings.optimizer.schedule(step);
  }

  #assertFinite({ losses, penalties }: StepResults, firstStep: number): void {
    for (const [index, loss] of losses.entries()) {
      if (Number.isFinite(loss + (penalties[index] ?? 0))) continue;
      throw new AmaasError(
        'TRAINING_DIVERGED',
        `train: the loss is ${loss} at step ${firstStep + index + 1} (learning rate ${this.#rateAt(firstStep + index)}); ` +
          'lower the learning rate, clip the gradients (clipNorm), or look for missing or huge values in the data',
      );
    }
  }

  #throwIfCancelled(): void {
    if (this.#options.signal?.aborted) throw new AmaasError('CANCELLED', 'train: cancelled');
  }

  #allWeights(): Weights {
    const { initialWeights: given } = this.#options;
    return given === undefined ? this.#steps.weights() : new Map([...given, ...this.#steps.weights()]);
  }

  async #save(now: boolean): Promise<void> {
    const { checkpoint } = this.#options;
    if (checkpoint === undefined) return;
    const everyMs = checkpoint.everyMs ?? CHECKPOINT_EVERY_MS;
    if (!now && this.#clock.nowMs() - this.#savedAtMs < everyMs) return;
    await checkpoint.store.save(
      writeCheckpoint({
        fingerprint: this.#fingerprint,
        progress: this.#progress,
        states: this.#steps.states,
        bestWeights: this.#bestWeights,
      }),
    );
    this.#savedAtMs = this.#clock.nowMs();
  }

  async #resume(): Promise<void> {
    const bytes = await this.#options.checkpoint?.store.load();
    if (bytes === null || bytes === undefined) return;
    const found: Checkpoint = readCheckpoint(bytes, this.#fingerprint);
    this.#steps.restore(found.states);
    this.#progress = found.progress;
    this.#bestWeights = found.bestWeights;
  }
}

interface FitParts {
  readonly options: FitOptions;
  readonly settings: TrainingOptions;
  readonly training: Examples;
  readonly validation: Examples | null;
  readonly random: Random;
  readonly steps: TrainingSteps;
  readonly evaluation: EvaluationSteps | null;
  readonly fingerprint: string;
}

const DEFAULT_EPOCHS = 10;

const EMPTY_PROGRESS: Progress = {
  epoch: 0,
  stepInEpoch: 0,
  steps: 0,
  history: [],
  sums: {},
  best: null,
  epochsWithoutImprovement: 0,
};

function holdOut(
  examples: Examples,
  { validation }: FitOptions,
  random: Random,
): { readonly training: Examples; readonly validation: Examples | null } {
  if (validation === undefined) return { training: examples, validation: null };
  if (typeof validation !== 'number') return { training: examples, validation };
  const rows = countRows(examples);
  const held = Math.round(rows * validation);
  if (!(validation > 0 && validation < 1) || held === 0 || held === rows) {
    throw new AmaasError(
      'INVALID_ARGUMENT',
      `fit: validation must leave rows on both sides of ${rows}, got ${validation}`,
    );
  }
  const order = random.fork('validation').shuffle(rowNumbers(rows));
  return {
    training: selectExamples(examples, order.subarray(held).toSorted()),
    validation: selectExamples(examples, order.subarray(0, held).toSorted()),
  };
}

/** What a checkpoint must agree on: shapes of the state and the settings that change the numbers. */
function fingerprint(
  states: readonly { readonly name: string; readonly shape: readonly number[] }[],
  { batchSize, loss, optimizer, clipNorm, clipValue }: TrainingOptions,
  data: { readonly rows: number; readonly seed: string | number },
): string {
  return JSON.stringify([
    states.map(({ name, shape }) => `${name}[${shape}]`),
    { batchSize, loss: loss.name, optimizer: optimizer.name, clipNorm, clipValue, ...data },
  ]);
}

function addSums(sums: Readonly<Record<string, number>>, results: StepResults): Record<string, number> {
  const next: Record<string, number> = { ...sums };
  const addTo = (name: string, values: Float32Array): void => {
    next[name] = values.reduce((sum, value) => sum + value, next[name] ?? 0);
  };
  addTo('loss', results.losses);
  addTo('weight', results.weights);
  for (const [name, values] of results.metrics) addTo(name, values);
  return next;
}

function means({ weight = 0, ...sums }: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(
    Object.entries(sums).map(([name, sum]) => [name, sum / Math.max(weight, Number.MIN_VALUE)]),
  );
}

function expectWhole(name: string, value: number): number {
  if (Number.isSafeInteger(value) && value >= 1) return value;
  throw new AmaasError('INVALID_ARGUMENT', `fit: ${name} must be a whole number of at least 1, got ${value}`);
}

/** Lets timers, messages and signals through: a run holds the thread. */
function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve);
  });
}
