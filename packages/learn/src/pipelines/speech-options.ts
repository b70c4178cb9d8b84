// What a training of speech is asked for, and what it reports while it runs.
import type { Clock, Executor } from '@amaas/core';
import type { DataFinding, LabelledMedia, LogMelDescription, MediaFile } from '../data/index.ts';
import type { SpeechRecogniserOptions } from '../layers/index.ts';
import type { CheckpointStore, EpochRecord, FitProgress } from '../train/index.ts';
import type { SpeechAugmentation } from './speech-augmentation.ts';
import type { SpeechSummary } from './speech-data.ts';

/** Of the network; the symbols come from the transcripts. */
export type SpeechNetworkOptions = Omit<SpeechRecogniserOptions, 'symbols'>;

/** How a recogniser is trained. */
export interface SpeechTrainingSettings {
  readonly epochs: number;
  readonly batchSize: number;
  /** At its highest; it rises over the first steps and falls as a cosine. */
  readonly learningRate: number;
  /** Decoupled, on kernels. */
  readonly weightDecay: number;
  /** Epochs it may go on without getting better on the validation recordings. */
  readonly patience: number;
}

export interface TrainSpeechOptions {
  /** Recordings of one channel at `sampleRateHz`; the label of each is what it says. */
  readonly media: LabelledMedia<Float32Array>;
  readonly executor: Executor;
  /** Of the samples given, and of those the served model takes. */
  readonly sampleRateHz: number;
  /** What the data is called in the report; default `speech`. */
  readonly name?: string;
  /** Share or number of recordings held out for the report, or the held-out recordings themselves; default 0.2. */
  readonly test?: number | LabelledMedia<Float32Array>;
  /** Share or number of recordings held out to stop by; default 0.1. 0: the training goes on to its last epoch. */
  readonly validation?: number;
  /** Recordings with one answer stay in one part (speakers, sessions) and make the report's slices. */
  readonly groupOf?: (file: MediaFile) => string;
  /** What it writes, single characters; default those of the training transcripts. */
  readonly characters?: readonly string[];
  /** Default as speech recognisers take it, normalised per band over the training part. */
  readonly logMel?: Partial<
    Pick<LogMelDescription, 'fftLength' | 'windowLength' | 'hopLength' | 'bands' | 'lowHz' | 'highHz'>
  >;
  /** How training features change; null: not at all. Default `DEFAULT_SPEECH_AUGMENTATION`. */
  readonly augmentation?: SpeechAugmentation | null;
  readonly network?: SpeechNetworkOptions;
  /** Overrules the settings chosen by the number of recordings. */
  readonly training?: Partial<SpeechTrainingSettings>;
  /** What a file that cannot be decoded does; default `fail`. */
  readonly whenCorrupt?: 'fail' | 'skip';
  /** Greatest share of the files that may be skipped, but always one; default all of them. */
  readonly maxSkippedShare?: number;
  /** Default 0. */
  readonly seed?: string | number;
  readonly checkpoint?: CheckpointStore;
  readonly onEvent?: (event: TrainSpeechEvent) => void;
  readonly signal?: AbortSignal;
  readonly threads?: number;
  readonly clock?: Clock;
}

/** What happens while speech is learned. */
export type TrainSpeechEvent =
  | { readonly kind: 'reading'; readonly files: number; readonly total: number }
  | { readonly kind: 'described'; readonly summary: SpeechSummary }
  | {
      readonly kind: 'split';
      readonly rows: { readonly train: number; readonly validation: number; readonly test: number };
      readonly findings: readonly DataFinding[];
    }
  | { readonly kind: 'training'; readonly progress: FitProgress }
  | { readonly kind: 'epoch'; readonly record: EpochRecord }
  | { readonly kind: 'evaluating' };
