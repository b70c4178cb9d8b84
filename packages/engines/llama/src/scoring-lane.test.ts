import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { ScoringLane } from './scoring-lane.ts';
import { createMadeContext } from './testing/made-context.ts';
import { Turns } from './turns.ts';

/** Asks for no token, so nothing is sampled. */
const task = (id: number) => ({ id, tokens: Uint32Array.of(5, 6), from: 2 });

function createLane(refusals = 0) {
  const { context, log } = createMadeContext();
  let left = refusals;
  const lane = new ScoringLane({
    ...{ turns: new Turns(), stepTokens: 8, threads: { prompt: 1 }, idleMs: 1 },
    async open() {
      if (left-- > 0) throw new Error('no room');
      log.push('open');
      return context;
    },
    async close(given) {
      log.push('close');
      await given.dispose();
    },
    createObserver: () => ({ dispose() {}, applyConfig() {} }),
  });
  return { lane, log };
}

test('ScoringLane opens its context when it is asked, and gives it back when nobody asks for a while', async () => {
  const { lane, log } = createLane();
  await Promise.all([lane.submit(task(1)), lane.submit(task(2))]);
  for (let waits = 0; waits < 1000 && !log.includes('dispose'); waits++) await sleep(1);
  await lane.submit(task(3));
  const life = ['open', 'forget', 'decode 0+1'];
  assert.deepEqual(log.slice(0, 10), [...life, ...life.slice(1), 'close', 'dispose', ...life]);
});

test('ScoringLane whose context is refused fails that text only', async () => {
  const { lane, log } = createLane(1);
  const [first, second] = [lane.submit(task(1)), lane.submit(task(2))];
  await assert.rejects(first, { message: 'score: llama.cpp could not go on: no room' });
  assert.deepEqual(await second, []);
  assert.deepEqual(log.slice(0, 3), ['open', 'forget', 'decode 0+1']);
});
