import assert from 'node:assert/strict';
import { appendFile, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { createTestDirectory } from '../storage/testing/databases.ts';
import { FakeClock } from '../scheduler/testing/fake-clock.ts';
import { JobEvents, readEvents } from './job-events.ts';
import type { JobEvent } from './types.ts';

const NEVER = new AbortController().signal;

async function all(events: AsyncIterable<JobEvent>): Promise<JobEvent[]> {
  const list: JobEvent[] = [];
  for await (const event of events) list.push(event);
  return list;
}

test('JobEvents keeps events with ids that go on after a restart and over a torn line', async (t) => {
  const path = join(await createTestDirectory(t), 'events.jsonl');
  const clock = new FakeClock();
  const first = new JobEvents(path, clock);
  await first.open();
  first.state({ state: 'running', note: 'a \u2028 b' });
  first.checkpoint({ step: 1 });
  await first.close();
  await appendFile(path, '{"id":3,"type":"sta'); // killed while writing
  const second = new JobEvents(path, clock);
  await second.open();
  second.state({ state: 'running again' });
  await second.close();
  second.finish();
  const events = await all(second.follow(0, NEVER));
  assert.deepEqual(
    events.map(({ id, type, data }) => [id, type, data]),
    [
      [1, 'state', { state: 'running', note: 'a \u2028 b' }],
      [2, 'checkpoint', { step: 1 }],
      [3, 'state', { state: 'running again' }],
    ],
  );
  assert.deepEqual(
    (await all(second.follow(2, NEVER))).map(({ id }) => id),
    [3],
  );
  assert.doesNotMatch(await readFile(path, 'utf8'), /"sta$/m);
});

test('JobEvents shows progress four times a second and keeps ever less of it, but always the last', async (t) => {
  const path = join(await createTestDirectory(t), 'events.jsonl');
  const clock = new FakeClock();
  const events = new JobEvents(path, clock);
  await events.open();
  const hours = 3;
  for (let second = 0; second < hours * 3600; second++) {
    for (let part = 0; part < 2; part++) {
      events.progress({ phase: 'train', fraction: null, step: second * 2 + part });
      await clock.advance(500);
    }
  }
  events.state({ state: 'succeeded' });
  await events.close();
  events.finish();
  const kept: JobEvent[] = [];
  for await (const { event } of readEvents(path, 0)) kept.push(event);
  assert.ok(kept.length > 3000 && kept.length < 9000, `${kept.length} of ${hours * 7200}`);
  assert.deepEqual(kept.at(-2)?.data, { phase: 'train', fraction: null, step: hours * 7200 - 1 });
});

test('JobEvents wakes every follower, gives transient progress without an id, and ends with finish or the signal', async (t) => {
  const path = join(await createTestDirectory(t), 'events.jsonl');
  const clock = new FakeClock();
  const events = new JobEvents(path, clock);
  const early = events.follow(0, NEVER); // before there is a file
  const stop = new AbortController();
  const stopped = events.follow(0, stop.signal);
  const next = early.next();
  await events.open();
  events.state({ state: 'running' });
  assert.equal((await next).value?.id, 1);
  assert.equal((await stopped.next()).value?.id, 1);
  await clock.advance(3_600_000); // from here on only every other second is kept
  events.progress({ phase: 'a', fraction: 0 });
  assert.equal((await early.next()).value?.id, 2);
  assert.equal((await stopped.next()).value?.id, 2);
  await clock.advance(300);
  events.progress({ phase: 'b', fraction: 0.5 });
  const shown = (await early.next()).value;
  assert.deepEqual([shown?.id, shown?.data], [null, { phase: 'b', fraction: 0.5 }]);
  const aborted = stopped.next();
  await aborted; // the same progress
  const last = stopped.next();
  stop.abort();
  assert.equal((await last).done, true);
  const rest = all(early);
  await events.close();
  events.finish();
  assert.deepEqual(await rest, []);
});
