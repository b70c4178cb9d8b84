// Every route of the management API: what it answers, checked against the schemas it publishes, and how it refuses.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
  CreatedKeySchema,
  KeyListSchema,
  ModelListSchema,
  ModelSummarySchema,
  StatusSchema,
  VersionDetailSchema,
} from '@amaas/protocols/admin';
import {
  type AdminRequest,
  assertAdminError,
  assertEmpty,
  callAdmin,
  deployJson,
  deployRaw,
  digestOf,
  OCTETS,
  sendAdmin,
  uploadBlob,
} from './testing/checked-admin-call.ts';
import { externalDataModel } from './testing/external-data-model.ts';
import { startTestServer, type TestServer } from './testing/running-server.ts';
import { halfPlusModel, scoresModel } from './testing/tfs-models.ts';

let server: TestServer;

before(async () => {
  server = await startTestServer();
  await server.deploy('fixed', halfPlusModel(1));
});

after(() => server.stop());

function getModel(model: string) {
  return callAdmin(server, { method: 'GET', path: `/models/${model}` }, { schema: ModelSummarySchema });
}

function getVersion(model: string, version: number) {
  const request = { method: 'GET', path: `/models/${model}/versions/${version}` };
  return callAdmin(server, request, { schema: VersionDetailSchema });
}

/** What half_plus_two's like answers for x = 2. */
async function ask(model: string): Promise<number> {
  const body = JSON.stringify({ inputs: [{ name: 'x', datatype: 'FP32', shape: [1], data: [2] }] });
  const reply = await server.request(`/v2/models/${model}/infer`, { method: 'POST', body });
  assert.equal(reply.status, 200, await reply.clone().text());
  const { outputs } = (await reply.json()) as { readonly outputs: readonly [{ readonly data: readonly [number] }] }; // OIP
  return outputs[0].data[0];
}

test('GET /status describes the running server', async () => {
  const status = await callAdmin(server, { method: 'GET', path: '/status' }, { schema: StatusSchema });
  assert.equal(status.ready, true);
  assert.equal(status.database, 'sqlite');
  assert.equal(status.dataDir, server.dataDir);
  assert.equal(status.modelsDir, server.modelsDir);
  assert.ok(status.models.ready >= 1);
  assert.ok(status.engine.executionProviders.includes('cpu'));
  assert.ok(Date.parse(status.startedAt) <= Date.now());
});

test('deploy by a raw body: numbers count up, labels of the query move', async () => {
  const first = await deployRaw(server, 'raw?label=production&label=old', halfPlusModel(1));
  assert.deepEqual([first.model, first.version, first.state, first.reason], ['raw', 1, 'READY', null]);
  assert.deepEqual(first.labels.toSorted(), ['old', 'production']);
  assert.deepEqual(first.files, [
    { path: 'model.onnx', digest: digestOf(halfPlusModel(1)), sizeBytes: halfPlusModel(1).byteLength },
  ]);
  assert.equal(first.sizeBytes, halfPlusModel(1).byteLength);
  assert.deepEqual(first.signatures, {
    serving_default: {
      method: 'predict',
      inputs: [{ name: 'x', dtype: 'float32', shape: ['N'] }],
      outputs: [{ name: 'y', dtype: 'float32', shape: ['N'] }],
    },
  });
  assert.equal(first.lineage['deployedBy'], 'admin');
  assert.ok(first.serving !== null && 'maxSize' in first.serving.batching);
  assert.equal(await ask('raw'), 2);
  const second = await deployRaw(server, 'raw?label=production', halfPlusModel(5));
  assert.deepEqual([second.version, second.labels], [2, ['production']]);
  assert.deepEqual(await getVersion('raw', 2), second);
  assert.equal(await ask('raw'), 6);
  assert.equal(await ask('raw:old'), 2);
  const model = await getModel('raw');
  assert.deepEqual(model.labels, { old: 1, production: 2 });
  assert.deepEqual([model.owner, model.policy], ['api', { kind: 'latest', count: 1 }]);
  // The same contents are a new version all the same: who deploys means to.
  const third = await deployRaw(server, 'raw', halfPlusModel(5));
  assert.deepEqual([third.version, third.digest], [3, second.digest]);
});

