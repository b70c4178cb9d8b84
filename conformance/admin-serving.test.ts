// What the management API changes about serving: labels, policies, unloading, who owns a name, fetching from URLs; and
// that all of it is still so after a restart.
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test, type TestContext } from 'node:test';
import { type ModelSummary, ModelSummarySchema, VersionDetailSchema, type VersionPolicy } from '@amaas/protocols/admin';
import { assertAdminError, assertEmpty, callAdmin, deployJson, deployRaw } from './testing/checked-admin-call.ts';
import { startTestServer, type TestServer } from './testing/running-server.ts';
import { halfPlusModel } from './testing/tfs-models.ts';

let server: TestServer;

before(async () => {
  server = await startTestServer({ rescanIntervalMs: '100', allowPrivateUrls: 'on' });
});

after(() => server.stop());

function getModel(model: string, on: TestServer = server): Promise<ModelSummary> {
  return callAdmin(on, { method: 'GET', path: `/models/${model}` }, { schema: ModelSummarySchema });
}

function setLabel(model: string, label: string, version: number): Promise<ModelSummary> {
  const request = { method: 'PUT', path: `/models/${model}/labels/${label}`, body: { version } };
  return callAdmin(server, request, { schema: ModelSummarySchema });
}

function setPolicy(model: string, policy: VersionPolicy): Promise<ModelSummary> {
  const request = { method: 'PATCH', path: `/models/${model}`, body: { policy } };
  return callAdmin(server, request, { schema: ModelSummarySchema });
}

function act(model: string, action: 'load' | 'unload', on: TestServer = server): Promise<ModelSummary> {
  return callAdmin(on, { method: 'POST', path: `/models/${model}/${action}` }, { schema: ModelSummarySchema });
}

/** `1 READY, 2 UNLOADED` */
function states({ versions }: ModelSummary): string {
  return versions.map(({ version, state }) => `${version} ${state}`).join(', ');
}

/** The version that answered, and its answer for x = 0, which is the number the version was built with. */
async function ask(target: string, on: TestServer = server): Promise<{ status: number; version: string; y: number }> {
  const body = JSON.stringify({ inputs: [{ name: 'x', datatype: 'FP32', shape: [1], data: [0] }] });
  const reply = await on.request(`/v2/models/${target}/infer`, { method: 'POST', body });
  const json = (await reply.json()) as { model_version?: string; outputs?: readonly { data: readonly number[] }[] }; // OIP
  return { status: reply.status, version: json.model_version ?? '', y: json.outputs?.[0]?.data[0] ?? Number.NaN };
}

