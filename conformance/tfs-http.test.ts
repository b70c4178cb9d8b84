// TensorFlow Serving's REST API: routes, the forms of requests and replies, status, metadata, errors, transport.
// Expected values: design notes "wire facts" 3.A (tensorflow/serving, http_rest_api_handler.cc and json_tensor.cc).
// Long because one server with its models serves all of it.
import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { deflateSync, gzipSync } from 'node:zlib';
import { ADMIN_KEY, startTestServer, type TestServer } from './testing/running-server.ts';
import { sendRequest } from './testing/raw-http.ts';
import { assertBody, assertError, callTfs, type TfsReply } from './testing/tfs-call.ts';
import {
  HALF_PLUS_TWO_MANIFEST,
  echoModel,
  halfPlusModel,
  pairModel,
  scoresModel,
  totalModel,
} from './testing/tfs-models.ts';

let server: TestServer;

before(async () => {
  server = await startTestServer({ rescanIntervalMs: '100' });
  await dropHalfPlusTwo();
  await Promise.all([
    server.deploy('pair', pairModel()),
    server.deploy('total', totalModel()),
    server.deploy('rows', echoModel('float32', ['N', 2])),
    server.deploy('scores', scoresModel(), {
      labels: ['cat', 'dog', '"quoted"'],
      signatures: { serving_default: { method: 'classify' } },
    }),
    deployVersions(),
  ]);
});

after(() => server.stop());

/** `y = x / 2 + version`: versions 1, 2 and 3, `stable` on 1. */
async function deployVersions(): Promise<void> {
  for (const version of [1, 2, 3]) await server.deploy('versions', halfPlusModel(version), HALF_PLUS_TWO_MANIFEST);
  const reply = await server.request('/admin/v1/models/versions/labels/stable', {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ version: 1 }),
  });
  assert.equal(reply.status, 200);
}

/** TensorFlow Serving's test model under its version number, the way people deploy to it: by dropping a folder. */
async function dropHalfPlusTwo(): Promise<void> {
  const folder = join(server.modelsDir, 'half_plus_two', '123');
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'amaas.json'), JSON.stringify(HALF_PLUS_TWO_MANIFEST));
  await writeFile(join(folder, 'model.onnx'), halfPlusModel(2));
  await until(async () => (await get('/v1/models/half_plus_two/versions/123')).text.includes('AVAILABLE'));
}