test('deploy by blobs: asked for, uploaded once, named by digest', async () => {
  const bytes = halfPlusModel(7);
  const blob = `/blobs/${digestOf(bytes)}`;
  assert.equal((await sendAdmin(server, { method: 'HEAD', path: blob })).status, 404);
  const absent = deployJson('blobs', { files: [{ path: 'model.onnx', digest: digestOf(bytes) }] });
  await assertAdminError(server, absent, {
    status: 404,
    reason: 'ARTIFACT_NOT_FOUND',
    message: /PUT it to \/admin\/v1\/blobs\/sha256:/,
  });
  await uploadBlob(server, bytes);
  await uploadBlob(server, bytes); // the same again is no error
  const there = await sendAdmin(server, { method: 'HEAD', path: blob });
  assert.deepEqual([there.status, await there.text()], [200, '']);
  const body = {
    files: [{ path: 'model.onnx', digest: digestOf(bytes) }],
    labels: ['production'],
    manifest: { description: 'y = x / 2 + 7', licence: 'Apache-2.0', batching: { dim: null } },
    lineage: {
      parent: { model: 'raw', version: 1 },
      run: 'r-1',
      metrics: { accuracy: 0.5 },
      configuration: { a: [1] },
    },
  };
  const version = await callAdmin(server, deployJson('blobs', body), { status: 201, schema: VersionDetailSchema });
  assert.deepEqual(version.manifest, body.manifest);
  assert.deepEqual(version.labels, ['production']);
  assert.deepEqual(version.lineage['parent'], { model: 'raw', version: 1 });
  assert.deepEqual(version.lineage['metrics'], { accuracy: 0.5 });
  assert.ok(version.serving !== null && 'off' in version.serving.batching);
  assert.equal((await getModel('blobs')).description, 'y = x / 2 + 7');
  assert.equal(await ask('blobs'), 8);
});

test('PUT /blobs refuses bytes that are not what their digest says', async () => {
  const wrong = { method: 'PUT', path: `/blobs/${digestOf(halfPlusModel(9))}`, body: halfPlusModel(8) };
  await assertAdminError(server, wrong, {
    status: 500,
    reason: 'DIGEST_MISMATCH',
    message: /got \d+ bytes that hash to sha256:/,
  });
  assert.equal((await sendAdmin(server, { method: 'HEAD', path: wrong.path })).status, 404);
  assert.equal((await sendAdmin(server, { method: 'HEAD', path: '/blobs/sha256:x' })).status, 400);
  for (const digest of [
    'x',
    `sha256:${'A'.repeat(64)}`,
    `sha256:${'a'.repeat(63)}`,
    `sha512:${'a'.repeat(64)}`,
    '..%2f..%2fx',
  ]) {
    const put = { method: 'PUT', path: `/blobs/${digest}`, body: halfPlusModel(8) };
    await assertAdminError(server, put, {
      status: 400,
      reason: 'INVALID_ARGUMENT',
      message: /64 lower-case hex digits/,
    });
  }
});

