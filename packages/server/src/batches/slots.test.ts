import assert from 'node:assert/strict';
import { test } from 'node:test';
import { settle } from '../scheduler/testing/fake-clock.ts';
import { Slots } from './slots.ts';

const NEVER = new AbortController().signal;

/** Takes a turn as soon as there is one and writes the name down. */
function queue(slots: Slots, name: string, granted: string[], model = 'm'): Promise<() => void> {
  const taken = slots.take(model, NEVER);
  void taken.then(() => granted.push(name));
  return taken;
}

test('Slots gives as many turns as the model has, in the order of asking, models apart', async () => {
  const slots = new Slots((model) => (model === 'm' ? 2 : 1));
  const granted: string[] = [];
  const [one, , three] = ['a', 'b', 'a', 'b', 'a'].map((name) => queue(slots, name, granted));
  void queue(slots, 'other', granted, 'n');
  await settle();
  assert.deepEqual([granted, slots.active], [['a', 'b', 'other'], 3]);
  const giveBack = await one;
  giveBack?.();
  giveBack?.(); // once is enough
  await settle();
  assert.deepEqual(granted, ['a', 'b', 'other', 'a']);
  (await three)?.();
  await settle();
  assert.deepEqual(granted, ['a', 'b', 'other', 'a', 'b']);
});

test('Slots follows the number of the model, down to one and up again', async () => {
  let room = 3;
  const slots = new Slots(() => room);
  const granted: string[] = [];
  const turns = Array.from({ length: 9 }, (_, index) => queue(slots, String(index), granted));
  await settle();
  assert.equal(granted.length, 3);
  room = 0;
  for (const turn of turns.slice(0, 2)) (await turn)();
  await settle();
  assert.deepEqual([granted.length, slots.active], [3, 1]);
  (await turns[2])?.();
  await settle();
  assert.deepEqual([granted.length, slots.active], [4, 1]);
  room = 4;
  (await turns[3])?.();
  await settle();
  assert.deepEqual([granted.length, slots.active], [8, 4]);
});

test('Slots lets go of those who stop waiting', async () => {
  const slots = new Slots(() => 1);
  const granted: string[] = [];
  const first = await slots.take('m', NEVER);
  const stop = new AbortController();
  const leaving = slots.take('m', stop.signal);
  void queue(slots, 'behind', granted);
  stop.abort();
  await assert.rejects(leaving, { reason: 'CANCELLED' });
  await assert.rejects(slots.take('m', stop.signal), { reason: 'CANCELLED' });
  first();
  await settle();
  assert.deepEqual([granted, slots.active], [['behind'], 1]);
});
