// The training loop: epochs of batches, validation, early stopping, checkpoints. What one step computes is
// `step-graph`'s; where it is computed is the executor's.
import { AmaasError, type Clock, systemClock, type Tensor } from '@amaas/core';
import { asNetwork, type Layer, type Network } from '../layers/index.ts';
import { createRandom, type Random } from '../statistics/index.ts';
import { batchesInMemory } from './batches.ts';
import { assertInputNames, findNonFinite, type NonFinite } from './check-examples.ts';
import { PROGRESS_START, type Progress, readCheckpoint, writeCheckpoint } from './checkpoint.ts';
import type { EpochRecord } from './epoch-record.ts';
import { addSums, means } from './epoch-sums.ts';
import { EvaluationSteps } from './evaluation-steps.ts';
import {
  interleave,
  isParts,
  type PartBatches,
  type PartSource,
  type PlannedPart,
  planParts,
  type TrainingRows,
} from './example-parts.ts';
import type { Examples } from './examples.ts';
import { fingerprintOf } from './fingerprint.ts';
import {
  assertFitOptions,
  DEFAULT_BATCH_SIZE,
  DEFAULT_EPOCHS,
  type FitOptions,
  type FitResult,
} from './fit-options.ts';
import { holdOut } from './hold-out.ts';
import { assertIds } from './id-ranges.ts';
import { lossFor } from './losses.ts';
import { metricFor } from './metrics.ts';
import { judge, reduceOnPlateau, type Score, scoreFor } from './monitor.ts';
import { optimizerFor } from './optimizers.ts';
import type { Weights } from './packing.ts';
import { SharedSteps } from './part-steps.ts';
import { buildTrainingGraph, MAX_STEPS, type StepGraph, type TrainingOptions } from './step-graph.ts';
import { batchesOfStream, isStream } from './stream-batches.ts';
import { TrainedModel } from './trained-model.ts';
import { type StepResults, trainingModel } from './training-steps.ts';
import { assertKnownWeights, drawWeight, initialWeights } from './weights.ts';

/** How long one run of several steps should take: long enough to hide its cost, short enough for progress and cancelling. */
const RUN_MS = 60;
const MAX_STEPS_PER_RUN = 64;
const CHECKPOINT_EVERY_MS = 30_000;
const YIELD_EVERY_MS = 10;

/**
 * Trains a network.
 *
 * The same seed, data, settings, executor and number of threads give the same weights to the last bit, however often the
 * training was interrupted and resumed from its checkpoints, and however fast it runs.
 * @param examples - rows in memory, in parts where their shapes differ, or a stream of them
 * @throws INVALID_DATA, INVALID_GRAPH when data, network and loss do not fit; TRAINING_DIVERGED when the loss is no longer
 * finite; CANCELLED; INVALID_CHECKPOINT
 * @example
 * const { model } = await fit(sequential([dense(1)]), { inputs: new Map([['x', x]]), target: y }, {
 *   executor, loss: 'meanSquaredError', epochs: 20,
 * });
 */
export async function fit(model: Layer | Network, examples: TrainingRows, options: FitOptions): Promise<FitResult> {
  const run = await FitRun.create(asNetwork(model), examples, options);
  try {
    return await run.finish();
  } finally {
    await run.dispose();
  }
}

interface FitParts {
  readonly options: FitOptions;
  /** Of the first part. */
  readonly settings: TrainingOptions;
  readonly examples: TrainingRows;
  readonly validation: Examples | null;
  readonly random: Random;
  readonly batches: PartSource;
  readonly parts: readonly PlannedPart[];
  readonly steps: SharedSteps;
  /** Weights that training leaves alone. */
  readonly frozen: Weights;
  readonly evaluation: EvaluationSteps | null;
  readonly fingerprint: string;
}

class FitRun {
  readonly #parts: FitParts;
  readonly #clock: Clock;
  readonly #stoppingScore: Score | null;
  readonly #plateauScore: Score | null;
  #progress: Progress = PROGRESS_START;
  #bestWeights: Weights | null = null;
  #stepsPerRun = 1;
  #savedAtMs: number;
  #yieldedAtMs: number;

  private constructor(parts: FitParts) {
    const { options, settings, validation } = parts;
    this.#parts = parts;
    this.#clock = options.clock ?? systemClock;
    this.#savedAtMs = this.#clock.nowMs();
    this.#yieldedAtMs = this.#savedAtMs;
    const shown = { metrics: settings.metrics, validates: validation !== null };
    const { earlyStopping, reduceOnPlateau: plateau } = options;
    this.#stoppingScore = earlyStopping === undefined ? null : scoreFor('earlyStopping', earlyStopping, shown);
    this.#plateauScore = plateau === undefined ? null : scoreFor('reduceOnPlateau', plateau, shown);
  }

