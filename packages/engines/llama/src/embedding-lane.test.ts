import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { EmbeddingLane, type EmbeddingParts } from './embedding-lane.ts';
import { createMadeContext } from './testing/made-context.ts';
import { Turns } from './turns.ts';

function createLane(parts: Partial<EmbeddingParts> = {}, onDecode?: () => Promise<void>) {
  const { context, log } = createMadeContext(onDecode);
  let opened = 0;
  const lane = new EmbeddingLane({
    ...{ turns: new Turns(), stepTokens: 64, isWhole: false, joining: 'mean', idleMs: null },
    threads: { generation: 1, prompt: 1 },
    nowMs: () => 0,
    async open() {
      opened++;
      return context;
    },
    close: () => context.dispose(),
    ...parts,
  });
  return { lane, log, decoded: () => log.filter((line) => line.startsWith('decode')), opened: () => opened };
}

const numbers = (length: number, from = 0) => Uint32Array.from({ length }, (_, index) => from + index);

test('EmbeddingLane gives vectors in the order of the texts, having computed the shortest first', async () => {
  const { lane, decoded } = createLane();
  const vectors = await lane.submit({ id: 1, texts: [numbers(5), numbers(2, 10), numbers(5, 7), numbers(1, 90)] });
  assert.deepEqual(
    vectors.map(([mean]) => mean),
    [2, 10.5, 9, 90],
  );
  assert.deepEqual(decoded(), ['decode 0+1', 'decode 0+2', 'decode 0+5', 'decode 0+5']);
});

test('EmbeddingLane computes a long text in parts, and joins them as the model pools', async () => {
  const text = Uint32Array.from({ length: 150 }, (_, index) => index ** 2 % 101);
  const mean = (tokens: Uint32Array) => tokens.reduce((sum, token) => sum + token, 0) / tokens.length;
  const expected = { mean: mean(text), first: mean(text.subarray(0, 64)), last: mean(text.subarray(128)) };
  for (const joining of ['mean', 'first', 'last'] as const) {
    const { lane, decoded } = createLane({ joining });
    const [vector = assert.fail()] = await lane.submit({ id: 1, texts: [text] });
    assert.ok(Math.abs((vector[0] ?? 0) - expected[joining]) < 1e-12, joining);
    assert.deepEqual(decoded(), ['decode 0+64', 'decode 64+64', 'decode 128+22']);
  }
  const { lane, decoded } = createLane({ isWhole: true });
  await lane.submit({ id: 1, texts: [text] });
  assert.deepEqual(decoded(), ['decode 0+150']);
});

test('EmbeddingLane ends its turn after a step of work, however short the texts', async () => {
  const turns = new Turns();
  const { lane, log } = createLane({ turns });
  const work = lane.submit({ id: 1, texts: Array.from({ length: 10 }, () => numbers(3)) });
  const others: number[] = [];
  for (let round = 0; round < 4; round++) {
    await turns.take(async () => {
      others.push(log.filter((line) => line.startsWith('decode')).length);
    });
  }
  await work;
  // A text costs 16 tokens at least, and a turn has 64.
  assert.deepEqual(others, [0, 4, 8, 10]);
});

test('EmbeddingLane begins no other text in a turn that has taken 75 ms', async () => {
  const turns = new Turns();
  let nowMs = 0;
  const { lane, log } = createLane({ turns, nowMs: () => nowMs }, async () => {
    nowMs += 40;
  });
  const work = lane.submit({ id: 1, texts: Array.from({ length: 4 }, () => numbers(3)) });
  const others: number[] = [];
  for (let round = 0; round < 3; round++) {
    await turns.take(async () => {
      others.push(log.filter((line) => line.startsWith('decode')).length);
    });
  }
  await work;
  assert.deepEqual(others, [0, 2, 4]);
});

test('EmbeddingLane computes nothing more of what was called off, and goes on with the next', async () => {
  let release = (): void => {};
  const gate = new Promise<void>((resolve) => (release = resolve));
  const { lane, decoded } = createLane({}, () => gate);
  const first = lane.submit({ id: 1, texts: [numbers(2), numbers(2), numbers(2)] });
  const second = lane.submit({ id: 2, texts: [numbers(4, 4)] });
  const third = lane.submit({ id: 3, texts: [numbers(7)] });
  await new Promise((resolve) => setImmediate(resolve));
  lane.cancel(1);
  lane.cancel(3);
  release();
  await assert.rejects(first, { reason: 'CANCELLED' });
  await assert.rejects(third, { reason: 'CANCELLED' });
  assert.deepEqual([...((await second)[0] ?? [])], [5.5, 0]);
  assert.deepEqual(decoded(), ['decode 0+2', 'decode 0+4']);
});

test('EmbeddingLane fails a task whose batch fails, and begins the next one anew', async () => {
  let failures = 1;
  const { lane, log } = createLane({}, async () => {
    if (failures-- > 0) throw new Error('no room');
  });
  await assert.rejects(lane.submit({ id: 1, texts: [numbers(100)] }), {
    reason: 'RUN_FAILED',
    message: 'embed: llama.cpp could not go on: no room',
    retryable: true,
  });
  const [vector] = await lane.submit({ id: 2, texts: [numbers(3)] });
  assert.deepEqual([...(vector ?? [])], [1, 0]);
  assert.deepEqual(log.slice(0, 4), ['forget', 'decode 0+64', 'forget', 'decode 0+3']);
});

test('EmbeddingLane opens its context when it is asked, and gives it back when nobody asks for a while', async () => {
  const { lane, log, opened } = createLane({ idleMs: 1 });
  assert.equal(opened(), 0);
  await lane.submit({ id: 1, texts: [numbers(2)] });
  for (let waits = 0; waits < 1000 && !log.includes('dispose'); waits++) await sleep(1);
  assert.equal(log.at(-1), 'dispose');
  await lane.submit({ id: 2, texts: [numbers(2)] });
  assert.equal(opened(), 2);
});
