// What the command's thread and the training's say to each other: plain, structured-clonable values.
import type { SerializedError } from '@amaas/core';
import type { OpenTableOptions } from '@amaas/engine-duckdb';
import type { FolderKind, GivenPreparation } from '@amaas/engine-sharp';
import type { Cell, ColumnKind } from '@amaas/learn/data';
import type { EvaluationReport } from '@amaas/learn/evaluate';
import type {
  ArchitectureOptions,
  LanguageTrainingEvent,
  LlamaQuantization,
  TokenizerPlan,
  TrainedLanguageModel,
  TrainLanguageModelOptions,
} from '@amaas/learn/language';
import type { MediaModelDescription, MediaSummary, TableModelDescription, TableSettings } from '@amaas/learn/pipelines';

/** How a file is read where a look at it does not tell: the reader's own options as plain JSON. */
export interface TableReading
  extends Pick<
    OpenTableOptions,
    | 'separator'
    | 'quote'
    | 'header'
    | 'skipLines'
    | 'decimal'
    | 'thousands'
    | 'encoding'
    | 'ragged'
    | 'duplicateNames'
    | 'timestampFormat'
  > {
  /** Texts that mean "no value", besides the usual ones. */
  readonly missing?: readonly string[];
  /** Kinds by column, where what the cells look like is not what they are. */
  readonly kinds?: readonly (readonly [column: string, kind: ColumnKind])[];
}

/** Everything that decides what comes out of a training, besides the data. */
export interface TrainingConfiguration {
  readonly settings: TableSettings;
  readonly reading: TableReading;
}

/** What the training's thread is started with. */
export interface TrainingTask extends TrainingConfiguration {
  /** Absolute, or a pattern. */
  readonly path: string;
  /** Where checkpoints are kept. */
  readonly checkpoints: string;
  /** Whether to go on from what lies there; otherwise it is removed. */
  readonly isResumed: boolean;
  /** Whether the held-out rows are wanted with their scores. */
  readonly wantsHeldOut: boolean;
}

/** What comes of a training. */
export interface TrainingResult {
  readonly files: ReadonlyMap<string, Uint8Array>;
  /** The held-out rows with their scores, as JSON lines. */
  readonly heldOut: Uint8Array | null;
  readonly report: EvaluationReport;
  readonly description: TableModelDescription;
  readonly candidate: { readonly name: string; readonly options: object };
  readonly data: {
    readonly name: string;
    readonly digest: string | null;
    readonly rows: { readonly train: number; readonly validation: number; readonly test: number };
  };
  /** A held-out row as callers send it, and what the model says to it. */
  readonly example: { readonly row: ReadonlyMap<string, Cell>; readonly scores: Float32Array };
}

/** Everything that decides what comes out of a training of a folder, besides the files. */
export interface MediaSettings {
  readonly kind: FolderKind;
  /** Share or number of files held out for the report. */
  readonly test?: number;
  /** A folder of held-out files instead, as the user names it. */
  readonly testFolder?: string;
  /** Share or number of files held out to choose and to stop by. */
  readonly validation?: number;
  /** A regular expression that finds a file's group in its path below the folder. */
  readonly groupBy?: string;
  readonly seed: number;
  readonly epochs?: number;
  readonly learningRate?: number;
  readonly batchSize?: number;
  readonly weightDecay?: number;
  /** Of pictures; what is not said is chosen. */
  readonly image?: GivenPreparation;
  /** Of recordings; the rest likewise. */
  readonly sampleRateHz?: number;
  readonly seconds?: number;
}

/** What the thread that learns a folder is started with. */
export interface MediaTrainingTask {
  readonly settings: MediaSettings;
  /** What the data is called in the report. */
  readonly name: string;
  /** Absolute. */
  readonly path: string;
  readonly testPath: string | null;
  readonly checkpoints: string;
  readonly isResumed: boolean;
  readonly wantsHeldOut: boolean;
}

/** What comes of a training of a folder. */
export interface MediaTrainingResult {
  readonly files: ReadonlyMap<string, Uint8Array>;
  /** The held-out files with their scores, as JSON lines. */
  readonly heldOut: Uint8Array | null;
  readonly report: EvaluationReport;
  readonly description: MediaModelDescription;
  readonly candidate: { readonly name: string; readonly settings: object };
  readonly data: TrainingResult['data'];
  readonly summary: MediaSummary;
  /** A held-out file by its path below the folder, and what the model says to it. */
  readonly example: { readonly file: string; readonly label: string; readonly scores: Float32Array };
}

/** Everything that decides which language model comes out of a training, besides the text. */
export interface LanguageSettings
  extends Pick<
    TrainLanguageModelOptions,
    | 'steps'
    | 'epochs'
    | 'batchSize'
    | 'accumulate'
    | 'learningRate'
    | 'weightDecay'
    | 'schedule'
    | 'evaluateEvery'
    | 'patience'
  > {
  readonly architecture: ArchitectureOptions;
  readonly tokenizer: TokenizerPlan | { readonly kind: 'given'; readonly json: string };
  /** Share of the text. */
  readonly validation?: number;
  readonly prompt: string;
  readonly temperature: number;
  readonly quantization: LlamaQuantization;
  readonly seed: number;
}

/** What the thread that learns a language model is started with. */
export interface LanguageTrainingTask {
  readonly settings: LanguageSettings;
  /** Of the model. */
  readonly name: string;
  /** A file or folder, absolute, and as the user names it. */
  readonly path: string;
  readonly given: string;
  readonly checkpoints: string;
  readonly isResumed: boolean;
}

/** What the thread says first, then what the training says. */
export type LanguageEvent =
  | { readonly kind: 'found'; readonly files: number; readonly bytes: number; readonly others: readonly string[] }
  | LanguageTrainingEvent;

/** What comes of a training of a language model. */
export interface LanguageTrainingResult
  extends Pick<TrainedLanguageModel, 'facts' | 'step' | 'stoppedEarly' | 'validation' | 'samples'> {
  readonly files: ReadonlyMap<string, Uint8Array>;
}

export type FromTraining<Event, Result> =
  | { readonly type: 'event'; readonly event: Event }
  | { readonly type: 'done'; readonly result: Result }
  | { readonly type: 'failed'; readonly error: SerializedError };

/** Asks it to end: it does after the steps at hand. */
export interface ToTraining {
  readonly type: 'cancel';
}