test('deploy a folder: weights in an external file, class names in a text file, its own amaas.json', async () => {
  const { model, weights } = externalDataModel('weights/w.bin', [1, 2, 3]);
  const labels = Buffer.from('cat\r\ndog\r\nünicorn\n');
  const manifest = Buffer.from(
    JSON.stringify({
      labels: 'names.txt',
      description: 'from the folder',
      signatures: { serving_default: { method: 'classify' } },
    }),
  );
  const files = [];
  for (const [path, content] of [
    ['model.onnx', model],
    ['weights/w.bin', weights],
    ['names.txt', labels],
    ['amaas.json', manifest],
  ] as const) {
    files.push({ path, digest: await uploadBlob(server, new Uint8Array(content)) });
  }
  const body = { files, manifest: { description: 'from the request' } };
  const version = await callAdmin(server, deployJson('folder', body), { status: 201, schema: VersionDetailSchema });
  assert.deepEqual(version.manifest.labels, ['cat', 'dog', 'ünicorn']);
  assert.equal(version.manifest.description, 'from the request');
  assert.deepEqual(version.files.map((file) => file.path).toSorted(), [
    'amaas.json',
    'model.onnx',
    'names.txt',
    'weights/w.bin',
  ]);
  const reply = await server.request('/v1/models/folder:classify', {
    method: 'POST',
    body: '{"examples": [{"x": [0.5, 1, 1.5]}]}',
  });
  assert.equal(await reply.text(), '{"results":[[["cat",0.5],["dog",2.0],["ünicorn",4.5]]]}');
  const missing = deployJson('folder', { files: files.filter((file) => file.path !== 'weights/w.bin') });
  await assertAdminError(server, missing, {
    status: 400,
    reason: 'INVALID_MODEL',
    message: /"weights\/w\.bin", which was not delivered/,
  });
  const unnamed = deployJson('folder', { files: files.filter((file) => file.path !== 'names.txt') });
  await assertAdminError(server, unnamed, {
    status: 400,
    reason: 'INVALID_CONFIG',
    message: /labels names the file "names\.txt", which is not beside/,
  });
  assert.equal((await getModel('folder')).versions.length, 1);
});

test('a broken model says what is wrong with it, and the version before goes on serving', async () => {
  const raw = (bytes: Uint8Array): AdminRequest => ({
    method: 'POST',
    path: '/models/fixed/versions',
    body: bytes,
    headers: OCTETS,
  });
  const cut = halfPlusModel(1).subarray(0, 60);
  await assertAdminError(server, raw(cut), { status: 400, reason: 'INVALID_MODEL', message: /^onnx: / });
  await assertAdminError(server, raw(new Uint8Array()), {
    status: 400,
    reason: 'INVALID_MODEL',
    message: 'onnx: the file is empty',
  });
  const wrongManifest = deployJson('fixed', {
    files: [{ path: 'model.onnx', digest: await uploadBlob(server, scoresModel()) }],
    manifest: { signatures: { serving_default: { inputs: [{ name: 'y' }] } } },
  });
  await assertAdminError(server, wrongManifest, {
    status: 400,
    reason: 'INVALID_CONFIG',
    message: /signature "serving_default", inputs: "y" is not one of the model's: "x"/,
  });
  assert.equal((await getModel('fixed')).versions.length, 1);
  assert.equal(await ask('fixed'), 2);
});

test('deleting: labelled versions are kept, numbers are never given twice, a deleted model is gone', async () => {
  for (const plus of [1, 2, 3])
    await deployRaw(server, plus === 2 ? 'deleted?label=canary' : 'deleted', halfPlusModel(plus));
  const labelled = { method: 'DELETE', path: '/models/deleted/versions/2' };
  await assertAdminError(server, labelled, {
    status: 422,
    reason: 'LABEL_IN_USE',
    message: /carries the label "canary"/,
  });
  await assertEmpty(server, { method: 'DELETE', path: '/models/deleted/labels/canary' });
  await assertAdminError(
    server,
    { method: 'DELETE', path: '/models/deleted/labels/canary' },
    { status: 404, reason: 'LABEL_NOT_FOUND' },
  );
  await assertEmpty(server, labelled);
  await assertAdminError(server, labelled, { status: 404, reason: 'VERSION_NOT_FOUND' });
  await assertEmpty(server, { method: 'DELETE', path: '/models/deleted/versions/3' });
  assert.equal(await ask('deleted'), 2, 'the latest version left serves');
  assert.equal((await deployRaw(server, 'deleted', halfPlusModel(4))).version, 4);
  await assertEmpty(server, { method: 'DELETE', path: '/models/deleted' });
  const gone = { status: 404, reason: 'MODEL_NOT_FOUND' };
  for (const request of [
    { method: 'DELETE', path: '/models/deleted' },
    { method: 'GET', path: '/models/deleted' },
    { method: 'GET', path: '/models/deleted/versions/4' },
    { method: 'POST', path: '/models/deleted/load' },
    { method: 'POST', path: '/models/deleted/unload' },
    { method: 'PATCH', path: '/models/deleted', body: { policy: { kind: 'all' } } },
    { method: 'PUT', path: '/models/deleted/labels/x', body: { version: 1 } },
  ]) {
    await assertAdminError(server, request, gone);
  }
  const reply = await server.request('/v2/models/deleted/infer', { method: 'POST', body: '{}' });
  assert.equal(reply.status, 404);
  assert.equal((await deployRaw(server, 'deleted', halfPlusModel(5))).version, 5);
  await assertEmpty(server, { method: 'DELETE', path: '/models/deleted/versions/5' });
  assert.deepEqual((await getModel('deleted')).versions, []);
  await assertEmpty(server, { method: 'DELETE', path: '/models/deleted' });
  await assertAdminError(server, { method: 'GET', path: '/models/deleted' }, gone);
});

