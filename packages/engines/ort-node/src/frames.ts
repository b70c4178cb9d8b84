// Messages with tensors over a pipe, for child processes: a prefix, a JSON header, then the tensors' blocks as they lie
// in memory. Measured against Node's own `advanced` IPC it takes half the time for small tensors and less for large ones.
// Layout: u32 header bytes · f64 body bytes · header · body; little-endian, each block padded to 8 bytes so that the
// reader's views are aligned.
import { AmaasError, TYPED_ARRAYS } from '@amaas/core';
import type { FixedSizeDType } from '@amaas/core';
import { blocksOf, type PackedTensor, type PackedTensors } from './tensors.ts';

const PREFIX_BYTES = 12;
const ALIGNMENT = 8;
/** Names and shapes only; far beyond any model, far below what could hurt. */
const MAX_HEADER_BYTES = 64 * 2 ** 20;

interface HeaderEntry {
  readonly name: string;
  readonly dtype: PackedTensor['dtype'];
  readonly shape: readonly number[];
  readonly blockBytes: readonly number[];
}

interface Header {
  /** The rest of the message, plain JSON. */
  readonly message: unknown;
  readonly tensors: readonly HeaderEntry[];
}

export interface Frame {
  readonly message: unknown;
  readonly tensors: PackedTensors;
}

/** The pieces of one frame, in order; tensors are not copied. */
export function encodeFrame({ message, tensors }: Frame): Uint8Array[] {
  const entries: HeaderEntry[] = [];
  const body: Uint8Array[] = [];
  let bodyBytes = 0;
  for (const [name, tensor] of tensors) {
    const blocks = blocksOf(tensor);
    entries.push({
      name,
      dtype: tensor.dtype,
      shape: tensor.shape,
      blockBytes: blocks.map((block) => block.byteLength),
    });
    for (const { buffer, byteOffset, byteLength } of blocks) {
      const padding = padded(byteLength) - byteLength;
      if (byteLength > 0) body.push(new Uint8Array(buffer, byteOffset, byteLength));
      if (padding > 0) body.push(new Uint8Array(padding));
      bodyBytes += byteLength + padding;
    }
  }
  const header = Buffer.from(JSON.stringify({ message, tensors: entries } satisfies Header));
  const prefix = Buffer.alloc(PREFIX_BYTES);
  prefix.writeUInt32LE(header.byteLength, 0);
  prefix.writeDoubleLE(bodyBytes, 4);
  return [prefix, header, ...body];
}

/** Puts frames together from chunks as they come. */
export class FrameReader {
  readonly #onFrame: (frame: Frame) => void;
  #stage: 'prefix' | 'header' | 'body' = 'prefix';
  /** The part being read and how much of it is there. */
  #part: Buffer = Buffer.alloc(PREFIX_BYTES);
  #filledBytes = 0;
  #bodyBytes = 0;
  #header: Header = { message: null, tensors: [] };

  constructor(onFrame: (frame: Frame) => void) {
    this.#onFrame = onFrame;
  }

  /** Where the next bytes belong: fill it from the front and call {@link advance}, or use {@link push}. Never empty. */
  get rest(): Buffer {
    return this.#part.subarray(this.#filledBytes);
  }

  /** Says that so many bytes of {@link rest} have been filled; calls back for the frame they complete. */
  advance(bytes: number): void {
    this.#filledBytes += bytes;
    while (this.#filledBytes === this.#part.byteLength) this.#finishPart();
  }

  /** Takes the next bytes; calls back for every frame they complete. @throws INTERNAL when they cannot be a frame. */
  push(chunk: Uint8Array): void {
    let offset = 0;
    while (offset < chunk.byteLength) {
      const { rest } = this;
      const taken = Math.min(rest.byteLength, chunk.byteLength - offset);
      rest.set(chunk.subarray(offset, offset + taken));
      offset += taken;
      this.advance(taken);
    }
  }

  #finishPart(): void {
    switch (this.#stage) {
      case 'prefix':
        this.#bodyBytes = this.#part.readDoubleLE(4);
        this.#read('header', this.#part.readUInt32LE(0), MAX_HEADER_BYTES);
        return;
      case 'header':
        this.#header = JSON.parse(this.#part.toString()) as Header; // both ends are this file
        this.#read('body', this.#bodyBytes, Number.MAX_SAFE_INTEGER);
        return;
      case 'body': {
        const { message, tensors } = this.#header;
        const frame = { message, tensors: decodeTensors(tensors, this.#part) };
        this.#read('prefix', PREFIX_BYTES, PREFIX_BYTES);
        this.#onFrame(frame);
        return;
      }
      default:
        this.#stage satisfies never;
    }
  }

  #read(stage: 'prefix' | 'header' | 'body', bytes: number, maxBytes: number): void {
    if (!Number.isSafeInteger(bytes) || bytes < 0 || bytes > maxBytes) {
      throw new AmaasError('INTERNAL', `pipe: a frame's ${stage} cannot have ${bytes} bytes`);
    }
    this.#stage = stage;
    this.#part = Buffer.allocUnsafeSlow(bytes); // memory of its own: tensors become views of it
    this.#filledBytes = 0;
  }
}

function decodeTensors(entries: readonly HeaderEntry[], body: Buffer): PackedTensors {
  const tensors = new Map<string, PackedTensor>();
  let offset = 0;
  for (const { name, dtype, shape, blockBytes } of entries) {
    const blocks = blockBytes.map((bytes) => {
      const block = new Uint8Array(body.buffer, body.byteOffset + offset, bytes);
      offset += padded(bytes);
      return block;
    });
    tensors.set(name, decodeTensor(dtype, shape, blocks));
  }
  return tensors;
}

function decodeTensor(dtype: PackedTensor['dtype'], shape: readonly number[], blocks: Uint8Array[]): PackedTensor {
  const [first = new Uint8Array(0), second = new Uint8Array(0)] = blocks;
  const { buffer, byteOffset, byteLength } = first;
  if (dtype === 'string') {
    return { dtype, shape, lengths: new Uint32Array(buffer, byteOffset, byteLength / 4), bytes: second };
  }
  const TypedArray = TYPED_ARRAYS[dtype satisfies FixedSizeDType];
  const data = new TypedArray(buffer, byteOffset, byteLength / TypedArray.BYTES_PER_ELEMENT);
  return { dtype, shape, data } as PackedTensor; // constructor and dtype are of one table row
}

function padded(bytes: number): number {
  return Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;
}