  static async create(network: Network, examples: TrainingRows, options: FitOptions): Promise<FitRun> {
    const metrics = (options.metrics ?? []).map(metricFor);
    assertFitOptions(options, metrics);
    const seed = options.seed ?? 0;
    const random = createRandom(seed);
    const { training, validation } = holdOut(examples, options.validation, random);
    const { batchSize = DEFAULT_BATCH_SIZE, accumulate = 1 } = options;
    const parts = planParts(training, { batchSize, accumulate });
    for (const part of parts) assertInputNames(network.inputNames, [...part.types.inputs.keys()]);
    const settingsOf = ({ types, layout }: PlannedPart): TrainingOptions => ({
      network,
      inputs: types.inputs,
      target: types.target,
      ...layout,
      loss: lossFor(options.loss),
      metrics,
      optimizer: optimizerFor(options.optimizer ?? 'adam'),
      clipNorm: options.clipNorm,
      clipValue: options.clipValue,
      frozen: (parameter) => options.initialWeights?.get(parameter.name) ?? drawWeight(parameter, random),
    });
    const shapes = parts.map((part) => {
      const settings = settingsOf(part);
      const graph = buildTrainingGraph(settings);
      return { settings, graph, model: trainingModel(graph) };
    });
    const [first] = shapes;
    if (first === undefined) throw new AmaasError('INTERNAL', 'fit: there are no parts');
    const { settings, graph, model } = first;
    const check = ({ inputs, target }: Examples, what: string | null, { ids, prediction }: StepGraph = graph): void => {
      assertIds(what, inputs, ids);
      settings.loss.assertTargets?.(target, prediction);
    };
    for (const [index, rows] of rowsInMemory(examples).entries()) {
      check(rows, isParts(examples) ? `fit: part ${index}` : 'fit', shapes[index]?.graph);
    }
    if (validation !== null) check(validation, 'fit: validation');
    assertKnownWeights(options.initialWeights, graph.record);
    const weights = new Map([...initialWeights(graph.record, random), ...(options.initialWeights ?? [])]);
    const isFrozen = new Set(graph.record.parameters.flatMap(({ trainable, name }) => (trainable ? [] : [name])));
    const threads = options.threads === undefined ? {} : { threads: options.threads };
    const steps = await SharedSteps.create(shapes, { executor: options.executor, weights, ...threads });
    let evaluation: EvaluationSteps | null = null;
    try {
      if (validation !== null) evaluation = await EvaluationSteps.create(options.executor, settings, options.threads);
      const order = options.shuffle === false ? null : random;
      const run = new FitRun({
        options,
        settings,
        examples,
        validation,
        random,
        batches: interleave(
          parts.map(({ rows, layout }, index) => {
            const own = index === 0 ? order : (order?.fork('part', index) ?? null);
            if (!isStream(rows)) return batchesInMemory(rows, layout, own);
            const { signal } = options;
            return batchesOfStream(rows, layout, { random: own, signal, check: (chunk) => check(chunk, null) });
          }),
          order,
        ),
        parts,
        steps,
        frozen: new Map([...weights].filter(([name]) => isFrozen.has(name))),
        evaluation,
        fingerprint: fingerprintOf({
          model,
          schedule: settings.optimizer.schedule,
          tensors: [
            ...rowsInMemory(training).map(tensorsOf),
            ...(validation === null ? [] : [tensorsOf(validation)]),
            options.initialWeights ?? new Map(),
          ],
          settings: {
            ...{ seed, shuffle: options.shuffle, plateau: options.reduceOnPlateau },
            layouts: parts.map(({ layout }) => layout),
            ...(isStream(training)
              ? { rows: training.rowCount, stream: training.digest, bufferRows: training.bufferRows }
              : {}),
          },
        }),
      });
      await run.#resume();
      return run;
    } catch (error) {
      await steps.dispose();
      await evaluation?.dispose();
      throw error;
    }
  }

  async finish(): Promise<FitResult> {
    try {
      return await this.#train();
    } catch (error) {
      // Cancelling loses nothing: whoever asks again goes on from here.
      if (error instanceof AmaasError && error.reason === 'CANCELLED') await this.#save(true);
      throw error;
    }
  }

  async dispose(): Promise<void> {
    await this.#parts.steps.dispose();
    await this.#parts.evaluation?.dispose();
  }

