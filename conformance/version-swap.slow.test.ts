// Versions change under load: from the watched folder, through the API, by moving labels. Not one request may fail, and
// every reply comes whole from the version it names.
import assert from 'node:assert/strict';
import { cp, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { Agent, request as httpRequest } from 'node:http';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { biasModel } from './testing/models.ts';
import { openSocket, readToEnd } from './testing/raw-http.ts';
import { ADMIN_KEY, startTestServer, type TestServer } from './testing/running-server.ts';
import { until } from './testing/until.ts';

const CONNECTIONS = 8;

let server: TestServer;

before(async () => {
  server = await startTestServer({ rescanIntervalMs: '200' });
});

after(() => server.stop());

/** The model whose replies tell its version: y = x + 10 · version. */
const versionModel = (version: number) => biasModel(10 * version);

const BODY = JSON.stringify({ inputs: [{ name: 'x', datatype: 'FP32', shape: [1, 2], data: [1, 2] }] });

interface Load {
  /** Replies by version. */
  readonly counts: ReadonlyMap<number, number>;
  readonly failures: readonly string[];
  /** Ends it after the requests under way. */
  stop(): Promise<void>;
}

/** Keeps `connections` busy with requests, each on a connection of its own that stays open. */
function startLoad(path: string, connections: number): Load {
  const counts = new Map<number, number>();
  const failures: string[] = [];
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  let isStopping = false;
  const workers = Array.from({ length: connections }, async () => {
    while (!isStopping) {
      try {
        const version = await ask(agent, path);
        counts.set(version, (counts.get(version) ?? 0) + 1);
      } catch (error) {
        failures.push(error instanceof Error ? error.message : String(error));
      }
    }
  });
  return {
    counts,
    failures,
    async stop() {
      isStopping = true;
      await Promise.all(workers);
      agent.destroy();
    },
  };
}

/** One request; gives the version that answered. Fails unless the numbers are that version's. */
function ask(agent: Agent, path: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${ADMIN_KEY}`, 'content-length': String(BODY.length) };
    const sending = httpRequest(new URL(path, server.url), { method: 'POST', agent, headers }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString('utf8');
        try {
          assert.equal(response.statusCode, 200, text);
          resolve(versionOf(text));
        } catch (error) {
          reject(error);
        }
      });
    });
    sending.on('error', reject);
    sending.end(BODY);
  });
}

function versionOf(text: string): number {
  const reply = JSON.parse(text) as {
    readonly model_version: string;
    readonly outputs: readonly { readonly data: readonly number[] }[];
  };
  const version = Number(reply.model_version);
  assert.deepEqual(reply.outputs[0]?.data, [1 + 10 * version, 2 + 10 * version], 'a reply mixed versions');
  return version;
}

/** Puts a version into the watched folder in one step. */
async function dropVersion(model: string, version: number): Promise<void> {
  const staging = join(server.dataDir, `staging-${model}-${version}`);
  await mkdir(staging);
  await writeFile(join(staging, 'model.onnx'), versionModel(version));
  await mkdir(join(server.modelsDir, model), { recursive: true });
  await rename(staging, join(server.modelsDir, model, String(version)));
}

async function isServing(model: string, version: number): Promise<boolean> {
  return (await server.request(`/v2/models/${model}/versions/${version}/ready`)).status === 200;
}

async function admin(method: string, path: string, body: object): Promise<void> {
  const response = await server.request(`/admin/v1/models/${path}`, {
    method,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  assert.equal(response.status, 200, await response.text());
}

test('new versions in the folder and deployments with label moves fail no request', async (t) => {
  await dropVersion('dropped', 1);
  await server.deploy('labelled', versionModel(1));
  await admin('PUT', 'labelled/labels/production', { version: 1 });
  await until('the folder is served', () => isServing('dropped', 1));
  const dropped = startLoad('/v2/models/dropped/infer', CONNECTIONS / 2);
  const labelled = startLoad('/v2/models/labelled/infer', CONNECTIONS / 2);

  for (let version = 2; version <= 5; version++) {
    await dropVersion('dropped', version);
    assert.equal(await server.deploy('labelled', versionModel(version)), version);
    await admin('PUT', 'labelled/labels/production', { version });
    await admin('PUT', 'labelled/labels/previous', { version: version - 1 });
    await until(`version ${version} came from the folder`, () => isServing('dropped', version));
    const [before, labelledBefore] = [dropped.counts.get(version) ?? 0, labelled.counts.get(version) ?? 0];
    await until(
      'the new versions answer the load',
      () =>
        (dropped.counts.get(version) ?? 0) > before + 50 && (labelled.counts.get(version) ?? 0) > labelledBefore + 50,
    );
  }
  // Back and forth, as a roll-back does it.
  for (const version of [4, 5, 4, 5]) {
    await admin('PUT', 'labelled/labels/production', { version });
    const before = labelled.counts.get(version) ?? 0;
    await until('the label has moved', () => (labelled.counts.get(version) ?? 0) > before + 50);
  }
  // The policy shrinks and grows while requests run.
  await admin('PATCH', 'labelled', { policy: { kind: 'all' } });
  await admin('PATCH', 'labelled', { policy: { kind: 'latest', count: 1 } });
  const total = () => [...dropped.counts.values(), ...labelled.counts.values()].reduce((sum, count) => sum + count, 0);
  await until('2,000 requests', () => total() >= 2000);
  await Promise.all([dropped.stop(), labelled.stop()]);

  assert.deepEqual(dropped.failures, []);
  assert.deepEqual(labelled.failures, []);
  for (const load of [dropped, labelled]) assert.deepEqual([...load.counts.keys()].sort(), [1, 2, 3, 4, 5]);
  t.diagnostic(`${total()} requests, dropped ${show(dropped)}, labelled ${show(labelled)}`);
});

function show({ counts }: Load): string {
  return [...counts].map(([version, count]) => `${version}: ${count}`).join(', ');
}

for (const protocol of ['oip', 'tfs'] as const) {
  test(`a ${protocol} request whose body arrives across a swap is answered`, () => sendAcrossSwap(protocol));
}

async function sendAcrossSwap(protocol: 'oip' | 'tfs'): Promise<void> {
  const model = `slow-${protocol}`;
  const [path, body] =
    protocol === 'oip'
      ? [`/v2/models/${model}/infer`, BODY]
      : [`/v1/models/${model}:predict`, '{"instances": [[1, 2]]}'];
  await server.deploy(model, versionModel(1));
  const socket = await openSocket(server.url);
  const answer = readToEnd(socket);
  const head = `POST ${path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${ADMIN_KEY}\r\n`;
  socket.write(`${head}Connection: close\r\nContent-Length: ${body.length}\r\n\r\n${body.slice(0, 10)}`);
  await server.deploy(model, versionModel(2));
  await until('version 1 is gone', async () => !(await isServing(model, 1)));
  socket.write(body.slice(10));
  const text = await answer;
  assert.match(text, /^HTTP\/1\.1 200 /, text);
  assert.match(text, protocol === 'oip' ? /"data":\[21,22\]/ : /\[21\.0, ?22\.0\]/);
}

test('unloading and loading again under load fails with "not ready" only', async () => {
  await server.deploy('flapping', versionModel(1));
  const load = startLoad('/v2/models/flapping/infer', 4);
  for (let round = 0; round < 5; round++) {
    const unload = await server.request('/admin/v1/models/flapping/unload', { method: 'POST' });
    assert.equal(unload.status, 200);
    const again = await server.request('/admin/v1/models/flapping/load', { method: 'POST' });
    assert.equal(again.status, 200);
    const before = load.counts.get(1) ?? 0;
    await until('it answers again', () => (load.counts.get(1) ?? 0) > before + 20);
  }
  await load.stop();
  for (const failure of load.failures) assert.match(failure, /which is not ready|is being unloaded/);
});

test('removing a version from the folder moves traffic back without a failure', async () => {
  await dropVersion('removed', 1);
  await until('version 1 is served', () => isServing('removed', 1));
  await dropVersion('removed', 2);
  await until('version 2 is served', () => isServing('removed', 2));
  const load = startLoad('/v2/models/removed/infer', 4);
  await until('version 2 answers', () => (load.counts.get(2) ?? 0) > 50);
  await rm(join(server.modelsDir, 'removed', '2'), { recursive: true });
  await until('version 1 answers again', () => (load.counts.get(1) ?? 0) > 50);
  // And forth again, by a copy that takes its time.
  await cp(join(server.modelsDir, 'removed', '1'), join(server.modelsDir, 'removed', '3'), { recursive: true });
  await writeFile(join(server.modelsDir, 'removed', '3', 'model.onnx'), versionModel(3));
  await until('version 3 answers', () => (load.counts.get(3) ?? 0) > 50);
  await load.stop();
  assert.deepEqual(load.failures, []);
});
