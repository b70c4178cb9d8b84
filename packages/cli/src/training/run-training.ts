// Runs a training in a thread of its own and waits for it, so that the command goes on to draw and to hear Ctrl-C.
import { extname, join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { AmaasError, deserializeError } from '@amaas/core';
import type { TrainMediaEvent, TrainTableEvent } from '@amaas/learn/pipelines';
import type {
  FromTraining,
  MediaTrainingResult,
  MediaTrainingTask,
  ToTraining,
  TrainingResult,
  TrainingTask,
} from './messages.ts';

export interface TrainingHooks<Event> {
  readonly signal: AbortSignal;
  readonly onEvent: (event: Event) => void;
}

/** Learns a table. @throws what the training throws; CANCELLED once `signal` has fired and the steps at hand are done */
export function runTraining(task: TrainingTask, hooks: TrainingHooks<TrainTableEvent>): Promise<TrainingResult> {
  return runInThread('train-worker', task, hooks);
}

/** Learns a folder. @throws as {@link runTraining} */
export function runMediaTraining(
  task: MediaTrainingTask,
  hooks: TrainingHooks<TrainMediaEvent>,
): Promise<MediaTrainingResult> {
  return runInThread('train-media-worker', task, hooks);
}

function runInThread<Event, Result>(
  name: string,
  task: object,
  { signal, onEvent }: TrainingHooks<Event>,
): Promise<Result> {
  const { promise, resolve, reject } = Promise.withResolvers<Result>();
  const file = join(import.meta.dirname, `${name}${extname(import.meta.filename)}`);
  const worker = new Worker(file, { workerData: task });
  const cancel = (): void => worker.postMessage({ type: 'cancel' } satisfies ToTraining);
  signal.addEventListener('abort', cancel);
  if (signal.aborted) cancel();
  worker.on('message', (message: FromTraining<Event, Result>) => {
    switch (message.type) {
      case 'event':
        onEvent(message.event);
        break;
      case 'done':
        resolve(message.result);
        break;
      case 'failed':
        reject(deserializeError(message.error));
        break;
      default:
        message satisfies never;
    }
  });
  worker.on('error', reject);
  worker.on('exit', (code) => reject(new AmaasError('INTERNAL', `train: its thread ended with exit code ${code}`)));
  return promise.finally(() => signal.removeEventListener('abort', cancel));
}
