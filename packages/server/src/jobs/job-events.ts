// What happened to a job, in a file of one JSON line per event, and those who follow it. Followers read the file at their
// own pace, so that a slow one costs nothing: nothing is kept for it.
import { open, stat, type FileHandle } from 'node:fs/promises';
import type { Clock } from '@amaas/core';
import { errorCode } from '../artifacts/index.ts';
import { LatestWins } from './latest-wins.ts';
import type { JobEvent, JobProgress, Json } from './types.ts';

/** Progress is shown at most so often, and checkpoints are told. */
const SHOWN_EVERY_MS = 250;

/**
 * Progress is kept at most as often as it is shown, and less the longer an attempt runs: 2,000 points of the first eight
 * minutes, 12,000 of a day. Enough for any curve, and the file stays small.
 */
const KEPT_PER_DURATION = 2000;

/** The events of one job that has not ended; made when somebody follows it or it starts. */
export class JobEvents {
  readonly #path: string;
  readonly #clock: Clock;
  readonly #progress: LatestWins<JobProgress>;
  readonly #checkpoints: LatestWins<Json>;
  readonly #followers = new Set<() => void>();
  #handle: FileHandle | null = null;
  #lastId = 0;
  #tail: Promise<void> = Promise.resolve();
  #attemptMs = 0;
  #keptMs = Number.NEGATIVE_INFINITY;
  /** The newest progress that is only shown. */
  #shown: JobEvent | null = null;
  #isClosed = false;

  constructor(path: string, clock: Clock) {
    this.#path = path;
    this.#clock = clock;
    const timing = { intervalMs: SHOWN_EVERY_MS, clock };
    this.#progress = new LatestWins({ ...timing, pass: (progress) => this.#showProgress(progress) });
    this.#checkpoints = new LatestWins({ ...timing, pass: (note) => this.#keep('checkpoint', note) });
  }

  /** Begins an attempt: the job's folder exists now. Goes on behind what an earlier one wrote. */
  async open(): Promise<void> {
    this.#handle = await open(this.#path, 'a+', 0o600);
    const { size } = await this.#handle.stat();
    let end = 0;
    for await (const { event, endBytes } of readEvents(this.#path, 0)) {
      this.#lastId = event.id ?? this.#lastId;
      end = endBytes;
    }
    if (end < size) await this.#handle.truncate(end); // half a line, written when the server was killed
    this.#attemptMs = this.#clock.nowMs();
  }

  state(data: Json): void {
    this.flush(); // what was said before comes before
    if (this.#shown !== null) this.#keep('progress', this.#shown.data); // the last point of a curve
    this.#keep('state', data);
  }

  progress(progress: JobProgress): void {
    this.#progress.put(progress);
  }

  checkpoint(note: Json): void {
    this.#checkpoints.put(note);
  }

  /** Says what waits, now. */
  flush(): void {
    this.#progress.flush();
    this.#checkpoints.flush();
  }

  /** Ends the attempt: what was said is in the file. Followers go on waiting until {@link JobEvents.finish}. */
  async close(): Promise<void> {
    this.flush();
    await this.#tail;
    await this.#handle?.close();
    this.#handle = null;
  }

  /** Lets followers read what is left and end, those of now and those to come. */
  finish(): void {
    this.#progress.stop();
    this.#checkpoints.stop();
    this.#isClosed = true;
    this.#wake();
  }

  /** The events after an id, as they come; ends with the job, or when `signal` fires. */
  async *follow(afterId: number, signal: AbortSignal): AsyncGenerator<JobEvent> {
    let offset = 0;
    let lastId = afterId;
    let shown: JobEvent | null = null;
    let hasChanged = false;
    let wakeUp = (): void => {};
    const wake = (): void => {
      hasChanged = true;
      wakeUp();
    };
    this.#followers.add(wake);
    signal.addEventListener('abort', wake);
    try {
      for (;;) {
        hasChanged = false;
        const isLast = this.#isClosed; // looked at before the file, so that nothing of the end is missed
        for await (const { event, endBytes } of readEvents(this.#path, offset)) {
          if (signal.aborted) return;
          offset = endBytes;
          if (event.id === null || event.id <= lastId) continue;
          lastId = event.id;
          yield event;
        }
        if (isLast || signal.aborted) return;
        if (this.#shown !== null && this.#shown !== shown) {
          shown = this.#shown;
          yield shown;
        }
        if (!hasChanged) await new Promise<void>((resolve) => (wakeUp = resolve));
      }
    } finally {
      this.#followers.delete(wake);
      signal.removeEventListener('abort', wake);
    }
  }

  #showProgress(progress: JobProgress): void {
    const nowMs = this.#clock.nowMs();
    const intervalMs = (nowMs - this.#attemptMs) / KEPT_PER_DURATION;
    const data = progress as unknown as Json; // progress is plain JSON with optional fields
    if (nowMs - this.#keptMs >= intervalMs) {
      this.#keptMs = nowMs;
      this.#keep('progress', data);
    } else {
      this.#shown = { id: null, type: 'progress', at: this.#now(), data };
      this.#wake();
    }
  }

  #keep(type: JobEvent['type'], data: Json): void {
    this.#shown = null;
    const line = `${JSON.stringify({ id: ++this.#lastId, type, at: this.#now(), data } satisfies JobEvent)}\n`;
    // A full disk must not end the job: the event is lost to the file, not the job.
    this.#tail = this.#tail
      .then(() => this.#handle?.appendFile(line))
      .catch(() => {})
      .then(() => this.#wake());
  }

  #now(): string {
    return this.#clock.wallTime().toISOString();
  }

  #wake(): void {
    for (const wake of [...this.#followers]) wake();
  }
}

interface LocatedEvent {
  readonly event: JobEvent;
  /** Where the next one begins. */
  readonly endBytes: number;
}

/** The whole events in a file from an offset on; none where there is no file. */
export async function* readEvents(path: string, offset: number): AsyncGenerator<LocatedEvent> {
  const size = await sizeOf(path);
  if (size <= offset) return;
  const handle = await open(path, 'r');
  let rest = Buffer.alloc(0);
  let endBytes = offset;
  for await (const chunk of handle.createReadStream({ start: offset, end: size - 1 })) {
    rest = Buffer.concat([rest, chunk as Buffer]); // no encoding is set
    for (let newline = rest.indexOf(10); newline !== -1; newline = rest.indexOf(10)) {
      const event = parseEvent(rest.toString('utf8', 0, newline));
      rest = rest.subarray(newline + 1);
      endBytes += newline + 1;
      if (event !== null) yield { event, endBytes };
    }
  }
}

/** A power cut can leave anything in the last lines. */
function parseEvent(line: string): JobEvent | null {
  try {
    const event: unknown = JSON.parse(line);
    const isOne = typeof event === 'object' && event !== null && 'id' in event && Number.isSafeInteger(event.id);
    return isOne ? (event as JobEvent) : null; // written by JobEvents
  } catch {
    return null;
  }
}

async function sizeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return 0;
    throw error;
  }
}
