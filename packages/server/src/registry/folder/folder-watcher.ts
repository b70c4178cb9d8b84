// Follows a models folder: looks when the file system says something happened and at intervals anyway, and hands out
// what FolderMemory decides. File events are only wake-ups; that they get lost costs time, nothing else.
import { type FSWatcher, type Stats, watch } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { AmaasError, type CancelTimer, type Clock } from '@amaas/core';
import type { FolderCandidate } from './folder-candidate.ts';
import { type FolderEvent, FolderMemory, type KnownVersion } from './folder-memory.ts';
import { scanFolder } from './scan-models-folder.ts';

export interface FolderWatcherOptions {
  /** Created where there is none. */
  readonly directory: string;
  readonly clock: Clock;
  /** Longest time until a change is noticed without a file event, in milliseconds; default 5,000. */
  readonly rescanIntervalMs?: number;
  /** The versions the registry has from this folder: those that are gone are reported as removed. Default none. */
  readonly known?: readonly KnownVersion[];
  /** A version is complete on disk, or has changed; `signal` fires when the watcher stops. */
  onCandidate(candidate: FolderCandidate, signal: AbortSignal): void | Promise<void>;
  /** A version is gone; null: all versions of a model that was a single file. */
  onRemoved(model: string, version: number | null): void | Promise<void>;
  /** Something in the folder cannot be served; said once until it changes. */
  onProblem(candidate: FolderCandidate): void;
  /** The folder could not be looked at, or a handler failed. */
  onError(error: unknown): void;
}

const DEFAULT_RESCAN_INTERVAL_MS = 5_000;

/** File events come in bursts; one look answers all of a burst. */
const WAKE_DELAY_MS = 50;

/** Candidates handled side by side; each may mean reading gigabytes and starting a process. */
const MAX_PARALLEL = 4;

/** Folders watched for events; beyond, the interval alone has to do. Systems commonly allow 8,192 for everybody. */
const MAX_WATCHED = 2_000;

export class FolderWatcher {
  readonly #options: FolderWatcherOptions;
  readonly #rescanIntervalMs: number;
  readonly #stopping = new AbortController();
  readonly #watched = new Map<string, { readonly watcher: FSWatcher; readonly identity: string }>();
  readonly #queue: FolderEvent[] = [];
  readonly #running = new Map<string, Promise<void>>();
  readonly #memory: FolderMemory;
  #looking: Promise<void> | null = null;
  #isWoken = false;
  #isFirstLook = true;
  #cancelTimer: CancelTimer = () => {};
  #timerDueMs = Number.POSITIVE_INFINITY;

  constructor(options: FolderWatcherOptions) {
    this.#options = options;
    this.#rescanIntervalMs = options.rescanIntervalMs ?? DEFAULT_RESCAN_INTERVAL_MS;
    this.#memory = new FolderMemory(options.known);
  }

  /** Looks for the first time; resolves when everything complete at that moment has been handled. */
  async start(): Promise<void> {
    await this.#look();
    await this.#idle();
  }

