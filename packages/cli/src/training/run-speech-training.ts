// Runs a training of speech in a thread of its own and waits for it.
import { extname, join } from 'node:path';
import { runInThread, type ThreadHooks } from './run-in-thread.ts';
import type { SpeechEvent, SpeechTrainingResult, SpeechTrainingTask } from './speech-messages.ts';

/** @throws what the training throws; CANCELLED once `signal` has fired and the steps at hand are done */
export function runSpeechTraining(
  task: SpeechTrainingTask,
  hooks: ThreadHooks<SpeechEvent>,
): Promise<SpeechTrainingResult> {
  const file = join(import.meta.dirname, `train-speech-worker${extname(import.meta.filename)}`);
  return runInThread({ file, task, verb: 'train' }, hooks);
}
