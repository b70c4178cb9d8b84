// What the command's thread and that of a training of speech say to each other: plain, structured-clonable values.
import type { SpeechModelDescription, SpeechReport, SpeechSummary, TrainSpeechEvent } from '@amaas/learn/pipelines';
import type { MediaSettings, MediaTrainingTask, TrainingResult } from './messages.ts';

/** Everything that decides what comes out of a training of speech, besides the files. */
export type SpeechSettings = Omit<MediaSettings, 'image' | 'seconds'> & { readonly kind: 'audio' };

/** What the thread that learns speech is started with. */
export interface SpeechTrainingTask extends Omit<MediaTrainingTask, 'settings'> {
  readonly settings: SpeechSettings;
}

export type SpeechEvent = TrainSpeechEvent;

/** What comes of a training of speech. */
export interface SpeechTrainingResult {
  readonly files: ReadonlyMap<string, Uint8Array>;
  /** The held-out recordings with what was heard, as JSON lines. */
  readonly heldOut: Uint8Array | null;
  readonly report: SpeechReport;
  readonly description: SpeechModelDescription;
  /** How it was trained. */
  readonly training: object;
  readonly data: TrainingResult['data'];
  readonly summary: SpeechSummary;
  /** A held-out recording by its path below the folder, and what the model writes. */
  readonly example: { readonly file: string; readonly heard: string };
}
