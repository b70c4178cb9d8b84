// Two threads that tokenize, so that no text holds up the event loop, and no long text the short ones: what is quick goes
// one way, what may take longer the other. A tokenizer is read once per thread that needs it, shared by all versions with
// the same file, and kept for a while after the last of them has gone. Started when first needed.
import { Worker } from 'node:worker_threads';
import {
  AmaasError,
  type Cancellation,
  type CancelTimer,
  type Clock,
  deserializeError,
  type SerializedError,
} from '@amaas/core';
import type { DecodeTask, EncodedRows, EncodeTask, TokenizerFacts } from './tokenizer-shelf.ts';
import { Turnstile } from './turnstile.ts';

/** What a thread is asked. */
type TokenizerTask =
  | { readonly kind: 'open'; readonly key: string; readonly path: string }
  | { readonly kind: 'close'; readonly key: string }
  | { readonly kind: 'ids'; readonly key: string; readonly tokens: readonly string[] }
  | { readonly kind: 'encode'; readonly work: EncodeTask }
  | { readonly kind: 'decode'; readonly work: DecodeTask };

/** What crosses to the thread and back. */
export interface TokenizerRequest {
  readonly id: number;
  readonly task: TokenizerTask;
}
export type TokenizerReply =
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly error: SerializedError };

/** A tokenizer.json on disk. Files with the same key have the same contents. */
export interface TokenizerFile {
  readonly key: string;
  readonly path: string;
}

/** A tokenizer in use; whoever opened it closes it. */
export interface OpenTokenizer {
  readonly facts: TokenizerFacts;
  idsOf(tokens: readonly string[]): Promise<readonly (number | null)[]>;
  /** @throws as TokenizerShelf.encode, and CANCELLED. */
  encode(task: Omit<EncodeTask, 'key'>, signal?: Cancellation): Promise<EncodedRows>;
  decode(task: Omit<DecodeTask, 'key'>, signal?: Cancellation): Promise<readonly string[]>;
  /** Idempotent. */
  close(): void;
}

export interface TokenizerThreadsOptions {
  readonly clock: Clock;
  /** Longest that a task may take in its thread, reading a tokenizer included; a pattern may be made to take forever. */
  readonly maxTaskMs: number;
  /** How long a tokenizer stays that nobody uses: a deployment opens it several times, a swap closes and opens it. */
  readonly lingerMs: number;
}

/** Up to so many units of text a task is quick: 3 µs each at worst, 0.2 µs in English. */
const QUICK_UNITS = 16 * 1024;
/** Units under way in a thread; what waits beyond can still be cancelled. */
const QUICK_UNITS_AT_ONCE = 4 * QUICK_UNITS;

interface Shared {
  readonly facts: Promise<TokenizerFacts>;
  users: number;
  forget: () => void;
}

export class TokenizerThreads {
  readonly #options: TokenizerThreadsOptions;
  readonly #quick: Lane;
  readonly #long: Lane;
  readonly #shared = new Map<string, Shared>();

  constructor(options: TokenizerThreadsOptions) {
    this.#options = options;
    this.#quick = new Lane({ ...options, name: 'amaas-tokenizer', unitsAtOnce: QUICK_UNITS_AT_ONCE });
    this.#long = new Lane({ ...options, name: 'amaas-tokenizer-long', unitsAtOnce: 1 });
  }

  /** @throws INVALID_MODEL for a file that is no tokenizer.json. */
  async open(file: TokenizerFile): Promise<OpenTokenizer> {
    const shared = this.#use(file);
    try {
      return this.#handle(file, shared, await shared.facts);
    } catch (thrown) {
      if (this.#shared.get(file.key) === shared) this.#shared.delete(file.key); // the next one tries again
      throw thrown;
    }
  }

  /** Ends the threads; tasks under way are rejected. */
  async dispose(): Promise<void> {
    for (const shared of this.#shared.values()) shared.forget();
    this.#shared.clear();
    await Promise.all([this.#quick.dispose(), this.#long.dispose()]);
  }

  #use(file: TokenizerFile): Shared {
    const known = this.#shared.get(file.key);
    if (known !== undefined) {
      known.users++;
      known.forget();
      known.forget = () => {};
      return known;
    }
    const facts = this.#quick.open(file);
    const shared: Shared = { facts, users: 1, forget: () => {} };
    this.#shared.set(file.key, shared);
    return shared;
  }

  /** @param file - the opener's own: that of another may be gone when a thread has to read it again */
  #handle(file: TokenizerFile, shared: Shared, facts: TokenizerFacts): OpenTokenizer {
    const { key } = file;
    let isOpen = true;
    return {
      facts,
      idsOf: (tokens) => this.#quick.run<readonly (number | null)[]>(file, { kind: 'ids', key, tokens }, { units: 0 }),
      encode: (work, signal) => {
        const units = work.texts.reduce((sum, text) => sum + text.length, 0);
        return this.#laneFor(units).run<EncodedRows>(
          file,
          { kind: 'encode', work: { ...work, key } },
          { units, signal },
        );
      },
      decode: (work, signal) => {
        const units = work.ids.length;
        return this.#laneFor(units).run<readonly string[]>(
          file,
          { kind: 'decode', work: { ...work, key } },
          { units, signal },
        );
      },
      close: () => {
        if (!isOpen) return;
        isOpen = false;
        this.#leave(key, shared);
      },
    };
  }

