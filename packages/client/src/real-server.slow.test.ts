// The SDK against a real server.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Writable } from 'node:stream';
import test, { type TestContext } from 'node:test';
import { startServer } from '@amaas/server';
import { type AmaasClient, createClient } from './client.ts';
import { tensorToNested } from './nested.ts';

const model = new Uint8Array(readFileSync(resolve(import.meta.dirname, '../../../models/iris/1/model.onnx')));
const flowers = [
  [5.1, 3.5, 1.4, 0.2],
  [6.3, 3.3, 6.0, 2.5],
];

async function start(t: TestContext): Promise<AmaasClient> {
  const dataDir = mkdtempSync(join(tmpdir(), 'amaas-client-'));
  let apiKey = '';
  const server = await startServer({
    flags: { dataDir, port: 0, bundledModels: false },
    environment: {},
    cwd: dataDir,
    onAdminKey: (key) => {
      apiKey = key;
    },
    logDestination: new Writable({ write: (_chunk, _encoding, done) => done() }),
  });
  t.after(async () => {
    await server.stop();
    rmSync(dataDir, { recursive: true, force: true });
  });
  await server.ready;
  return createClient({ url: server.url, apiKey });
}

test('client deploys from bytes, a Blob and a stream, and the server keeps one copy', async (t) => {
  const client = await start(t);
  const contents = [model, new Blob([model]), () => new Blob([model]).stream()];
  const digests = new Set<string | null>();
  for (const [index, content] of contents.entries()) {
    const manifest = { labels: ['setosa', 'versicolor', 'virginica'] };
    const version = await client.deploy({
      name: 'iris',
      files: [{ path: 'model.onnx', content }],
      manifest,
      labels: [`l${index}`],
    });
    assert.deepEqual([version.version, version.state, version.labels], [index + 1, 'READY', [`l${index}`]]);
    digests.add(version.digest);
  }
  assert.equal(digests.size, 1);
  assert.deepEqual((await client.models.get('iris')).labels, { l0: 1, l1: 2, l2: 3 });
});

test('client predicts in bytes and JSON, by name, label and version', async (t) => {
  const client = await start(t);
  await client.deploy({ name: 'iris', files: [{ path: 'model.onnx', content: model }], labels: ['production'] });
  const { inputs } = await client.metadata('iris');
  assert.deepEqual(inputs, [{ name: 'float_input', dtype: 'float32', shape: [null, 4] }]);
  for (const reference of ['iris', 'iris:production', 'iris@1']) {
    for (const binary of [true, false]) {
      for (const flower of flowers) {
        const { version, outputs } = await client.infer(reference, { float_input: [flower] }, { binary });
        const label = outputs.get('output_label');
        assert.ok(label !== undefined && version === 1);
        assert.deepEqual(tensorToNested(label), [flower === flowers[0] ? 0n : 2n]);
      }
    }
  }
  const only = await client.infer('iris', { float_input: [flowers[0] ?? []] }, { outputs: ['output_probability'] });
  assert.deepEqual([...only.outputs.keys()], ['output_probability']);
});

test('client tells what the server refused', async (t) => {
  const client = await start(t);
  await client.deploy({ name: 'iris', files: [{ path: 'model.onnx', content: model }] });
  const wrongRank = new Map([['float_input', { dtype: 'float32', shape: [4], data: new Float32Array(4) } as const]]);
  await assert.rejects(client.infer('iris', wrongRank), { code: 'INVALID_ARGUMENT', message: /float_input/ });
  await assert.rejects(client.infer('nothing', wrongRank), { reason: 'MODEL_NOT_FOUND' });
  await assert.rejects(client.models.getVersion('iris', 99), { reason: 'VERSION_NOT_FOUND' });
  await assert.rejects(client.models.removeLabel('iris', 'nobody'), { reason: 'LABEL_NOT_FOUND' });
  await assert.rejects(client.deployUrl({ name: 'iris', url: 'http://127.0.0.1:1/m.onnx' }), { reason: 'URL_REFUSED' });
  const files = [{ path: 'model.onnx', content: model.slice(0, 3000) }];
  await assert.rejects(client.deploy({ name: 'broken', files }), { reason: 'INVALID_MODEL' });
  const stranger = createClient({ url: client.url, apiKey: 'amaas_nobody' });
  await assert.rejects(stranger.models.list(), { reason: 'INVALID_KEY' });
  await assert.rejects(createClient({ url: client.url, apiKey: '' }).status(), { reason: 'MISSING_KEY' });
  assert.deepEqual([await client.isLive(), await client.isReady()], [true, true]);
  assert.equal((await client.status()).models.ready, 1);
});

test('client manages keys, policies and memory', async (t) => {
  const client = await start(t);
  for (const _ of [1, 2]) await client.deploy({ name: 'iris', files: [{ path: 'model.onnx', content: model }] });
  const { key, id } = await client.keys.create({ name: 'reader', scopes: ['infer'], models: ['ir*'] });
  const reader = createClient({ url: client.url, apiKey: key, retry: { maxAttempts: 1 } });
  await reader.infer('iris', { float_input: flowers.slice(0, 1) });
  await assert.rejects(reader.models.unload('iris'), { reason: 'FORBIDDEN' });
  assert.deepEqual((await client.keys.list()).map((each) => each.name).toSorted(), ['admin', 'reader']);
  await client.keys.revoke(id);
  await assert.rejects(reader.infer('iris', { float_input: flowers.slice(0, 1) }), { reason: 'INVALID_KEY' });
  const all = await client.models.setPolicy('iris', { kind: 'all' });
  assert.deepEqual(
    all.versions.map((version) => version.state),
    ['READY', 'READY'],
  );
  const unloaded = await client.models.unload('iris');
  assert.ok(unloaded.versions.every((version) => version.state !== 'READY'));
  assert.ok((await client.models.load('iris')).versions.every((version) => version.state === 'READY'));
  await client.models.removeVersion('iris', 1);
  await client.models.remove('iris');
  assert.deepEqual(await client.models.list(), []);
});
