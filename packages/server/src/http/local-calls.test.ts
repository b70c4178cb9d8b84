import assert from 'node:assert/strict';
import type { Duplex } from 'node:stream';
import { test } from 'node:test';
import { AmaasError } from '@amaas/core';
import type { Principal } from '../gateway/index.ts';
import { settle } from '../scheduler/testing/fake-clock.ts';
import type { Handler } from './handler.ts';
import { LocalCalls } from './local-calls.ts';

const NEVER = new AbortController().signal;
/** Tests look at its name only. */
const CALLER = { name: 'ci' } as Principal;

test('LocalCalls.call hands a request to the handler with who makes it, and gives the reply back', async () => {
  const calls = new LocalCalls((request, response, identify) => {
    void (async () => {
      const pieces: Uint8Array[] = [];
      for await (const piece of request) pieces.push(piece);
      const { method, url } = request;
      response.writeHead(201, { 'x-request-id': 'r-7', 'content-type': 'application/json' });
      const sent = Buffer.concat(pieces).toString('utf8');
      response.write(JSON.stringify([method, url, identify?.().name]));
      response.end(sent); // in two pieces, as a stream would
    })();
  });
  const body = JSON.stringify({ text: 'ü'.repeat(3_000_000) }); // many times what a connection holds
  const [one, two] = await Promise.all(
    ['/v1/a', '/v1/b?c=d'].map((path) => calls.call({ path, body, identify: () => CALLER, signal: NEVER })),
  );
  assert.deepEqual({ ...one, body: '' }, { status: 201, requestId: 'r-7', isRetryable: false, reason: null, body: '' });
  assert.ok(one?.body === `["POST","/v1/a","ci"]${body}`);
  assert.ok(two?.body === `["POST","/v1/b?c=d","ci"]${body}`);
});

test('LocalCalls.call leaves no connection behind, however it ends', async () => {
  const sockets: Duplex[] = [];
  const calls = new LocalCalls((request, response) => {
    sockets.push(request.socket);
    if (request.url === '/cut') response.destroy();
    else if (request.url === '/early') response.end('before the body was read');
    else if (request.url === '/answered') request.resume().on('end', () => response.end('x'));
  });
  const body = JSON.stringify('x'.repeat(200_000));
  for (const path of ['/answered', '/early', '/cut', '/never']) {
    const stop = new AbortController();
    const call = calls.call({ path, body, identify: () => CALLER, signal: stop.signal });
    if (path === '/never') setImmediate(() => stop.abort());
    await call.catch(() => {});
  }
  await settle();
  assert.deepEqual(
    sockets.map(({ destroyed }) => destroyed),
    sockets.map(() => true),
  );
  assert.ok(sockets.length >= 3);
});

test('LocalCalls.call says why a request failed and whether it may be tried again', async () => {
  const calls = new LocalCalls((_request, response, identify) => {
    try {
      identify?.();
    } catch (thrown) {
      assert.ok(thrown instanceof AmaasError);
      response.writeHead(503, { 'retry-after': '1', 'x-amaas-reason': thrown.reason }).end('{}');
    }
  });
  const identify = (): Principal => {
    throw new AmaasError('INVALID_KEY', 'revoked');
  };
  const reply = await calls.call({ path: '/', body: '{}', identify, signal: NEVER });
  assert.deepEqual([reply.status, reply.isRetryable, reply.reason, reply.body], [503, true, 'INVALID_KEY', '{}']);
});

test('LocalCalls.call ends with its signal, which the handler sees as a caller that has gone', async () => {
  const { promise: arrived, resolve: arrive } = Promise.withResolvers<void>();
  const { promise: closed, resolve: close } = Promise.withResolvers<boolean>();
  const hang: Handler = (_request, response) => {
    response.once('close', () => close(response.writableFinished));
    arrive();
  };
  const stop = new AbortController();
  const call = new LocalCalls(hang).call({ path: '/', body: '{}', identify: () => CALLER, signal: stop.signal });
  await arrived;
  stop.abort();
  await assert.rejects(call, { name: 'AbortError' });
  assert.equal(await closed, false);
});

test('LocalCalls.call rejects when the reply is cut off', async () => {
  for (const cut of [false, true]) {
    const calls = new LocalCalls((_request, response) => {
      if (cut) response.writeHead(200).write('half', () => response.destroy());
      else response.destroy();
    });
    await assert.rejects(calls.call({ path: '/', body: '{}', identify: () => CALLER, signal: NEVER }));
  }
});
