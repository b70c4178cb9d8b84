import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { connect } from 'node:net';
import { test, type TestContext } from 'node:test';
import { listen } from './listener.ts';

async function serve(t: TestContext, handle: (request: IncomingMessage, response: ServerResponse) => void) {
  const listener = await listen(handle, {
    host: '127.0.0.1',
    port: 0,
    tls: null,
    headersTimeoutMs: 10_000,
    requestTimeoutMs: 10_000,
    idleTimeoutMs: 10_000,
  });
  t.after(() => listener.close(0));
  return listener;
}

/** Everything the server answers to `bytes` before it ends the connection. */
async function exchange(port: number, bytes: string): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  let answer = '';
  socket.setEncoding('latin1').on('data', (text: string) => {
    answer += text;
  });
  socket.write(bytes);
  await once(socket, 'close');
  return answer;
}

test('listen answers what is no HTTP with 400 and ends the connection', async (t) => {
  const { port } = await serve(t, (_request, response) => response.end('fine'));
  assert.match(await exchange(port, 'no such thing\r\n\r\n'), /^HTTP\/1\.1 400 Bad Request\r\n/);
});

test('listen writes nothing behind the last reply of a connection, whatever follows the request', async (t) => {
  const { port } = await serve(t, (_request, response) => {
    response.setHeader('connection', 'close');
    response.end('refused');
  });
  const answer = await exchange(port, 'GET / HTTP/1.1\r\nHost: x\r\n\r\n{"a body": "nobody announced"}\r\n\r\n');
  assert.match(answer, /^HTTP\/1\.1 200 OK\r\n[\s\S]*\r\n\r\n(7\r\n)?refused(\r\n0\r\n\r\n)?$/);
});

test('close does not wait for connections on which nothing was asked yet', async (t) => {
  const listener = await serve(t, (_request, response) => response.end('fine'));
  const idle = connect(listener.port, '127.0.0.1');
  await once(idle, 'connect');
  assert.match(await exchange(listener.port, 'GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'), /fine/);
  const gone = once(idle, 'close');
  await listener.close(2 ** 30); // with the wait this test would not end
  await gone;
});

test('close lets replies under way say their last words, and cuts those who do not end for them', async (t) => {
  const replies: ServerResponse[] = [];
  const listener = await serve(t, (_request, response) => {
    response.write('once');
    replies.push(response);
  });
  const [told, deaf] = [0, 1].map(() =>
    exchange(listener.port, 'GET / HTTP/1.1\r\nHost: x\r\n\r\n').catch(() => 'cut'),
  );
  while (replies.length < 2) await new Promise((resolve) => setImmediate(resolve));
  await listener.close(5, () => replies[0]?.end(' the end'));
  assert.match((await told) ?? '', /once[\s\S]* the end\r\n0\r\n/);
  assert.doesNotMatch((await deaf) ?? '', /\r\n0\r\n/);
});
