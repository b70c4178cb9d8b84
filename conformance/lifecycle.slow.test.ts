// Starting, stopping and starting again: what was accepted is answered, a data directory has one owner, what was served
// is served after a restart without being tried anew.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { Agent, request as httpRequest } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type RunningServer, startServer } from '@amaas/server';
import { childPids, skipWithoutProc } from '../packages/engines/ort-node/src/testing/machine.ts';
import { adminCall } from './testing/admin-call.ts';
import { biasModel, endlessModel, loopModel } from './testing/models.ts';
import { openSocket, readToEnd } from './testing/raw-http.ts';
import { ADMIN_KEY, startTestServer, type TestServer } from './testing/running-server.ts';

const BIAS_BODY = JSON.stringify({ inputs: [{ name: 'x', datatype: 'FP32', shape: [1, 2], data: [1, 2] }] });

function loopBody(times: number): string {
  return JSON.stringify({
    inputs: [
      { name: 'x', datatype: 'FP32', shape: [1], data: [1] },
      { name: 'times', datatype: 'INT64', shape: [], data: [times] },
    ],
  });
}

/** Turns of the loop that take about so long here. */
async function turnsTaking(server: TestServer, ms: number): Promise<number> {
  const trial = 200_000;
  const ask = () => server.request('/v2/models/loop/infer', { method: 'POST', body: loopBody(trial) });
  await (await ask()).text();
  const startedMs = performance.now();
  await (await ask()).text();
  return Math.ceil((trial * ms) / (performance.now() - startedMs));
}

test('stop() answers what was accepted and refuses what comes after', async () => {
  const server = await startTestServer();
  await server.deploy('loop', loopModel());
  await server.deploy('bias', biasModel(1));
  const turns = await turnsTaking(server, 1500);
  const under = Array.from({ length: 3 }, () =>
    server.request('/v2/models/loop/infer', { method: 'POST', body: loopBody(turns) }),
  );
  // A body that is still on its way counts as accepted.
  const socket = await openSocket(server.url);
  const late = readToEnd(socket);
  const head = `POST /v2/models/bias/infer HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${ADMIN_KEY}\r\n`;
  socket.write(`${head}Content-Length: ${BIAS_BODY.length}\r\n\r\n${BIAS_BODY.slice(0, 10)}`);
  const idle = new Agent({ keepAlive: true });
  await new Promise<void>((resolve, reject) => {
    const headers = { authorization: `Bearer ${ADMIN_KEY}` };
    httpRequest(new URL('/v2', server.url), { agent: idle, headers }, (response) => {
      response.resume().on('end', resolve);
    })
      .on('error', reject)
      .end();
  });
  await new Promise((resolve) => setTimeout(resolve, 200));
  const stopping = server.stop();
  await new Promise((resolve) => setTimeout(resolve, 100));
  await assert.rejects(server.request('/healthz'), 'a new connection must be refused');
  socket.write(BIAS_BODY.slice(10));
  const answer = await late;
  assert.match(answer, /^HTTP\/1\.1 200 /);
  assert.match(answer, /\r\nconnection: close\r\n/i);
  for (const response of await Promise.all(under)) {
    assert.equal(response.status, 200, await response.text());
  }
  const stoppedMs = performance.now();
  await stopping;
  assert.ok(performance.now() - stoppedMs < 10_000, 'connections that clients keep open must not hold it up');
  await server.stop(); // twice is once
  idle.destroy();
});

test('stop() cuts what does not finish within drainTimeoutMs', { skip: skipWithoutProc }, async () => {
  const server = await startTestServer({ drainTimeoutMs: '300' });
  await server.deploy('loop', loopModel(), { limits: { maxRunMs: 2000 } });
  const stuck = server.request('/v2/models/loop/infer', { method: 'POST', body: loopBody(9e15) });
  await new Promise((resolve) => setTimeout(resolve, 200));
  await server.stop();
  assert.equal((await stuck).status, 503);
  assert.deepEqual(childPids(), [], 'no process may be left');
});

test('stop() does not wait for a model of the folder that is still being tried', {
  skip: skipWithoutProc,
}, async () => {
  const server = await startTestServer({ rescanIntervalMs: '100', probeTimeoutMs: '60000' });
  await mkdir(join(server.modelsDir, 'endless', '1'), { recursive: true });
  await writeFile(join(server.modelsDir, 'endless', '1', 'model.onnx'), endlessModel());
  while (childPids().length === 0) await new Promise((resolve) => setTimeout(resolve, 20));
  const startedMs = performance.now();
  await server.stop();
  assert.ok(performance.now() - startedMs < 20_000);
  assert.deepEqual(childPids(), []);
  assert.doesNotMatch(server.log(), /a version was refused/);
});

test('two servers cannot own one data directory', async (t) => {
  const server = await startTestServer();
  t.after(() => server.stop());
  await server.deploy('bias', biasModel(1));
  const second = startServer({
    flags: { dataDir: server.dataDir, port: '0', bundledModels: 'off', adminKey: ADMIN_KEY },
    environment: {},
    cwd: server.dataDir,
    logDestination: { write: () => {} },
  });
  await assert.rejects(second, (error: Error & { readonly reason?: string }) => {
    assert.equal(error.reason, 'DATA_DIR_LOCKED');
    assert.ok(error.message.includes(server.dataDir), error.message);
    assert.match(error.message, new RegExp(`in use by process ${process.pid} since 20`));
    assert.match(error.message, /stop that one, or start this one with another AMAAS_DATA_DIR/);
    return true;
  });
  const response = await server.request('/v2/models/bias/infer', { method: 'POST', body: BIAS_BODY });
  assert.equal(response.status, 200, 'the first is not disturbed');
});