  #laneFor(units: number): Lane {
    return units <= QUICK_UNITS ? this.#quick : this.#long;
  }

  #leave(key: string, shared: Shared): void {
    shared.users--;
    if (shared.users > 0) return;
    shared.forget = this.#options.clock.schedule(this.#options.lingerMs, () => {
      this.#shared.delete(key);
      this.#quick.close(key);
      this.#long.close(key);
    });
  }
}

interface LaneOptions extends TokenizerThreadsOptions {
  readonly name: string;
  readonly unitsAtOnce: number;
}

interface Pending {
  readonly cancelLimit: CancelTimer;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: AmaasError) => void;
}

/** One thread and who waits for it. */
class Lane {
  readonly #options: LaneOptions;
  readonly #turnstile: Turnstile;
  readonly #pending = new Map<number, Pending>();
  /** Tokenizers that the thread has, or is reading. */
  readonly #opened = new Map<string, Promise<TokenizerFacts>>();
  #worker: Worker | null = null;
  #nextId = 1;
  #isDisposed = false;

  constructor(options: LaneOptions) {
    this.#options = options;
    const capacity = options.unitsAtOnce;
    // The line is as long as there are requests; they are counted where they enter.
    this.#turnstile = new Turnstile({ what: 'text', capacity, maxWaiting: Number.POSITIVE_INFINITY });
  }

  open({ key, path }: TokenizerFile): Promise<TokenizerFacts> {
    const known = this.#opened.get(key);
    if (known !== undefined) return known;
    const opening = this.#post<TokenizerFacts>({ kind: 'open', key, path });
    this.#opened.set(key, opening);
    opening.catch(() => {
      if (this.#opened.get(key) === opening) this.#opened.delete(key);
    });
    return opening;
  }

  close(key: string): void {
    if (this.#opened.delete(key) && this.#worker !== null) void this.#post({ kind: 'close', key }).catch(() => {});
  }

  /** @returns what the thread answers to this kind of task */
  async run<Result>(
    file: TokenizerFile,
    task: TokenizerTask,
    { units, signal }: { readonly units: number; readonly signal?: Cancellation | undefined },
  ): Promise<Result> {
    const leave = await this.#turnstile.acquire(units, signal);
    try {
      await this.open(file);
      return await this.#post<Result>(task);
    } finally {
      leave();
    }
  }

  async dispose(): Promise<void> {
    this.#isDisposed = true;
    await this.#worker?.terminate();
  }

  #post<Result>(task: TokenizerTask): Promise<Result> {
    return new Promise((resolve, reject) => {
      if (this.#isDisposed) {
        reject(new AmaasError('SHUTTING_DOWN', 'the server is shutting down'));
        return;
      }
      const id = this.#nextId++;
      this.#worker ??= this.#start();
      const worker = this.#worker;
      const { clock, maxTaskMs } = this.#options;
      const cancelLimit = clock.schedule(maxTaskMs, () => this.#giveUp(worker, id));
      // The thread answers a task with what the caller, who knows the task, says that it is.
      this.#pending.set(id, { resolve: resolve as (result: unknown) => void, reject, cancelLimit });
      worker.ref();
      worker.postMessage({ id, task } satisfies TokenizerRequest);
    });
  }

  #start(): Worker {
    const worker = new Worker(new URL('./tokenizer-thread.ts', import.meta.url), { name: this.#options.name });
    worker.on('message', (reply: TokenizerReply) => {
      const pending = this.#pending.get(reply.id);
      this.#pending.delete(reply.id);
      pending?.cancelLimit();
      if (this.#pending.size === 0) worker.unref();
      if ('error' in reply) pending?.reject(deserializeError(reply.error));
      else pending?.resolve(reply.result);
    });
    worker.on('error', (cause) => this.#lose(worker, cause));
    worker.on('exit', () => this.#lose(worker, new Error('the tokenizer thread ended')));
    return worker;
  }

  /** Ends a thread that takes too long over a task. Unlike one with a runtime inside, it can be ended at any time. */
  #giveUp(worker: Worker, id: number): void {
    if (this.#worker !== worker) return;
    const seconds = this.#options.maxTaskMs / 1000;
    const stuck = this.#pending.get(id);
    this.#pending.delete(id);
    stuck?.reject(new AmaasError('INVALID_ARGUMENT', `text: tokenizing takes longer than ${seconds} s`));
    this.#lose(worker, new Error(`a task took longer than ${seconds} s`));
    void worker.terminate();
  }

  /** The next task starts another thread, which reads its tokenizers anew. */
  #lose(worker: Worker, cause: unknown): void {
    if (this.#worker !== worker) return;
    this.#worker = null;
    this.#opened.clear();
    const lost = [...this.#pending.values()];
    this.#pending.clear();
    for (const { reject, cancelLimit } of lost) {
      cancelLimit();
      reject(
        this.#isDisposed
          ? new AmaasError('SHUTTING_DOWN', 'the server is shutting down')
          : new AmaasError('ENGINE_CRASHED', 'text: the tokenizer thread ended and is being replaced', { cause }),
      );
    }
  }
}
