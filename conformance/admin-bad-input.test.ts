// What the management API refuses, and how it says so: unknown fields, hostile names and paths, bodies of the wrong kind.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { ModelSummarySchema } from '@amaas/protocols/admin';
import {
  type AdminRequest,
  assertAdminError,
  callAdmin,
  deployJson,
  JSON_TYPE,
  OCTETS,
  sendAdmin,
  uploadBlob,
} from './testing/checked-admin-call.ts';
import { externalDataModel } from './testing/external-data-model.ts';
import { startTestServer, type TestServer } from './testing/running-server.ts';
import { halfPlusModel } from './testing/tfs-models.ts';

let server: TestServer;

before(async () => {
  server = await startTestServer();
  await server.deploy('fixed', halfPlusModel(1));
});

after(async () => {
  const { versions } = await callAdmin(
    server,
    { method: 'GET', path: '/models/fixed' },
    { schema: ModelSummarySchema },
  );
  await server.stop();
  assert.deepEqual(
    versions.map(({ version, state }) => [version, state]),
    [[1, 'READY']],
    'nothing refused may have left a trace',
  );
});

test('external data and file names that lead out of the folder are refused', async () => {
  for (const location of ['../w.bin', '/etc/passwd', 'a/../../w.bin']) {
    const { model, weights } = externalDataModel(location, [1, 2, 3]);
    const files = [
      { path: 'model.onnx', digest: await uploadBlob(server, model) },
      { path: 'w.bin', digest: await uploadBlob(server, weights) },
    ];
    await assertAdminError(server, deployJson('escape', { files }), {
      status: 400,
      reason: 'INVALID_MODEL',
      message: /keeps its data in .* expected a path inside the model's folder/,
    });
  }
  const digest = await uploadBlob(server, halfPlusModel(1));
  for (const path of [
    '../model.onnx',
    '/model.onnx',
    'a/../b.onnx',
    'a\\b.onnx',
    'C:/x.onnx',
    'a//b.onnx',
    './model.onnx',
    'a\u0000.onnx',
  ]) {
    const request = deployJson('escape', { files: [{ path, digest }] });
    await assertAdminError(server, request, { status: 400, reason: 'INVALID_ARGUMENT', message: /^file path / });
  }
  const twice = deployJson('escape', {
    files: [
      { path: 'model.onnx', digest },
      { path: 'model.onnx', digest },
    ],
  });
  await assertAdminError(server, twice, { status: 400, reason: 'INVALID_ARGUMENT', message: /is listed twice/ });
  const unclear = deployJson('escape', {
    files: [
      { path: 'a.onnx', digest },
      { path: 'b.onnx', digest },
    ],
  });
  await assertAdminError(server, unclear, {
    status: 400,
    reason: 'INVALID_MODEL',
    message: /exactly one \.onnx or \.gguf file, found a\.onnx, b\.onnx/,
  });
  await assertAdminError(server, { method: 'GET', path: '/models/escape' }, { status: 404, reason: 'MODEL_NOT_FOUND' });
});

test('keys: what cannot be made', async () => {
  const refuse = (body: object, reason: string, message: RegExp) =>
    assertAdminError(server, { method: 'POST', path: '/keys', body }, { status: 400, reason, message });
  await refuse({ name: 'k' }, 'MALFORMED_REQUEST', /scopes/);
  await refuse({ name: 'k', scopes: [] }, 'MALFORMED_REQUEST', /\/scopes must not have fewer than 1 items/);
  await refuse(
    { name: 'k', scopes: ['root'] },
    'MALFORMED_REQUEST',
    /\/scopes\/0 .*"admin","deploy","infer".*got "root"/,
  );
  await refuse({ name: 'K', scopes: ['infer'] }, 'MALFORMED_REQUEST', /\/name must match pattern/);
  await refuse(
    { name: 'k', scopes: ['infer'], models: ['*x'] },
    'INVALID_ARGUMENT',
    /model pattern "\*x" is not allowed/,
  );
  await refuse({ name: 'k', scopes: ['admin'], models: ['x'] }, 'INVALID_ARGUMENT', /admin scope is for all models/);
  await refuse({ name: 'k', scopes: ['infer'], expiresAt: '2001-01-01' }, 'INVALID_ARGUMENT', /must lie in the future/);
  for (const expiresAt of ['soon', '31.12.2099', '2099', '2099-12-31T00:00:00', '']) {
    await refuse({ name: 'k', scopes: ['infer'], expiresAt }, 'INVALID_ARGUMENT', /must be an ISO 8601 time/);
  }
});

