// The log of a job: what its process prints, line by line with the time, bounded on disk and in what it may cost the
// server. Of a process that prints faster than that, the first and the last lines are kept.
import { open, rename, stat, type FileHandle } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';
import type { Clock } from '@amaas/core';
import { errorCode } from '../artifacts/index.ts';
import type { JobPaths } from './job-files.ts';

/** The log and the one before its last rotation may have so much each. */
const MAX_FILE_BYTES = 4 * 1024 * 1024;

/** Longer lines are cut into pieces. */
const MAX_LINE_LENGTH = 8 * 1024;

/** What a process may print at once, and how fast from then on: more than anybody reads. */
const BURST_BYTES = 1024 * 1024;
const BYTES_PER_MS = 256;

/** Of lines printed too fast so many are kept from the end: where errors are. */
const KEPT_LINES = 100;

export class JobLog {
  readonly #paths: JobPaths;
  readonly #clock: Clock;
  #handle: FileHandle | null = null;
  #sizeBytes = 0;
  /** Writes one after the other. */
  #tail: Promise<void> = Promise.resolve();

  private constructor(paths: JobPaths, clock: Clock) {
    this.#paths = paths;
    this.#clock = clock;
  }

  /** Opens the log of a job whose folder exists; goes on behind what is there. */
  static async open(paths: JobPaths, clock: Clock): Promise<JobLog> {
    const log = new JobLog(paths, clock);
    await log.#reopen();
    return log;
  }

  /** Adds lines; resolves when they are in the file. A failure to write is swallowed: a full disk must not end the job. */
  write(lines: readonly string[]): Promise<void> {
    this.#tail = this.#tail.then(() => this.#append(lines)).catch(() => {});
    return this.#tail;
  }

  /** Takes in everything a process prints, until it ends. */
  async take(stream: Readable): Promise<void> {
    const decoder = new StringDecoder('utf8');
    const budget = new Budget(this.#clock);
    let rest = '';
    let leftOut = 0;
    let lastLines: string[] = [];
    const catchUp = async (): Promise<void> => {
      if (leftOut + lastLines.length === 0) return;
      const lines = leftOut === 0 ? lastLines : [`-- ${leftOut} lines left out: printed too fast`, ...lastLines];
      leftOut = 0;
      lastLines = [];
      await this.write(lines);
    };
    try {
      for await (const chunk of stream) {
        const bytes = chunk as Buffer; // no encoding is set
        const lines = (rest + decoder.write(bytes)).split(/\r\n|\n|\r/);
        rest = lines.pop() ?? '';
        if (rest.length > MAX_LINE_LENGTH) {
          lines.push(rest);
          rest = '';
        }
        if (budget.take(bytes.byteLength)) {
          await catchUp();
          if (lines.length > 0) await this.write(lines);
        } else {
          lastLines.push(...lines);
          leftOut += Math.max(0, lastLines.length - KEPT_LINES);
          lastLines = lastLines.slice(-KEPT_LINES);
        }
      }
    } catch {
      // the pipe broke with its process
    }
    await catchUp();
    if (rest !== '') await this.write([rest]);
  }

  async close(): Promise<void> {
    await this.#tail;
    await this.#handle?.close();
    this.#handle = null;
  }

  async #append(lines: readonly string[]): Promise<void> {
    if (this.#handle === null) return;
    const time = this.#clock.wallTime().toISOString();
    const text = lines
      .flatMap(pieces)
      .map((line) => `${time} ${line}\n`)
      .join('');
    await this.#handle.appendFile(text);
    this.#sizeBytes += Buffer.byteLength(text);
    if (this.#sizeBytes > MAX_FILE_BYTES) await this.#rotate();
  }

  async #rotate(): Promise<void> {
    await this.#handle?.close();
    this.#handle = null;
    await rename(this.#paths.log, this.#paths.oldLog);
    await this.#reopen();
  }

  async #reopen(): Promise<void> {
    this.#handle = await open(this.#paths.log, 'a', 0o600);
    this.#sizeBytes = (await this.#handle.stat()).size;
  }
}

/** How many bytes may still be written now. */
class Budget {
  readonly #clock: Clock;
  #leftBytes = BURST_BYTES;
  #lastMs: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#lastMs = clock.nowMs();
  }

  /** Whether so many bytes are left, which are gone then. */
  take(bytes: number): boolean {
    const nowMs = this.#clock.nowMs();
    this.#leftBytes = Math.min(BURST_BYTES, this.#leftBytes + (nowMs - this.#lastMs) * BYTES_PER_MS);
    this.#lastMs = nowMs;
    if (bytes > this.#leftBytes) return false;
    this.#leftBytes -= bytes;
    return true;
  }
}

/** The log of a job so far, oldest first; nothing where there is none. With `tailBytes` only the end of it, whole lines. */
export async function* readLog(paths: JobPaths, tailBytes = Number.POSITIVE_INFINITY): AsyncGenerator<Uint8Array> {
  const sizes = await Promise.all([paths.oldLog, paths.log].map(sizeOf));
  let skip = Math.max(0, sizes.reduce((sum, size) => sum + size, 0) - tailBytes);
  let isCut = skip > 0;
  for (const [index, path] of [paths.oldLog, paths.log].entries()) {
    const size = sizes[index] ?? 0;
    const start = Math.min(skip, size);
    skip -= start;
    if (start === size) continue;
    const handle = await open(path, 'r');
    // The end is what it was when the size was looked at: a log that grows faster than it is read would not end.
    for await (const chunk of handle.createReadStream({ start, end: size - 1 })) {
      let bytes = chunk as Buffer; // no encoding is set
      if (isCut) {
        const newline = bytes.indexOf(10);
        if (newline === -1) continue;
        bytes = bytes.subarray(newline + 1);
        isCut = false;
      }
      yield bytes;
    }
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

/** A line in pieces of bearable length, control characters shown instead of sent: people read this at a terminal. */
function pieces(line: string): readonly string[] {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters to take out
  const shown = line.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u2028\u2029]/g, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
  if (shown.length <= MAX_LINE_LENGTH) return [shown];
  const count = Math.ceil(shown.length / MAX_LINE_LENGTH);
  return Array.from({ length: count }, (_, index) =>
    shown.slice(index * MAX_LINE_LENGTH, (index + 1) * MAX_LINE_LENGTH),
  );
}
