import assert from 'node:assert/strict';
import test from 'node:test';
import { AmaasError, type Clock, type ErrorReason } from '@amaas/core';
import { createClient } from './client.ts';
import { startTestServer } from './testing/http-server.ts';

/** A clock whose timers all fire at once, in order, and that notes how long each was for. */
function instantClock(): Clock & { readonly pausesMs: number[] } {
  const pausesMs: number[] = [];
  let nowMs = 1000;
  return {
    pausesMs,
    nowMs: () => nowMs,
    wallTime: () => new Date('2026-03-04T05:06:07Z'),
    schedule(delayMs, action) {
      if (delayMs >= 60_000) return () => undefined; // the deadline of the call
      pausesMs.push(delayMs);
      nowMs += delayMs;
      const handle = setImmediate(action);
      return () => clearImmediate(handle);
    },
  };
}

async function failureOf(work: Promise<unknown>): Promise<AmaasError> {
  const thrown = await work.then(
    () => assert.fail('expected a failure'),
    (error: unknown) => error,
  );
  assert.ok(thrown instanceof AmaasError);
  return thrown;
}

const status = { name: 'amaas', version: '9.8.7' };

test('client sends the key, and none where none is given', async (t) => {
  const server = await startTestServer(t, () => ({ status: 200, body: status }));
  await createClient({ url: `${server.url}/`, apiKey: 'secret-1' }).status();
  await createClient({ url: server.url, apiKey: '' }).status();
  assert.deepEqual(
    server.asked.map(({ method, path, headers }) => [method, path, headers.authorization]),
    [
      ['GET', '/admin/v1/status', 'Bearer secret-1'],
      ['GET', '/admin/v1/status', undefined],
    ],
  );
});

test('client repeats 429 and 503 after growing pauses, at least as long as Retry-After, and then succeeds', async (t) => {
  const clock = instantClock();
  const server = await startTestServer(t, (_asked, count) => {
    if (count === 1) return { status: 429, body: { error: 'queue full' } };
    if (count === 2) return { status: 503, headers: { 'retry-after': '7' }, body: { error: 'starting' } };
    return { status: 200, body: status };
  });
  const client = createClient({ url: server.url, clock, random: () => 0.25, retry: { maxAttempts: 4 } });
  assert.equal((await client.status()).version, '9.8.7');
  assert.deepEqual(clock.pausesMs, [25, 7050]);
});

test('client gives up after maxAttempts with the last error', async (t) => {
  const clock = instantClock();
  const server = await startTestServer(t, (_asked, count) => ({ status: 503, body: { error: `busy ${count}` } }));
  const client = createClient({ url: server.url, clock, retry: { maxAttempts: 2 } });
  const error = await failureOf(client.status());
  assert.equal(error.message, 'busy 2');
  assert.equal(server.asked.length, 2);
});

test('client repeats lost connections of reading calls and inference, never of creating ones', async (t) => {
  const clock = instantClock();
  const server = await startTestServer(t, () => 'drop');
  const client = createClient({ url: server.url, clock, retry: { maxAttempts: 3 } });
  const calls = new Map<string, () => Promise<unknown>>([
    ['status', () => client.status()],
    ['infer', () => client.infer('m', new Map([['x', { dtype: 'float32', shape: [1], data: Float32Array.of(2) }]]))],
    ['setLabel', () => client.models.setLabel('m', { label: 'l', version: 2 })],
    ['keys.create', () => client.keys.create({ name: 'k', scopes: ['infer'] })],
    ['deployUrl', () => client.deployUrl({ name: 'm', url: 'https://example.com/m.onnx' })],
  ]);
  const attempts = new Map<string, number>();
  for (const [name, call] of calls) {
    const before = server.asked.length;
    const error = await failureOf(call());
    assert.equal(error.reason, 'TRANSPORT_FAILED');
    attempts.set(name, server.asked.length - before);
  }
  assert.deepEqual(
    [...attempts],
    [
      ['status', 3],
      ['infer', 3],
      ['setLabel', 3],
      ['keys.create', 1],
      ['deployUrl', 1],
    ],
  );
});

test('client never repeats other failures, and names their reason', async (t) => {
  const admin = (reason: string, code: string) => ({
    error: { code, reason, message: 'm', details: { model: 'x' }, retryable: false, requestId: 'r-1' },
  });
  const table: readonly [status: number, body: unknown, reason: ErrorReason][] = [
    [422, admin('MODEL_REJECTED', 'FAILED_PRECONDITION'), 'MODEL_REJECTED'],
    [409, admin('NAME_TAKEN', 'ALREADY_EXISTS'), 'NAME_TAKEN'],
    [403, admin('A_REASON_OF_THE_FUTURE', 'PERMISSION_DENIED'), 'FORBIDDEN'],
    [400, { error: 'input "x" is missing' }, 'INVALID_ARGUMENT'],
    [404, '<html>nothing here</html>', 'MODEL_NOT_FOUND'],
    [401, '', 'INVALID_KEY'],
    [500, { error: 'oh' }, 'INTERNAL'],
    [504, { error: 'late' }, 'DEADLINE_EXCEEDED'],
  ];
  for (const [code, body, reason] of table) {
    const server = await startTestServer(t, () => ({ status: code, body }));
    const error = await failureOf(createClient({ url: server.url, clock: instantClock() }).models.get('x'));
    assert.deepEqual([error.reason, error.details['status'], server.asked.length], [reason, code, 1]);
  }
});

