// The study of one table: what it searches and by which rules, its trials with their checkpoints, and the model of the
// best one. What becomes of that model is not its affair.
import { AmaasError, systemClock } from '@amaas/core';
import type { CheckpointStore } from '../train/index.ts';
import {
  bestTrials,
  createStudy,
  type JournalSink,
  resumeStudy,
  runStudy,
  type SamplerSettings,
  type SchedulerSettings,
  type SearchSpace,
  type Study,
  type StudyDefinition,
  type StudyEvent,
  type StudyResult,
  type StudyTable,
  studyTable,
  type TrialRecord,
} from '../tune/index.ts';
import type { TableModelOptions } from './choose-network.ts';
import { type CandidateTraining, namedCandidate, type TableCandidate } from './table-candidate.ts';
import type { TableExamples } from './table-preparation.ts';
import { defaultTableSpace, tunedSettings } from './tune-table-space.ts';
import { type TableTrialTask, type TrainTableTrial, trainTableTrial } from './tune-table-trial.ts';

/** Keeps a candidate's checkpoint until it is clear that the candidate is not the best. */
export interface CandidateStore extends CheckpointStore {
  /** Removes it where there is one. */
  remove(): Promise<void>;
}

/** Trains trials, several at once. */
export interface TrialTrainer {
  readonly train: TrainTableTrial;
  /** Called when no trial runs any more. */
  close(): Promise<void>;
}

export const TABLE_SCHEDULERS = ['asha', 'successiveHalving', 'median', 'none'] as const;
export type TableScheduler = (typeof TABLE_SCHEDULERS)[number];

export interface SearchTableOptions {
  /** Default {@link defaultTableSpace} of the training rows. */
  readonly space?: SearchSpace;
  /** Settings of all trials and of the default network, besides what the space varies. */
  readonly model?: Partial<TableModelOptions>;
  /** Default `tpe`. */
  readonly sampler?: SamplerSettings;
  /** What ends bad trials; default `asha`. Its first rung is a ninth of the epochs: earlier ones favour high learning rates. */
  readonly scheduler?: TableScheduler;
  /** Trials in the study's whole life; this or `maxElapsedMs` is needed. */
  readonly maxTrials?: number;
  /** Time of the study over all runs; the preparation does not count. */
  readonly maxElapsedMs?: number;
  /** Trials at once; default 1. */
  readonly parallel?: number;
  /** Where the study is written down; what it holds is gone on with. Default: nowhere. */
  readonly journal?: { readonly events: readonly StudyEvent[]; readonly sink: JournalSink };
  /** By candidate; default in memory. A `trainer` that trains elsewhere uses the same. */
  readonly checkpoint?: (candidate: string) => CandidateStore;
  /** Makes what trains trials; default the calling thread. */
  readonly trainer?: (examples: TableExamples) => TrialTrainer;
}

export type SearchTableEvent =
  /** The study begins, or goes on after so many trials. */
  | { readonly kind: 'searching'; readonly definition: StudyDefinition; readonly trialsBefore: number }
  /** A trial began, reported or ended. */
  | { readonly kind: 'study'; readonly table: StudyTable };

export interface SearchContext {
  readonly rows: number;
  /** What trains in the calling thread. */
  readonly training: Omit<CandidateTraining, 'examples' | 'checkpoint' | 'onProgress' | 'onEpoch' | 'shouldStop'> & {
    readonly examples: TableExamples;
  };
  readonly onEvent?: ((event: SearchTableEvent) => void) | undefined;
}

export class TableSearch {
  readonly study: Study;
  readonly #options: SearchTableOptions;
  readonly #context: SearchContext;
  readonly #storeOf: (candidate: string) => CandidateStore;
  /** Trials whose checkpoints are of no use any more. */
  readonly #beaten = new Set<number>();
  readonly #removals: Promise<void>[] = [];

  /** @throws INVALID_CHECKPOINT when the journal is of another study */
  constructor(options: SearchTableOptions, context: SearchContext) {
    this.#options = options;
    this.#context = context;
    this.#storeOf = options.checkpoint ?? storesInMemory();
    const definition = defineStudy(options, context);
    const { events = [], sink = () => {} } = options.journal ?? {};
    const ports = { clock: context.training.clock ?? systemClock, sink };
    this.study = events.length === 0 ? createStudy(definition, ports) : resumeStudy(events, ports, definition);
    context.onEvent?.({ kind: 'searching', definition, trialsBefore: this.study.trials.length });
  }

