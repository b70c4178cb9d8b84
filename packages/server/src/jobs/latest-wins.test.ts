import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock } from '../scheduler/testing/fake-clock.ts';
import { LatestWins } from './latest-wins.ts';

test('LatestWins passes the first at once, then the newest of each interval, and never loses the last', async () => {
  const clock = new FakeClock();
  const passed: number[] = [];
  const latest = new LatestWins<number>({ intervalMs: 100, clock, pass: (value) => passed.push(value) });
  for (let value = 1; value <= 35; value++) {
    latest.put(value);
    await clock.advance(10);
  }
  assert.deepEqual(passed, [1, 10, 20, 30]);
  await clock.advance(100);
  assert.deepEqual(passed, [1, 10, 20, 30, 35]);
  await clock.advance(1000);
  latest.put(36);
  latest.put(37);
  assert.deepEqual(passed.slice(5), [36]);
  latest.flush();
  latest.flush();
  assert.deepEqual(passed.slice(5), [36, 37]);
  latest.put(38);
  latest.stop();
  await clock.advance(1000);
  assert.deepEqual(passed.slice(5), [36, 37]);
});
