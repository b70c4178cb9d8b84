// HTTP itself under the Open Inference Protocol: lengths that lie, size limits, content encodings, chunked bodies,
// pipelining, requests that are no HTTP. Whatever comes, the next request is answered.
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { deflateRawSync, gzipSync } from 'node:zlib';
import { identityModel } from './testing/models.ts';
import { openSocket, readToEnd, sendBytes, sendRequest } from './testing/raw-http.ts';
import { ADMIN_KEY, startTestServer, type TestServer } from './testing/running-server.ts';

const MIB = 1024 * 1024;
const MAX_REQUEST_BYTES = 8 * MIB;

let server: TestServer;

before(async () => {
  server = await startTestServer({ maxRequestBytes: String(MAX_REQUEST_BYTES) });
  await server.deploy('echo', identityModel('float32', ['N', 2]));
});

const GOOD = JSON.stringify({ inputs: [{ name: 'x', datatype: 'FP32', shape: [1, 2], data: [1, 2] }] });

afterEach(async () => {
  assert.equal((await post(GOOD)).status, 200, 'the server must answer on');
});

after(() => server.stop());

function post(body: string | Uint8Array<ArrayBuffer>, headers: Readonly<Record<string, string>> = {}) {
  return server.request('/v2/models/echo/infer', { method: 'POST', body, headers });
}

async function errorOf(response: Response): Promise<string> {
  const body = (await response.json()) as { readonly error: string }; // every error has this form
  assert.deepEqual(Object.keys(body), ['error']);
  return body.error;
}

/** The head of a POST …/infer on a raw socket, without the empty line that ends it. */
function head(...lines: readonly string[]): string {
  const all = [
    'POST /v2/models/echo/infer HTTP/1.1',
    'Host: localhost',
    `Authorization: Bearer ${ADMIN_KEY}`,
    ...lines,
  ];
  return `${all.join('\r\n')}\r\n`;
}

function statusOf(answer: string): number {
  return Number(/^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1] ?? 0);
}

test('a body beyond the limit is refused with 413, whether announced or not', async () => {
  const large = new Uint8Array(MAX_REQUEST_BYTES + 1).fill(0x20);
  const announced = await post(large);
  assert.equal(announced.status, 413);
  assert.match(await errorOf(announced), /^the request body may have at most 8388608 bytes, got 8388609/);
  const chunks = new ReadableStream<Uint8Array>({
    start(controller) {
      for (let at = 0; at < large.byteLength; at += 65536) controller.enqueue(large.subarray(at, at + 65536));
      controller.close();
    },
  });
  const options: RequestInit & { duplex: 'half' } = { method: 'POST', body: chunks, duplex: 'half' };
  const chunked = await server.request('/v2/models/echo/infer', options);
  assert.equal(chunked.status, 413);
  assert.match(await errorOf(chunked), /^the request body may have at most 8388608 bytes/);
  const fitting = new Uint8Array(MAX_REQUEST_BYTES).fill(0x20);
  fitting.set(Buffer.from(GOOD));
  assert.equal((await post(fitting)).status, 200, 'exactly the limit is allowed');
});

test('a client that sends far too much still reads why it was refused', async () => {
  for (let round = 0; round < 5; round++) {
    const response = await post(new Uint8Array(40 * MIB));
    assert.equal(response.status, 413);
    await response.arrayBuffer();
  }
});

test('compressed bodies are limited by what they become', async () => {
  const bomb = gzipSync(new Uint8Array(512 * MIB)); // half a gigabyte of zeros in half a megabyte
  assert.ok(bomb.byteLength < MAX_REQUEST_BYTES);
  const before = process.memoryUsage().rss;
  const response = await post(new Uint8Array(bomb), { 'content-encoding': 'gzip' });
  assert.equal(response.status, 413);
  assert.ok(process.memoryUsage().rss - before < 256 * MIB);
});

