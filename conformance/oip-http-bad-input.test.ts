// Bad bodies to POST …/infer: each is refused with a precise text, and the server answers the next request as before.
// Texts in quotes are Triton's (design notes "wire facts" 3.D); what follows them in brackets is ours.
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { addSubModel, identityModel, namesModel } from './testing/models.ts';
import { binaryBody, frameBytes } from './testing/oip-body.ts';
import { startTestServer, type TestServer } from './testing/running-server.ts';

let server: TestServer;

before(async () => {
  server = await startTestServer();
  await server.deploy('addsub', addSubModel());
  await server.deploy('flags', identityModel('bool', ['N']));
  await server.deploy('longs', identityModel('int64', ['N']));
  await server.deploy('bytes', identityModel('uint8', ['N']));
  await server.deploy('floats', identityModel('float32', ['N', 2]));
  await server.deploy('halves', identityModel('float16', ['N']));
  await server.deploy('text', identityModel('string', ['N']));
  await server.deploy('names', namesModel());
});

afterEach(async () => {
  const good = await infer('bytes', { inputs: [{ name: 'x', datatype: 'UINT8', shape: [2], data: [1, 2] }] });
  assert.equal(good.status, 200, 'the server must answer on');
});

after(() => server.stop());

async function infer(
  model: string,
  body: object | string | Uint8Array<ArrayBuffer>,
  headers: Readonly<Record<string, string>> = {},
): Promise<{ readonly status: number; readonly error: string }> {
  const bytes = typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body);
  const response = await server.request(`/v2/models/${model}/infer`, { method: 'POST', body: bytes, headers });
  const text = await response.text();
  if (response.status === 200) return { status: 200, error: '' };
  assert.equal(response.headers.get('content-type'), 'application/json');
  const parsed: unknown = JSON.parse(text);
  assert.ok(typeof parsed === 'object' && parsed !== null);
  assert.deepEqual(Object.keys(parsed), ['error']);
  const { error } = parsed as { error: string }; // its only key, as was just seen
  assert.ok(error.length < 1000, 'messages quote what came, but not all of it');
  return { status: response.status, error };
}

/** Asserts the status and that the text starts so (or matches). */
async function assertRefused(
  request: Promise<{ readonly status: number; readonly error: string }>,
  expected: string | RegExp,
  status = 400,
): Promise<void> {
  const answer = await request;
  assert.equal(answer.status, status, answer.error);
  if (typeof expected === 'string') assert.equal(answer.error.slice(0, expected.length), expected);
  else assert.match(answer.error, expected);
}

const input = (name: string, more: object = {}) => ({
  name,
  datatype: 'INT32',
  shape: [1, 4],
  data: [1, 2, 3, 4],
  ...more,
});
const addSub = (first: object, ...others: readonly object[]) =>
  infer('addsub', { inputs: [input('INPUT0', first), input('INPUT1'), ...others] });
const one = (model: string, tensor: object) => infer(model, { inputs: [{ name: 'x', ...tensor }] });

test('missing, unknown and duplicate inputs', async () => {
  await assertRefused(
    infer('addsub', { inputs: [input('INPUT0')] }),
    "expected 2 inputs but got 1 inputs for model 'addsub'. Got input(s) ['INPUT0'], but missing required input(s) ['INPUT1']. Please provide all required input(s).",
  );
  await assertRefused(
    infer('addsub', { inputs: [] }),
    "expected 2 inputs but got 0 inputs for model 'addsub'. Got input(s) [], but missing required input(s) ['INPUT0','INPUT1']. Please provide all required input(s).",
  );
  await assertRefused(addSub({}, input('X')), /unexpected inference input 'X' for model 'addsub'/);
  await assertRefused(addSub({}, input('INPUT0')), "input 'INPUT0' already exists in request");
  await assertRefused(
    infer('names', { inputs: [input('constructor')] }),
    /missing required input\(s\) \['__proto__','toString'\]/,
  );
});

test('unknown and duplicate outputs', async () => {
  const ask = (...names: readonly string[]) =>
    infer('addsub', { inputs: [input('INPUT0'), input('INPUT1')], outputs: names.map((name) => ({ name })) });
  await assertRefused(ask('OUTPUT0', 'OUTPUT0'), "output 'OUTPUT0' already exists in request");
  for (const name of ['NOPE', '__proto__', 'constructor', 'output0', '']) {
    await assertRefused(ask(name), /has no output/);
  }
});

