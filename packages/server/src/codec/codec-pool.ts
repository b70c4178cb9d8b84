// Threads that read and write large JSON bodies, so that a megabyte of numbers does not hold up everybody else's
// requests. Started when first needed; idle threads do not keep the process alive.
import { Worker } from 'node:worker_threads';
import { AmaasError, deserializeError, type SerializedError } from '@amaas/core';
import { type CodecTaskName, type CodecTasks, createCodecTasks } from './tasks.ts';

/** What crosses to the thread and back. */
export interface CodecRequest {
  readonly id: number;
  readonly name: CodecTaskName;
  readonly args: unknown;
}
export type CodecResponse =
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly error: SerializedError };

export interface CodecPoolOptions {
  /** Bodies below this size are converted on the spot: the hop costs about as much as 100 KB of JSON. */
  readonly minBytes: number;
  readonly threads: number;
}

interface Pending {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: AmaasError) => void;
}

interface Thread {
  readonly worker: Worker;
  readonly pending: Map<number, Pending>;
}

export class CodecPool {
  readonly #options: CodecPoolOptions;
  readonly #tasks = createCodecTasks();
  #threads: Thread[] = [];
  #nextId = 1;
  #isDisposed = false;

  constructor(options: CodecPoolOptions) {
    this.#options = options;
  }

  /**
   * Runs a task here when `bytes` is small, else in a thread. Buffers named in `transfer` are given away in the latter case.
   * @throws whatever the task throws; SHUTTING_DOWN after {@link CodecPool.dispose}.
   */
  run<Name extends CodecTaskName>(
    name: Name,
    args: CodecTasks[Name]['args'],
    weight: { readonly bytes: number; readonly transfer?: readonly ArrayBuffer[] },
  ): CodecTasks[Name]['result'] | Promise<CodecTasks[Name]['result']> {
    if (weight.bytes < this.#options.minBytes) return this.#tasks[name](args);
    return this.#runInThread(name, args, weight.transfer ?? []);
  }

  /** Ends the threads; tasks under way are rejected. */
  async dispose(): Promise<void> {
    this.#isDisposed = true;
    await Promise.all(this.#threads.map((thread) => thread.worker.terminate()));
  }

  #runInThread<Name extends CodecTaskName>(
    name: Name,
    args: CodecTasks[Name]['args'],
    transfer: readonly ArrayBuffer[],
  ): Promise<CodecTasks[Name]['result']> {
    return new Promise((resolve, reject) => {
      if (this.#isDisposed) {
        reject(new AmaasError('SHUTTING_DOWN', 'the server is shutting down'));
        return;
      }
      const thread = this.#leastBusy();
      const id = this.#nextId++;
      // The thread runs the task of that name, whose result type this is.
      thread.pending.set(id, { resolve: resolve as (result: unknown) => void, reject });
      thread.worker.ref();
      const request: CodecRequest = { id, name, args };
      thread.worker.postMessage(request, [...transfer]);
    });
  }

  #leastBusy(): Thread {
    let best = this.#threads[0];
    for (const thread of this.#threads)
      if (best === undefined || thread.pending.size < best.pending.size) best = thread;
    if (best !== undefined && (best.pending.size === 0 || this.#threads.length >= this.#options.threads)) return best;
    const started = this.#startThread();
    this.#threads.push(started);
    return started;
  }

  #startThread(): Thread {
    const worker = new Worker(new URL('./codec-thread.ts', import.meta.url), { name: 'amaas-codec' });
    const thread: Thread = { worker, pending: new Map() };
    worker.unref();
    worker.on('message', (response: CodecResponse) => {
      const pending = thread.pending.get(response.id);
      thread.pending.delete(response.id);
      if (thread.pending.size === 0) worker.unref();
      if ('error' in response) pending?.reject(deserializeError(response.error));
      else pending?.resolve(response.result);
    });
    worker.on('error', (cause) => this.#lose(thread, cause));
    worker.on('exit', () => this.#lose(thread, new Error('the codec thread ended')));
    return thread;
  }

  #lose(thread: Thread, cause: unknown): void {
    this.#threads = this.#threads.filter((candidate) => candidate !== thread);
    const lost = [...thread.pending.values()];
    thread.pending.clear();
    for (const pending of lost) {
      pending.reject(
        this.#isDisposed
          ? new AmaasError('SHUTTING_DOWN', 'the server is shutting down')
          : new AmaasError('INTERNAL', 'a codec thread failed', { cause }),
      );
    }
  }
}
