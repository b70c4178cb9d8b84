// Starting a llama-server where other programs want the same ports, with the small server that speaks its protocol.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type ServerStart, startServer } from './server-process.ts';

async function startOf(t: TestContext): Promise<ServerStart> {
  const folder = await mkdtemp(join(tmpdir(), 'amaas-llama-server-'));
  t.after(() => rm(folder, { recursive: true }));
  const binary = join(folder, 'llama-server');
  const script = join(import.meta.dirname, 'testing/made-llama-server.ts');
  await writeFile(binary, `#!/bin/sh\nexec "${process.execPath}" "${script}" "$@" 2>/dev/null\n`);
  await chmod(binary, 0o755);
  const threads = { generation: 1, prompt: 1 };
  return { binary, modelPath: '/m', adapters: new Map(), contextTokens: 64, parallel: 1, threads, use: 'write' };
}

/** Another program on a port of its own: it answers whatever it is asked, or only who knows its key. */
async function strangerOn(t: TestContext, key: string | null) {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    const isRefused = key !== null && request.url !== '/health' && request.headers.authorization !== `Bearer ${key}`;
    response.writeHead(isRefused ? 401 : 200, { 'content-type': 'application/json' }).end('{"tokens":[666]}');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo; // it listens on TCP
  return { port, asked };
}

/** One that nobody has. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo; // it listens on TCP
  server.close();
  await once(server, 'close');
  return port;
}

test('startServer takes another port where somebody else was quicker, and asks nobody else for answers', async (t) => {
  const start = await startOf(t);
  const strangers = [await strangerOn(t, null), await strangerOn(t, 'theirs')];
  const ports = strangers.map(({ port }) => port);
  const server = await startServer(start, async () => ports.shift() ?? freePort());
  t.after(() => server.kill());
  assert.deepEqual(await server.connection.ask('/tokenize', { content: 'A' }), { tokens: [68] });
  assert.deepEqual(ports, []);
  const asked = strangers.flatMap((stranger) => stranger.asked);
  assert.deepEqual(new Set(asked), new Set(asked.filter((each) => /^(GET \/health|POST \/tokenize)$/.test(each))));
});

test('startServer gives up when every port it tries is taken', async (t) => {
  const start = await startOf(t);
  const { port } = await strangerOn(t, null);
  let tries = 0;
  const choose = async (): Promise<number> => {
    tries++;
    return port;
  };
  await assert.rejects(startServer(start, choose), {
    reason: 'MODEL_REJECTED',
    message: 'load: llama-server exited with code 1 before it was ready',
  });
  assert.equal(tries, 5);
});
