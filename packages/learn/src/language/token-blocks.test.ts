import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRandom } from '../statistics/index.ts';
import { blockExamples, blocksInMemory, blocksOfStream, heldOutExamples, type TokenBlocks } from './token-blocks.ts';

const counting = (count: number): Int32Array => Int32Array.from({ length: count }, (_, at) => 1000 + at);

async function take(blocks: TokenBlocks, from: number, count: number): Promise<readonly (readonly number[])[]> {
  const taken: (readonly number[])[] = [];
  const reading = blocks.read(from);
  for await (const block of reading) if (taken.push([...block]) === count) break;
  return taken;
}

/** The tokens in parts of different sizes. */
function streamOf(ids: Int32Array, given = { tokens: 0 }): () => AsyncIterable<Int32Array> {
  return async function* () {
    for (let at = 0, size = 1; at < ids.length; at += size, size = (size * 7) % 23) {
      const part = ids.subarray(at, at + size);
      given.tokens += part.length;
      yield part;
    }
  };
}

const kinds: Readonly<Record<string, (ids: Int32Array, blockSize: number) => TokenBlocks>> = {
  blocksInMemory: (ids, blockSize) => blocksInMemory(ids, { blockSize, random: createRandom('blocks') }),
  blocksOfStream: (ids, blockSize) =>
    blocksOfStream(streamOf(ids), { blockSize, random: createRandom('blocks'), bufferBlocks: 5 }),
};

for (const [name, make] of Object.entries(kinds)) {
  test(`${name} gives every pass in blocks that share one token, shuffled and cut elsewhere each time`, async () => {
    const blocks = make(counting(103), 10);
    // 103 tokens: 9 blocks wherever they begin, 10 where a stream begins at the first three.
    const passes = [await take(blocks, 0, 9), await take(blocks, 9, 9), await take(blocks, 18, 9)];
    const offsets = passes.map((pass) => {
      const starts = pass.map(([first = 0]) => first).toSorted((a, b) => a - b);
      for (const block of pass)
        assert.deepEqual(
          block,
          [...counting(11)].map((id) => id + (block[0] ?? 0) - 1000),
        );
      assert.equal(new Set(starts).size, 9);
      assert.equal(new Set(starts.map((start) => start % 10)).size, 1);
      assert.notDeepEqual(
        starts,
        pass.map(([first]) => first),
      );
      return (starts[0] ?? 0) % 10;
    });
    assert(new Set(offsets).size > 1, `${offsets}`);
  });

  test(`${name} gives the same block under the same number, wherever reading begins`, async () => {
    const blocks = make(counting(207), 7);
    const all = await take(blocks, 0, 90);
    for (const from of [1, 13, 28, 29, 60]) assert.deepEqual(await take(blocks, from, 30), all.slice(from, from + 30));
  });

  test(`${name} refuses text that does not fill a block`, async () => {
    await assert.rejects(async () => take(make(counting(8), 8), 0, 1), {
      reason: 'INVALID_DATA',
      message: /a block takes 9 tokens, and the text has/,
    });
  });
}

test('blocksInMemory takes the one block of a text that is just long enough', async () => {
  const ids = counting(9);
  assert.deepEqual(await take(blocksInMemory(ids, { blockSize: 8, random: createRandom(1) }), 4, 2), [
    [...ids],
    [...ids],
  ]);
});

test('blocksOfStream holds no more blocks than its buffer, however long the stream', async () => {
  const given = { tokens: 0 };
  const [blockSize, bufferBlocks, largestPart] = [16, 40, 23];
  const random = createRandom('bounded');
  const reading = blocksOfStream(streamOf(counting(200_000), given), { blockSize, random, bufferBlocks }).read(0);
  let most = 0;
  for (let drawn = 1; drawn <= 12_000; drawn++) {
    await reading.next();
    most = Math.max(most, given.tokens - drawn * blockSize);
  }
  await reading.return(undefined);
  assert(most <= (bufferBlocks + 2) * blockSize + largestPart, `${most} tokens were held`);
  assert(most >= (bufferBlocks - 1) * blockSize, `${most} tokens were held`);
});

test('blocksOfStream mixes blocks from far apart', async () => {
  const random = createRandom('mixed');
  const blocks = blocksOfStream(streamOf(counting(20_000)), { blockSize: 10, random, bufferBlocks: 500 });
  const starts = (await take(blocks, 0, 200)).map(([first = 0]) => (first - 1000) / 10);
  const backwards = starts.filter((start, index) => index > 0 && start < (starts[index - 1] ?? 0)).length;
  assert(backwards > 70 && Math.max(...starts) > 400, `${backwards} steps back, up to ${Math.max(...starts)}`);
});

test('blockExamples gives each token the next one as its target', () => {
  const { inputs, target } = blockExamples([Int32Array.of(5, 6, 7, 8), Int32Array.of(8, 1, 2, 70_000)], 3);
  const ids = inputs.get('ids');
  assert.deepEqual([ids?.dtype, ids?.shape, [...(ids?.data ?? [])]], ['int32', [2, 3], [5, 6, 7, 8, 1, 2]]);
  assert.deepEqual([target.dtype, target.shape, [...target.data]], ['int64', [2, 3], [6n, 7n, 8n, 1n, 2n, 70_000n]]);
});

test('heldOutExamples predicts every token but the first once, and marks what does not count', () => {
  const { inputs, target } = heldOutExamples(Int32Array.of(3, 1, 4, 1, 5, 9, 2, 6), 3);
  assert.deepEqual([...(inputs.get('ids')?.data ?? [])], [3, 1, 4, 1, 5, 9, 2, 0, 0]);
  assert.deepEqual([...target.data], [1n, 4n, 1n, 5n, 9n, 2n, 6n, -100n, -100n]);
  assert.throws(() => heldOutExamples(Int32Array.of(3), 3), { reason: 'INVALID_DATA' });
});
