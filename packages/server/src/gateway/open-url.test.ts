import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { openUrl } from './open-url.ts';
import type { UrlPolicy } from './url-policy.ts';

const policy: UrlPolicy = {
  allowPrivate: true,
  maxBytes: 1_000,
  timeoutMs: Number.POSITIVE_INFINITY,
  stallTimeoutMs: 20_000,
};

async function serve(listener: RequestListener, use: (base: string) => Promise<void>): Promise<void> {
  const server = createServer(listener);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo; // a TCP server's address is never text
  try {
    await use(`http://127.0.0.1:${port}`);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

test('openUrl asks for the headers of every request by its own URL and shows what redirected', () =>
  serve(
    (request, response) => response.end(request.headers.authorization ?? 'nobody'),
    (elsewhere) =>
      serve(
        (request, response) => {
          const location = request.url === '/a' ? '/b' : `${elsewhere}/c`;
          response.writeHead(302, { location, 'x-seen': request.headers.authorization ?? 'nobody' }).end();
        },
        async (base) => {
          const answer = await openUrl(`${base}/a`, policy, {
            headersFor: ({ origin }) => (origin === base ? { authorization: 'Bearer secret' } : {}),
          });
          const seen = answer.redirects.map(({ url, headers }) => [url.pathname, headers['x-seen']]);
          assert.deepEqual(seen, [
            ['/a', 'Bearer secret'],
            ['/b', 'Bearer secret'],
          ]);
          assert.deepEqual([answer.url.href, answer.status], [`${elsewhere}/c`, 200]);
          const chunks: Uint8Array[] = [];
          for await (const chunk of answer.body) chunks.push(chunk);
          assert.equal(Buffer.concat(chunks).toString(), 'nobody');
        },
      ),
  ));

test('openUrl gives answers of any status, and close ends the connection', () =>
  serve(
    (_request, response) => {
      response.writeHead(404, { 'x-error-code': 'EntryNotFound' });
      response.write('never ends');
    },
    async (base) => {
      const answer = await openUrl(base, policy);
      assert.deepEqual([answer.status, answer.headers['x-error-code']], [404, 'EntryNotFound']);
      answer.close(); // the server's closing would wait for it otherwise
    },
  ));