test('bodies that are not what their encoding says', async () => {
  const json = Buffer.from(GOOD);
  const broken: readonly (readonly [string, Uint8Array])[] = [
    ['gzip', json],
    ['gzip', gzipSync(json).subarray(0, 20)],
    ['gzip', new Uint8Array(0)],
    ['deflate', json],
    ['deflate', deflateRawSync(json)],
    ['br', json],
  ];
  for (const [encoding, bytes] of broken) {
    const response = await post(Uint8Array.from(bytes), { 'content-encoding': encoding });
    assert.equal(response.status, 400, encoding);
    await errorOf(response);
  }
  for (const encoding of ['zstd', 'compress', 'gzip, br', 'x']) {
    const response = await post(GOOD, { 'content-encoding': encoding });
    assert.equal(response.status, 415, encoding);
    assert.match(await errorOf(response), /^Content-Encoding must be/);
  }
  assert.equal((await post(GOOD, { 'content-encoding': 'identity' })).status, 200);
});

test('Content-Length of a gigabyte is refused before anything is read', async () => {
  for (const length of ['1073741824', '9007199254740991']) {
    const answer = await sendBytes(server.url, `${head(`Content-Length: ${length}`)}\r\n`);
    assert.equal(statusOf(answer), 413, answer);
    assert.match(answer, /\r\nconnection: close\r\n/i);
  }
});

test('many large claims at once set no memory aside', async () => {
  const before = process.memoryUsage();
  const sockets = await Promise.all(Array.from({ length: 200 }, () => openSocket(server.url)));
  for (const socket of sockets) socket.write(`${head(`Content-Length: ${MAX_REQUEST_BYTES}`)}\r\n{`);
  assert.equal((await post(GOOD)).status, 200);
  // 1,600 MiB were claimed.
  assert.ok(process.memoryUsage().arrayBuffers - before.arrayBuffers < 400 * MIB);
  for (const socket of sockets) socket.destroy();
});

test('Content-Length that is no length, twice or beside chunks is no HTTP', async () => {
  for (const lines of [
    ['Content-Length: abc'],
    ['Content-Length: -1'],
    ['Content-Length: 1.5'],
    ['Content-Length: 10', 'Content-Length: 11'],
    ['Content-Length: 5', 'Transfer-Encoding: chunked'],
    ['Transfer-Encoding: chunked, identity'],
    ['Content-Length: 999999999999999999999999'],
  ]) {
    const answer = await sendBytes(server.url, `${head(...lines)}\r\n${GOOD}`);
    assert.equal(statusOf(answer), 400, `${lines.join(' | ')}: ${answer}`);
  }
});

test('a body shorter than announced waits; when the client goes, nothing is left behind', async () => {
  const socket = await openSocket(server.url);
  const answer = readToEnd(socket);
  socket.write(`${head(`Content-Length: ${GOOD.length}`)}\r\n${GOOD.slice(0, 20)}`);
  await new Promise((resolve) => setTimeout(resolve, 50));
  socket.end();
  assert.notEqual(statusOf(await answer), 200);
});

test('bytes beyond the announced length are the next request', async () => {
  const socket = await openSocket(server.url);
  const answer = readToEnd(socket);
  const first = `${head(`Content-Length: ${GOOD.length}`)}\r\n${GOOD}`;
  const second = `${head(`Content-Length: ${GOOD.length}`, 'Connection: close')}\r\n${GOOD}`;
  socket.write(first + second);
  const statuses = [...(await answer).matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, status]) => status);
  assert.deepEqual(statuses, ['200', '200'], 'pipelined requests are answered in order');
  const rubbish = await sendBytes(server.url, `${head(`Content-Length: ${GOOD.length}`)}\r\n${GOOD}rubbish\r\n\r\n`);
  assert.equal(statusOf(rubbish.slice(rubbish.lastIndexOf('HTTP/1.1'))), 400, rubbish);
});

test('chunked bodies arrive whole; broken chunks do not arrive', async () => {
  const chunks = (size: number) =>
    (GOOD.match(new RegExp(`.{1,${size}}`, 'g')) ?? []).map((part) => `${part.length.toString(16)}\r\n${part}\r\n`);
  const opening = `${head('Transfer-Encoding: chunked', 'Connection: close')}\r\n`;
  for (const size of [1, 7, 1000]) {
    assert.equal(statusOf(await sendBytes(server.url, `${opening}${chunks(size).join('')}0\r\n\r\n`)), 200, `${size}`);
  }
  for (const broken of ['zz\r\n', '-5\r\n', 'ffffffffffffffffff\r\n', `3\r\n${GOOD}\r\n0\r\n\r\n`]) {
    assert.equal(statusOf(await sendBytes(server.url, opening + broken)), 400, JSON.stringify(broken));
  }
});

