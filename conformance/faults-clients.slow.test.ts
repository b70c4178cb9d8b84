// Clients that are slow, silent or gone: they cost the server nothing lasting, and everybody else is served throughout.
import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { after, afterEach, before, test } from 'node:test';
import { biasModel, model, tensorInfo } from './testing/models.ts';
import { openSocket, readToEnd } from './testing/raw-http.ts';
import { ADMIN_KEY, startTestServer, type TestServer } from './testing/running-server.ts';
import { until } from './testing/until.ts';

const MIB = 1024 * 1024;

let server: TestServer;

before(async () => {
  server = await startTestServer({ headersTimeoutMs: '500', requestTimeoutMs: '1500', idleTimeoutMs: '1000' });
  await server.deploy('bias', biasModel(1));
  await server.deploy('inflate', inflateModel());
});

after(() => server.stop());

afterEach(async () => assert.equal(await askOnce(), 200));

/** y = x repeated as the second input says: a few bytes in, megabytes out. */
function inflateModel(): Uint8Array {
  return model({
    nodes: [{ op: 'Expand', inputs: ['x', 'shape'], outputs: ['y'] }],
    inputs: [tensorInfo('x', 'float32', [1]), tensorInfo('shape', 'int64', [1])],
    outputs: [tensorInfo('y', 'float32', [null])],
  });
}

const BODY = JSON.stringify({ inputs: [{ name: 'x', datatype: 'FP32', shape: [1, 2], data: [1, 2] }] });

async function askOnce(): Promise<number> {
  const response = await server.request('/v2/models/bias/infer', { method: 'POST', body: BODY });
  await response.arrayBuffer();
  return response.status;
}

function head(path: string, ...lines: readonly string[]): string {
  return [`POST ${path} HTTP/1.1`, 'Host: localhost', `Authorization: Bearer ${ADMIN_KEY}`, ...lines, ''].join('\r\n');
}

/** Writes one byte after the other with pauses, until the connection ends or the bytes do. */
function drip(socket: Socket, bytes: string, pauseMs: number): void {
  let at = 0;
  const timer = setInterval(() => {
    if (socket.destroyed || at >= bytes.length) clearInterval(timer);
    else socket.write(bytes[at++] ?? '');
  }, pauseMs);
}

/** Opens many connections that behave alike, and gives what each was told in the end. */
async function crowd(
  count: number,
  behave: (socket: Socket) => void,
): Promise<{ readonly answers: Promise<readonly string[]> }> {
  const sockets = await Promise.all(Array.from({ length: count }, () => openSocket(server.url)));
  const answers = Promise.all(sockets.map((socket) => readToEnd(socket)));
  for (const socket of sockets) behave(socket);
  return { answers };
}

/** Asks again and again until `during` settles; every answer must be 200. */
async function serveDuring<T>(during: Promise<T>): Promise<T> {
  let isOver = false;
  const watched = during.finally(() => {
    isOver = true;
  });
  let asked = 0;
  while (!isOver) {
    assert.equal(await askOnce(), 200);
    asked++;
  }
  assert.ok(asked > 10);
  return watched;
}

test('headers that trickle in are cut off, and others are served meanwhile', async () => {
  const slow = `${head('/v2/models/bias/infer', 'X-Slow: ')}${'z'.repeat(1000)}`;
  const { answers } = await crowd(100, (socket) => drip(socket, slow, 50));
  for (const answer of await serveDuring(answers)) assert.match(answer, /^HTTP\/1\.1 408 /);
});

test('connections that say nothing are cut off', async () => {
  const { answers } = await crowd(50, () => {});
  for (const answer of await serveDuring(answers)) assert.match(answer, /^$|^HTTP\/1\.1 408 /);
});

test('bodies that trickle in are cut off', async () => {
  const opening = `${head('/v2/models/bias/infer', `Content-Length: ${BODY.length}`)}\r\n`;
  const { answers } = await crowd(100, (socket) => {
    socket.write(opening);
    drip(socket, BODY, 100);
  });
  for (const answer of await serveDuring(answers)) assert.match(answer, /^HTTP\/1\.1 408 /);
  const chunked = `${head('/v2/models/bias/infer', 'Transfer-Encoding: chunked')}\r\n`;
  const endless = await crowd(20, (socket) => {
    socket.write(chunked);
    drip(socket, '1\r\n \r\n'.repeat(1000), 20);
  });
  for (const answer of await serveDuring(endless.answers)) assert.match(answer, /^HTTP\/1\.1 408 /);
});

