// What became of the requests of a batch so far: a file of one JSON line per result, added to as they come. After a crash it
// holds all results but those of the last moment, which are made again: so each request has one result in the end.
import { type FileHandle, open } from 'node:fs/promises';
import { errorCode } from '../artifacts/index.ts';

export interface LoggedResult {
  /** Which request, from 0. */
  readonly index: number;
  readonly isSuccess: boolean;
  /** A line of an output or error file. */
  readonly result: object;
}

const NEWLINE = 10;

export class ResultLog {
  readonly #path: string;
  readonly #handle: FileHandle;
  /** Everything before it is whole; what lies behind is overwritten. */
  #endBytes: number;
  #tail: Promise<unknown> = Promise.resolve();

  private constructor(path: string, handle: FileHandle, endBytes: number) {
    this.#path = path;
    this.#handle = handle;
    this.#endBytes = endBytes;
  }

  /** Opens the log of a batch, new or left behind; `onResult` is told what is in it, each request once. */
  static async open(path: string, onResult: (result: LoggedResult) => void): Promise<ResultLog> {
    await (await open(path, 'a', 0o600)).close();
    const handle = await open(path, 'r+');
    let endBytes = 0;
    const seen = new Set<number>();
    for await (const { result, endByte } of readResults(path, Number.POSITIVE_INFINITY)) {
      if (seen.has(result.index)) break; // never written by this file: what follows cannot be trusted either
      seen.add(result.index);
      endBytes = endByte;
      onResult(result);
    }
    await handle.truncate(endBytes); // half a line, written when the server was killed
    return new ResultLog(path, handle, endBytes);
  }

  /** How many succeeded and failed so far by the log of a batch; none where there is no log yet. */
  static async count(path: string): Promise<{ readonly completed: number; readonly failed: number }> {
    let completed = 0;
    let failed = 0;
    try {
      for await (const { result } of readResults(path, Number.POSITIVE_INFINITY)) {
        if (result.isSuccess) completed++;
        else failed++;
      }
    } catch (thrown) {
      if (errorCode(thrown) !== 'ENOENT') throw thrown;
    }
    return { completed, failed };
  }

  /** Adds a result. When it rejects, as on a full disk, the log is as it was before. */
  add(result: LoggedResult): Promise<void> {
    const added = this.#tail.then(() => this.#write(Buffer.from(`${JSON.stringify(result)}\n`)));
    this.#tail = added.catch(() => {}); // the caller has the failure
    return added;
  }

  async #write(line: Buffer): Promise<void> {
    for (let written = 0; written < line.byteLength; ) {
      const at = this.#endBytes + written;
      written += (await this.#handle.write(line, written, line.byteLength - written, at)).bytesWritten;
    }
    this.#endBytes += line.byteLength;
  }

  /** The results so far, in the order in which they came. */
  async *read(): AsyncGenerator<LoggedResult> {
    for await (const { result } of readResults(this.#path, this.#endBytes)) yield result;
  }

  async close(): Promise<void> {
    await this.#tail;
    await this.#handle.close();
  }
}

interface LocatedResult {
  readonly result: LoggedResult;
  /** Where the next one begins. */
  readonly endByte: number;
}

/** The results of a log up to the first line that is none. */
async function* readResults(path: string, limitBytes: number): AsyncGenerator<LocatedResult> {
  if (limitBytes === 0) return;
  const handle = await open(path, 'r');
  const range = limitBytes === Number.POSITIVE_INFINITY ? {} : { start: 0, end: limitBytes - 1 };
  let held: Buffer[] = [];
  let endByte = 0;
  // without an encoding pieces are Buffers
  for await (const piece of handle.createReadStream(range) as AsyncIterable<Buffer>) {
    let from = 0;
    for (let newline = piece.indexOf(NEWLINE); newline !== -1; newline = piece.indexOf(NEWLINE, from)) {
      const line = Buffer.concat([...held, piece.subarray(from, newline)]);
      held = [];
      from = newline + 1;
      endByte += line.byteLength + 1;
      const result = parseResult(line.toString('utf8'));
      if (result === null) return;
      yield { result, endByte };
    }
    held.push(piece.subarray(from));
  }
}

function parseResult(line: string): LoggedResult | null {
  try {
    const value: unknown = JSON.parse(line);
    const isOne = typeof value === 'object' && value !== null && 'index' in value && Number.isSafeInteger(value.index);
    return isOne ? (value as LoggedResult) : null; // written by ResultLog
  } catch {
    return null;
  }
}