test('bodies that are no request', async () => {
  for (const body of [
    '',
    ' ',
    '{',
    '[1,2',
    'nul',
    '{"inputs":[}',
    '{"inputs":[]} x',
    '{"inputs":[],"inputs":[]}',
    '\u0000',
  ]) {
    await assertRefused(infer('addsub', body), 'json: ');
  }
  await assertRefused(infer('addsub', new Uint8Array([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])), 'json: ');
  for (const body of ['null', '[]', '5', '"inputs"', 'true'])
    await assertRefused(infer('addsub', body), /must be an object/);
  await assertRefused(
    infer('addsub', {}),
    "Unable to parse 'inputs': attempt to access non-existing object member 'inputs'",
  );
  for (const inputs of [null, {}, 'x', 5, true])
    await assertRefused(infer('addsub', { inputs }), "Unable to parse 'inputs'");
  for (const inputs of [[1], [null], ['x'], [[]]])
    await assertRefused(infer('addsub', { inputs }), "Unable to parse 'inputs'");
  await assertRefused(infer('addsub', { inputs: [{}] }), "Unable to parse 'name'");
  await assertRefused(infer('addsub', { inputs: [{ name: 5 }] }), "Unable to parse 'name'");
  await assertRefused(infer('addsub', { id: 5, inputs: [] }), "Unable to parse 'id'");
  await assertRefused(infer('addsub', { inputs: [], parameters: [] }), "Unable to parse 'parameters'");
  await assertRefused(infer('addsub', { inputs: [], outputs: {} }), "Unable to parse 'outputs'");
  await assertRefused(infer('addsub', { inputs: [], parameters: { x: [1] } }), "parameter 'x' has invalid type.");
});

test('NaN, Infinity and numbers beyond doubles are no JSON', async () => {
  for (const word of ['NaN', 'Infinity', '-Infinity', '1e999', '-1e999', '0x10', '01', '+1', '.5', '1.', "'1'"]) {
    const body = `{"inputs":[{"name":"x","datatype":"FP32","shape":[1,2],"data":[1,${word}]}]}`;
    await assertRefused(infer('floats', body), 'json: ');
  }
  await assertRefused(
    one('floats', { datatype: 'FP32', shape: [1, 2], data: [1, 1e39] }),
    /1e\+39 .*out of range for FP32/,
  );
});

test('JSON nested deeper than any tensor', async () => {
  for (const depth of [70, 1000, 1_000_000]) {
    const nested = '['.repeat(depth) + ']'.repeat(depth);
    await assertRefused(infer('floats', nested), /^json: expected at most \d+ arrays and objects inside each other/);
    const inside = `{"inputs":[{"name":"x","datatype":"FP32","shape":[1,2],"data":${nested}}]}`;
    await assertRefused(infer('floats', inside), /^json: expected at most \d+ arrays and objects inside each other/);
  }
  const objects = '{"a":'.repeat(100_000);
  await assertRefused(infer('floats', objects), /^json: expected at most/);
});

test('shapes: negative, fractional, huge, of the wrong rank or not at all', async () => {
  for (const shape of [
    [-1, 4],
    [1.5, 4],
    ['1', 4],
    [null, 4],
    [[1], 4],
    [true, 4],
  ]) {
    await assertRefused(
      addSub({ shape }),
      "Unable to parse 'shape': attempt to access JSON non-unsigned-integer as unsigned-integer",
    );
  }
  for (const shape of [4, '[1,4]', { 0: 1 }, null]) await assertRefused(addSub({ shape }), "Unable to parse 'shape'");
  await assertRefused(
    addSub({ shape: undefined }),
    "Unable to parse 'shape': attempt to access non-existing object member 'shape'",
  );
  // What the shape claims is compared with what came before anything is allocated by it.
  for (const shape of [
    [2 ** 31, 4],
    [1_000_000_000, 1],
    [2 ** 40, 2 ** 10],
    [0, 4],
    [2, 4],
  ]) {
    await assertRefused(addSub({ shape }), "Unable to parse 'data': Shape does not match true shape of 'data' field");
  }
  for (const shape of [
    [2 ** 53, 4],
    [2 ** 40, 2 ** 40],
  ])
    await assertRefused(addSub({ shape }), /more elements than can be counted/);
  await assertRefused(addSub({ shape: Array(65).fill(1) }), /rank must be at most 64, got 65/);
  await assertRefused(addSub({ shape: Array(100_000).fill(1) }), /rank must be at most 64, got 100000/);
  await assertRefused(
    addSub({ shape: [4] }),
    'infer: input "INPUT0" of model "addsub" expects int32 [N,4], got int32 [4]',
  );
  await assertRefused(
    addSub({ shape: [2, 2] }),
    'infer: input "INPUT0" of model "addsub" expects int32 [N,4], got int32 [2,2]',
  );
  await assertRefused(
    addSub({ shape: [1, 1, 4] }),
    'infer: input "INPUT0" of model "addsub" expects int32 [N,4], got int32 [1,1,4]',
  );
});