  /** @throws CANCELLED; TRAINING_DIVERGED when every trial failed */
  async run(): Promise<StudyResult> {
    const { maxTrials, maxElapsedMs, parallel = 1, trainer: makeTrainer } = this.#options;
    const { training, onEvent } = this.#context;
    const trainer = makeTrainer?.(training.examples) ?? this.#ownTrainer();
    let result: StudyResult;
    try {
      result = await runStudy(this.study, {
        runTrial: async (trial, hooks) => (await trainer.train(this.#taskOf(trial), hooks)).validationLoss,
        parallel,
        ...(maxTrials === undefined ? {} : { maxTrials }),
        ...(maxElapsedMs === undefined ? {} : { maxElapsedMs }),
        ...(training.signal === undefined ? {} : { signal: training.signal }),
        onChange: () => {
          this.#removeBeaten();
          onEvent?.({ kind: 'study', table: studyTable(this.study) });
        },
      });
    } finally {
      await trainer.close();
      await Promise.all(this.#removals);
    }
    if (result.ended === 'cancelled') throw new AmaasError('CANCELLED', 'tune: cancelled');
    const failure = result.trials.findLast(({ status }) => status === 'failed')?.failure;
    if (result.best === null && failure !== undefined) {
      const count = result.trials.length;
      throw new AmaasError('TRAINING_DIVERGED', `tune: none of ${count} trials came to an end; the last: ${failure}`);
    }
    return result;
  }

  /** The model of a trial that has ended: from its checkpoint, or where that is lost by training it again. */
  async restore(trial: TrialRecord): Promise<TableCandidate> {
    const task = this.#taskOf(trial);
    const checkpoint = this.#storeOf(task.checkpoint);
    const candidate = await trainTableTrial(task, {
      ...this.#context.training,
      checkpoint,
      report: () => 'continue', // where it stopped is in the task
    });
    return { ...candidate, name: `trial ${trial.index}` };
  }

  #taskOf({ index, configuration, reports }: TrialRecord): TableTrialTask {
    return {
      trial: index,
      checkpoint: `trial-${index}`,
      candidate: namedCandidate(this.#context.rows, { ...this.#options.model, ...tunedSettings(configuration) }),
      reported: reports.at(-1) ?? null,
    };
  }

  #ownTrainer(): TrialTrainer {
    return {
      train: (task, { report, signal }) =>
        trainTableTrial(task, {
          ...this.#context.training,
          checkpoint: this.#storeOf(task.checkpoint),
          report,
          signal,
        }),
      close: async () => {},
    };
  }

  #removeBeaten(): void {
    const [best] = bestTrials(this.study, 1);
    for (const { index, status } of this.study.trials) {
      if (status === 'running' || index === best?.index || this.#beaten.has(index)) continue;
      this.#beaten.add(index);
      this.#removals.push(this.#storeOf(`trial-${index}`).remove());
    }
  }
}

function defineStudy(
  { space, model = {}, sampler = { kind: 'tpe' }, scheduler = 'asha' }: SearchTableOptions,
  { rows, training }: SearchContext,
): StudyDefinition {
  return {
    space: space ?? defaultTableSpace(rows, model),
    direction: 'minimise',
    sampler,
    scheduler: schedule(scheduler, namedCandidate(rows, model).options.epochs),
    seed: training.seed ?? 0,
  };
}

function schedule(kind: TableScheduler, epochs: number): SchedulerSettings {
  const minResource = Math.ceil(epochs / 9);
  if (kind === 'none' || minResource >= epochs) return { kind: 'none' };
  if (kind === 'median') return { kind, minResource };
  return { kind, minResource, maxResource: epochs };
}

function storesInMemory(): (candidate: string) => CandidateStore {
  const kept = new Map<string, Uint8Array>();
  return (candidate) => ({
    load: async () => kept.get(candidate) ?? null,
    save: async (bytes) => void kept.set(candidate, bytes),
    remove: async () => void kept.delete(candidate),
  });
}
