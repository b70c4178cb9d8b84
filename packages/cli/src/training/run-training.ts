// Runs a training in a thread of its own and waits for it.
import { extname, join } from 'node:path';
import type { TrainMediaEvent, TrainTableEvent } from '@amaas/learn/pipelines';
import type {
  LanguageEvent,
  LanguageTrainingResult,
  LanguageTrainingTask,
  MediaTrainingResult,
  MediaTrainingTask,
  TrainingResult,
  TrainingTask,
} from './messages.ts';
import { runInThread, type ThreadHooks } from './run-in-thread.ts';

const fileOf = (name: string): string => join(import.meta.dirname, `${name}${extname(import.meta.filename)}`);

/** Learns a table. @throws what the training throws; CANCELLED once `signal` has fired and the steps at hand are done */
export function runTraining(task: TrainingTask, hooks: ThreadHooks<TrainTableEvent>): Promise<TrainingResult> {
  return runInThread({ file: fileOf('train-worker'), task, verb: 'train' }, hooks);
}

/** Learns a folder. @throws as {@link runTraining} */
export function runMediaTraining(
  task: MediaTrainingTask,
  hooks: ThreadHooks<TrainMediaEvent>,
): Promise<MediaTrainingResult> {
  return runInThread({ file: fileOf('train-media-worker'), task, verb: 'train' }, hooks);
}

/** Learns a language model. @throws as {@link runTraining} */
export function runLanguageTraining(
  task: LanguageTrainingTask,
  hooks: ThreadHooks<LanguageEvent>,
): Promise<LanguageTrainingResult> {
  return runInThread({ file: fileOf('train-language-worker'), task, verb: 'train' }, hooks);
}
