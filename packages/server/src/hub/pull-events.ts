// What a pull says while it runs, and how that reaches whoever listens: as fast as they listen, progress that was not
// heard in time replaced by newer progress.
import { AmaasError, type Clock } from '@amaas/core';
import type { VersionRecord } from '../registry/index.ts';

export interface PulledFile {
  readonly path: string;
  readonly sizeBytes: number;
  /** As the hub names its content: `sha256:…`, or `git:…` for small files. */
  readonly identity: string;
}

export interface PullProgress {
  readonly type: 'progress';
  /** `download`, then `admit`: the wait for quarantine. */
  readonly phase: 'download' | 'admit';
  /** Of all files, what was here before included. */
  readonly doneBytes: number;
  readonly totalBytes: number;
  /** Over the last seconds; null while nothing comes. */
  readonly bytesPerSecond: number | null;
  readonly etaMs: number | null;
  /** Files on their way. */
  readonly files: readonly (PulledFile & { readonly doneBytes: number })[];
  /** What it waits for, where it does: what failed is tried again, or another pull brings it. */
  readonly waitingFor: string | null;
}

export type PullEvent =
  | {
      readonly type: 'started';
      /** Name of the model here. */
      readonly model: string;
      /** `hf:owner/repo@commit:file`. */
      readonly source: string;
      readonly license: string | null;
      readonly files: readonly PulledFile[];
      readonly totalBytes: number;
      /** What has to be downloaded of it. */
      readonly missingBytes: number;
    }
  | PullProgress
  | {
      readonly type: 'done';
      readonly version: VersionRecord;
      /** Whether the newest version had exactly these files already, so that none was made. */
      readonly unchanged: boolean;
    };

/**
 * Runs `work` and gives what it emits. A consumer that stops, or `signal`, ends the work; it has ended when this has.
 * @throws what the work throws; the reason of `signal` where that is an error of ours, else CANCELLED
 */
export async function* streamEvents(
  work: (emit: (event: PullEvent) => void, signal: AbortSignal) => Promise<void>,
  signal: AbortSignal,
): AsyncGenerator<PullEvent> {
  const stop = new AbortController();
  const onAbort = (): void => {
    const isOurs = signal.reason instanceof AmaasError;
    stop.abort(isOurs ? signal.reason : new AmaasError('CANCELLED', 'pull: cancelled'));
  };
  signal.addEventListener('abort', onAbort);
  if (signal.aborted) onAbort();
  const waiting: PullEvent[] = [];
  let wake = (): void => {};
  let outcome: { readonly error?: unknown } | null = null;
  const emit = (event: PullEvent): void => {
    if (event.type === 'progress' && waiting.at(-1)?.type === 'progress') waiting.pop();
    waiting.push(event);
    wake();
  };
  const settled = work(emit, stop.signal)
    .then(
      () => {
        outcome = {};
      },
      (error: unknown) => {
        outcome = { error };
      },
    )
    .finally(() => wake());
  try {
    for (;;) {
      for (let event = waiting.shift(); event !== undefined; event = waiting.shift()) yield event;
      const ended = outcome as { readonly error?: unknown } | null; // set by a callback, which flow analysis cannot see
      if (ended !== null) {
        if ('error' in ended) throw stop.signal.aborted ? stop.signal.reason : ended.error;
        return;
      }
      await new Promise<void>((resolve) => {
        wake = resolve;
        if (waiting.length > 0 || outcome !== null) resolve();
      });
    }
  } finally {
    signal.removeEventListener('abort', onAbort);
    onAbort();
    await settled;
  }
}

/** Progress at most this often: smooth for an eye. */
const SHORTEST_INTERVAL_MS = 200;
/** And at least this often, so that no proxy takes silence for death. */
const LONGEST_INTERVAL_MS = 10_000;
/** Over what the speed is taken. */
const SPEED_WINDOW_MS = 8_000;

/** Gathers how far the files of one pull are, and says so from time to time. */
export class PullMeter {
  readonly #clock: Clock;
  readonly #emit: (event: PullProgress) => void;
  readonly #files = new Map<string, PulledFile & { doneBytes: number }>();
  readonly #cameBytes: { readonly atMs: number; readonly bytes: number }[] = [];
  #totalBytes = 0;
  #phase: PullProgress['phase'] = 'download';
  #waitingFor: string | null = null;
  #cancel: () => void = () => {};
  #isDue = false;

  constructor(clock: Clock, emit: (event: PullProgress) => void) {
    this.#clock = clock;
    this.#emit = emit;
  }

  /** Counts a file in; `isHere`: with all its bytes. */
  add(file: PulledFile, isHere: boolean): void {
    if (this.#files.has(file.path)) return;
    this.#files.set(file.path, { ...file, doneBytes: isHere ? file.sizeBytes : 0 });
    this.#totalBytes += file.sizeBytes;
  }

  /** A file has `haveBytes`, of which `cameBytes` came just now. */
  note(path: string, haveBytes: number, cameBytes: number): void {
    const file = this.#files.get(path);
    if (file !== undefined) file.doneBytes = haveBytes;
    if (cameBytes > 0) {
      this.#waitingFor = null;
      const atMs = this.#clock.nowMs();
      const last = this.#cameBytes.at(-1);
      // A sample per tenth of a second is enough; chunks come by the thousand.
      if (last !== undefined && atMs - last.atMs < 100)
        this.#cameBytes[this.#cameBytes.length - 1] = { atMs: last.atMs, bytes: last.bytes + cameBytes };
      else this.#cameBytes.push({ atMs, bytes: cameBytes });
    }
    this.#soon();
  }

  /** Nothing comes until `what` has. */
  noteWaiting(what: string): void {
    this.#waitingFor = what;
    this.#soon();
  }

  enter(phase: PullProgress['phase']): void {
    this.#phase = phase;
    this.#waitingFor = null;
    this.#say();
  }

  /** Says nothing more. */
  end(): void {
    this.#cancel();
  }

  #soon(): void {
    if (this.#isDue) return;
    this.#isDue = true;
    this.#schedule(SHORTEST_INTERVAL_MS);
  }

  #schedule(delayMs: number): void {
    this.#cancel();
    this.#cancel = this.#clock.schedule(delayMs, () => this.#say());
  }

  #say(): void {
    this.#isDue = false;
    this.#emit(this.#progress());
    this.#schedule(LONGEST_INTERVAL_MS);
  }

  #progress(): PullProgress {
    const doneBytes = [...this.#files.values()].reduce((sum, file) => sum + file.doneBytes, 0);
    const bytesPerSecond = this.#phase === 'download' ? this.#speed() : null;
    return {
      type: 'progress',
      phase: this.#phase,
      doneBytes,
      totalBytes: this.#totalBytes,
      bytesPerSecond,
      etaMs: bytesPerSecond === null ? null : Math.round(((this.#totalBytes - doneBytes) / bytesPerSecond) * 1000),
      files: [...this.#files.values()]
        .filter((file) => file.doneBytes > 0 && file.doneBytes < file.sizeBytes)
        .map((file) => ({ ...file })),
      waitingFor: this.#waitingFor,
    };
  }

  #speed(): number | null {
    const nowMs = this.#clock.nowMs();
    while ((this.#cameBytes[0]?.atMs ?? nowMs) < nowMs - SPEED_WINDOW_MS) this.#cameBytes.shift();
    const [first] = this.#cameBytes;
    if (first === undefined) return null;
    const bytes = this.#cameBytes.reduce((sum, sample) => sum + sample.bytes, 0);
    return Math.round(bytes / (Math.max(SHORTEST_INTERVAL_MS, nowMs - first.atMs) / 1000));
  }
}
