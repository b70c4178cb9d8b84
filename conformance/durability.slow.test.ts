// Power cuts and full disks: what was acknowledged is there and answers, nothing is half visible, a start always works.
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type TestContext, test } from 'node:test';
import { mountTinyDisk } from '../packages/server/src/artifacts/testing/tiny-disk.ts';
import { type AdminAnswer, adminCall, deployBytes, digestOf, upload } from './testing/admin-call.ts';
import { type ChildServer, startChildServer } from './testing/child-server.ts';
import { biasModel } from './testing/models.ts';
import { createRandom } from './testing/mutations.ts';
import { startTestServer, type TestServer } from './testing/running-server.ts';
import { until } from './testing/until.ts';

const ROUNDS = 26;

/** A version the server has said 201 to. */
interface Acknowledged {
  readonly model: string;
  readonly version: number;
  readonly bias: number;
}

async function createDataDir(t: TestContext): Promise<string> {
  const dataDir = await mkdtemp(join(tmpdir(), 'amaas-durable-'));
  t.after(() => rm(dataDir, { recursive: true, force: true }));
  return dataDir;
}

/** Calls need only these two of a test server. */
function callable(server: ChildServer): TestServer {
  return { url: server.url, request: server.request } as TestServer;
}

test('kill -9 at random moments of deployments loses nothing acknowledged', async (t) => {
  const dataDir = await createDataDir(t);
  const random = createRandom(20260101);
  const acknowledged: Acknowledged[] = [];
  const biasOf = new Map<string, number>();
  let nextBias = 1;
  for (let round = 0; round < ROUNDS; round++) {
    if (round % 5 === 4) await killDuringStart(dataDir, random() * 700);
    const server = await startChildServer({ dataDir });
    assert.ok(server !== null);
    await checkAcknowledged(server, acknowledged, biasOf);
    const deploying = ['one', 'two'].map(async (model) => {
      for (;;) {
        const bias = nextBias++;
        biasOf.set(digestOf(biasModel(bias)), bias);
        const version = await deployOnce(server, model, bias);
        if (version === null) return;
        acknowledged.push({ model, version, bias });
      }
    });
    dropIntoFolder(dataDir, nextBias + 100_000, round).catch(() => {});
    // Up to two deployments go through, then the cut falls anywhere in the next.
    const wanted = acknowledged.length + Math.floor(random() * 3);
    await until('deployments go through', () => acknowledged.length >= wanted);
    await new Promise((resolve) => setTimeout(resolve, random() * 500));
    await server.kill();
    await Promise.all(deploying);
  }

  const server = await startChildServer({ dataDir });
  assert.ok(server !== null);
  await checkAcknowledged(server, acknowledged, biasOf);
  await checkEveryVersionAnswers(server, acknowledged, biasOf);
  assert.equal(await server.stop(), 0);
  assert.ok(acknowledged.length >= ROUNDS / 2, `only ${acknowledged.length} versions were acknowledged`);
  t.diagnostic(`${acknowledged.length} versions acknowledged in ${ROUNDS} rounds`);

  const database = new DatabaseSync(join(dataDir, 'amaas.db'));
  assert.deepEqual({ ...database.prepare('pragma integrity_check').get() }, { integrity_check: 'ok' });
  database.close();
  const leftovers = (await readdir(join(dataDir, 'artifacts'), { recursive: true })).filter((name) =>
    /(^|\/)(tmp\/.|\.building|\.removing)/.test(name),
  );
  assert.deepEqual(leftovers, [], 'a start removes what was interrupted');
});

async function killDuringStart(dataDir: string, afterMs: number): Promise<void> {
  const server = await startChildServer({
    dataDir,
    onSpawn: (child) => setTimeout(() => child.kill('SIGKILL'), afterMs),
  });
  await server?.kill();
}

