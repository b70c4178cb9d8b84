// The input of a batch: read through once, in pieces, to learn where each request lies; later a request at a time, so that
// a large batch takes little memory. Knows nothing of what requests say.
import { type FileHandle, open } from 'node:fs/promises';

/** A line that is not empty. */
export interface ScannedLine {
  /** Counts all lines of the file, from 1. */
  readonly number: number;
  readonly startByte: number;
  readonly endByte: number;
  /** null: not UTF-8. */
  readonly text: string | null;
}

/** A line beyond the limit. */
export interface OverlongLine {
  readonly number: number;
  readonly isOverlong: true;
}

const NEWLINE = 10;
const PIECE_BYTES = 256 * 1024;

/** Reads a file line by line; lines of white space count but are not given. Closes the file. */
export async function* scanLines(path: string, maxLineBytes: number): AsyncGenerator<ScannedLine | OverlongLine> {
  const handle = await open(path, 'r');
  let number = 0;
  let startByte = 0;
  let held: Buffer[] = [];
  let heldBytes = 0;
  const take = (piece: Buffer): ScannedLine | OverlongLine | null => {
    number++;
    const endByte = startByte + heldBytes + piece.byteLength;
    const isOverlong = heldBytes + piece.byteLength > maxLineBytes;
    const text = isOverlong ? null : decode(Buffer.concat([...held, piece]));
    const line = { number, startByte, endByte, text };
    held = [];
    heldBytes = 0;
    startByte = endByte + 1;
    if (isOverlong) return { number, isOverlong };
    return text?.trim() === '' ? null : line;
  };
  // closes the handle however it ends; without an encoding pieces are Buffers
  for await (const piece of handle.createReadStream({ highWaterMark: PIECE_BYTES }) as AsyncIterable<Buffer>) {
    let from = 0;
    for (let newline = piece.indexOf(NEWLINE); newline !== -1; newline = piece.indexOf(NEWLINE, from)) {
      const line = take(piece.subarray(from, newline));
      from = newline + 1;
      if (line !== null) yield line;
    }
    const rest = piece.subarray(from);
    heldBytes += rest.byteLength;
    if (heldBytes <= maxLineBytes) held.push(rest);
    else held = [];
  }
  if (heldBytes > 0) {
    const last = take(Buffer.alloc(0));
    if (last !== null) yield last;
  }
}

/** Where the requests of a file lie. */
export class LineIndex {
  readonly #starts: number[] = [];
  readonly #ends: number[] = [];

  get length(): number {
    return this.#starts.length;
  }

  add({ startByte, endByte }: Pick<ScannedLine, 'startByte' | 'endByte'>): void {
    this.#starts.push(startByte);
    this.#ends.push(endByte);
  }

  range(index: number): { readonly startByte: number; readonly endByte: number } {
    const startByte = this.#starts[index];
    const endByte = this.#ends[index];
    if (startByte === undefined || endByte === undefined) throw new RangeError(`batch: there is no request ${index}`);
    return { startByte, endByte };
  }
}

/** Reads requests one at a time. Whoever opened it closes it. */
export class InputLines {
  readonly #handle: FileHandle;
  readonly #index: LineIndex;

  private constructor(handle: FileHandle, index: LineIndex) {
    this.#handle = handle;
    this.#index = index;
  }

  static async open(path: string, index: LineIndex): Promise<InputLines> {
    return new InputLines(await open(path, 'r'), index);
  }

  async read(index: number): Promise<string> {
    const { startByte, endByte } = this.#index.range(index);
    const bytes = Buffer.alloc(endByte - startByte);
    for (let done = 0; done < bytes.byteLength; ) {
      const { bytesRead } = await this.#handle.read(bytes, done, bytes.byteLength - done, startByte + done);
      if (bytesRead === 0) throw new RangeError(`batch: request ${index} lies beyond the end of its file`);
      done += bytesRead;
    }
    return decode(bytes) ?? '';
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }
}

function decode(bytes: Uint8Array): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return null;
  }
}
