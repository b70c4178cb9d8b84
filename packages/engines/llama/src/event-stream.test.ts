import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EventStream } from './event-stream.ts';

async function read<Event>(stream: EventStream<Event>, most = Number.POSITIVE_INFINITY): Promise<Event[]> {
  const events: Event[] = [];
  for await (const event of stream) if (events.push(event) >= most) break;
  return events;
}

test('EventStream gives events in their order, those pushed before, while and after reading began', async () => {
  let left = 0;
  const stream = new EventStream<number>(() => left++);
  stream.push(1);
  const reading = read(stream);
  stream.push(2);
  setImmediate(() => {
    stream.push(3);
    stream.end();
  });
  assert.deepEqual(await reading, [1, 2, 3]);
  assert.equal(left, 0);
});

test('EventStream fails after what was pushed, and tells when its reader leaves early', async () => {
  let left = 0;
  const failing = new EventStream<number>(() => left++);
  failing.push(1);
  failing.fail(new Error('gone'));
  failing.fail(new Error('again'));
  const seen: number[] = [];
  await assert.rejects(
    async () => {
      for await (const event of failing) seen.push(event);
    },
    { message: 'gone' },
  );
  assert.deepEqual([seen, left], [[1], 0]);
  const stream = new EventStream<number>(() => left++);
  for (const event of [1, 2, 3]) stream.push(event);
  assert.deepEqual([await read(stream, 2), left], [[1, 2], 1]);
});
