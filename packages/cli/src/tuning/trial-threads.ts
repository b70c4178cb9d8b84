// Trains trials in threads, one trial each at a time, as many at once as are asked for; a thread waits for the next trial.
import { extname, join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { AmaasError, deserializeError } from '@amaas/core';
import type { TableTrialHooks, TableTrialResult, TableTrialTask, TrialTrainer } from '@amaas/learn/pipelines';
import type { FromTrial, ToTrial, TrialThreadData } from './messages.ts';

const WORKER = join(import.meta.dirname, `trial-worker${extname(import.meta.filename)}`);

/** Threads are started when they are needed; each gets a copy of the examples. */
export function createTrialThreads(data: TrialThreadData): TrialTrainer {
  const waiting: TrialThread[] = [];
  return {
    async train(task, hooks) {
      const thread = waiting.pop() ?? new TrialThread(data);
      const result = await thread.train(task, hooks).finally(() => {
        if (!thread.hasEnded) waiting.push(thread);
      });
      return result;
    },
    async close() {
      await Promise.all(waiting.splice(0).map((thread) => thread.close()));
    },
  };
}

class TrialThread {
  readonly #worker: Worker;
  readonly #exit: Promise<void>;
  #hasEnded = false;
  #onMessage: (message: FromTrial) => void = () => {};
  #onFailure: (error: Error) => void = () => {};

  constructor(data: TrialThreadData) {
    this.#worker = new Worker(WORKER, { workerData: data });
    this.#worker.on('message', (message: FromTrial) => this.#onMessage(message));
    this.#worker.on('error', (error) => this.#onFailure(error instanceof Error ? error : new Error(String(error))));
    this.#exit = new Promise((resolve) => {
      this.#worker.once('exit', (code) => {
        this.#hasEnded = true;
        this.#onFailure(new AmaasError('INTERNAL', `tune: the thread of a trial ended with exit code ${code}`));
        resolve();
      });
    });
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** Settles when the thread is done with the trial. */
  async train(task: TableTrialTask, { report, signal }: TableTrialHooks): Promise<TableTrialResult> {
    const { promise, resolve, reject } = Promise.withResolvers<TableTrialResult>();
    let fault: { readonly thrown: unknown } | null = null;
    const answer = async (epoch: number, validationLoss: number): Promise<void> => {
      try {
        this.#say({ type: 'decision', decision: await report(epoch, validationLoss) });
      } catch (thrown) {
        fault = { thrown }; // told when the trial has ended: nothing may run on behind the study's back
        this.#say({ type: 'cancel' });
        this.#say({ type: 'decision', decision: 'stop' });
      }
    };
    this.#onFailure = reject;
    this.#onMessage = (message) => {
      switch (message.type) {
        case 'report':
          void answer(message.epoch, message.validationLoss);
          break;
        case 'trained':
          resolve(message.result);
          break;
        case 'failed':
          reject(deserializeError(message.error));
          break;
        default:
          message satisfies never;
      }
    };
    const cancel = (): void => this.#say({ type: 'cancel' });
    this.#say({ type: 'train', task });
    signal.addEventListener('abort', cancel);
    if (signal.aborted) cancel();
    try {
      return await promise.catch((thrown: unknown) => {
        throw fault === null ? thrown : fault.thrown;
      });
    } finally {
      signal.removeEventListener('abort', cancel);
    }
  }

  async close(): Promise<void> {
    this.#say({ type: 'close' });
    await this.#exit;
  }

  #say(message: ToTrial): void {
    this.#worker.postMessage(message);
  }
}
