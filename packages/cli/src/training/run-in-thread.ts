// A thread of its own for what would keep the command from drawing and from hearing Ctrl-C.
import { Worker } from 'node:worker_threads';
import { AmaasError, deserializeError } from '@amaas/core';
import type { FromTraining, ToTraining } from './messages.ts';

export interface ThreadHooks<Event> {
  readonly signal: AbortSignal;
  readonly onEvent: (event: Event) => void;
}

export interface ThreadStart {
  /** Of the thread; it says {@link FromTraining} and hears {@link ToTraining}. */
  readonly file: string;
  readonly task: object;
  /** Begins the message about a thread that ended without a word. */
  readonly verb: string;
}

/** @throws what the thread says; CANCELLED once `signal` has fired and the steps at hand are done */
export function runInThread<Event, Result>(
  { file, task, verb }: ThreadStart,
  { signal, onEvent }: ThreadHooks<Event>,
): Promise<Result> {
  const { promise, resolve, reject } = Promise.withResolvers<Result>();
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
  worker.on('exit', (code) => reject(new AmaasError('INTERNAL', `${verb}: its thread ended with exit code ${code}`)));
  return promise.finally(() => signal.removeEventListener('abort', cancel));
}
