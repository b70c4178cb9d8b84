// Ticks more punctual than setTimeout's whole milliseconds (late by 0.1 ms instead of 0.6 ms at the median here), so that
// an open-loop benchmark of a fast server measures the server: a thread sleeps, the waiting loop wakes by Atomics.waitAsync.
import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';

/** What the thread is given. */
export interface MetronomeData {
  /** `[ticks so far, 1 to stop]` */
  readonly cells: Int32Array<SharedArrayBuffer>;
  /** Where the thread writes when its clock started, on the wall clock in milliseconds. */
  readonly startedAt: Float64Array<SharedArrayBuffer>;
  readonly periodMs: number;
}

export const TICKS = 0;
export const STOP = 1;

export interface Metronome {
  /** Ends the ticks. */
  stop(): void;
}

export interface MetronomeEvents {
  /** @param startMs when the ticks began, on performance.now(); they are meant for startMs + n · period. */
  onTick(startMs: number): void;
  /** The thread could not be started; no tick comes. */
  onError(error: Error): void;
}

/** Ticks about every `periodMs`, fractions welcome, until stopped; ticks missed while the loop was busy are one. */
export function startMetronome(periodMs: number, events: MetronomeEvents): Metronome {
  const cells = new Int32Array(new SharedArrayBuffer(8));
  const startedAt = new Float64Array(new SharedArrayBuffer(8));
  const workerData: MetronomeData = { cells, startedAt, periodMs };
  const file = new URL(`./metronome-thread${extname(import.meta.filename)}`, import.meta.url);
  const thread = new Worker(file, { workerData });
  thread.on('error', (error) => events.onError(error instanceof Error ? error : new Error(String(error))));
  let stopped = false;
  void listen();
  return {
    stop() {
      stopped = true;
      Atomics.store(cells, STOP, 1);
      Atomics.add(cells, TICKS, 1);
      Atomics.notify(cells, TICKS);
    },
  };

  async function listen(): Promise<void> {
    for (let seen = 0; !stopped; ) {
      const waiting = Atomics.waitAsync(cells, TICKS, seen);
      if (waiting.async) await waiting.value;
      seen = Atomics.load(cells, TICKS);
      if (!stopped) events.onTick((startedAt[0] ?? 0) - performance.timeOrigin);
    }
  }
}
