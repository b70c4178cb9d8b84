import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { AmaasError, type Clock, type ErrorReason } from '@amaas/core';
import { type FetchedUrl, fetchUrl } from './fetch-url.ts';
import { createSelfSignedCertificate } from './testing/self-signed-certificate.ts';
import type { UrlPolicy } from './url-policy.ts';

const policy: UrlPolicy = { allowPrivate: true, maxBytes: 1_000, timeoutMs: 20_000, stallTimeoutMs: 20_000 };
const local = async () => [{ address: '127.0.0.1', family: 4 as const }];

async function serve(listener: RequestListener, use: (base: string, server: Server) => Promise<void>): Promise<void> {
  const server = createServer(listener);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo; // a TCP server's address is never text
  try {
    // The name does not exist: only a connection to the address that was checked can succeed.
    await use(`http://models.example:${port}`, server);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

/** Resolves when the next connection has ended, cleanly or not. */
function connectionClosed(server: Server): Promise<void> {
  return new Promise((resolve) => server.once('connection', (socket) => socket.once('close', () => resolve())));
}

async function read(fetched: FetchedUrl): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of fetched.body) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

function rejects(promise: Promise<unknown>, reason: ErrorReason, pattern: RegExp): Promise<void> {
  return assert.rejects(promise, (error) => {
    assert.ok(error instanceof AmaasError, String(error));
    assert.equal(error.reason, reason);
    assert.match(error.message, pattern);
    return true;
  });
}

/** A clock whose timers fire when the test says so, by their delay. */
function handClock(): Clock & { fire(delayMs: number): void; readonly pending: () => number } {
  const timers = new Map<object, { delayMs: number; action: () => void }>();
  return {
    nowMs: () => 0,
    wallTime: () => new Date(0),
    schedule(delayMs, action) {
      const timer = { delayMs, action };
      timers.set(timer, timer);
      return () => void timers.delete(timer);
    },
    fire(delayMs) {
      for (const timer of [...timers.values()].filter((each) => each.delayMs === delayMs)) timer.action();
    },
    pending: () => timers.size,
  };
}

test('fetchUrl connects to the checked address under the name of the URL', () =>
  serve(
    (request, response) => response.end(`${request.headers.host?.split(':')[0]} ${request.url}`),
    async (base) => {
      const clock = handClock();
      const fetched = await fetchUrl(`${base}/m.onnx?v=1`, policy, { resolveHost: local, clock });
      assert.equal(fetched.contentLength, 'models.example /m.onnx?v=1'.length);
      assert.equal(await read(fetched), 'models.example /m.onnx?v=1');
      assert.equal(clock.pending(), 0);
    },
  ));

test('fetchUrl refuses internal addresses before it connects', () =>
  serve(
    () => assert.fail('a connection was made'),
    async (base) => {
      const strict = { ...policy, allowPrivate: false };
      await rejects(fetchUrl(`${base}/x`, strict, { resolveHost: local }), 'URL_REFUSED', /127\.0\.0\.1 \(loopback\)/);
      await rejects(fetchUrl(base.replace('models.example', '2130706433'), strict), 'URL_REFUSED', /loopback/);
      await rejects(fetchUrl(base.replace('models.example', 'localhost'), strict), 'URL_REFUSED', /loopback/);
    },
  ));

test('fetchUrl follows redirects, each checked anew', () =>
  serve(
    (request, response) => {
      const hop = Number(request.url?.slice(1));
      if (hop === 0) response.end('there');
      else response.writeHead(302, { location: `/${hop - 1}` }).end();
    },
    async (base) => {
      const fetched = await fetchUrl(`${base}/5`, policy, { resolveHost: local });
      assert.equal(await read(fetched), 'there');
      assert.equal(fetched.finalUrl.pathname, '/0');
      await rejects(fetchUrl(`${base}/6`, policy, { resolveHost: local }), 'URL_REFUSED', /more than 5 times/);
      // The name answers with an internal address the second time it is asked.
      let asked = 0;
      const rebinding = {
        ...policy,
        get allowPrivate() {
          return asked++ === 0;
        },
      };
      await rejects(fetchUrl(`${base}/1`, rebinding, { resolveHost: local }), 'URL_REFUSED', /loopback/);
    },
  ));

test('fetchUrl stops at the size limit, announced or not', () =>
  serve(
    (request, response) => {
      if (request.url === '/announced') response.setHeader('content-length', 1_001);
      if (request.url === '/exact') response.end(Buffer.alloc(1_000));
      else response.end(Buffer.alloc(1_001));
    },
    async (base) => {
      const options = { resolveHost: local };
      await rejects(fetchUrl(`${base}/announced`, policy, options), 'URL_REFUSED', /1001 bytes; .* at most 1000/);
      const endless = { ...policy, maxBytes: 1_000 };
      assert.equal((await read(await fetchUrl(`${base}/exact`, endless, options))).length, 1_000);
    },
  ));

test('fetchUrl stops an unannounced body at the size limit and closes the connection', () =>
  serve(
    (_request, response) => {
      const more = (): void => {
        while (response.write(Buffer.alloc(100)));
      };
      response.on('drain', more);
      more();
    },
    async (base, server) => {
      const closed = connectionClosed(server);
      const fetched = await fetchUrl(`${base}/endless`, policy, { resolveHost: local });
      assert.equal(fetched.contentLength, null);
      await rejects(read(fetched), 'URL_REFUSED', /has more; this server fetches at most 1000/);
      await closed;
    },
  ));

test('fetchUrl reports what the other server does wrong', () =>
  serve(
    (request, response) => {
      const path = request.url?.split('?')[0];
      if (path === '/404') response.writeHead(404).end();
      else if (path === '/503') response.writeHead(503).end();
      else if (path === '/gzip') response.writeHead(200, { 'content-encoding': 'gzip' }).end('x');
      else if (path === '/nowhere') response.writeHead(301).end();
      else if (path === '/cut') {
        response.writeHead(200, { 'content-length': 500 });
        response.write('x', () => response.destroy());
      } else response.destroy();
    },
    async (base) => {
      const get = (path: string) => fetchUrl(`${base}${path}?signature=hunter2`, policy, { resolveHost: local });
      await rejects(get('/404'), 'FETCH_FAILED', /\/404 answered with status 404$/);
      assert.equal(((await get('/404').catch((error: unknown) => error)) as AmaasError).retryable, false);
      assert.equal(((await get('/503').catch((error: unknown) => error)) as AmaasError).retryable, true);
      await rejects(get('/gzip'), 'FETCH_FAILED', /content-encoding gzip/);
      await rejects(get('/nowhere'), 'URL_REFUSED', /redirects without saying where/);
      await rejects(get('/hangup'), 'FETCH_FAILED', /models\.example:\d+\/hangup: socket hang up$/);
      await rejects(get('/cut').then(read), 'FETCH_FAILED', /aborted/);
    },
  ));

test('fetchUrl gives up after the total time and after silence, and says which', () =>
  serve(
    (request, response) => {
      if (request.url === '/body') response.write('x');
    },
    async (base) => {
      const limits = { ...policy, timeoutMs: 7_000, stallTimeoutMs: 3_000 };
      for (const [delayMs, pattern] of [
        [7_000, /longer than 7000 ms/],
        [3_000, /nothing came for 3000 ms/],
      ] as const) {
        const clock = handClock();
        const waiting = fetchUrl(`${base}/header`, limits, { resolveHost: local, clock });
        setImmediate(() => clock.fire(delayMs));
        await rejects(waiting, 'FETCH_FAILED', pattern);
        const body = (await fetchUrl(`${base}/body`, limits, { resolveHost: local, clock })).body[
          Symbol.asyncIterator
        ]();
        await body.next();
        const next = body.next();
        setImmediate(() => clock.fire(delayMs));
        await rejects(next, 'FETCH_FAILED', pattern);
        assert.equal(clock.pending(), 0);
      }
    },
  ));

test('fetchUrl does not count the time its consumer takes as silence', () =>
  serve(
    (_request, response) => response.end('abc'),
    async (base) => {
      const clock = handClock();
      const fetched = await fetchUrl(`${base}/m`, policy, { resolveHost: local, clock });
      for await (const _chunk of fetched.body) assert.equal(clock.pending(), 1); // only the total time runs
      assert.equal(clock.pending(), 0);
    },
  ));

test('fetchUrl is cancelled by its signal: while resolving, while waiting and while reading', () =>
  serve(
    (request, response) => {
      if (request.url === '/body') response.write('x');
    },
    async (base) => {
      const never = () => new Promise<never>(() => {});
      for (const [path, resolveHost] of [
        ['/', never],
        ['/header', local],
      ] as const) {
        const abort = new AbortController();
        const waiting = fetchUrl(`${base}${path}`, policy, { resolveHost, signal: abort.signal });
        setImmediate(() => abort.abort());
        await rejects(waiting, 'CANCELLED', /cancelled/);
      }
      const abort = new AbortController();
      const fetched = await fetchUrl(`${base}/body`, policy, { resolveHost: local, signal: abort.signal });
      setImmediate(() => abort.abort());
      await rejects(read(fetched), 'CANCELLED', /cancelled/);
      await rejects(fetchUrl(`${base}/`, policy, { resolveHost: local, signal: abort.signal }), 'CANCELLED', /./);
    },
  ));

test('fetchUrl whose body nobody reads ends without an unhandled error', () =>
  serve(
    (_request, response) => void response.write('x'),
    async (base, server) => {
      const clock = handClock();
      const closed = connectionClosed(server);
      await fetchUrl(`${base}/m`, { ...policy, timeoutMs: 7_000 }, { resolveHost: local, clock });
      clock.fire(7_000);
      await closed;
    },
  ));

test('fetchUrl over https verifies the certificate for the name of the URL', async () => {
  const { cert, key } = createSelfSignedCertificate('models.example');
  const server = createSecureServer({ cert, key }, (_request, response) => response.end('secret weights'));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo; // a TCP server's address is never text
  const get = (host: string) => fetchUrl(`https://${host}:${port}/m`, policy, { resolveHost: local });
  const usual = getCACertificates('default');
  try {
    await rejects(get('models.example'), 'FETCH_FAILED', /self-signed certificate/);
    setDefaultCACertificates([...usual, cert]);
    assert.equal(await read(await get('models.example')), 'secret weights');
    await rejects(get('other.example'), 'FETCH_FAILED', /altnames/);
  } finally {
    setDefaultCACertificates(usual);
    server.closeAllConnections();
    server.close();
  }
});