test('Expect: 100-continue is answered before the body is sent', async () => {
  const socket = await openSocket(server.url);
  const answer = readToEnd(socket);
  socket.once('data', () => socket.write(GOOD));
  socket.write(`${head(`Content-Length: ${GOOD.length}`, 'Expect: 100-continue', 'Connection: close')}\r\n`);
  assert.match(await answer, /^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 OK\r\n/);
});

test('what is no HTTP is answered 400 and the connection ends', async () => {
  for (const bytes of [
    'GET\r\n\r\n',
    'rubbish\r\n\r\n',
    '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', // the opening of a TLS handshake
    'GET /v2 HTTP/9.9\r\n\r\n',
    'GET /v2 HTTP/1.1\r\n\r\n', // no Host
    'GET /v2 HTTP/1.1\r\nHost: a\r\nbad header\r\n\r\n',
    'GET /v2 HTTP/1.1\r\nHost: a\r\nx: a\0b\r\n\r\n',
    'G\u0001T /v2 HTTP/1.1\r\nHost: a\r\n\r\n',
  ]) {
    const answer = await sendBytes(server.url, bytes);
    assert.equal(statusOf(answer), 400, `${JSON.stringify(bytes)}: ${answer}`);
  }
  const longHeader = await sendBytes(server.url, head(`X-Long: ${'a'.repeat(100_000)}`));
  assert.equal(statusOf(longHeader), 431);
  const manyHeaders = await sendBytes(server.url, head(...Array.from({ length: 20_000 }, (_, i) => `x${i}: y`)));
  assert.ok([200, 400, 431].includes(statusOf(manyHeaders)), manyHeaders.slice(0, 100));
  const longPath = await sendBytes(server.url, `GET /v2/models/${'a'.repeat(100_000)} HTTP/1.1\r\nHost: a\r\n\r\n`);
  assert.equal(statusOf(longPath), 431);
});

test('request ids: a fitting one is repeated, any other replaced', async () => {
  const idOf = async (id: string | null) => {
    const headers = { authorization: `Bearer ${ADMIN_KEY}`, ...(id === null ? {} : { 'x-request-id': id }) };
    return (await sendRequest(server.url, { path: '/v2', headers })).headers.get('x-request-id');
  };
  assert.equal(await idOf('my-request.1'), 'my-request.1');
  for (const bad of [null, 'a b', 'x'.repeat(129), 'é']) {
    const given = await idOf(bad);
    assert.match(given ?? '', /^[\x21-\x7e]{3,128}$/);
    assert.notEqual(given, bad);
  }
  assert.notEqual(await idOf(null), await idOf(null));
});

test('a GET with a body is answered and the connection stays in step', async () => {
  const socket = await openSocket(server.url);
  const answer = readToEnd(socket);
  const get = (more: string) =>
    `GET /v2/models/echo HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${ADMIN_KEY}\r\n${more}`;
  socket.write(`${get('Content-Length: 5\r\n\r\n')}hello${get('Connection: close\r\n\r\n')}`);
  const statuses = [...(await answer).matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, status]) => status);
  assert.deepEqual(statuses, ['200', '200']);
});

test('a refused POST does not leave its body behind as a request', async () => {
  const smuggled = `GET /v2/models HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${ADMIN_KEY}\r\n\r\n`;
  const opening = `POST /v2/models/nope/infer HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${ADMIN_KEY}\r\n`;
  const socket = await openSocket(server.url);
  const answer = readToEnd(socket);
  socket.write(`${opening}Content-Length: ${smuggled.length + 100}\r\n\r\n${smuggled}`);
  const statuses = [...(await answer).matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, status]) => status);
  assert.deepEqual(statuses, ['404'], 'the body must not be taken for a request');
});