interface Restartable {
  readonly start: () => Promise<{ readonly server: RunningServer; readonly log: () => string }>;
}

async function restartable(t: TestContext): Promise<Restartable> {
  const dataDir = await mkdtemp(join(tmpdir(), 'amaas-restart-'));
  t.after(() => rm(dataDir, { recursive: true, force: true }));
  return {
    async start() {
      const lines: string[] = [];
      const server = await startServer({
        flags: { dataDir, port: '0', bundledModels: 'off', adminKey: ADMIN_KEY },
        environment: {},
        cwd: dataDir,
        logDestination: { write: (line: string) => lines.push(line) },
      });
      await server.ready;
      return { server, log: () => lines.join('') };
    },
  };
}

/** The part of a test server that calls need. */
function asTestServer(server: RunningServer): TestServer {
  const request: TestServer['request'] = (path, { key: _key, headers, ...options } = {}) => {
    const merged = new Headers(headers);
    merged.set('authorization', `Bearer ${ADMIN_KEY}`);
    return fetch(`${server.url}${path}`, { ...options, headers: merged });
  };
  return { url: server.url, request } as TestServer; // admin-call and this file use nothing else
}

test('a restart serves what was served: versions, labels, policies, keys, refusals to load', async (t) => {
  const { start } = await restartable(t);
  let { server } = await start();
  let calls = asTestServer(server);
  const deploy = async (model: string, bias: number) => {
    const body = new Uint8Array(biasModel(bias));
    const headers = { 'content-type': 'application/octet-stream' };
    const response = await calls.request(`/admin/v1/models/${model}/versions`, { method: 'POST', headers, body });
    assert.equal(response.status, 201);
  };
  for (const bias of [10, 20, 30]) await deploy('kept', bias);
  await deploy('asleep', 1);
  await deploy('deleted', 1);
  assert.equal((await adminCall(calls, 'PUT', 'models/kept/labels/production', { version: 2 })).status, 200);
  assert.equal(
    (await adminCall(calls, 'PATCH', 'models/kept', { policy: { kind: 'specific', versions: [1] } })).status,
    200,
  );
  assert.equal((await adminCall(calls, 'POST', 'models/asleep/unload')).status, 200);
  assert.equal((await adminCall(calls, 'DELETE', 'models/deleted')).status, 204);
  const created = await adminCall(calls, 'POST', 'keys', { name: 'app', scopes: ['infer'], models: ['kept'] });
  const { key } = JSON.parse(created.text) as { readonly key: string };
  const listModels = async () =>
    (await adminCall(calls, 'GET', 'models')).text.replaceAll(/"reason":("[^"]*"|null)/g, '');
  const before = await listModels();
  await server.stop();

  const restarted = await start();
  ({ server } = restarted);
  t.after(() => server.stop());
  calls = asTestServer(server);
  assert.equal(await listModels(), before);
  const ask = async (path: string) =>
    (await calls.request(`/v2/models/${path}/infer`, { method: 'POST', body: BIAS_BODY })).text();
  assert.match(await ask('kept'), /"model_version":"2".*"data":\[21,22\]/);
  assert.match(await ask('kept/versions/1'), /"data":\[11,12\]/);
  assert.match(await ask('kept/versions/3'), /not ready/);
  assert.match(await ask('asleep'), /not ready/);
  assert.match(await ask('deleted'), /Request for unknown model/);
  const asApp = await fetch(`${server.url}/v2/models/kept/ready`, { headers: { 'x-api-key': key } });
  assert.equal(asApp.status, 200);
  assert.doesNotMatch(restarted.log(), /admitted|refused/, 'nothing is tried anew');
});

test('a start that fails leaves nothing locked', async (t) => {
  const { start } = await restartable(t);
  const first = await start();
  const { port } = new URL(first.server.url);
  const dataDir = await mkdtemp(join(tmpdir(), 'amaas-busy-port-'));
  t.after(() => rm(dataDir, { recursive: true, force: true }));
  const options = {
    flags: { dataDir, port, bundledModels: 'off', adminKey: ADMIN_KEY },
    environment: {},
    cwd: dataDir,
    logDestination: { write: () => {} },
  };
  await assert.rejects(
    startServer(options),
    new RegExp(`cannot listen on 127.0.0.1:${port}: another program is listening there`),
  );
  await first.server.stop();
  const second = await startServer(options);
  await second.ready;
  await second.stop();
});

test('a caller who goes during a deployment leaves no half version', async (t) => {
  const server = await startTestServer();
  t.after(() => server.stop());
  for (let round = 0; round < 5; round++) {
    const socket = await openSocket(server.url);
    const bytes = Buffer.from(biasModel(round));
    const head = `POST /admin/v1/models/abandoned/versions HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${ADMIN_KEY}\r\n`;
    socket.write(`${head}Content-Type: application/octet-stream\r\nContent-Length: ${bytes.length}\r\n\r\n`);
    socket.write(bytes);
    await new Promise((resolve) => setTimeout(resolve, 40 * round));
    socket.destroy();
    await once(socket, 'close');
  }
  await server.deploy('bias', biasModel(1)); // waits its turn behind whatever still goes on
  const { status, text } = await adminCall(server, 'GET', 'models/abandoned');
  if (status !== 404) {
    const { versions } = JSON.parse(text) as { readonly versions: readonly { readonly state: string }[] };
    for (const { state } of versions) assert.ok(['READY', 'UNLOADED', 'LOADING'].includes(state), text);
  }
});