async function until(isSo: () => Promise<boolean>): Promise<void> {
  const giveUpAtMs = performance.now() + 60_000;
  while (!(await isSo())) {
    if (performance.now() > giveUpAtMs) throw new Error('it did not happen within a minute');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

function get(path: string): Promise<TfsReply> {
  return callTfs(server.url, { method: 'GET', path });
}

function post(path: string, body: string | Uint8Array, headers: Readonly<Record<string, string>> = {}) {
  return callTfs(server.url, { path, body, headers });
}

const predict = (model: string, body: string) => post(`/v1/models/${model}:predict`, body);

test('the golden oracle: half_plus_two version 123', async () => {
  const x = '[2.0, 3.0, 4.0]';
  assertBody(await predict('half_plus_two', `{"instances": ${x}}`), '{"predictions":[3.0,3.5,4.0]}');
  assertBody(await predict('half_plus_two', `{"inputs": ${x}}`), '{"outputs":[3.0,3.5,4.0]}');
  assertBody(
    await post('/v1/models/half_plus_two:classify', '{"signature_name": "classify_x_to_y", "examples": [{"x": 2.0}]}'),
    '{"results":[[["",3.0]]]}',
  );
  assertBody(
    await post('/v1/models/half_plus_two:regress', '{"signature_name": "regress_x_to_y", "examples": [{"x": 2.0}]}'),
    '{"results":[3.0]}',
  );
});

test('signatures: the default one, an empty name, another method', async () => {
  const named = (name: string) => predict('half_plus_two', `{"signature_name": ${name}, "instances": [2]}`);
  assertBody(await named('"serving_default"'), '{"predictions":[3.0]}');
  assertBody(await named('""'), '{"predictions":[3.0]}');
  assertError(await named('"nope"'), 400, 'Serving signature name: "nope" not found in signature def');
  assertError(await named('"__proto__"'), 400, 'Serving signature name: "__proto__" not found in signature def');
  assertError(await named('5'), 400, /'signature_name' key must be a string value/);
  const examples = (method: string, name: string) =>
    post(`/v1/models/half_plus_two:${method}`, `{"signature_name": "${name}", "examples": [{"x": 2.0}]}`);
  assertError(await examples('classify', 'regress_x_to_y'), 400, /tensorflow\/serving\/classify/);
  assertError(await examples('regress', 'serving_default'), 400, /tensorflow\/serving\/regress/);
  assertError(await examples('classify', 'nope'), 400, 'Serving signature name: "nope" not found in signature def');
});

test('other top-level keys are ignored, what follows the document too', async () => {
  assertBody(
    await predict('half_plus_two', '{"comment": {"deep": [1]}, "instances": [2], "x": null}'),
    '{"predictions":[3.0]}',
  );
  for (const trailing of ['garbage', '}', '\u0000', ' {"instances": [5]}', ',"inputs": 1']) {
    assertBody(await predict('half_plus_two', `{"instances": [2]}${trailing}`), '{"predictions":[3.0]}');
  }
  assertBody(await predict('half_plus_two', ' \n\t{"instances" : [ 2 ] }\r\n'), '{"predictions":[3.0]}');
});

test('row form: bare values, lists and objects; one output bare, several as objects', async () => {
  assertBody(await predict('half_plus_two', '{"instances": [{"x": 2}, {"x": 3}]}'), '{"predictions":[3.0,3.5]}');
  assertBody(await predict('rows', '{"instances": [[1, 2], [3, 4]]}'), '{"predictions":[[1.0,2.0],[3.0,4.0]]}');
  assertBody(await predict('rows', '{"instances": [{"x": [1, 2]}]}'), '{"predictions":[[1.0,2.0]]}');
  assertBody(
    await predict(
      'pair',
      '{"instances": [{"a": [1, 2], "b": [10, 20], "n": 7}, {"n": 8, "b": [1, 1], "a": [0, 0.5]}]}',
    ),
    '{"predictions":[{"sum":[11.0,22.0],"count":7},{"sum":[1.0,1.5],"count":8}]}',
  );
});

test('column form: bare value or list, object; one output bare, several as an object', async () => {
  assertBody(await predict('half_plus_two', '{"inputs": {"x": [2, 3]}}'), '{"outputs":[3.0,3.5]}');
  assertBody(await predict('rows', '{"inputs": [[1, 2]]}'), '{"outputs":[[1.0,2.0]]}');
  assertBody(
    await predict('pair', '{"inputs": {"a": [[1, 2]], "b": [[10, 20]], "n": [7], "unknown": "ignored"}}'),
    '{"outputs":{"sum":[[11.0,22.0]],"count":[7]}}',
  );
  assertBody(await predict('total', '{"inputs": [1, 2, 3.5]}'), '{"outputs":{"total":6.5,"y":[1.0,2.0,3.5]}}');
});

test('row form needs outputs with common rows', async () => {
  assertError(await predict('total', '{"instances": [1, 2]}'), 400, 'Tensor name: total has no shape information');
});

test('requests with the wrong keys', async () => {
  assertError(await predict('half_plus_two', '{}'), 400, "Missing 'inputs' or 'instances' key");
  assertError(await predict('half_plus_two', '{"instance": [1]}'), 400, "Missing 'inputs' or 'instances' key");
  assertError(
    await predict('half_plus_two', '{"instances": [1], "inputs": [1]}'),
    400,
    /only one of 'inputs' or 'instances'/,
  );
  assertError(await predict('half_plus_two', '{"instances": []}'), 400, /No values in 'instances' array/);
  for (const instances of ['5', '"x"', '{"x": [1]}', 'null', 'true']) {
    assertError(
      await predict('half_plus_two', `{"instances": ${instances}}`),
      400,
      /Expecting 'instances' to be a list\/array/,
    );
  }
});

test('multi-input requests name exactly the inputs', async () => {
  const plain =
    'instances is a plain list, but expecting list of objects as multiple input tensors required as per tensorinfo_map';
  assertError(await predict('pair', '{"instances": [1, 2]}'), 400, plain);
  assertError(await predict('pair', '{"instances": [[1, 2], [3, 4]]}'), 400, plain);
  assertError(
    await predict('pair', '{"instances": [{"a": [1, 2], "b": [1, 2]}]}'),
    400,
    /Failed to process element: 0 of 'instances' list.*keys must be equal to: a,b,n/,
  );
  assertError(
    await predict('pair', '{"instances": [{"a": [1, 2], "b": [1, 2], "n": 1, "z": 1}]}'),
    400,
    /JSON object: does not have named input: z/,
  );
  assertError(
    await predict('pair', '{"inputs": {"a": [[1, 2]], "n": [1]}}'),
    400,
    "Missing named input: b in 'inputs' object.",
  );
  assertError(await predict('pair', '{"inputs": [[1, 2]]}'), 400, /inputs is a plain value\/list/);
  assertError(
    await predict('pair', '{"instances": [{"a": [1, 2], "b": [1, 2], "n": 1}, [1]]}'),
    400,
    /Expecting object but got list at item 1 of input list/,
  );
  assertError(
    await predict('half_plus_two', '{"instances": [1, {"x": 2}]}'),
    400,
    /Expecting value\/list but got object at item 1 of input list/,
  );
});

test('all elements of a request have the same shape', async () => {
  assertError(await predict('rows', '{"instances": [[1, 2], [3]]}'), 400, /Expecting tensor size: 2 but got: 1/);
  assertError(await predict('rows', '{"instances": [[1, 2], 3]}'), 400, /Expecting tensor size: 2 but got: 1/);
  assertError(
    await predict('rows', '{"inputs": [[1, 2], [3]]}'),
    400,
    /unexpected size: 1 at level: 1 expected size: 2/,
  );
  assertError(await predict('rows', '{"inputs": [[1, [2]]]}'), 400, /list at unexpected level: 2 expected < 2/);
  assertError(await predict('rows', '{"inputs": [[[1, 2]], [3]]}'), 400, /found at incorrect level/);
  // What the runtime would refuse is refused by the signature, before it runs.
  assertError(
    await predict('rows', '{"instances": [[1, 2, 3]]}'),
    400,
    'infer: input "x" of model "rows" expects float32 [N,2], got float32 [1,3]',
  );
});

test('bodies that are no JSON document', async () => {
  assertError(await predict('half_plus_two', ''), 400, 'JSON Parse error: The document is empty');
  for (const body of [
    ' ',
    '{',
    '{"instances"',
    '{"instances": [1,]}',
    '{instances: [1]}',
    "{'instances': [1]}",
    'nul',
  ]) {
    assertError(await predict('half_plus_two', body), 400, /^JSON Parse error: /);
  }
  for (const body of ['[1]', '5', '"instances"', 'null']) {
    assertError(await predict('half_plus_two', body), 400, /^JSON Value: .* Is not object$/);
  }
  const invalidUtf8 = Buffer.concat([Buffer.from('{"instances": ["'), Buffer.from([0xff]), Buffer.from('"]}')]);
  assertError(await post('/v1/models/half_plus_two:predict', invalidUtf8), 400, /^JSON Parse error: /);
  for (const depth of [100, 1_000_000]) {
    const nested = `{"instances": ${'['.repeat(depth)}${']'.repeat(depth)}}`;
    assertError(await predict('half_plus_two', nested), 400, /^JSON Parse error: /);
  }
});

test('classify: labels of the manifest, context, several examples', async () => {
  const classify = (body: string) => post('/v1/models/scores:classify', body);
  assertBody(
    await classify('{"examples": [{"x": [0.5, 1.5, 3.0]}, {"x": [1, 2, 3]}]}'),
    '{"results":[[["cat",0.5],["dog",1.5],["\\"quoted\\"",3.0]],[["cat",1.0],["dog",2.0],["\\"quoted\\"",3.0]]]}',
  );
  assertBody(
    await classify('{"context": {"x": [1, 1, 1]}, "examples": [{}, {"x": [0, 0, 2]}], "other": 5}'),
    '{"results":[[["cat",1.0],["dog",1.0],["\\"quoted\\"",1.0]],[["cat",0.0],["dog",0.0],["\\"quoted\\"",2.0]]]}',
  );
  assertBody(
    await post(
      '/v1/models/half_plus_two:regress',
      '{"signature_name": "regress_x_to_y", "context": {"unused": "text"}, "examples": [{"x": 2.5}, {"x": [-4]}]}',
    ),
    '{"results":[3.25,0.0]}',
  );
});

test('classify and regress: what is no list of examples', async () => {
  const classify = (body: string) => post('/v1/models/scores:classify', body);
  assertError(await classify('{}'), 400, /key 'examples' is expected and was not found/);
  assertError(await classify('{"instances": [1]}'), 400, /key 'examples' is expected and was not found/);
  assertError(await classify('{"examples": []}'), 400, /'examples' value is an empty array/);
  assertError(await classify('{"examples": {"x": 1}}'), 400, /Expecting 'examples' value to be a list\/array/);
  assertError(await classify('{"examples": [5]}'), 400, 'Example must be JSON object but got JSON Number');
  assertError(await classify('{"examples": [[{}]]}'), 400, 'Example must be JSON object but got JSON Array');
  assertError(await classify('{"examples": [{}]}'), 400, /Feature: x is required but could not be found in example 0/);
  assertError(await classify('{"context": 5, "examples": [{}]}'), 400, /Example must be JSON object/);
  assertError(await classify(''), 400, 'JSON Parse error: The document is empty');
});

test('versions and labels choose who answers', async () => {
  const ask = (target: string) => post(`/v1/models/versions${target}:predict`, '{"instances": [2]}');
  assertBody(await ask(''), '{"predictions":[4.0]}');
  assertBody(await ask('/versions/3'), '{"predictions":[4.0]}');
  assertBody(await ask('/versions/003'), '{"predictions":[4.0]}');
  assertBody(await ask('/labels/stable'), '{"predictions":[2.0]}');
  assertBody(await ask('/versions/1'), '{"predictions":[2.0]}');
  assertBody(
    await post(
      '/v1/models/versions/labels/stable:regress',
      '{"signature_name": "regress_x_to_y", "examples": [{"x": 2}]}',
    ),
    '{"results":[2.0]}',
  );
  assertBody(
    await post('/v1/models/half_plus_two/versions/123:predict', '{"inputs": 2}'.replace('2', '[2]')),
    '{"outputs":[3.0]}',
  );
  assertError(await ask('/versions/5'), 404, 'Servable not found for request: Specific(versions, 5)');
  assertError(await ask('/versions/0'), 404, 'Servable not found for request: Specific(versions, 0)');
  assertError(await ask('/labels/x'), 400, 'Unrecognized servable version label: x');
  assertError(await predict('m', '{}'), 404, 'Servable not found for request: Latest(m)');
  assertError(await predict('__proto__', '{}'), 404, 'Servable not found for request: Latest(__proto__)');
  assertError(
    await ask('/versions/99999999999999999999'),
    400,
    'Failed to convert version: 99999999999999999999 to numeric.',
  );
});

const AVAILABLE = (version: number) =>
  `{"version":"${version}","state":"AVAILABLE","status":{"error_code":"OK","error_message":""}}`;
const END = (version: number) =>
  `{"version":"${version}","state":"END","status":{"error_code":"OK","error_message":""}}`;

test('status: a version, a label, a model; empty fields are printed', async () => {
  const all = `{"model_version_status":[${AVAILABLE(3)},${END(2)},${AVAILABLE(1)}]}`;
  assertBody(await get('/v1/models/half_plus_two/versions/123'), `{"model_version_status":[${AVAILABLE(123)}]}`);
  assertBody(await get('/v1/models/versions/versions/1'), `{"model_version_status":[${AVAILABLE(1)}]}`);
  // TensorFlow Serving looks at the number only: a label gives all versions.
  assertBody(await get('/v1/models/versions/labels/stable'), all);
  // The path without a version is OpenAI's as well: both objects in one.
  const union = JSON.parse((await get('/v1/models/versions')).text) as Record<string, unknown>;
  assert.deepEqual({ model_version_status: union['model_version_status'] }, JSON.parse(all));
  assert.equal(union['object'], 'model');
  assertBody(await get('/V1/models/versions'), all);
  assertError(await get('/v1/models/versions/versions/9'), 404, 'Could not find version 9 of model versions');
  assertError(await get('/v1/models/nope/versions/9'), 404, /^Could not find .*of model nope$/);
  assertError(await get('/V1/models/nope'), 404, 'Could not find any versions of model nope');
  assertError(await get('/v1/models/versions/labels/x'), 400, 'Unrecognized servable version label: x');
});

test('metadata: the signatures, doubled field and all', async () => {
  const tensor = (name: string) =>
    `{"${name}":{"dtype":"DT_FLOAT","tensor_shape":{"dim":[{"size":"-1","name":""}],"unknown_rank":false},"name":"${name}"}}`;
  const signature = (name: string, method: string) =>
    `"${name}":{"inputs":${tensor('x')},"outputs":${tensor('y')},"method_name":"tensorflow/serving/${method}","defaults":{}}`;
  const signatures = [
    signature('serving_default', 'predict'),
    signature('classify_x_to_y', 'classify'),
    signature('regress_x_to_y', 'regress'),
  ].join(',');
  const metadata = (model: string, version: number) =>
    `{"model_spec":{"name":"${model}","signature_name":"","version":"${version}"},"metadata":{"signature_def":{"signature_def":{${signatures}}}}}`;
  assertBody(await get('/v1/models/half_plus_two/metadata'), metadata('half_plus_two', 123));
  assertBody(await get('/v1/models/half_plus_two/versions/123/metadata'), metadata('half_plus_two', 123));
  assertBody(await get('/v1/models/versions/metadata'), metadata('versions', 3));
  assertBody(await get('/v1/models/versions/labels/stable/metadata'), metadata('versions', 1));
  assertError(await get('/v1/models/m/metadata'), 404, 'Servable not found for request: Latest(m)');
  assertError(await get('/v1/models/m/versions/7/metadata'), 404, 'Servable not found for request: Specific(m, 7)');
  const { text } = await get('/v1/models/pair/metadata');
  assert.ok(
    text.includes('"a":{"dtype":"DT_FLOAT","tensor_shape":{"dim":[{"size":"-1","name":""},{"size":"2","name":""}]'),
  );
  assert.ok(text.includes('"n":{"dtype":"DT_INT64"'));
});

test('paths: without regard to case, decoded, and nothing else', async () => {
  const body = '{"instances": [2]}';
  assertBody(await post('/V1/MODELS/half_plus_two:PREDICT', body), '{"predictions":[3.0]}');
  assertBody(await post('/v1/Models/half_plus_two/Versions/123:Predict', body), '{"predictions":[3.0]}');
  assertBody(await post('/v1/models/half%5Fplus%5ftwo:predict', body), '{"predictions":[3.0]}');
  assertBody(await post('/v1/models/versions/labels/st%61ble:predict', body), '{"predictions":[2.0]}');
  assertBody(await post('/v1/models/half_plus_two:predict?x=1', body), '{"predictions":[3.0]}');
  assertBody(await get('/v1/models/half_plus_two/METADATA'), (await get('/v1/models/half_plus_two/metadata')).text);
  // Names keep their case.
  assertError(
    await post('/v1/models/Half_Plus_Two:predict', body),
    404,
    'Servable not found for request: Latest(Half_Plus_Two)',
  );
  assertError(await post('/v1/models/a%2Fb:predict', body), 404, 'Servable not found for request: Latest(a/b)');
  for (const path of [
    '/v1/models/half_plus_two:explain',
    '/v1/models/half_plus_two:predict/',
    '/v1/models/half_plus_two/versions/1/labels/x:predict',
    '/v1/models/half_plus_two/versions/x:predict',
    '/v1/models/half_plus_two/versions/:predict',
    '/v1/models/half_plus_two/labels/:predict',
    '/v1/models/half_plus_two/labels/a:b:predict',
    '/v1/models/half_plus_two/metadata:predict',
    '/v1/models/:predict',
    '/v1/models//versions/1:predict',
    '/v1/models/%E0%A4%A:predict',
    '/v1/models/half_plus_two/versions/123',
  ]) {
    assertError(await post(path, body), 400, `Malformed request: POST ${path}`);
  }
  for (const path of ['/v1/models/half_plus_two:predict', '/v1/models/half_plus_two/versions/123/metadata/x']) {
    assertError(await get(path), 400, `Malformed request: GET ${path}`);
  }
  for (const method of ['PUT', 'DELETE', 'PATCH']) {
    const path = '/v1/models/half_plus_two:predict';
    assertError(await callTfs(server.url, { method, path }), 400, `Malformed request: ${method} ${path}`);
  }
});

test('POST without an action is a call OpenAI knows nothing of either', async () => {
  const { status, text } = await post('/v1/models/half_plus_two', '{"instances": [2]}');
  assert.equal(status, 405);
  assert.match(text, /^\{"error":\{"message":"\/v1\/models\/half_plus_two takes GET, DELETE, got POST"/);
});

test('compressed bodies and bodies of any declared type', async () => {
  const body = '{"instances": [2]}';
  const path = '/v1/models/half_plus_two:predict';
  assertBody(await post(path, gzipSync(body), { 'content-encoding': 'gzip' }), '{"predictions":[3.0]}');
  assertBody(await post(path, deflateSync(body), { 'content-encoding': 'deflate' }), '{"predictions":[3.0]}');
  assertBody(await post(path, body, { 'content-type': 'application/x-www-form-urlencoded' }), '{"predictions":[3.0]}');
  assertBody(await post(path, body, { 'content-type': 'text/plain' }), '{"predictions":[3.0]}');
  assertError(await post(path, body, { 'content-encoding': 'gzip' }), 400, /could not be decompressed/);
  assertError(await post(path, body, { 'content-encoding': 'zstd' }), 400, /Content-Encoding must be/);
});

test('without a key or with a wrong one', async () => {
  const path = '/v1/models/half_plus_two:predict';
  for (const headers of [{ authorization: '' }, { authorization: 'Bearer nope' }]) {
    const reply = await sendRequest(server.url, { method: 'POST', path, headers, body: '{"instances": [2]}' });
    assert.equal(reply.status, 401);
    assert.match(reply.text, /^\{"error":"[^"]*API key/);
  }
  const reply = await sendRequest(server.url, {
    method: 'POST',
    path,
    headers: { 'x-api-key': ADMIN_KEY },
    body: '{"instances": [2]}',
  });
  assert.equal(reply.text, '{"predictions":[3.0]}');
});

test('large bodies pass through the codec thread and come back exact', async () => {
  const values = Array.from({ length: 60_000 }, (_, index) => index);
  const body = `{"instances": [${values.join(', ')}]}`;
  assert.ok(body.length > 256 * 1024, 'larger than what is converted on the spot');
  const halved = values.map((value) => (value % 2 === 0 ? `${value / 2 + 2}.0` : String(value / 2 + 2))).join(',');
  assertBody(await predict('half_plus_two', body), `{"predictions":[${halved}]}`);
  assertBody(
    await post('/v1/models/half_plus_two:predict', gzipSync(body), { 'content-encoding': 'gzip' }),
    `{"predictions":[${halved}]}`,
  );
  assertError(
    await predict('half_plus_two', body.replace('59999', '"59999"')),
    400,
    'Failed to process element: 59999 of \'instances\' list. Error: INVALID_ARGUMENT: JSON Value: "59999" ' +
      'Type: String is not of expected type: float',
  );
  const examples = values.map((value) => `{"x": ${value}}`).join(',');
  assertBody(
    await post('/v1/models/half_plus_two:regress', `{"signature_name": "regress_x_to_y", "examples": [${examples}]}`),
    `{"results":[${halved}]}`,
  );
  const { status, text } = await post(
    '/v1/models/half_plus_two:classify',
    `{"signature_name": "classify_x_to_y", "examples": [${examples}]}`,
  );
  assert.equal(status, 200);
  assert.equal(
    text,
    `{"results":[${halved
      .split(',')
      .map((score) => `[["",${score}]]`)
      .join(',')}]}`,
  );
});
