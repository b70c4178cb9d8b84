import assert from 'node:assert/strict';
import test from 'node:test';
import { type ReceivedEvent, readServerSentEvents } from './server-sent-events.ts';

async function read(pieces: readonly (string | Uint8Array)[]): Promise<readonly ReceivedEvent[]> {
  const encoder = new TextEncoder();
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      for (const piece of pieces) controller.enqueue(typeof piece === 'string' ? encoder.encode(piece) : piece);
      controller.close();
    },
  });
  const events: ReceivedEvent[] = [];
  for await (const event of readServerSentEvents(body)) events.push(event);
  return events;
}

// Streams and what they mean after the examples of the HTML Living Standard, section 9.2.6.
test('readServerSentEvents reads fields, comments, empty values and several lines of data', async () => {
  assert.deepEqual(await read(['data: YHOO\ndata: +2\ndata: 10\n\n']), [
    { lastId: '', hasId: false, type: 'message', data: 'YHOO\n+2\n10' },
  ]);
  assert.deepEqual(
    await read([': test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n']),
    [
      { lastId: '1', hasId: true, type: 'message', data: 'first event' },
      { lastId: '', hasId: true, type: 'message', data: 'second event' },
      { lastId: '', hasId: false, type: 'message', data: ' third event' },
    ],
  );
  assert.deepEqual(await read(['data\n\ndata\ndata\n\ndata:']), [
    { lastId: '', hasId: false, type: 'message', data: '' },
    { lastId: '', hasId: false, type: 'message', data: '\n' },
  ]);
  const [kept, next] = await read(['id: 7\nevent: progress\ndata: a: b\nwhatever: x\n\ndata: c\n\n']);
  assert.deepEqual(kept, { lastId: '7', hasId: true, type: 'progress', data: 'a: b' });
  assert.deepEqual(next, { lastId: '7', hasId: false, type: 'message', data: 'c' });
});

test('readServerSentEvents gives the same wherever the stream is cut, with every kind of line end', async () => {
  const text = 'id: 1\r\nevent: é€\r\ndata: {"x":"😀"}\r\n\r\nid: 2\rdata: b\r\r: still here\n\nid: 3\ndata: c\n\n';
  const whole = await read([text]);
  assert.deepEqual(
    whole.map(({ lastId, type, data }) => [lastId, type, data]),
    [
      ['1', 'é€', '{"x":"😀"}'],
      ['2', 'message', 'b'],
      ['3', 'message', 'c'],
    ],
  );
  const bytes = new TextEncoder().encode(text);
  for (let cut = 1; cut < bytes.length; cut++) {
    assert.deepEqual(await read([bytes.subarray(0, cut), bytes.subarray(cut)]), whole, `cut at ${cut}`);
  }
});

test('readServerSentEvents lets go of the stream when nobody listens any more', async () => {
  let isCancelled = false;
  const body = new ReadableStream<Uint8Array>({
    pull: (controller) => controller.enqueue(new TextEncoder().encode('data: x\n\n')),
    cancel: () => {
      isCancelled = true;
    },
  });
  for await (const { data } of readServerSentEvents(body)) {
    assert.equal(data, 'x');
    break;
  }
  assert.equal(isCancelled, true);
});