test('a model file may take longer than a request, as long as it keeps coming', async () => {
  const bytes = Buffer.from(biasModel(7));
  const socket = await openSocket(server.url);
  const answer = readToEnd(socket);
  const lines = ['Content-Type: application/octet-stream', `Content-Length: ${bytes.length}`, 'Connection: close'];
  socket.write(`${head('/admin/v1/models/uploaded/versions', ...lines)}\r\n`);
  const pieces = 12; // 3.6 seconds, with a limit of 1.5 for requests
  for (let piece = 0; piece < pieces; piece++) {
    socket.write(bytes.subarray((bytes.length * piece) / pieces, (bytes.length * (piece + 1)) / pieces));
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
  assert.match(await answer, /^HTTP\/1\.1 201 /);
});

test('a model file that stops coming is cut off and leaves nothing behind', async () => {
  const { answers } = await crowd(10, (socket) => {
    const lines = ['Content-Type: application/octet-stream', 'Content-Length: 1000'];
    socket.write(`${head('/admin/v1/models/stalled/versions', ...lines)}\r\n0123456789`);
  });
  for (const answer of await serveDuring(answers)) assert.match(answer, /^HTTP\/1\.1 408 /);
  assert.equal((await server.request('/admin/v1/models/stalled')).status, 404);
});

test('idle connections are closed after their time', async () => {
  const socket = await openSocket(server.url);
  const answer = readToEnd(socket);
  socket.write(`${head('/v2/models/bias/infer', `Content-Length: ${BODY.length}`)}\r\n${BODY}`);
  assert.match(await answer, /^HTTP\/1\.1 200 /);
});

test('clients that go in the middle of their body leave nothing behind', async () => {
  const before = process.memoryUsage();
  for (let round = 0; round < 8; round++) {
    const { answers } = await crowd(20, (socket) => {
      socket.write(`${head('/v2/models/bias/infer', `Content-Length: ${32 * MIB}`)}\r\n`);
      socket.write(Buffer.alloc(2 * MIB, 0x20), () => socket.destroy());
    });
    await answers;
  }
  assert.equal(await askOnce(), 200);
  await settledBelow(before.arrayBuffers + 100 * MIB);
});

function inflate(elements: number): string {
  const body = JSON.stringify({
    inputs: [
      { name: 'x', datatype: 'FP32', shape: [1], data: [0.5] },
      { name: 'shape', datatype: 'INT64', shape: [1], data: [elements] },
    ],
    parameters: { binary_data_output: true },
  });
  return `${head('/v2/models/inflate/infer', `Content-Length: ${body.length}`)}\r\n${body}`;
}

test('clients that go in the middle of their reply leave nothing behind', async () => {
  const before = process.memoryUsage();
  for (let round = 0; round < 10; round++) {
    const { answers } = await crowd(5, (socket) => {
      socket.once('data', () => socket.destroy());
      socket.write(inflate(4 * MIB)); // 16 MiB
    });
    await answers;
  }
  await settledBelow(before.arrayBuffers + 100 * MIB);
});

test('clients that do not read their reply are cut off', async () => {
  const before = process.memoryUsage();
  const sockets = await Promise.all(Array.from({ length: 10 }, () => openSocket(server.url)));
  for (const socket of sockets) {
    socket.pause();
    socket.write(inflate(8 * MIB)); // 32 MiB each
  }
  assert.equal(await askOnce(), 200);
  await settledBelow(before.arrayBuffers + 100 * MIB);
  for (const socket of sockets) socket.destroy();
});

test('clients that go before their turn are taken off the queue', async () => {
  const { answers } = await crowd(200, (socket) => {
    socket.write(`${head('/v2/models/bias/infer', `Content-Length: ${BODY.length}`)}\r\n${BODY}`, () =>
      socket.destroy(),
    );
  });
  await answers;
  await until('nothing is queued', async () => /amaas_\w*queue\w*\{model="bias",version="1"\} 0/.test(await metrics()));
});

async function metrics(): Promise<string> {
  return (await server.request('/metrics')).text();
}

/** Waits until the memory of buffers is below a bound, helping the garbage collector along. */
async function settledBelow(bytes: number): Promise<void> {
  await until(`less than ${bytes} bytes of buffers`, async () => {
    for (let i = 0; i < 10; i++) new Uint8Array(MIB).fill(1); // pressure, so that it collects
    assert.equal(await askOnce(), 200);
    return process.memoryUsage().arrayBuffers < bytes;
  });
}
