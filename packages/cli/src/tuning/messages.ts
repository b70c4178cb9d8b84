// What the command's thread, the study's and the trials' say to each other: plain, structured-clonable values.
import type { SerializedError } from '@amaas/core';
import type {
  TableExamples,
  TableScheduler,
  TableTrialResult,
  TableTrialTask,
  TunedTable,
} from '@amaas/learn/pipelines';
import type { Decision, SamplerSettings, SearchSpace } from '@amaas/learn/tune';
import type { TrainingConfiguration, TrainingResult } from '../training/messages.ts';

/** What decides a study, besides the data. */
export interface TuningConfiguration extends TrainingConfiguration {
  /** Null: the default of the rows. */
  readonly space: SearchSpace | null;
  readonly sampler: SamplerSettings;
  readonly scheduler: TableScheduler;
}

/** What the study's thread is started with. */
export interface TuningTask extends TuningConfiguration {
  /** Absolute, or a pattern. */
  readonly path: string;
  /** Folder of the study. */
  readonly study: string;
  readonly maxTrials: number | null;
  readonly maxElapsedMs: number | null;
  readonly parallel: number;
  /** Of each trial. */
  readonly threads: number;
}

export interface TuningResult extends TrainingResult {
  readonly study: TunedTable['study'];
  /** After how many trials earlier reports of this study were made, from the same held-out rows. */
  readonly earlierReports: readonly number[];
}

/** What a trial's thread is started with. */
export interface TrialThreadData {
  readonly examples: TableExamples;
  readonly seed: string | number;
  /** Folder of the study. */
  readonly study: string;
  readonly threads: number;
}

export type ToTrial =
  | { readonly type: 'train'; readonly task: TableTrialTask }
  /** The answer to a report. */
  | { readonly type: 'decision'; readonly decision: Decision }
  | { readonly type: 'cancel' }
  /** No further trial comes. */
  | { readonly type: 'close' };

export type FromTrial =
  | { readonly type: 'report'; readonly epoch: number; readonly validationLoss: number }
  | { readonly type: 'trained'; readonly result: TableTrialResult }
  | { readonly type: 'failed'; readonly error: SerializedError };
