// Runs a study in a thread of its own and waits for it, so that the command goes on to draw and to hear Ctrl-C.
import { extname, join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { AmaasError, deserializeError } from '@amaas/core';
import type { TuneTableEvent } from '@amaas/learn/pipelines';
import type { ToTraining } from '../training/messages.ts';
import type { FromTuning, TuningResult, TuningTask } from './messages.ts';

const WORKER = join(import.meta.dirname, `tune-worker${extname(import.meta.filename)}`);

/** @throws what the study throws; CANCELLED once `signal` has fired and the steps at hand are done */
export function runTuning(
  task: TuningTask,
  { signal, onEvent }: { readonly signal: AbortSignal; readonly onEvent: (event: TuneTableEvent) => void },
): Promise<TuningResult> {
  const { promise, resolve, reject } = Promise.withResolvers<TuningResult>();
  const worker = new Worker(WORKER, { workerData: task });
  const cancel = (): void => worker.postMessage({ type: 'cancel' } satisfies ToTraining);
  signal.addEventListener('abort', cancel);
  if (signal.aborted) cancel();
  worker.on('message', (message: FromTuning) => {
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
  worker.on('exit', (code) => reject(new AmaasError('INTERNAL', `tune: its thread ended with exit code ${code}`)));
  return promise.finally(() => signal.removeEventListener('abort', cancel));
}
