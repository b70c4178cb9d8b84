import assert from 'node:assert/strict';
import test from 'node:test';
import { createClient } from './client.ts';
import type { PullEvent } from './pull.ts';
import { type Answer, startTestServer } from './testing/http-server.ts';

const event = (type: string, data: object): string => `event: ${type}\ndata: ${JSON.stringify(data)}\n\n`;
const stream = (text: string): Answer => ({
  status: 200,
  headers: { 'content-type': 'text/event-stream' },
  body: text,
});
const started = { model: 'm', source: 's', license: null, files: [], totalBytes: 3, missingBytes: 3 };

async function pulled(url: string, heard: PullEvent[] = []): Promise<readonly PullEvent[]> {
  for await (const each of createClient({ url, apiKey: '' }).pull({ reference: 'hf:o/r', name: 'm' })) heard.push(each);
  return heard;
}

test('pull gives the events up to the last one and passes over those of a newer server', async (t) => {
  const server = await startTestServer(t, () =>
    stream(
      event('started', started) + event('newer', {}) + event('done', { version: { version: 2 }, unchanged: false }),
    ),
  );
  const events = await pulled(server.url);
  assert.deepEqual(events, [
    { type: 'started', ...started },
    { type: 'done', version: { version: 2 }, unchanged: false },
  ]);
  const [asked] = server.asked;
  assert.deepEqual([asked?.method, asked?.path], ['POST', '/admin/v1/pulls']);
  assert.deepEqual(JSON.parse(asked?.body.toString() ?? ''), { reference: 'hf:o/r', name: 'm' });
});

test('pull throws what the server says went wrong, before and within the stream', async (t) => {
  const error = {
    code: 'DATA_LOSS',
    reason: 'DIGEST_MISMATCH',
    message: 'other bytes',
    details: { a: 1 },
    retryable: false,
  };
  const within = await startTestServer(t, () => stream(event('started', started) + event('error', error)));
  const heard: PullEvent[] = [];
  await assert.rejects(pulled(within.url, heard), {
    reason: 'DIGEST_MISMATCH',
    message: 'other bytes',
    details: { a: 1 },
  });
  assert.equal(heard.length, 1);
  const before = await startTestServer(t, () => ({
    status: 404,
    body: { error: { ...error, reason: 'ARTIFACT_NOT_FOUND' } },
  }));
  await assert.rejects(pulled(before.url), { reason: 'ARTIFACT_NOT_FOUND' });
});

test('pull says that a stream without an end can be gone on with', async (t) => {
  const server = await startTestServer(t, () => stream(event('started', started)));
  const lost = { reason: 'TRANSPORT_FAILED', message: /ended before the model was here; the same call goes on/ };
  await assert.rejects(pulled(server.url), lost);
});

test('pull is cancelled by its signal', async (t) => {
  const server = await startTestServer(t, () => 'hang');
  const stop = new AbortController();
  setTimeout(() => stop.abort(), 20);
  const events = createClient({ url: server.url, apiKey: '' }).pull({ reference: 'hf:o/r', signal: stop.signal });
  await assert.rejects(events.next(), { reason: 'CANCELLED' });
});
