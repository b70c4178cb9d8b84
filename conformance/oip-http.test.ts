// Every route of the Open Inference Protocol over HTTP but infer: bodies, status codes, error texts.
// Expected values: design notes "wire facts" 3.C and 3.F (Open Inference Protocol v2, Triton's http_server.cc).
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { addSubModel, biasModel } from './testing/models.ts';
import { sendRequest } from './testing/raw-http.ts';
import { ADMIN_KEY, startTestServer, type TestServer } from './testing/running-server.ts';

let server: TestServer;

before(async () => {
  server = await startTestServer();
  await server.deploy('addsub', addSubModel());
  await server.deploy('bias', biasModel(10));
  await server.deploy('bias', biasModel(20));
  await call('PUT', '/admin/v1/models/bias/labels/stable', { version: 1 });
});

after(() => server.stop());

interface Answer {
  readonly status: number;
  readonly text: string;
  /** Parsed where there is a body. */
  readonly json: unknown;
}

/** Sends the path as it is written here. */
async function call(method: string, path: string, body?: object | string): Promise<Answer> {
  const reply = await sendRequest(server.url, {
    method,
    path,
    headers: { authorization: `Bearer ${ADMIN_KEY}` },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const { status, text } = reply;
  if (text !== '') assert.equal(reply.headers.get('content-type'), 'application/json', `${method} ${path}`);
  return { status, text, json: text === '' ? undefined : JSON.parse(text) };
}

async function assertError(method: string, path: string, expected: { status: number; error: string | RegExp }) {
  const { status, json } = await call(method, path, method === 'POST' ? {} : undefined);
  assert.equal(status, expected.status, `${method} ${path}: ${JSON.stringify(json)}`);
  // An error is exactly {"error": text}.
  assert.deepEqual(Object.keys(json as object), ['error']); // the body of every error is an object
  const { error } = json as { error: string };
  if (typeof expected.error === 'string') assert.equal(error, expected.error, `${method} ${path}`);
  else assert.match(error, expected.error, `${method} ${path}`);
}

test('GET /v2 names the server and exactly the extensions it has', async () => {
  const { status, json } = await call('GET', '/v2');
  assert.equal(status, 200);
  const { name, version, extensions } = json as { name: string; version: string; extensions: readonly string[] };
  assert.deepEqual(Object.keys(json as object), ['name', 'version', 'extensions']);
  assert.equal(name, 'amaas');
  assert.match(version, /^\d+\.\d+\.\d+/);
  const known = ['classification', 'sequence', 'model_repository', 'model_repository(unload_dependents)'];
  known.push('schedule_policy', 'model_configuration', 'system_shared_memory', 'cuda_shared_memory');
  known.push('binary_tensor_data', 'parameters', 'statistics', 'trace', 'logging');
  for (const extension of extensions) assert.ok(known.includes(extension), extension);
  // What is named works (the tests below), what does not work is not named.
  for (const absent of ['sequence', 'system_shared_memory', 'cuda_shared_memory', 'trace', 'logging']) {
    assert.ok(!extensions.includes(absent), absent);
  }
  for (const present of ['classification', 'model_repository', 'schedule_policy', 'model_configuration']) {
    assert.ok(extensions.includes(present), present);
  }
});

test('GET /v2/health/live and /v2/health/ready answer 200', async () => {
  assert.deepEqual(await call('GET', '/v2/health/live'), { status: 200, text: '{"live":true}', json: { live: true } });
  assert.deepEqual(await call('GET', '/v2/health/ready'), {
    status: 200,
    text: '{"ready":true}',
    json: { ready: true },
  });
});

test('GET /v2/models lists the models', async () => {
  assert.deepEqual((await call('GET', '/v2/models')).json, { models: ['addsub', 'bias'] });
});

test('GET /v2/models/{m} describes inputs and outputs, −1 for variable dims', async () => {
  const { status, json } = await call('GET', '/v2/models/addsub');
  assert.equal(status, 200);
  const tensor = (name: string) => ({ name, datatype: 'INT32', shape: [-1, 4] });
  assert.deepEqual(json, {
    name: 'addsub',
    versions: ['1'],
    platform: 'onnx_onnxv1',
    inputs: [tensor('INPUT0'), tensor('INPUT1')],
    outputs: [tensor('OUTPUT0'), tensor('OUTPUT1')],
  });
});

test('GET /v2/models/{m}/versions/{v} answers for served versions only', async () => {
  assert.deepEqual((await call('GET', '/v2/models/bias/versions/2')).json, (await call('GET', '/v2/models/bias')).json);
  // The label keeps version 1 in service beside the latest.
  assert.deepEqual((await call('GET', '/v2/models/bias')).json, {
    name: 'bias',
    versions: ['1', '2'],
    platform: 'onnx_onnxv1',
    inputs: [{ name: 'x', datatype: 'FP32', shape: [-1, 2] }],
    outputs: [{ name: 'y', datatype: 'FP32', shape: [-1, 2] }],
  });
});

test('GET …/ready tells readiness by status', async () => {
  for (const path of ['/v2/models/addsub/ready', '/v2/models/addsub/versions/1/ready']) {
    assert.deepEqual(await call('GET', path), {
      status: 200,
      text: '{"name":"addsub","ready":true}',
      json: { name: 'addsub', ready: true },
    });
  }
});

test('unknown models and versions answer 404 with the name', async () => {
  const unknown = { status: 404, error: "Request for unknown model: 'nope' is not found" };
  for (const path of ['', '/ready', '/config', '/stats']) await assertError('GET', `/v2/models/nope${path}`, unknown);
  await assertError('POST', '/v2/models/nope/infer', unknown);
  const noVersion = { status: 404, error: "Request for unknown model: 'addsub' version 7 is not found" };
  for (const path of ['', '/ready', '/config', '/stats']) {
    await assertError('GET', `/v2/models/addsub/versions/7${path}`, noVersion);
  }
  await assertError('POST', '/v2/models/addsub/versions/7/infer', noVersion);
});

test('version numbers that no version can have answer 404', async () => {
  for (const version of ['0', '00', '9007199254740992', '18446744073709551617']) {
    await assertError('GET', `/v2/models/addsub/versions/${version}`, {
      status: 404,
      error: /version must be a whole number/,
    });
  }
  for (const version of ['abc', '-1', '1.0', '1e0', '+1', '%31', '']) {
    await assertError('GET', `/v2/models/addsub/versions/${version}/ready`, { status: 404, error: 'Not Found' });
  }
});

test('paths are case-sensitive and take no trailing slash', async () => {
  await assertError('GET', '/v2/models/AddSub', {
    status: 404,
    error: "Request for unknown model: 'AddSub' is not found",
  });
  for (const path of [
    '/v2/',
    '/v2/Models',
    '/v2/models/',
    '/v2/models/addsub/',
    '/v2/models/addsub/Ready',
    '/v2/health/Live',
  ]) {
    await assertError('GET', path, { status: 404, error: 'Not Found' });
  }
  assert.equal((await call('GET', '/V2')).status, 404);
  for (const path of ['/v2/models//infer', '/v2/models/addsub/infer/', '/v2/models/addsub/Infer', '/v2/nothing']) {
    await assertError('POST', path, { status: 404, error: 'Not Found' });
  }
});

test('a query string changes nothing', async () => {
  assert.equal((await call('GET', '/v2/models/addsub/ready?x=1&y=%zz')).status, 200);
});

test('wrong methods answer 405 "Method Not Allowed"', async () => {
  const refused = { status: 405, error: 'Method Not Allowed' };
  const getOnly = ['/v2', '/v2/health/live', '/v2/health/ready', '/v2/models', '/v2/models/stats'];
  for (const action of ['', '/ready', '/config', '/stats']) {
    getOnly.push(`/v2/models/addsub${action}`, `/v2/models/addsub/versions/1${action}`);
  }
  for (const path of getOnly) {
    for (const method of ['POST', 'PUT', 'DELETE', 'PATCH']) await assertError(method, path, refused);
  }
  for (const path of ['/v2/models/addsub/infer', '/v2/repository/index', '/v2/repository/models/addsub/load']) {
    for (const method of ['GET', 'PUT', 'DELETE']) await assertError(method, path, refused);
  }
});

test('path traversal in model names is refused by name', async () => {
  const refused = { status: 400, error: 'model name must not contain path traversal characters' };
  const names = [
    '..',
    '.',
    '%2e%2e',
    '%2E%2E%2fetc',
    '..%2fetc%2fpasswd',
    'a%2fb',
    '..%5c..',
    'a%5cb',
    'addsub%00',
    '%2e',
  ];
  for (const name of names) {
    await assertError('GET', `/v2/models/${name}`, refused);
    await assertError('POST', `/v2/models/${name}/infer`, refused);
    await assertError('POST', `/v2/repository/models/${name}/load`, refused);
    await assertError('POST', `/v2/repository/models/${name}/unload`, refused);
  }
  await assertError('GET', '/v2/models/../../etc/passwd', refused);
  await assertError('GET', '/v2/models/%zz', { status: 400, error: /percent-encoded/ });
  await assertError('GET', '/v2/models/%ff', { status: 400, error: /percent-encoded/ });
});

test('names from JavaScript are just unknown models', async () => {
  for (const name of ['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'prototype']) {
    const unknown = { status: 404, error: `Request for unknown model: '${name}' is not found` };
    await assertError('GET', `/v2/models/${name}`, unknown);
    await assertError('POST', `/v2/models/${name}/infer`, unknown);
  }
});

test('labels and versions may be part of the name', async () => {
  for (const name of ['bias:stable', 'bias@1', 'bias%3Astable', 'bias%401']) {
    const { status, json } = await call('POST', `/v2/models/${name}/infer`, {
      inputs: [{ name: 'x', datatype: 'FP32', shape: [1, 2], data: [1, 2] }],
    });
    assert.equal(status, 200, JSON.stringify(json));
    assert.deepEqual(json, {
      model_name: 'bias',
      model_version: '1',
      outputs: [{ name: 'y', datatype: 'FP32', shape: [1, 2], data: [11, 12] }],
    });
  }
  await assertError('GET', '/v2/models/bias:nolabel', {
    status: 404,
    error: "Unrecognized servable version label: nolabel (model 'bias')",
  });
  await assertError('GET', '/v2/models/bias@9', {
    status: 404,
    error: "Request for unknown model: 'bias' version 9 is not found",
  });
});

test("Triton's other routes say 501 and why", async () => {
  const routes: readonly (readonly [string, string])[] = [
    ['GET', '/v2/logging'],
    ['POST', '/v2/trace/setting'],
    ['GET', '/v2/models/addsub/trace/setting'],
    ['GET', '/v2/systemsharedmemory/status'],
    ['POST', '/v2/systemsharedmemory/region/r/register'],
    ['POST', '/v2/cudasharedmemory/unregister'],
  ];
  for (const [method, path] of routes) {
    await assertError(method, path, { status: 501, error: /is not supported by this server$/ });
  }
  for (const path of ['index', 'models/addsub/load', 'models/addsub/unload']) {
    await assertError('POST', `/v2/repository/other/${path}`, {
      status: 501,
      error: "'repository_name' specification is not supported",
    });
  }
});

test("GET …/config answers Triton's model configuration", async () => {
  const { status, json } = await call('GET', '/v2/models/addsub/config');
  assert.equal(status, 200);
  const config = json as {
    readonly name: string;
    readonly backend: string;
    readonly max_batch_size: number;
    readonly input: readonly { readonly name: string; readonly data_type: string; readonly dims: readonly number[] }[];
    readonly output: readonly { readonly name: string; readonly data_type: string }[];
    readonly dynamic_batching?: object;
    readonly instance_group: readonly { readonly count: number; readonly kind: string }[];
  };
  assert.equal(config.name, 'addsub');
  assert.equal(config.backend, 'onnxruntime');
  assert.ok(config.max_batch_size > 1, 'rows of addsub can be joined');
  assert.notEqual(config.dynamic_batching, undefined);
  // With max_batch_size > 0 Triton's dims leave the batch dim out.
  assert.deepEqual(
    config.input.map(({ name, data_type, dims }) => ({ name, data_type, dims })),
    [
      { name: 'INPUT0', data_type: 'TYPE_INT32', dims: [4] },
      { name: 'INPUT1', data_type: 'TYPE_INT32', dims: [4] },
    ],
  );
  assert.deepEqual(
    config.output.map(({ name }) => name),
    ['OUTPUT0', 'OUTPUT1'],
  );
  assert.deepEqual(
    config.instance_group.map(({ kind }) => kind),
    ['KIND_CPU'],
  );
  assert.deepEqual((await call('GET', '/v2/models/addsub/versions/1/config')).json, json);
});

interface Statistics {
  readonly name: string;
  readonly version: string;
  readonly last_inference: number;
  readonly inference_count: number;
  readonly execution_count: number;
  readonly inference_stats: Readonly<Record<string, { readonly count: number; readonly ns: number }>>;
  readonly batch_stats: readonly { readonly batch_size: number; readonly compute_infer: { readonly count: number } }[];
}

async function readStatistics(path: string): Promise<readonly Statistics[]> {
  const { status, json } = await call('GET', path);
  assert.equal(status, 200);
  return (json as { model_stats: readonly Statistics[] }).model_stats; // read below field by field
}

test('GET …/stats counts rows, runs, successes and failures', async () => {
  await server.deploy('counted', addSubModel());
  const rows = (count: number) => ({
    inputs: ['INPUT0', 'INPUT1'].map((name) => ({
      name,
      datatype: 'INT32',
      shape: [count, 4],
      data: Array.from({ length: count * 4 }, (_, index) => index),
    })),
  });
  const startedMs = Date.now();
  for (const count of [1, 1, 3])
    assert.equal((await call('POST', '/v2/models/counted/infer', rows(count))).status, 200);
  for (const bad of [{ inputs: [] }, '{']) {
    assert.equal((await call('POST', '/v2/models/counted/infer', bad)).status, 400);
  }
  const [stats, ...others] = await readStatistics('/v2/models/counted/versions/1/stats');
  assert.ok(stats !== undefined && others.length === 0);
  assert.equal(stats.name, 'counted');
  assert.equal(stats.version, '1');
  assert.equal(stats.inference_count, 5, 'rows');
  assert.equal(stats.execution_count, 3, 'runs');
  assert.ok(stats.last_inference >= startedMs - 1 && stats.last_inference <= Date.now());
  const { success, fail, queue, compute_infer } = stats.inference_stats;
  assert.deepEqual([success?.count, fail?.count, queue?.count, compute_infer?.count], [3, 2, 3, 3]);
  assert.ok((success?.ns ?? 0) > (compute_infer?.ns ?? 0) && (compute_infer?.ns ?? 0) > 0);
  assert.deepEqual(
    stats.batch_stats.map((batch) => [batch.batch_size, batch.compute_infer.count]),
    [
      [1, 2],
      [3, 1],
    ],
  );
  const all = await readStatistics('/v2/models/stats');
  assert.deepEqual(all.map(({ name, version }) => `${name}@${version}`).sort(), [
    'addsub@1',
    'bias@1',
    'bias@2',
    'counted@1',
  ]);
  assert.deepEqual((await readStatistics('/v2/models/bias/stats')).map(({ version }) => version).sort(), ['1', '2']);
});

test('POST /v2/repository/index lists versions with states; ready: true filters', async () => {
  await server.deploy('shelved', biasModel(1));
  assert.deepEqual(await call('POST', '/v2/repository/models/shelved/unload', ''), {
    status: 200,
    text: '',
    json: undefined,
  });
  await waitFor(async () => (await call('GET', '/v2/models/shelved/ready')).status === 400);
  const entry = (name: string, version: string) => ({ name, version, state: 'READY', reason: '' });
  const served = [entry('addsub', '1'), entry('bias', '1'), entry('bias', '2')];
  const index = async (body: object | string) => {
    const { status, json } = await call('POST', '/v2/repository/index', body);
    assert.equal(status, 200);
    return (json as readonly ReturnType<typeof entry>[]).filter(({ name }) => name !== 'counted');
  };
  for (const body of ['', {}, { ready: false }]) {
    const shelved = (await index(body)).filter(({ name }) => name === 'shelved');
    assert.deepEqual(
      shelved.map(({ version, state }) => [version, state]),
      [['1', 'UNAVAILABLE']],
    );
  }
  assert.deepEqual(await index({ ready: true }), served);
  for (const bad of ['[]', 'true', '{"ready":1}', '{"ready":"true"}', '{', 'NaN']) {
    const { status, json } = await call('POST', '/v2/repository/index', bad);
    assert.equal(status, 400, bad);
    assert.equal(typeof (json as { error: unknown }).error, 'string');
  }
});

test('unload takes a model out of service, load brings it back', async () => {
  await server.deploy('cycled', biasModel(3));
  const infer = () =>
    call('POST', '/v2/models/cycled/infer', { inputs: [{ name: 'x', datatype: 'FP32', shape: [1, 2], data: [1, 2] }] });
  assert.equal((await infer()).status, 200);
  assert.deepEqual(
    await call('POST', '/v2/repository/models/cycled/unload', { parameters: { unload_dependents: true } }),
    {
      status: 200,
      text: '',
      json: undefined,
    },
  );
  await waitFor(async () => (await call('GET', '/v2/models/cycled/ready')).status !== 200);
  const notReady = await call('GET', '/v2/models/cycled/ready');
  assert.equal(notReady.status, 400);
  assert.deepEqual(notReady.json, { name: 'cycled', ready: false, error: 'Model version not ready' });
  const refused = await infer();
  assert.equal(refused.status, 503);
  assert.match((refused.json as { error: string }).error, /^Request for model 'cycled' which is not ready/);
  // Unloading again, or what never was there, succeeds all the same.
  assert.equal((await call('POST', '/v2/repository/models/cycled/unload', {})).status, 200);
  assert.equal((await call('POST', '/v2/repository/models/nope/unload', {})).status, 200);
  assert.deepEqual(await call('POST', '/v2/repository/models/cycled/load', {}), {
    status: 200,
    text: '',
    json: undefined,
  });
  assert.deepEqual((await infer()).json, {
    model_name: 'cycled',
    model_version: '1',
    outputs: [{ name: 'y', datatype: 'FP32', shape: [1, 2], data: [4, 5] }],
  });
});

test('load refuses unknown models, files and what is malformed', async () => {
  const load = (name: string, body: object | string) => call('POST', `/v2/repository/models/${name}/load`, body);
  const unknown = await load('nope', {});
  assert.equal(unknown.status, 404);
  assert.deepEqual(unknown.json, { error: "failed to load 'nope', failed to poll from model repository" });
  const file = Buffer.from(addSubModel()).toString('base64');
  for (const [body, status] of [
    [{ parameters: { config: '{}', 'file:1/model.onnx': file } }, 501],
    [{ parameters: { config: '{}' } }, 501],
    [{ parameters: { 'file:1/model.onnx': file } }, 400], // a file needs a config
    [{ parameters: { config: '{}', 'file:../../etc/passwd': file } }, 400],
    [{ parameters: { config: '{}', 'file:1/model.onnx': '!' } }, 400],
    [{ parameters: { config: 5 } }, 400],
    [{ parameters: { other: 'x' } }, 400],
    [{ parameters: [] }, 400],
    ['{"parameters":', 400],
  ] as const) {
    const answer = await load('addsub', body);
    assert.equal(answer.status, status, `${JSON.stringify(body).slice(0, 80)}: ${answer.text}`);
    assert.deepEqual(Object.keys(answer.json as object), ['error']);
  }
  assert.equal((await call('GET', '/v2/models/addsub/ready')).status, 200, 'the model serves on');
});

async function waitFor(isTrue: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 500; tries++) {
    if (await isTrue()) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error('waited ten seconds in vain');
}