async function until(isSo: () => Promise<boolean>): Promise<void> {
  const giveUpAtMs = performance.now() + 60_000;
  while (!(await isSo())) {
    if (performance.now() > giveUpAtMs) throw new Error('it did not happen within a minute');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

test('a label moves at once, under load, without one failed or mixed-up request', async () => {
  await deployRaw(server, 'moving?label=live', halfPlusModel(1));
  await deployRaw(server, 'moving', halfPlusModel(2));
  let isMoving = true;
  const seen = new Map<string, number>();
  const askOn = async (): Promise<void> => {
    while (isMoving) {
      const { status, version, y } = await ask('moving:live');
      assert.deepEqual([status, version], [200, String(y)], 'the version named must be the one that answered');
      seen.set(version, (seen.get(version) ?? 0) + 1);
    }
  };
  const asking = Promise.all([askOn(), askOn(), askOn(), askOn()]);
  for (let move = 0; move < 60; move++) {
    const target = move % 2 === 0 ? 2 : 1;
    const moved = await setLabel('moving', 'live', target);
    assert.equal(moved.labels['live'], target);
    // Who is told that the label has moved finds it moved.
    assert.equal((await ask('moving:live')).version, String(target));
  }
  isMoving = false;
  await asking;
  assert.deepEqual([...seen.keys()].sort(), ['1', '2']);
});

test('a label with its version, in one step: nobody sees the one without the other', async () => {
  await deployRaw(server, 'swapped?label=production', halfPlusModel(1));
  let isSwapping = true;
  const answers: number[] = [];
  const asking = (async () => {
    while (isSwapping) {
      const { status, y } = await ask('swapped');
      assert.equal(status, 200);
      answers.push(y);
    }
  })();
  for (const plus of [2, 3, 4]) {
    const version = await deployRaw(server, 'swapped?label=production', halfPlusModel(plus));
    assert.deepEqual(version.labels, ['production']);
    assert.equal((await ask('swapped')).y, plus);
  }
  isSwapping = false;
  await asking;
  assert.deepEqual(
    answers,
    answers.toSorted((a, b) => a - b),
    'never an older version after a newer one',
  );
});

test('setting a label again, to where it points, changes nothing; to what is not there is refused', async () => {
  await deployRaw(server, 'labels', halfPlusModel(1));
  const first = await setLabel('labels', 'stable', 1);
  assert.deepEqual(await setLabel('labels', 'stable', 1), first);
  const absent = { method: 'PUT', path: '/models/labels/labels/stable', body: { version: 2 } };
  await assertAdminError(server, absent, {
    status: 404,
    reason: 'VERSION_NOT_FOUND',
    message: /has no version 2; its versions are 1/,
  });
  for (const version of [0, -1, 1.5, '1', null]) {
    const request = { method: 'PUT', path: '/models/labels/labels/stable', body: { version } };
    await assertAdminError(server, request, { status: 400, reason: 'MALFORMED_REQUEST', message: /\/version must be/ });
  }
  assert.deepEqual((await getModel('labels')).labels, { stable: 1 });
});

test('policies choose what is served besides the labelled versions', async () => {
  for (const plus of [1, 2, 3, 4])
    await deployRaw(server, plus === 1 ? 'policy?label=kept' : 'policy', halfPlusModel(plus));
  assert.equal(states(await getModel('policy')), '1 READY, 2 UNLOADED, 3 UNLOADED, 4 READY');
  assert.equal(
    states(await setPolicy('policy', { kind: 'latest', count: 2 })),
    '1 READY, 2 UNLOADED, 3 READY, 4 READY',
  );
  assert.equal(states(await setPolicy('policy', { kind: 'all' })), '1 READY, 2 READY, 3 READY, 4 READY');
  const specific = await setPolicy('policy', { kind: 'specific', versions: [2] });
  assert.equal(states(specific), '1 READY, 2 READY, 3 UNLOADED, 4 UNLOADED');
  assert.deepEqual(specific.policy, { kind: 'specific', versions: [2] });
  assert.deepEqual(await setPolicy('policy', { kind: 'specific', versions: [2] }), specific);
  assert.equal((await ask('policy')).version, '2');
  assert.deepEqual(await ask('policy@4').then(({ status }) => status), 503);
  const none = await setPolicy('policy', { kind: 'none' });
  assert.equal(states(none), '1 UNLOADED, 2 UNLOADED, 3 UNLOADED, 4 UNLOADED');
  assert.equal(none.versions[0]?.reason, 'not selected by the version policy');
  assert.equal((await ask('policy')).status, 503);
  // `none` is what unload sets: load brings back what was before.
  assert.equal(states(await act('policy', 'load')), '1 READY, 2 READY, 3 UNLOADED, 4 UNLOADED');
  for (const policy of [
    {},
    { kind: 'newest' },
    { kind: 'latest' },
    { kind: 'latest', count: 0 },
    { kind: 'all', count: 1 },
    { kind: 'specific', versions: [0] },
  ]) {
    const request = { method: 'PATCH', path: '/models/policy', body: { policy } };
    await assertAdminError(server, request, { status: 400, reason: 'MALFORMED_REQUEST' });
  }
  const empty = { method: 'PATCH', path: '/models/policy', body: { policy: { kind: 'specific', versions: [] } } };
  await assertAdminError(server, empty, { status: 400, reason: 'INVALID_ARGUMENT' });
});

test('unload and load, twice as well as once', async () => {
  await deployRaw(server, 'idle', halfPlusModel(1));
  const unloaded = await act('idle', 'unload');
  assert.equal(states(unloaded), '1 UNLOADED');
  assert.deepEqual(await act('idle', 'unload'), unloaded);
  assert.equal((await ask('idle')).status, 503);
  const detail = { method: 'GET', path: '/models/idle/versions/1' };
  assert.equal((await callAdmin(server, detail, { schema: VersionDetailSchema })).serving, null);
  // A version deployed meanwhile waits too.
  await deployRaw(server, 'idle', halfPlusModel(2));
  assert.equal(states(await getModel('idle')), '1 UNLOADED, 2 UNLOADED');
  const loaded = await act('idle', 'load');
  assert.equal(states(loaded), '1 UNLOADED, 2 READY');
  assert.deepEqual(await act('idle', 'load'), loaded);
  assert.equal((await ask('idle')).version, '2');
});

test('all of it outlives a restart', async (t) => {
  const dataDir = await mkdtemp(join(tmpdir(), 'amaas-restart-'));
  const started: TestServer[] = [];
  t.after(async () => {
    for (const each of started) await each.stop(); // stopping twice is stopping once
    await rm(dataDir, { recursive: true, force: true });
  });
  const first = await startTestServer({ dataDir });
  started.push(first);
  for (const plus of [1, 2, 3]) await deployRaw(first, plus === 1 ? 'kept?label=stable' : 'kept', halfPlusModel(plus));
  await deployRaw(first, 'resting', halfPlusModel(1));
  await deployRaw(first, 'gone', halfPlusModel(1));
  await act('resting', 'unload', first);
  await assertEmpty(first, { method: 'DELETE', path: '/models/gone' });
  const before = [await getModel('kept', first), await getModel('resting', first)];
  await first.stop();

  const second = await startTestServer({ dataDir });
  started.push(second);
  const after = [await getModel('kept', second), await getModel('resting', second)];
  // Why a version is not loaded is told by what happened in this run only.
  const withoutReasons = (models: readonly ModelSummary[]) =>
    models.map((model) => ({ ...model, versions: model.versions.map((version) => ({ ...version, reason: null })) }));
  assert.deepEqual(withoutReasons(after), withoutReasons(before));
  assert.equal((await ask('kept:stable', second)).y, 1);
  assert.equal((await ask('kept', second)).y, 3);
  assert.equal((await ask('resting', second)).status, 503);
  assert.equal((await ask('gone', second)).status, 404);
  assert.equal(states(await act('resting', 'load', second)), '1 READY');
  assert.equal((await ask('resting', second)).y, 1);
});

test('a name belongs to the folder or to the API', async () => {
  const folder = join(server.modelsDir, 'dropped', '4');
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'model.onnx'), halfPlusModel(4));
  await until(async () => (await ask('dropped')).status === 200);
  const model = await getModel('dropped');
  assert.deepEqual([model.owner, states(model)], ['folder', '4 READY']);
  const taken = { status: 409, reason: 'NAME_TAKEN' };
  const deploy = deployJson('dropped', { url: 'http://127.0.0.1:9/never-asked' });
  await assertAdminError(server, deploy, { ...taken, message: /belongs to the watched models folder/ });
  const remove = { ...taken, message: /remove its files there, or stop serving it with unload$/ };
  await assertAdminError(server, { method: 'DELETE', path: '/models/dropped' }, remove);
  await assertAdminError(server, { method: 'DELETE', path: '/models/dropped/versions/4' }, remove);
  // Labels, policies and unloading are the operator's in either case.
  await setLabel('dropped', 'production', 4);
  assert.equal(states(await act('dropped', 'unload')), '4 UNLOADED');
  assert.equal(states(await act('dropped', 'load')), '4 READY');
  await deployRaw(server, 'taken', halfPlusModel(1));
  await mkdir(join(server.modelsDir, 'taken', '2'), { recursive: true });
  await writeFile(join(server.modelsDir, 'taken', '2', 'model.onnx'), halfPlusModel(2));
  await until(async () => (await getModel('taken')).versions.length === 2);
  const [, refused] = (await getModel('taken')).versions;
  assert.deepEqual([refused?.version, refused?.state], [2, 'REJECTED']);
  assert.match(refused?.reason ?? '', /the name "taken" belongs to the management API/);
  assert.equal((await ask('taken')).version, '1');
  await rm(join(server.modelsDir, 'dropped'), { recursive: true });
  await until(async () => (await ask('dropped')).status !== 200);
});