  /** Ends all watching; resolves when the handlers under way have returned. Idempotent. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#cancelTimer();
    this.#queue.length = 0;
    await this.#looking;
    this.#unwatch();
    await this.#idle();
  }

  async #idle(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running.values());
  }

  /** One look at a time; a wake-up during a look leads to another one. */
  #look(): Promise<void> {
    this.#looking ??= this.#lookOnce().finally(() => {
      this.#looking = null;
      if (this.#isWoken) this.#scheduleLook(WAKE_DELAY_MS);
    });
    return this.#looking;
  }

  async #lookOnce(): Promise<void> {
    this.#isWoken = false;
    this.#cancelTimer();
    this.#timerDueMs = Number.POSITIVE_INFINITY;
    const { directory, clock, onError } = this.#options;
    let nextLookMs: number | null = null;
    try {
      await mkdir(directory, { recursive: true });
      const scan = await scanFolder(directory);
      if (this.#stopping.signal.aborted) return;
      if (this.#isFirstLook && scan.candidates.length === 0) this.#reportEmpty();
      this.#isFirstLook = false;
      this.#watch(scan.directories);
      const result = this.#memory.look(scan.candidates, { nowMs: clock.nowMs(), wallMs: clock.wallTime().getTime() });
      nextLookMs = result.nextLookMs;
      this.#queue.push(...result.events);
      this.#pump();
    } catch (error) {
      onError(error); // nothing is concluded from a look that failed
    }
    this.#scheduleLook(Math.min(this.#rescanIntervalMs, nextLookMs ?? Number.POSITIVE_INFINITY));
  }

  /** Says that known versions are kept although the folder is empty at the start. */
  #reportEmpty(): void {
    const { known = [], directory, onError } = this.#options;
    if (known.length === 0) return;
    const problem = new AmaasError(
      'INVALID_CONFIG',
      `the models folder ${directory} is empty, but ${known.length} versions were registered from it. They are kept, because it may ` +
        'not be mounted; delete them by the API if they are meant to go',
    );
    onError(problem);
  }

  #wake(): void {
    this.#isWoken = true;
    if (this.#looking === null) this.#scheduleLook(WAKE_DELAY_MS);
  }

  #scheduleLook(delayMs: number): void {
    const dueMs = this.#options.clock.nowMs() + delayMs;
    if (this.#stopping.signal.aborted || this.#timerDueMs <= dueMs) return;
    this.#cancelTimer();
    this.#timerDueMs = dueMs;
    this.#cancelTimer = this.#options.clock.schedule(delayMs, () => void this.#look());
  }

  /** Hands events out: those of one model in order, different models side by side. */
  #pump(): void {
    for (let i = 0; i < this.#queue.length && this.#running.size < MAX_PARALLEL; ) {
      const event = this.#queue[i];
      const model = event === undefined ? '' : modelOf(event);
      if (event === undefined || this.#running.has(model)) {
        i++;
        continue;
      }
      this.#queue.splice(i, 1);
      const handled = this.#handle(event).finally(() => {
        this.#running.delete(model);
        this.#pump();
      });
      this.#running.set(model, handled);
    }
  }

  async #handle(event: FolderEvent): Promise<void> {
    const { onCandidate, onRemoved, onProblem, onError } = this.#options;
    try {
      switch (event.kind) {
        case 'candidate':
          return await onCandidate(event.candidate, this.#stopping.signal);
        case 'removed':
          return await onRemoved(event.model, event.version);
        case 'problem':
          return onProblem(event.candidate);
        default:
          throw new TypeError(`folder watcher: unknown event ${String(event satisfies never)}`);
      }
    } catch (error) {
      onError(error);
    }
  }

  /** Watches exactly these folders. One that was replaced by another of the same name is watched anew. */
  #watch(directories: ReadonlyMap<string, Stats>): void {
    for (const [path, { watcher, identity }] of this.#watched) {
      const stats = directories.get(path);
      if (stats !== undefined && identityOf(stats) === identity) continue;
      watcher.close();
      this.#watched.delete(path);
    }
    for (const [path, stats] of directories) {
      if (this.#watched.has(path) || this.#watched.size >= MAX_WATCHED) continue;
      try {
        const watcher = watch(path, { persistent: false }, () => this.#wake());
        const entry = { watcher, identity: identityOf(stats) };
        watcher.on('error', () => {
          watcher.close();
          if (this.#watched.get(path) === entry) this.#watched.delete(path); // the next look tries again
        });
        this.#watched.set(path, entry);
      } catch {
        // Gone since the look, or the system allows no more watches: the interval finds what changes there.
      }
    }
  }

  #unwatch(): void {
    for (const { watcher } of this.#watched.values()) watcher.close();
    this.#watched.clear();
  }
}

function identityOf(stats: Stats): string {
  return `${stats.dev}:${stats.ino}:${stats.birthtimeMs}`;
}

function modelOf(event: FolderEvent): string {
  return event.kind === 'removed' ? event.model : event.candidate.model;
}
