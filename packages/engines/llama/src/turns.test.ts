import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Turns } from './turns.ts';

test('Turns has one at work at a time, in the order they asked, and goes on when one fails', async () => {
  const turns = new Turns();
  const seen: string[] = [];
  const work = (name: string, fails = false) =>
    turns.take(async () => {
      seen.push(`${name} begins`);
      await new Promise((resolve) => setImmediate(resolve));
      seen.push(`${name} ends`);
      if (fails) throw new Error(name);
      return name;
    });
  const outcomes = await Promise.allSettled([work('a'), work('b', true), work('c')]);
  assert.deepEqual(seen, ['a begins', 'a ends', 'b begins', 'b ends', 'c begins', 'c ends']);
  assert.deepEqual(
    outcomes.map(({ status }) => status),
    ['fulfilled', 'rejected', 'fulfilled'],
  );
});

test('Turns lets two who always want more take every other turn', async () => {
  const turns = new Turns();
  const seen: string[] = [];
  const want = async (name: string) => {
    for (let round = 0; round < 5; round++) {
      await turns.take(async () => {
        seen.push(name);
        await new Promise((resolve) => setImmediate(resolve));
      });
    }
  };
  await Promise.all([want('a'), want('b')]);
  assert.equal(seen.join(''), 'ababababab');
});