/** A web server that the models come from. */
async function startWeb(t: TestContext, handle: RequestListener): Promise<string> {
  const web = createServer(handle);
  await new Promise<void>((resolve) => web.listen(0, '127.0.0.1', resolve));
  t.after(() => web.close());
  return `http://127.0.0.1:${(web.address() as AddressInfo).port}`; // an address with a port: it listens on TCP
}

test('deploy by URL: fetched, redirected, remembered without its query', async (t) => {
  const asked: string[] = [];
  const web = await startWeb(t, ({ url = '', headers }, response) => {
    asked.push(`${url} ${headers.authorization ?? 'no key'}`);
    if (url.startsWith('/moved')) response.writeHead(302, { location: '/model.onnx' }).end();
    else if (url.startsWith('/model.onnx')) response.end(halfPlusModel(6));
    else response.writeHead(404).end('no such thing');
  });
  const request = deployJson('fetched', { url: `${web}/moved?signature=secret`, labels: ['production'] });
  const version = await callAdmin(server, request, { status: 201, schema: VersionDetailSchema });
  assert.deepEqual([version.version, version.state, version.labels], [1, 'READY', ['production']]);
  assert.equal(version.lineage['source'], `${web}/moved`);
  assert.deepEqual(asked, ['/moved?signature=secret no key', '/model.onnx no key']);
  assert.equal((await ask('fetched')).y, 6);
  const absent = deployJson('fetched', { url: `${web}/absent.onnx?signature=secret` });
  const error = await assertAdminError(server, absent, { status: 503, reason: 'FETCH_FAILED', message: /404/ });
  assert.doesNotMatch(JSON.stringify(error), /secret/);
  assert.equal((await getModel('fetched')).versions.length, 1);
});

test('deploy by URL: private addresses are refused unless allowed, by any of their names', async (t) => {
  let asked = 0;
  const web = await startWeb(t, (_request, response) => {
    asked++;
    response.end(halfPlusModel(6));
  });
  const { port } = new URL(web);
  const careful = await startTestServer();
  t.after(() => careful.stop());
  for (const url of [
    web,
    `http://localhost:${port}/`,
    `http://[::1]:${port}/`,
    `http://2130706433:${port}/`,
    `http://0x7f.1:${port}/`,
    `http://[::ffff:127.0.0.1]:${port}/`,
    `http://0.0.0.0:${port}/`,
    'http://169.254.169.254/latest/meta-data/',
    'http://10.0.0.1/',
    'file:///etc/passwd',
    'ftp://example.com/x',
    'http://user:password@example.com/',
    'model.onnx',
  ]) {
    const refused = { status: 403, reason: 'URL_REFUSED', message: /^fetch: / };
    await assertAdminError(careful, deployJson('fetched', { url }), refused);
  }
  assert.equal(asked, 0);
  await assertAdminError(
    careful,
    { method: 'GET', path: '/models/fetched' },
    { status: 404, reason: 'MODEL_NOT_FOUND' },
  );
});