test('GET /models lists every model by name, with what GET /models/{model} says', async () => {
  const { models } = await callAdmin(server, { method: 'GET', path: '/models' }, { schema: ModelListSchema });
  const names = models.map((model) => model.name);
  assert.deepEqual(names, names.toSorted());
  assert.ok(names.includes('fixed') && !names.includes('deleted'));
  for (const model of models) assert.deepEqual(await getModel(model.name), model);
});

test('keys: made, listed without their secret, limited, revoked', async () => {
  const create = (body: object): AdminRequest => ({ method: 'POST', path: '/keys', body });
  const created = await callAdmin(
    server,
    create({ name: 'reader', scopes: ['infer'], models: ['fixed', 'raw*'], expiresAt: '2100-01-01T00:00:00+02:00' }),
    { status: 201, schema: CreatedKeySchema },
  );
  assert.match(created.key, /^amaas_[A-Za-z0-9]{30,}$/);
  assert.ok(created.key.startsWith(created.prefix) && created.prefix.length < 20);
  assert.equal(created.expiresAt, '2099-12-31T22:00:00.000Z');
  const { key: secret, ...shown } = created;
  const list = await callAdmin(server, { method: 'GET', path: '/keys' }, { schema: KeyListSchema });
  assert.deepEqual(
    list.keys.find((key) => key.id === created.id),
    shown,
  );
  assert.ok(!JSON.stringify(list).includes(secret));
  const { models } = await callAdmin(
    server,
    { method: 'GET', path: '/models', key: secret },
    { schema: ModelListSchema },
  );
  assert.ok(models.length > 0 && models.every(({ name }) => name === 'fixed' || name.startsWith('raw')));
  const forbidden = { status: 403, reason: 'FORBIDDEN' };
  await assertAdminError(server, { method: 'GET', path: '/keys', key: secret }, forbidden);
  await assertAdminError(server, { method: 'GET', path: '/models/blobs', key: secret }, forbidden);
  await assertAdminError(server, { method: 'POST', path: '/models/fixed/unload', key: secret }, forbidden);
  await assertAdminError(server, create({ name: 'reader', scopes: ['infer'] }), { status: 409, reason: 'NAME_TAKEN' });
  await assertAdminError(server, create({ name: 'admin', scopes: ['infer'] }), { status: 409, reason: 'NAME_TAKEN' });
  await assertEmpty(server, { method: 'DELETE', path: `/keys/${created.id}` });
  await assertEmpty(server, { method: 'DELETE', path: `/keys/${created.id}` }); // revoked is revoked
  await assertAdminError(
    server,
    { method: 'GET', path: '/models', key: secret },
    { status: 401, reason: 'INVALID_KEY', message: /was revoked/ },
  );
  const revoked = await callAdmin(server, { method: 'GET', path: '/keys' }, { schema: KeyListSchema });
  assert.ok(revoked.keys.find((key) => key.id === created.id)?.revokedAt !== null);
  await assertAdminError(server, { method: 'DELETE', path: '/keys/nobody' }, { status: 404, reason: 'KEY_NOT_FOUND' });
  await assertAdminError(
    server,
    { method: 'DELETE', path: '/keys/admin' },
    { status: 400, reason: 'INVALID_ARGUMENT', message: /last key with the admin scope/ },
  );
});
