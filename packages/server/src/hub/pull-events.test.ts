import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Clock } from '@amaas/core';
import { type PullEvent, PullMeter, type PullProgress, streamEvents } from './pull-events.ts';

/** A clock that stands still until it is moved; timers fire in their order. */
function handClock(): Clock & { advance(ms: number): void } {
  let nowMs = 5_000;
  const timers = new Set<{ readonly atMs: number; readonly action: () => void }>();
  return {
    nowMs: () => nowMs,
    wallTime: () => new Date(nowMs),
    schedule(delayMs, action) {
      const timer = { atMs: nowMs + delayMs, action };
      timers.add(timer);
      return () => void timers.delete(timer);
    },
    advance(ms) {
      const endMs = nowMs + ms;
      for (;;) {
        const [next] = [...timers].filter(({ atMs }) => atMs <= endMs).sort((a, b) => a.atMs - b.atMs);
        if (next === undefined) break;
        timers.delete(next);
        nowMs = next.atMs;
        next.action();
      }
      nowMs = endMs;
    },
  };
}

function metered(): { meter: PullMeter; clock: ReturnType<typeof handClock>; said: PullProgress[] } {
  const clock = handClock();
  const said: PullProgress[] = [];
  const meter = new PullMeter(clock, (event) => said.push(event));
  meter.add({ path: 'a', sizeBytes: 9_000, identity: 'git:1' }, false);
  meter.add({ path: 'b', sizeBytes: 1_000, identity: 'git:2' }, true);
  return { meter, clock, said };
}

test('PullMeter says at most five times a second how far it is, how fast, and how long still', () => {
  const { meter, clock, said } = metered();
  for (let have = 100; have <= 3_000; have += 100) {
    meter.note('a', have, 100);
    clock.advance(100);
  }
  assert.equal(said.length, 15); // 30 notes in 3 seconds
  const last = said.at(-1);
  assert.deepEqual([last?.doneBytes, last?.totalBytes, last?.phase], [4_000, 10_000, 'download']);
  assert.deepEqual(last?.files, [{ path: 'a', sizeBytes: 9_000, identity: 'git:1', doneBytes: 3_000 }]);
  assert.equal(last?.bytesPerSecond, Math.round(3_000 / 3)); // since the first byte came
  assert.equal(last?.etaMs, 6_000);
});

test('PullMeter forgets the speed of what was long ago, and goes on saying that it is there', () => {
  const { meter, clock, said } = metered();
  meter.note('a', 500, 500);
  clock.advance(200);
  assert.equal(said.at(-1)?.bytesPerSecond, 2_500);
  meter.noteWaiting('the hub');
  clock.advance(30_000);
  assert.equal(said.length, 4);
  assert.deepEqual([said.at(-1)?.bytesPerSecond, said.at(-1)?.etaMs, said.at(-1)?.waitingFor], [null, null, 'the hub']);
  meter.note('a', 600, 100);
  clock.advance(200);
  assert.equal(said.at(-1)?.waitingFor, null);
  meter.enter('admit');
  assert.equal(said.at(-1)?.phase, 'admit');
  meter.end();
  const count = said.length;
  clock.advance(60_000);
  assert.equal(said.length, count);
});

const never = new AbortController().signal;
const progress = (doneBytes: number): PullEvent => ({
  type: 'progress',
  phase: 'download',
  doneBytes,
  totalBytes: 10,
  bytesPerSecond: null,
  etaMs: null,
  files: [],
  waitingFor: null,
});
const started: PullEvent = {
  type: 'started',
  model: 'm',
  source: 's',
  license: null,
  files: [],
  totalBytes: 10,
  missingBytes: 10,
};

test('streamEvents keeps what must be heard and replaces progress that nobody heard', async () => {
  const heard: unknown[] = [];
  const events = streamEvents(async (emit) => {
    for (const event of [progress(1), started, progress(2), progress(3)]) emit(event);
    await Promise.resolve();
    emit(progress(4));
  }, never);
  for await (const event of events) heard.push(event.type === 'progress' ? event.doneBytes : event.type);
  assert.deepEqual(heard, [1, 'started', 4]);
});

test('streamEvents ends the work of a consumer that stops, and waits for it to end', async () => {
  const seen: string[] = [];
  const work = async (emit: (event: PullEvent) => void, signal: AbortSignal): Promise<void> => {
    emit(started);
    await new Promise<void>((resolve) => signal.addEventListener('abort', () => setTimeout(resolve, 20)));
    seen.push('ended');
  };
  for await (const event of streamEvents(work, never)) {
    assert.equal(event.type, 'started');
    break;
  }
  seen.push('left');
  assert.deepEqual(seen, ['ended', 'left']);
});

test('streamEvents throws what the work throws, after what it said, and CANCELLED for its own signal', async () => {
  const failing = streamEvents(async (emit) => {
    emit(started);
    throw new RangeError('broken');
  }, never);
  assert.equal((await failing.next()).value?.type, 'started');
  await assert.rejects(failing.next(), RangeError);

  const stop = new AbortController();
  const endless = streamEvents(
    (_emit, signal) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('x')))),
    stop.signal,
  );
  setTimeout(() => stop.abort(), 5);
  await assert.rejects(endless.next(), { reason: 'CANCELLED' });
});
