import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTcpServer } from 'node:net';
import test from 'node:test';
import { encodeHttpRequest } from './http-request.ts';
import { type LoadPlan, type LoadReport, runLoad } from './load.ts';

async function listen(server: Server | ReturnType<typeof createTcpServer>): Promise<URL> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  assert.ok(typeof address === 'object' && address !== null);
  return new URL(`http://127.0.0.1:${address.port}`);
}

async function load(handler: RequestListener, plan: Partial<LoadPlan>): Promise<LoadReport> {
  const server = createServer(handler);
  const origin = await listen(server);
  try {
    return await runLoad({
      origin,
      requests: [
        encodeHttpRequest({ method: 'POST', url: new URL('/x', origin), headers: {}, body: Buffer.from('abc') }),
      ],
      connections: 3,
      ratePerSecond: null,
      warmupMs: 50,
      durationMs: 300,
      requestTimeoutMs: 5000,
      ...plan,
    });
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

test('runLoad closed loop keeps every connection busy and counts what succeeded', async () => {
  let served = 0;
  let bodies = 0;
  let underWay = 0;
  let mostUnderWay = 0;
  const report = await load((request, response) => {
    mostUnderWay = Math.max(mostUnderWay, ++underWay);
    request.on('data', (chunk: Buffer) => (bodies += chunk.length));
    request.on('end', () =>
      setTimeout(() => {
        underWay--;
        served++;
        response.end('ok');
      }, 5),
    );
  }, {});
  assert.equal(mostUnderWay, 3);
  assert.equal(bodies, served * 3);
  assert.ok(report.succeeded > 0 && report.succeeded <= served);
  assert.equal(report.errors.size, 0);
  assert.equal(report.open, null);
  assert.equal(Math.round(report.succeededPerSecond), Math.round((report.succeeded * 1000) / report.durationMs));
});

test('runLoad counts refusals by status with an example, and goes on', async () => {
  let served = 0;
  const report = await load((request, response) => {
    request.resume();
    if (++served % 2 === 0) response.end('ok');
    else response.writeHead(429, { connection: 'close' }).end('{"error":"queue full"}');
  }, {});
  const refused = report.errors.get('HTTP 429');
  assert.ok(refused !== undefined && refused.count > 1 && report.succeeded > 1);
  assert.equal(refused.example, '{"error":"queue full"}');
});

test('runLoad counts lost connections and reconnects', async () => {
  let served = 0;
  const report = await load((request, response) => {
    if (++served % 3 === 0) request.socket.destroy();
    else response.end('ok');
  }, {});
  const lost = [...report.errors.values()].reduce((sum, errors) => sum + errors.count, 0);
  assert.ok(lost > 0 && report.succeeded > 0, `${lost} lost, ${report.succeeded} succeeded`);
});

test('runLoad counts a request without a reply as TIMEOUT', async () => {
  const silent = createTcpServer(() => undefined);
  const origin = await listen(silent);
  const request = encodeHttpRequest({ method: 'GET', url: origin, headers: {} });
  const sockets: { destroy(): void }[] = [];
  silent.on('connection', (socket) => sockets.push(socket));
  const report = await runLoad({
    origin,
    requests: [request],
    connections: 2,
    ratePerSecond: null,
    warmupMs: 0,
    durationMs: 150,
    requestTimeoutMs: 200,
  });
  for (const socket of sockets) socket.destroy();
  silent.close();
  assert.equal(report.errors.get('TIMEOUT')?.count, 2);
  assert.equal(report.succeeded, 0);
});

test('runLoad against a closed port counts ECONNREFUSED', async () => {
  const server = createTcpServer();
  const origin = await listen(server);
  server.close();
  await once(server, 'close');
  const request = encodeHttpRequest({ method: 'GET', url: origin, headers: {} });
  const report = await runLoad({
    origin,
    requests: [request],
    connections: 1,
    ratePerSecond: null,
    warmupMs: 0,
    durationMs: 60,
    requestTimeoutMs: 1000,
  });
  assert.ok((report.errors.get('ECONNREFUSED')?.count ?? 0) > 0);
});

test('runLoad open loop counts latency from the intended time, so that a stall is seen by all it held up', async () => {
  // The server stands still once for 400 ms of a 1 s run at 200 requests per second. Of the 200 requests, those meant to
  // be sent in the first 300 ms of the stall, 60, wait more than 100 ms. Counted from when they were sent, only the two
  // on the two connections would.
  let stallFromMs = 0;
  let stallToMs = 0;
  const stalled: (() => void)[] = [];
  const report = await load(
    (request, response) => {
      request.resume();
      const nowMs = performance.now();
      stallFromMs ||= nowMs + 300;
      stallToMs ||= nowMs + 700;
      if (nowMs < stallFromMs || nowMs >= stallToMs) response.end('ok');
      else {
        if (stalled.length === 0) setTimeout(() => answerAll(stalled), stallToMs - nowMs);
        stalled.push(() => response.end('ok'));
      }
    },
    { ratePerSecond: 200, connections: 2, warmupMs: 0, durationMs: 1000 },
  );
  assert.ok(report.latency.count >= 190 && report.latency.count <= 201, `${report.latency.count} latencies`);
  assert.ok(report.latency.quantileMs(0.72) > 100, `p72 ${report.latency.quantileMs(0.72)}`);
  assert.equal(report.open?.intendedPerSecond, 200);
});

function answerAll(waiting: readonly (() => void)[]): void {
  for (const answer of waiting) answer();
}

test('runLoad open loop reports what a slow server never let it send, with the wait so far', async () => {
  const report = await load((_request, response) => void setTimeout(() => response.end('ok'), 50), {
    ratePerSecond: 500,
    connections: 1,
    warmupMs: 0,
    durationMs: 500,
  });
  assert.ok(report.open !== null);
  // One connection at 50 ms a request sends at most 11 of the 250.
  assert.ok(report.open.unsent >= 235, `${report.open.unsent} unsent`);
  assert.ok(report.open.sentPerSecond < 30);
  assert.ok(report.latency.quantileMs(0.5) > 150);
});

test('runLoad stops when its signal fires', async () => {
  const abort = new AbortController();
  const report = await load(
    (_request, response) => {
      response.end('ok');
      abort.abort();
    },
    { signal: abort.signal, durationMs: 60_000, warmupMs: 0 },
  );
  assert.ok(report.durationMs < 60_000);
});