test('client keeps what an error body says: message, details, request id, an unknown reason', async (t) => {
  const error = {
    code: 'UNAVAILABLE',
    reason: 'A_REASON_OF_THE_FUTURE',
    message: 'the moon is in the wrong phase',
    details: { phase: 3 },
    retryable: false,
    requestId: 'r-77',
  };
  const server = await startTestServer(t, () => ({ status: 503, body: { error } }));
  const thrown = await failureOf(createClient({ url: server.url, clock: instantClock() }).status());
  assert.equal(thrown.message, 'the moon is in the wrong phase');
  assert.deepEqual(thrown.details, {
    phase: 3,
    status: 503,
    serverReason: 'A_REASON_OF_THE_FUTURE',
    requestId: 'r-77',
  });
  assert.equal(server.asked.length, 1); // 503, but the server calls it final
});

test('client ends a call with DEADLINE_EXCEEDED after timeoutMs and with CANCELLED when its signal fires', async (t) => {
  const server = await startTestServer(t, () => 'hang');
  const client = createClient({ url: server.url });
  const late = await failureOf(client.status({ timeoutMs: 30 }));
  assert.equal(late.reason, 'DEADLINE_EXCEEDED');
  assert.match(late.message, /status: no reply within 30 ms/);
  const abort = new AbortController();
  const cancelled = failureOf(client.status({ signal: abort.signal }));
  abort.abort();
  assert.equal((await cancelled).reason, 'CANCELLED');
  assert.equal((await failureOf(client.status({ signal: AbortSignal.abort() }))).reason, 'CANCELLED');
});

test('client does not start a pause that would outlive the deadline', async (t) => {
  const server = await startTestServer(t, () => ({
    status: 503,
    headers: { 'retry-after': '900' },
    body: { error: 'later' },
  }));
  const error = await failureOf(createClient({ url: server.url, timeoutMs: 5000 }).status());
  assert.equal(error.message, 'later');
  assert.equal(server.asked.length, 1);
});

test('client cancelled during a pause ends at once', async (t) => {
  const abort = new AbortController();
  const server = await startTestServer(t, () => {
    setTimeout(() => abort.abort(), 20);
    return { status: 503, headers: { 'retry-after': '30' }, body: { error: 'later' } };
  });
  const error = await failureOf(createClient({ url: server.url }).status({ signal: abort.signal }));
  assert.equal(error.reason, 'CANCELLED');
});

test('client tells an unreachable server and something that is not amaas', async (t) => {
  const refused = await failureOf(createClient({ url: 'http://127.0.0.1:9', retry: { maxAttempts: 1 } }).status());
  assert.equal(refused.reason, 'TRANSPORT_FAILED');
  assert.match(refused.message, /^status: cannot reach http:\/\/127\.0\.0\.1:9: /);
  const other = await startTestServer(t, () => ({
    status: 200,
    headers: { 'content-type': 'text/html' },
    body: '<p>',
  }));
  const html = await failureOf(createClient({ url: other.url }).status());
  assert.match(html.message, /expected a JSON object, got text\/html/);
  const moved = await startTestServer(t, () => ({ status: 301, headers: { location: 'https://elsewhere.example/' } }));
  const redirect = await failureOf(createClient({ url: moved.url, apiKey: 'k' }).status());
  assert.match(redirect.message, /redirects to https:\/\/elsewhere\.example\//);
  assert.equal(moved.asked.length, 1);
});

test('createClient refuses addresses and numbers that cannot be', () => {
  for (const url of ['localhost:8080', 'ftp://x', 'http://user:pw@x', 'http://x/?a=1', 'nonsense']) {
    assert.throws(() => createClient({ url }), { reason: 'INVALID_ARGUMENT' }, url);
  }
  assert.throws(() => createClient({ timeoutMs: Number.NaN }), { reason: 'INVALID_ARGUMENT' });
  assert.throws(() => createClient({ retry: { maxAttempts: 0 } }), { reason: 'INVALID_ARGUMENT' });
  assert.equal(createClient({ url: 'https://Example.com/models///' }).url, 'https://example.com/models');
});

test('isLive and isReady answer without throwing', async (t) => {
  const server = await startTestServer(t, ({ path }) => ({ status: path === '/healthz' ? 200 : 503, body: {} }));
  const client = createClient({ url: server.url });
  assert.deepEqual([await client.isLive(), await client.isReady()], [true, false]);
  assert.equal(await createClient({ url: 'http://127.0.0.1:9' }).isLive(), false);
});
