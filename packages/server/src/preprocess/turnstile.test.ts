import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Turnstile } from './turnstile.ts';

const settle = () => new Promise((resolve) => setImmediate(resolve));

/** Acquires and notes the order of entering. */
function enter(turnstile: Turnstile, entered: string[], name: string) {
  return async (units: number, signal?: AbortSignal) => {
    const release = await turnstile.acquire(units, signal);
    entered.push(name);
    return release;
  };
}

test('Turnstile lets callers in by arrival as long as their units fit', async () => {
  const turnstile = new Turnstile({ what: 'test', capacity: 5, maxWaiting: 10 });
  const entered: string[] = [];
  const first = await enter(turnstile, entered, 'a')(3);
  const second = enter(turnstile, entered, 'b')(4);
  const third = enter(turnstile, entered, 'c')(1); // would fit, but does not overtake
  await settle();
  assert.deepEqual([entered, turnstile.waiting], [['a'], 2]);
  first();
  first(); // giving back twice gives nothing more
  const [releaseSecond] = await Promise.all([second, third]);
  assert.deepEqual(entered, ['a', 'b', 'c']);
  const whole = enter(turnstile, entered, 'd')(99); // takes all there is
  releaseSecond();
  await settle();
  assert.equal(turnstile.waiting, 1);
  (await third)();
  (await whole)();
  assert.equal(turnstile.waiting, 0);
});

test('Turnstile refuses when its line is full', async () => {
  const turnstile = new Turnstile({ what: 'test', capacity: 1, maxWaiting: 1 });
  const release = await turnstile.acquire(1);
  const waiting = turnstile.acquire(1);
  await assert.rejects(turnstile.acquire(1), { reason: 'QUEUE_FULL', message: 'test: 1 requests are waiting already' });
  release();
  (await waiting)();
});

test('Turnstile forgets who goes away, and lets in who stood behind', async () => {
  const turnstile = new Turnstile({ what: 'test', capacity: 3, maxWaiting: 9 });
  const release = await turnstile.acquire(2);
  const gone = new AbortController();
  const large = turnstile.acquire(3, gone.signal);
  const small = turnstile.acquire(1);
  gone.abort();
  await assert.rejects(large, { reason: 'CANCELLED' });
  (await small)();
  release();
  await assert.rejects(turnstile.acquire(1, AbortSignal.abort()), { reason: 'CANCELLED' });
  (await turnstile.acquire(3))();
});