test('data that does not fit its shape', async () => {
  const mismatch = "Unable to parse 'data': Shape does not match true shape of 'data' field";
  for (const data of [
    [],
    [1, 2, 3],
    [1, 2, 3, 4, 5],
    [
      [1, 2],
      [3, 4],
    ],
    [[1], [2], [3], [4]],
    [[[1, 2, 3, 4]]],
    [[1, 2, 3, 4], []],
    [[1, 2], [3]],
  ]) {
    await assertRefused(addSub({ data }), mismatch);
  }
  for (const data of [5, 'x', {}, true]) await assertRefused(addSub({ data }), "Unable to parse 'data'");
  await assertRefused(addSub({ data: undefined }), 'Input must set only one of the following fields');
  await assertRefused(addSub({ data: null }), 'Input must set only one of the following fields');
});

test('datatypes: unknown, of another model input, of another case', async () => {
  for (const datatype of ['int32', 'INT128', 'FLOAT', '', 'TYPE_INT32', '__proto__', 'constructor']) {
    await assertRefused(addSub({ datatype }), 'invalid datatype for input');
  }
  await assertRefused(addSub({ datatype: 5 }), "Unable to parse 'datatype'");
  await assertRefused(
    addSub({ datatype: 'FP32' }),
    'infer: input "INPUT0" of model "addsub" expects int32 [N,4], got float32 [1,4]',
  );
  await assertRefused(
    addSub({ datatype: 'INT64' }),
    'infer: input "INPUT0" of model "addsub" expects int32 [N,4], got int64 [1,4]',
  );
  await assertRefused(
    one('halves', { datatype: 'FP16', shape: [1], data: [1] }),
    /^receiving FP16 data via JSON is not supported/,
  );
  await assertRefused(
    one('halves', { datatype: 'BF16', shape: [1], data: [1] }),
    /^receiving BF16 data via JSON is not supported/,
  );
});

test('values of another type, out of range or fractional are refused, never changed', async () => {
  const longs = (data: string) =>
    infer('longs', `{"inputs":[{"name":"x","datatype":"INT64","shape":[1],"data":[${data}]}]}`);
  for (const value of ['9223372036854775808', '-9223372036854775809', '1e19'])
    await assertRefused(longs(value), "Unable to parse 'data'");
  for (const value of ['1.5', '1.0', '1e3']) await assertRefused(longs(value), /non-signed-integer as signed-integer/);
  for (const value of ['"1"', 'null', 'true', '{}']) await assertRefused(longs(value), "Unable to parse 'data'");
  const uint8 = (value: unknown) => one('bytes', { datatype: 'UINT8', shape: [1], data: [value] });
  for (const value of [256, -1, 1.5, '1', true, null]) await assertRefused(uint8(value), "Unable to parse 'data'");
  const bool = (value: unknown) => one('flags', { datatype: 'BOOL', shape: [1], data: [value] });
  for (const value of [2, -1, 0.5, 'true', null]) await assertRefused(bool(value), "Unable to parse 'data'");
  for (const value of [1, true, {}])
    await assertRefused(one('text', { datatype: 'BYTES', shape: [1], data: [value] }), "Unable to parse 'data'");
});

test('text the runtime would change is refused as not supported', async () => {
  await assertRefused(
    one('text', { datatype: 'BYTES', shape: [1], data: ['a\u0000b'] }),
    /^run: input "x" of model "text@1"/,
    501,
  );
  // Half of a surrogate pair has no UTF-8.
  const body = '{"inputs":[{"name":"x","datatype":"BYTES","shape":[1],"data":["\\ud800"]}]}';
  await assertRefused(infer('text', body), 'json: ');
});

const binaryInput = (bytes: number, more: object = {}) => ({
  name: 'x',
  datatype: 'UINT8',
  shape: [4],
  parameters: { binary_data_size: bytes },
  ...more,
});

function inferBinary(model: string, header: object, ...parts: readonly ArrayBufferView[]) {
  const { body, headers } = binaryBody(header, ...parts);
  return infer(model, body, headers);
}