/** Deploys one version with its label; null when the server went away before it said yes. */
async function deployOnce(server: ChildServer, model: string, bias: number): Promise<number | null> {
  try {
    const bytes = biasModel(bias);
    const digest = await upload(callable(server), bytes);
    const body = { files: [{ path: 'model.onnx', digest }], labels: ['newest'] };
    const answer = await adminCall(callable(server), 'POST', `models/${model}/versions`, body);
    if (answer.status !== 201) throw new Error(answer.text);
    return (JSON.parse(answer.text) as { readonly version: number }).version;
  } catch (error) {
    assert.ok(error instanceof TypeError, `only the connection may fail: ${String(error)}`); // fetch says so
    return null;
  }
}

/** A version for the watched folder as well, in one step. */
async function dropIntoFolder(dataDir: string, bias: number, round: number): Promise<void> {
  const staging = join(dataDir, `staging-${round}`);
  await mkdir(staging, { recursive: true });
  await writeFile(join(staging, 'model.onnx'), biasModel(bias));
  await mkdir(join(dataDir, 'models', 'dropped'), { recursive: true });
  await rename(staging, join(dataDir, 'models', 'dropped', String(round + 1)));
}

interface ModelView {
  readonly name: string;
  readonly labels: Readonly<Record<string, number>>;
  readonly versions: readonly { readonly version: number; readonly state: string; readonly digest: string }[];
}

async function checkAcknowledged(
  server: ChildServer,
  acknowledged: readonly Acknowledged[],
  biasOf: ReadonlyMap<string, number>,
): Promise<void> {
  const answer = await adminCall(callable(server), 'GET', 'models');
  const { models } = JSON.parse(answer.text) as { readonly models: readonly ModelView[] };
  for (const model of models) {
    for (const { version, state } of model.versions) {
      assert.ok(['READY', 'UNLOADED'].includes(state), `${model.name}@${version} is ${state}`);
    }
    if (model.name === 'dropped') continue;
    const newest = model.versions.at(-1);
    assert.equal(model.versions.length, newest?.version, 'numbers have no gaps: none was half there');
    assert.deepEqual(model.labels, { newest: newest?.version }, 'the label came with the version or neither did');
    assert.equal(newest?.state, 'READY');
    await assertAnswers(server, model.name, await biasOfVersion(server, model.name, newest.version, biasOf));
  }
  for (const { model, version, bias } of acknowledged) {
    const known = models
      .find(({ name }) => name === model)
      ?.versions.some((candidate) => candidate.version === version);
    assert.ok(known, `${model}@${version} was acknowledged and is gone`);
    assert.equal(await biasOfVersion(server, model, version, biasOf), bias);
  }
}

/** Which of the deployed files a version holds, by the digest of its model file. */
async function biasOfVersion(
  server: ChildServer,
  model: string,
  version: number,
  biasOf: ReadonlyMap<string, number>,
): Promise<number> {
  const { text } = await adminCall(callable(server), 'GET', `models/${model}/versions/${version}`);
  const { files } = JSON.parse(text) as { readonly files: readonly [{ readonly digest: string }] };
  const bias = biasOf.get(files[0].digest);
  assert.ok(bias !== undefined, `${model}@${version} holds a file nobody sent`);
  return bias;
}

async function assertAnswers(server: ChildServer, path: string, bias: number): Promise<void> {
  const body = JSON.stringify({ inputs: [{ name: 'x', datatype: 'FP32', shape: [1, 2], data: [1, 2] }] });
  const response = await server.request(`/v2/models/${path}/infer`, { method: 'POST', body });
  const text = await response.text();
  assert.equal(response.status, 200, text);
  assert.ok(text.includes(`"data":[${1 + bias},${2 + bias}]`), text);
}

