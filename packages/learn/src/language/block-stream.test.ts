import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRandom } from '../statistics/index.ts';
import { countRows, type Examples, type ExampleStream } from '../train/index.ts';
import { openBlockStream } from './block-stream.ts';
import { blocksInMemory, type TokenBlocks } from './token-blocks.ts';

async function readEpoch({ read }: ExampleStream, epoch: number, chunks = Infinity): Promise<readonly number[]> {
  const ids: number[] = [];
  let left = chunks;
  for await (const chunk of read({ epoch, random: null, signal: undefined })) {
    ids.push(...firstIds(chunk));
    if (--left === 0) break;
  }
  return ids;
}

/** Which blocks they are. */
function firstIds(chunk: Examples): readonly number[] {
  const data = [...(chunk.inputs.get('ids')?.data ?? [])].map(Number);
  return data.filter((_, at) => at % (data.length / countRows(chunk)) === 0);
}

/** Blocks that count how often reading begins and ends. */
function countedBlocks(): { readonly blocks: TokenBlocks; readonly seen: { opened: number[]; closed: number } } {
  const ids = Int32Array.from({ length: 4000 }, (_, at) => at);
  const { blockSize, read } = blocksInMemory(ids, { blockSize: 4, random: createRandom('stream') });
  const seen = { opened: [] as number[], closed: 0 };
  const blocks: TokenBlocks = {
    blockSize,
    async *read(from) {
      seen.opened.push(from);
      try {
        yield* read(from);
      } finally {
        seen.closed++;
      }
    },
  };
  return { blocks, seen };
}

test('openBlockStream goes on where the epoch before ended, and reads on without beginning anew', async () => {
  const { blocks, seen } = countedBlocks();
  const { stream, close } = openBlockStream(blocks, { rows: 150, digest: 'd' });
  const read = [...(await readEpoch(stream, 1)), ...(await readEpoch(stream, 2))];
  const expected: number[] = [];
  for await (const block of blocks.read(0)) if (expected.push(block[0] ?? -1) === 300) break;
  assert.deepEqual(read, expected);
  assert.deepEqual(seen.opened, [0, 0]); // the second time for what is expected
  await close();
  assert.equal(seen.closed, 2);
});

test('openBlockStream gives the same rows for the same epoch, in any order and after one that was left', async () => {
  const { blocks, seen } = countedBlocks();
  const { stream, close } = openBlockStream(blocks, { rows: 150, digest: 'd' });
  const second = await readEpoch(stream, 2);
  assert.equal(second.length, 150);
  const part = await readEpoch(stream, 1, 1);
  assert(part.length > 0 && part.length < 150);
  const first = await readEpoch(stream, 1);
  assert.deepEqual(first.slice(0, part.length), part);
  assert.deepEqual(await readEpoch(stream, 2), second);
  assert.notDeepEqual(first, second);
  await close();
  assert.deepEqual([seen.opened, seen.closed], [[150, 0, 0], 3]);
});
