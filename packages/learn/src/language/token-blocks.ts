// Tokens packed into blocks: documents one after the other, cut every so many tokens wherever that falls, in a random order.
// A block shares one token with the next, so that every token but the first is predicted once. From memory, or from a
// stream of tokens of which only a bounded number of blocks is held.
import { AmaasError, createTensor } from '@amaas/core';
import type { Random } from '../statistics/index.ts';
import type { Examples } from '../train/index.ts';

/** Blocks of blockSize + 1 tokens, pass after pass over the text without end; cut elsewhere and ordered anew in every pass. */
export interface TokenBlocks {
  readonly blockSize: number;
  /** From block number `from` on, 0 the first ever. The same number is always the same block. */
  read(from: number): AsyncGenerator<Int32Array, void>;
}

export interface BlockOptions {
  /** Tokens that a model sees at once, ≥ 1. */
  readonly blockSize: number;
  /** Decides where blocks begin and their order. */
  readonly random: Random;
}

/** Blocks of one pass over so many tokens in memory. */
export function blocksPerPass(tokens: number, blockSize: number): number {
  return Math.max(1, Math.floor((tokens - blockSize) / blockSize));
}

/** @throws INVALID_DATA when the tokens do not fill a block */
export function blocksInMemory(ids: Int32Array, { blockSize, random }: BlockOptions): TokenBlocks {
  if (ids.length < blockSize + 1) throw tooFewTokens(ids.length, blockSize);
  const count = blocksPerPass(ids.length, blockSize);
  const offsets = Math.min(blockSize, ids.length - count * blockSize);
  return {
    blockSize,
    async *read(from) {
      let at = from % count;
      for (let pass = Math.floor(from / count); ; pass++) {
        const own = random.fork('pass', pass);
        const offset = own.integer(offsets);
        const order = own.shuffle(Uint32Array.from({ length: count }, (_, block) => block));
        for (; at < count; at++) {
          const start = offset + (order[at] ?? 0) * blockSize;
          yield ids.subarray(start, start + blockSize + 1);
        }
        at = 0;
      }
    },
  };
}

export interface StreamedBlockOptions extends BlockOptions {
  /** Blocks held at once and drawn from, ≥ 1; default 8192. */
  readonly bufferBlocks?: number;
}

const DEFAULT_BUFFER_BLOCKS = 8192;

/**
 * Blocks of a stream that is read anew in every pass; what does not fill a block at its end is left for other passes, which
 * begin elsewhere. Reading from a later block reads its way there.
 * @param readIds - the tokens in parts of any size, the same every time
 * @throws INVALID_DATA from `read` when a pass does not fill a block
 */
export function blocksOfStream(
  readIds: () => AsyncIterable<Int32Array>,
  { blockSize, random, bufferBlocks = DEFAULT_BUFFER_BLOCKS }: StreamedBlockOptions,
): TokenBlocks {
  return {
    blockSize,
    async *read(from) {
      let number = 0;
      for (let pass = 0; ; pass++) {
        const own = random.fork('pass', pass);
        let found = 0;
        for await (const block of drawBlocks(cutBlocks(readIds(), blockSize, own.integer(blockSize)))) {
          found++;
          if (number++ >= from) yield block;
        }
        if (found === 0) throw tooFewTokens(`fewer than ${2 * blockSize}`, blockSize);

        /** One of those held, at random, for every block that comes once as many are held as may be. */
        async function* drawBlocks(blocks: AsyncIterable<Int32Array>): AsyncGenerator<Int32Array, void> {
          const held: Int32Array[] = [];
          for await (const block of blocks) {
            const at = held.length < bufferBlocks ? held.length : own.integer(bufferBlocks);
            const drawn = held[at];
            held[at] = block;
            if (drawn !== undefined) yield drawn;
          }
          yield* own.shuffle(held);
        }
      }
    },
  };
}

/** @param skip - tokens left out at the beginning */
async function* cutBlocks(
  parts: AsyncIterable<Int32Array>,
  blockSize: number,
  skip: number,
): AsyncGenerator<Int32Array, void> {
  let block = new Int32Array(blockSize + 1);
  let filled = -skip;
  for await (const ids of parts) {
    for (const id of ids) {
      if (filled >= 0) block[filled] = id;
      filled++;
      if (filled <= blockSize) continue;
      yield block;
      block = new Int32Array(blockSize + 1);
      block[0] = id;
      filled = 1;
    }
  }
}

/** What a model learns from blocks: `ids` int32 [rows, blockSize], and for each the next one, int64 [rows, blockSize]. */
export function blockExamples(blocks: readonly Int32Array[], blockSize: number): Examples {
  const ids = new Int32Array(blocks.length * blockSize);
  const next = new BigInt64Array(ids.length);
  // An id is below 2^31: the low half of an int64 is all of it, and far quicker to write than a BigInt.
  const low = new Int32Array(next.buffer);
  for (const [row, block] of blocks.entries()) {
    for (let k = 0; k < blockSize; k++) {
      ids[row * blockSize + k] = block[k] ?? 0;
      low[2 * (row * blockSize + k)] = block[k + 1] ?? 0;
    }
  }
  return examplesOf(blocks.length, ids, next);
}

/** What {@link sequenceCrossentropy} leaves out. */
const NO_TARGET = -100n;

/** Every token but the first predicted once, in order; the last row is filled up with what does not count. */
export function heldOutExamples(ids: Int32Array, blockSize: number): Examples {
  if (ids.length < 2) throw tooFewTokens(ids.length, 1);
  const rows = Math.ceil((ids.length - 1) / blockSize);
  const inputs = new Int32Array(rows * blockSize);
  inputs.set(ids.subarray(0, -1));
  const next = new BigInt64Array(inputs.length).fill(NO_TARGET);
  for (let at = 1; at < ids.length; at++) next[at - 1] = BigInt(ids[at] ?? 0);
  return examplesOf(rows, inputs, next);
}

/** The name of the network's only input. */
export const IDS = 'ids';

function examplesOf(rows: number, ids: Int32Array, next: BigInt64Array): Examples {
  const shape = [rows, ids.length / rows];
  return { inputs: new Map([[IDS, createTensor('int32', shape, ids)]]), target: createTensor('int64', shape, next) };
}

function tooFewTokens(found: number | string, blockSize: number): AmaasError {
  return new AmaasError(
    'INVALID_DATA',
    `language model: a block takes ${blockSize + 1} tokens, and the text has ${found}; give more text or a smaller blockSize`,
  );
}
