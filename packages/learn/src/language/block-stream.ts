// Blocks of tokens as a training reads them: rows of an epoch, where an epoch is a stretch of training steps and no pass
// over the text.
import type { Examples, ExampleStream } from '../train/index.ts';
import { blockExamples, IDS, type TokenBlocks } from './token-blocks.ts';

/** Rows handed over at once. */
const CHUNK_ROWS = 64;

export interface BlockStreamOptions {
  /** Of an epoch. */
  readonly rows: number;
  /** Says which text and tokenizer it is. */
  readonly digest: string;
}

/** A stream that goes on where the epoch before has ended; whoever makes it closes it. */
export function openBlockStream(
  blocks: TokenBlocks,
  { rows, digest }: BlockStreamOptions,
): { readonly stream: ExampleStream; close(): Promise<void> } {
  const { blockSize } = blocks;
  let open: { readonly reading: AsyncGenerator<Int32Array, void>; next: number } | null = null;
  const readingFrom = async (from: number): Promise<NonNullable<typeof open>> => {
    if (open?.next === from) return open;
    await open?.reading.return(undefined);
    open = { reading: blocks.read(from), next: from };
    return open;
  };
  const stream: ExampleStream = {
    rowCount: rows,
    // The blocks come shuffled: a window larger than what is handed over would only hold memory.
    bufferRows: CHUNK_ROWS,
    digest,
    inputs: new Map([[IDS, { dtype: 'int32', shape: [blockSize] }]]),
    target: { dtype: 'int64', shape: [blockSize] },
    async *read({ epoch }): AsyncGenerator<Examples, void> {
      const end = epoch * rows;
      const state = await readingFrom(end - rows);
      while (state.next < end) {
        const chunk: Int32Array[] = [];
        while (chunk.length < CHUNK_ROWS && state.next < end) {
          const { value } = await state.reading.next(); // without end: there always is one
          if (value === undefined) return;
          chunk.push(value);
          state.next++;
        }
        yield blockExamples(chunk, blockSize);
      }
    },
  };
  return {
    stream,
    async close() {
      await open?.reading.return(undefined);
      open = null;
    },
  };
}