test('unknown fields are refused by name, wherever they stand', async () => {
  const digest = await uploadBlob(server, halfPlusModel(1));
  const files = [{ path: 'model.onnx', digest }];
  for (const [request, field] of [
    [deployJson('fixed', { files, colour: 'red' }), '/colour'],
    [deployJson('fixed', { files: [{ path: 'model.onnx', digest, size: 1 }] }), '/files/0/size'],
    [deployJson('fixed', { files, manifest: { batching: { maxsize: 4 } } }), '/manifest/batching/maxsize'],
    [deployJson('fixed', { files, manifest: { constructor: 1 } }), '/manifest/constructor'],
    [deployJson('fixed', { files, lineage: { author: 'me' } }), '/lineage/author'],
    [{ method: 'PATCH', path: '/models/fixed', body: { policy: { kind: 'all' }, label: 'x' } }, '/label'],
    [{ method: 'PUT', path: '/models/fixed/labels/x', body: { version: 1, force: true } }, '/force'],
    [{ method: 'POST', path: '/keys', body: { name: 'k', scopes: ['infer'], scope: 'admin' } }, '/scope'],
  ] as const) {
    const message = new RegExp(`: ${field} is not a known field, got `);
    const error = await assertAdminError(server, request, { status: 400, reason: 'MALFORMED_REQUEST', message });
    assert.equal(error.details['path'], field);
  }
  const query = { status: 400, reason: 'MALFORMED_REQUEST', message: /takes (no query parameters|label) here, got "/ };
  await assertAdminError(server, { method: 'GET', path: '/models?limit=5' }, query);
  await assertAdminError(server, { ...deployJson('fixed', { files }), path: '/models/fixed/versions?label=x' }, query);
  const misspelt = { method: 'POST', path: '/models/fixed/versions?labels=x', body: halfPlusModel(1), headers: OCTETS };
  await assertAdminError(server, misspelt, query);
});

test('__proto__ is refused as a key at any depth', async () => {
  for (const body of [
    '{"__proto__":{"files":[]}}',
    '{"url":"http://example.com","manifest":{"signatures":{"__proto__":{}}}}',
    '{"url":"http://example.com","lineage":{"configuration":{"deep":[{"__proto__":null}]}}}',
    '{"url":"http://example.com","\\u005f_proto__":1}',
  ]) {
    const request = { method: 'POST', path: '/models/fixed/versions', body, headers: JSON_TYPE };
    await assertAdminError(server, request, {
      status: 400,
      reason: 'MALFORMED_REQUEST',
      message: /"__proto__" is not allowed/,
    });
  }
});

test('bodies that are not what the route takes', async () => {
  const post = (body: string | Uint8Array, type = 'application/json'): AdminRequest => ({
    method: 'POST',
    path: '/models/fixed/versions',
    body,
    headers: { 'content-type': type },
  });
  const malformed = { status: 400, reason: 'MALFORMED_REQUEST' };
  for (const body of ['', '{', '{"files":', 'null', '[]', '5', '"x"', `${'['.repeat(200_000)}`]) {
    await assertAdminError(server, post(body), malformed);
  }
  await assertAdminError(server, post(Uint8Array.of(0x22, 0xff, 0x22)), malformed);
  await assertAdminError(server, post('{}'), {
    ...malformed,
    message: 'deploy: expected exactly one of "files" and "url"',
  });
  const both = JSON.stringify({
    url: 'http://example.com',
    files: [{ path: 'x', digest: `sha256:${'0'.repeat(64)}` }],
  });
  await assertAdminError(server, post(both), {
    ...malformed,
    message: 'deploy: expected exactly one of "files" and "url"',
  });
  const unsupported = { status: 415, reason: 'UNSUPPORTED_MEDIA_TYPE' };
  for (const type of ['text/plain', 'application/x-protobuf', 'multipart/form-data; boundary=x']) {
    await assertAdminError(server, post('{}', type), unsupported);
  }
  const large = post(`"${'x'.repeat(4 * 1024 * 1024)}"`);
  await assertAdminError(server, large, { status: 413, reason: 'REQUEST_TOO_LARGE', message: /at most 4194304 bytes/ });
  // `curl -d` declares a form; the body is what counts.
  const curl = {
    method: 'PATCH',
    path: '/models/fixed',
    body: '{"policy":{"kind":"all"}}',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
  };
  await callAdmin(server, curl, { schema: ModelSummarySchema });
});

test('names and numbers in the path', async () => {
  for (const name of ['A', '__proto__', 'constructor%00', 'a%2Fb', '..%2Fx', '-x', 'x'.repeat(129), 'a..b', '%C3%BC']) {
    const request = { method: 'POST', path: `/models/${name}/versions`, body: halfPlusModel(1), headers: OCTETS };
    await assertAdminError(server, request, {
      status: 400,
      reason: 'INVALID_NAME',
      message: /^model name ".*" is not allowed: expected a–z/,
    });
    await assertAdminError(
      server,
      { method: 'GET', path: `/models/${name}` },
      { status: 404, reason: 'MODEL_NOT_FOUND' },
    );
  }
  await assertAdminError(server, { method: 'GET', path: '/models/%zz' }, { status: 400, reason: 'MALFORMED_REQUEST' });
  for (const version of ['0', '-1', '1.5', 'x', '99999999999999999999', '2']) {
    const expected = { status: 404, reason: 'VERSION_NOT_FOUND' };
    await assertAdminError(server, { method: 'GET', path: `/models/fixed/versions/${version}` }, expected);
    await assertAdminError(server, { method: 'DELETE', path: `/models/fixed/versions/${version}` }, expected);
  }
  const put = { method: 'PUT', path: '/models/fixed/labels/Bad', body: { version: 1 } };
  await assertAdminError(server, put, { status: 400, reason: 'INVALID_NAME', message: /^label name "Bad"/ });
});

test('routes that are not there, methods that are not taken', async () => {
  for (const path of ['', '/', '/nope', '/models/', '/models//versions', '/models/fixed/versions/1/x', '/keys/']) {
    await assertAdminError(server, { method: 'GET', path }, { status: 404, reason: 'ROUTE_NOT_FOUND' });
  }
  for (const [method, path, takes] of [
    ['GET', '/models/fixed/versions', 'POST'],
    ['PUT', '/models/fixed/versions/1', 'GET, DELETE'],
    ['POST', '/models', 'GET'],
    ['GET', '/models/fixed/labels/x', 'PUT, DELETE'],
    ['PATCH', '/keys', 'GET, POST'],
    ['GET', `/blobs/sha256:${'0'.repeat(64)}`, 'HEAD, PUT'],
  ] as const) {
    const error = await assertAdminError(server, { method, path }, { status: 405, reason: 'METHOD_NOT_ALLOWED' });
    assert.ok(error.message.endsWith(`takes ${takes}, got ${method}`), error.message);
    assert.equal((await sendAdmin(server, { method, path })).headers.get('allow'), takes);
  }
  const infer = await server.request('/v2/models/fixed/infer', { method: 'PUT' });
  assert.deepEqual([infer.status, infer.headers.get('allow')], [405, 'POST']);
  const head = await sendAdmin(server, { method: 'HEAD', path: '/models/fixed' });
  assert.deepEqual([head.status, await head.text()], [200, '']);
});