test('binary tensors: too few bytes, too many, sizes that disagree with the shape', async () => {
  const four = Uint8Array.of(1, 2, 3, 4);
  await assertRefused(
    inferBinary('bytes', { inputs: [binaryInput(8, { shape: [8] })] }, four),
    "unexpected size for input 'x', expecting 4 additional bytes for model 'bytes'",
  );
  await assertRefused(
    inferBinary('bytes', { inputs: [binaryInput(3)] }, Uint8Array.of(1, 2, 3)),
    "input byte size mismatch for input 'x' for model 'bytes'. Expected 4, got 3",
  );
  await assertRefused(
    inferBinary('bytes', { inputs: [binaryInput(4)] }, four, Uint8Array.of(5)),
    "unexpected additional input data for model 'bytes'",
  );
  await assertRefused(
    inferBinary('bytes', { inputs: [binaryInput(4, { data: [1, 2, 3, 4] })] }, four),
    'Input must set only one of the following fields',
  );
  for (const size of [-4, 4.5, '4', true]) {
    await assertRefused(
      inferBinary('bytes', { inputs: [binaryInput(4, { parameters: { binary_data_size: size } })] }, four),
      "Unable to parse 'binary_data_size'",
    );
  }
  await assertRefused(
    inferBinary('flags', { inputs: [binaryInput(4, { datatype: 'BOOL' })] }, four),
    /BOOL elements must be 0 or 1/,
  );
});

test('claims of a gigabyte and more allocate nothing', async () => {
  const before = process.memoryUsage();
  const gigabyte = 2 ** 30;
  await assertRefused(
    inferBinary('bytes', { inputs: [binaryInput(gigabyte, { shape: [gigabyte] })] }, Uint8Array.of(1)),
    `unexpected size for input 'x', expecting ${gigabyte - 1} additional bytes for model 'bytes'`,
  );
  await assertRefused(
    inferBinary('bytes', { inputs: [binaryInput(1, { shape: [2 ** 50] })] }, Uint8Array.of(1)),
    `input byte size mismatch for input 'x' for model 'bytes'. Expected ${2 ** 50}, got 1`,
  );
  await assertRefused(
    one('bytes', { datatype: 'UINT8', shape: [gigabyte], data: [1] }),
    "Unable to parse 'data': Shape does not match",
  );
  // A string of four billion bytes, of which none came.
  await assertRefused(
    inferBinary(
      'text',
      { inputs: [binaryInput(4, { datatype: 'BYTES', shape: [1] })] },
      Uint8Array.of(255, 255, 255, 255),
    ),
    /^incomplete string data for inference input 'x' for model 'text', expecting string of length 4294967295 but only 0 bytes available/,
  );
  await assertRefused(
    inferBinary('text', { inputs: [binaryInput(4, { datatype: 'BYTES', shape: [gigabyte] })] }, frameBytes('')),
    /^expected 1073741824 string elements for inference input 'x' for model 'text', got 1/,
  );
  const after = process.memoryUsage();
  assert.ok(after.arrayBuffers - before.arrayBuffers < 2 ** 28, 'nothing of that size may have been allocated');
});

test('BYTES elements with broken lengths', async () => {
  const text = (bytes: Uint8Array, count: number) =>
    inferBinary('text', { inputs: [binaryInput(bytes.byteLength, { datatype: 'BYTES', shape: [count] })] }, bytes);
  await assertRefused(text(Uint8Array.of(1, 0, 0), 1), /^incomplete string length indicator for inference input 'x'/);
  await assertRefused(text(frameBytes('ab', 'c').subarray(0, 9), 2), /^incomplete string length indicator/);
  await assertRefused(
    text(frameBytes('abc').subarray(0, 6), 1),
    /^incomplete string data .* expecting string of length 3 but only 2/,
  );
  await assertRefused(
    text(frameBytes('a', 'b'), 1),
    /^unexpected number of string elements 2 for inference input 'x'.*, expecting 1/,
  );
  await assertRefused(text(frameBytes('a'), 2), /^expected 2 string elements for inference input 'x'.*, got 1/);
});

test('Inference-Header-Content-Length that lies', async () => {
  const { body } = binaryBody({ inputs: [binaryInput(4)] }, Uint8Array.of(1, 2, 3, 4));
  const send = (length: string) => infer('bytes', body, { 'inference-header-content-length': length });
  for (const text of ['x', '1.5', '0x10', '1e2', '12345678901234567890', '']) {
    await assertRefused(send(text), 'Unable to parse Inference-Header-Content-Length');
  }
  for (const text of ['-1', String(body.byteLength + 1), '999999999999']) {
    await assertRefused(send(text), 'inference header size should be in range (0, ');
  }
  await assertRefused(send('5'), 'json: '); // cuts the JSON
  await assertRefused(send(String(body.byteLength)), 'json: '); // takes the tensor for JSON
});

test('what only the runtime can refuse is refused as the caller’s fault', async () => {
  const three = { name: 'INPUT0', datatype: 'INT32', shape: [3, 4], data: Array(12).fill(1) };
  const two = { name: 'INPUT1', datatype: 'INT32', shape: [2, 4], data: Array(8).fill(1) };
  await assertRefused(infer('addsub', { inputs: [three, two] }), 'run: model "addsub@1" refused its inputs:');
});