  async #train(): Promise<FitResult> {
    const { options } = this.#parts;
    const epochs = options.epochs ?? DEFAULT_EPOCHS;
    let stopped = this.#shouldStop();
    while (this.#progress.epoch < epochs && !stopped) {
      await this.#finishEpoch(epochs);
      const record = this.#progress.history.at(-1);
      if (record !== undefined) await options.onEpoch?.(record, () => this.#modelWith(this.#allWeights()));
      stopped = this.#shouldStop();
      await this.#save(stopped || this.#progress.epoch === epochs);
    }
    const { best } = this.#progress.stopping;
    const restored = best === null ? null : this.#bestWeights;
    return {
      model: this.#modelWith(restored ?? this.#allWeights()),
      history: this.#progress.history,
      epoch: best !== null && restored !== null ? best.epoch : this.#progress.epoch,
      stoppedEarly: stopped && this.#progress.epoch < epochs,
    };
  }

  async #finishEpoch(epochs: number): Promise<void> {
    const { options, batches } = this.#parts;
    const epoch = this.#progress.epoch + 1;
    const { stepsPerEpoch } = batches;
    const startedMs = this.#clock.nowMs();
    let rowsDone = 0;
    const rows = batches.open(epoch, this.#progress.stepInEpoch);
    try {
      while (this.#progress.stepInEpoch < stepsPerEpoch) {
        this.#throwIfCancelled();
        rowsDone += await this.#runSteps(rows, stepsPerEpoch);
        const seconds = (this.#clock.nowMs() - startedMs) / 1000;
        const step = this.#progress.stepInEpoch;
        options.onProgress?.({
          ...{ epoch, epochs, step, stepsPerEpoch },
          values: means(this.#progress.sums),
          learningRate: this.#rateAt(this.#progress.steps - 1),
          rowsPerSecond: rowsDone / Math.max(seconds, 1e-9),
        });
        await this.#save(false);
        await this.#letOthersRun();
      }
    } finally {
      await rows.close();
    }
    await this.#endEpoch(epoch);
  }

  /** @returns how many rows they had */
  async #runSteps(rows: PartBatches, stepsPerEpoch: number): Promise<number> {
    const { random, parts } = this.#parts;
    const { stepInEpoch, steps } = this.#progress;
    const most = Math.min(this.#stepsPerRun, stepsPerEpoch - stepInEpoch);
    if (steps + most > MAX_STEPS) throw new AmaasError('INVALID_ARGUMENT', `train: more than ${MAX_STEPS} steps`);
    const { part, steps: count, fields } = await rows.next(most);
    const learningRates = Float32Array.from({ length: count }, (_, index) => this.#rateAt(steps + index));
    const startedMs = this.#clock.nowMs();
    const results = await this.#parts.steps.run(part, { fields, learningRates, random, firstStep: steps });
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
    const { batchSize = 0, accumulate = 0 } = parts[part]?.layout ?? {};
    return count * batchSize * accumulate;
  }

  async #endEpoch(epoch: number): Promise<void> {
    const { evaluation, validation, options } = this.#parts;
    const values = means(this.#progress.sums);
    if (evaluation !== null && validation !== null) {
      const measured = await evaluation.run(validation, this.#allWeights(), options.signal);
      for (const [name, value] of measured) values[`validation ${name}`] = value;
      const bad = Number.isFinite(measured.get('loss')) ? null : findNonFinite(validation);
      if (bad !== null) throw unusable('fit: validation', bad);
    }
    const record: EpochRecord = { epoch, values, learningRate: this.#rateAt(this.#progress.steps - 1) };
    const history = [...this.#progress.history, record];
    this.#progress = { ...this.#progress, epoch, stepInEpoch: 0, sums: {}, history };
    this.#judge(record);
  }

  #judge(record: EpochRecord): void {
    const { earlyStopping, reduceOnPlateau: plateauOptions } = this.#parts.options;
    let { stopping, plateau } = this.#progress;
    if (this.#stoppingScore !== null) {
      const score = this.#stoppingScore(record);
      stopping = judge(stopping, record.epoch, { score, minDelta: earlyStopping?.minDelta });
      if (stopping.epochsWithoutImprovement === 0) {
        this.#bestWeights = earlyStopping?.restoreBest === false ? null : this.#allWeights();
      }
    }
    if (this.#plateauScore !== null) {
      plateau = reduceOnPlateau(plateau, this.#plateauScore(record), plateauOptions ?? {});
    }
    this.#progress = { ...this.#progress, stopping, plateau };
  }

  #shouldStop(): boolean {
    const { earlyStopping, shouldStop } = this.#parts.options;
    const { history, stopping } = this.#progress;
    const last = history.at(-1);
    if (last === undefined) return false;
    const worn = earlyStopping !== undefined && stopping.epochsWithoutImprovement >= earlyStopping.patience;
    return worn || shouldStop?.(last) === true;
  }

  #rateAt(step: number): number {
    const scheduled = this.#parts.settings.optimizer.schedule(step);
    if (!(scheduled >= 0 && Number.isFinite(scheduled))) {
      throw new AmaasError('INVALID_ARGUMENT', `fit: the learning rate of step ${step + 1} is ${scheduled}`);
    }
    const { factor } = this.#progress.plateau;
    const least = Math.min(scheduled, this.#parts.options.reduceOnPlateau?.minRate ?? 0);
    return factor === 1 ? scheduled : Math.max(scheduled * factor, least);
  }

  #assertFinite({ losses, penalties, gradientNorms }: StepResults, firstStep: number): void {
    for (const [index, loss] of losses.entries()) {
      const penalty = penalties[index] ?? 0;
      const norm = gradientNorms[index] ?? 0;
      if (Number.isFinite(loss + penalty) && Number.isFinite(norm)) continue;
      const { examples } = this.#parts;
      for (const rows of rowsInMemory(examples)) {
        const bad = findNonFinite(rows);
        if (bad !== null) throw unusable('fit', bad);
      }
      const found = Number.isFinite(loss + penalty)
        ? `the norm of the gradients is ${norm}`
        : `the loss is ${Number.isFinite(loss) ? penalty : loss}`;
      throw new AmaasError(
        'TRAINING_DIVERGED',
        `train: ${found} at step ${firstStep + index + 1} (learning rate ${this.#rateAt(firstStep + index)}); ` +
          'lower the learning rate, clip the gradients (clipNorm), or look for missing or huge values in the data',
      );
    }
  }

  /** Timers, messages and signals get their turn: a run holds the thread. Waiting for it costs a millisecond or more. */
  async #letOthersRun(): Promise<void> {
    if (this.#clock.nowMs() - this.#yieldedAtMs < YIELD_EVERY_MS) return;
    await new Promise((resolve) => {
      setTimeout(resolve);
    });
    this.#yieldedAtMs = this.#clock.nowMs();
  }

  #throwIfCancelled(): void {
    if (this.#parts.options.signal?.aborted) throw new AmaasError('CANCELLED', 'train: cancelled');
  }

  #modelWith(weights: Weights): TrainedModel {
    const { network, inputs } = this.#parts.settings;
    return new TrainedModel({ network, inputs, weights });
  }

  #allWeights(): Weights {
    return new Map([...this.#parts.frozen, ...this.#parts.steps.weights()]);
  }

  async #save(now: boolean): Promise<void> {
    const { options, steps, fingerprint } = this.#parts;
    const { checkpoint } = options;
    if (checkpoint === undefined) return;
    const everyMs = checkpoint.everyMs ?? CHECKPOINT_EVERY_MS;
    if (!now && this.#clock.nowMs() - this.#savedAtMs < everyMs) return;
    const found = { fingerprint, progress: this.#progress, states: steps.states, bestWeights: this.#bestWeights };
    await checkpoint.store.save(writeCheckpoint(found));
    this.#savedAtMs = this.#clock.nowMs();
  }

  async #resume(): Promise<void> {
    const bytes = await this.#parts.options.checkpoint?.store.load();
    if (bytes === null || bytes === undefined) return;
    const found = readCheckpoint(bytes, this.#parts.fingerprint);
    this.#parts.steps.restore(found.states);
    this.#progress = found.progress;
    this.#bestWeights = found.bestWeights;
  }
}

/** Of each part; none of a stream. */
function rowsInMemory(rows: TrainingRows): readonly Examples[] {
  if (isStream(rows)) return [];
  return isParts(rows) ? rows.parts.map(({ examples }) => examples) : [rows];
}

function tensorsOf({ inputs, target, weights }: Examples): ReadonlyMap<string, Tensor> {
  const rowWeights: readonly (readonly [string, Tensor])[] =
    weights === undefined ? [] : [['weights', { dtype: 'float32', shape: [weights.length], data: weights }]];
  return new Map([
    ...[...inputs].map(([name, tensor]) => [`input ${name}`, tensor] as const),
    ['target', target],
    ...rowWeights,
  ]);
}

function unusable(what: string, bad: NonFinite): AmaasError {
  const cure = Number.isNaN(bad.value)
    ? 'fill in missing values before training'
    : 'training needs finite numbers: float32 ends at 3.4e38; scale the column, or replace such values';
  return new AmaasError('INVALID_DATA', `${what}: ${bad.found}, and the loss with it; ${cure}`);
}
