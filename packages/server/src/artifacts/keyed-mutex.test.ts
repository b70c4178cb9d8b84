import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KeyedMutex } from './keyed-mutex.ts';

test('KeyedMutex runs work of one key in order and one at a time, also after a failure', async () => {
  const mutex = new KeyedMutex();
  const log: string[] = [];
  const work = (name: string, fails = false) =>
    mutex.run('a', async () => {
      log.push(`${name}+`);
      await new Promise((resolve) => setImmediate(resolve));
      log.push(`${name}-`);
      if (fails) throw new Error(name);
      return name;
    });
  const results = await Promise.allSettled([work('1'), work('2', true), work('3')]);
  assert.deepEqual(log, ['1+', '1-', '2+', '2-', '3+', '3-']);
  assert.deepEqual(
    results.map((result) => result.status),
    ['fulfilled', 'rejected', 'fulfilled'],
  );
});

test('KeyedMutex lets different keys run side by side', async () => {
  const mutex = new KeyedMutex();
  let open = () => {};
  const gate = new Promise<void>((resolve) => {
    open = resolve;
  });
  const waiting = mutex.run('a', () => gate);
  await mutex.run('b', async () => open());
  await waiting;
});