async function checkEveryVersionAnswers(
  server: ChildServer,
  acknowledged: readonly Acknowledged[],
  biasOf: ReadonlyMap<string, number>,
): Promise<void> {
  for (const model of ['one', 'two']) {
    const patched = await adminCall(callable(server), 'PATCH', `models/${model}`, { policy: { kind: 'all' } });
    assert.equal(patched.status, 200);
    const { versions } = JSON.parse(patched.text) as ModelView;
    for (const { version, state } of versions) {
      assert.equal(state, 'READY', `${model}@${version}`);
      await assertAnswers(server, `${model}/versions/${version}`, await biasOfVersion(server, model, version, biasOf));
    }
  }
  assert.ok(acknowledged.every(({ model }) => ['one', 'two'].includes(model)));
}

test('SIGTERM ends the server with exit code 0 and the next start finds all', async (t) => {
  const dataDir = await createDataDir(t);
  const first = await startChildServer({ dataDir });
  assert.ok(first !== null);
  assert.equal((await deployBytes(callable(first), 'kept', biasModel(4))).status, 201);
  assert.equal(await first.stop(), 0);
  assert.match(first.log(), /listening/);
  const second = await startChildServer({ dataDir });
  assert.ok(second !== null);
  await assertAnswers(second, 'kept', 4);
  assert.equal(await second.stop(), 0);
});

test('a server process refuses a data directory that another one owns', async (t) => {
  const dataDir = await createDataDir(t);
  const first = await startChildServer({ dataDir });
  assert.ok(first !== null);
  t.after(() => first.kill());
  await assert.rejects(startChildServer({ dataDir }), new RegExp(`in use by process ${first.pid} since`));
  await first.kill(); // and nothing has to be cleaned up after that
  const next = await startChildServer({ dataDir });
  assert.ok(next !== null);
  await next.stop();
});

function assertFull(answer: AdminAnswer): void {
  assert.equal(answer.status, 507, answer.text);
  assert.equal(answer.error?.reason, 'STORAGE_FULL');
  assert.equal(answer.error.code, 'RESOURCE_EXHAUSTED');
  assert.equal(answer.error.retryable, true);
  assert.match(answer.error.message, /no space left/);
}

test('a disk that is full while deploying: 507, nothing left over, the server lives', async (t) => {
  const disk = mountTinyDisk(t, 4096);
  if (disk === null) return;
  const server = await startTestServer({ dataDir: disk });
  const steady = async () => {
    const body = JSON.stringify({ inputs: [{ name: 'x', datatype: 'FP32', shape: [1, 2], data: [1, 2] }] });
    const response = await server.request('/v2/models/steady/infer', { method: 'POST', body });
    assert.match(await response.text(), /"data":\[4,5\]/);
  };
  const leftovers = async () =>
    (await readdir(join(disk, 'artifacts'), { recursive: true })).filter((name) =>
      /(^|\/)(tmp\/.|\.building)/.test(name),
    );
  try {
    await server.deploy('steady', biasModel(3));
    const random = createRandom(1);
    const large = Uint8Array.from({ length: 6 * 1024 * 1024 }, () => Math.floor(random() * 256));
    assertFull(await deployBytes(server, 'large', large));
    const put = await server.request(`/admin/v1/blobs/${digestOf(large)}`, { method: 'PUT', body: large });
    assert.equal(put.status, 507, await put.text());
    assert.deepEqual(await leftovers(), []);
    await steady();
    assert.equal((await adminCall(server, 'GET', 'models/large')).status, 404, 'nothing half visible');

    // Not a page is left, neither for files nor for the database.
    await assert.rejects(writeFile(join(disk, 'filler'), new Uint8Array(8 * 1024 * 1024)), /ENOSPC/);
    const full = await deployBytes(server, 'small', biasModel(5));
    assertFull(full);
    assertFull(await adminCall(server, 'PUT', 'models/steady/labels/stable', { version: 1 }));
    await steady();
    assert.deepEqual(await leftovers(), []);
    assert.equal((await adminCall(server, 'GET', 'models/small')).status, 404);

    await rm(join(disk, 'filler'));
    await until('there is space again', async () => (await deployBytes(server, 'small', biasModel(5))).status === 201);
    await steady();
  } finally {
    await server.stop();
  }
});
