// POST …/infer of the Open Inference Protocol: JSON and binary tensors in both directions, raw binary requests, compressed
// bodies, ids, parameters, classification. Bodies are written by hand (testing/oip-body.ts), answers worked out by hand.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import {
  addSubModel,
  allTypesModel,
  biasModel,
  identityModel,
  initializer,
  model,
  namesModel,
  tensorInfo,
} from './testing/models.ts';
import { binaryBody, frameBytes, outputOf, readInferReply } from './testing/oip-body.ts';
import { startTestServer, type TestServer } from './testing/running-server.ts';

let server: TestServer;

before(async () => {
  server = await startTestServer();
  await server.deploy('addsub', addSubModel());
  await server.deploy('types', allTypesModel(['N']));
  await server.deploy('names', namesModel());
  await server.deploy('anyshape', identityModel('float32', null), { batching: { dim: null } });
  await server.deploy('scalar', identityModel('int64', []));
  await server.deploy('fixed', identityModel('int16', [2, 3]));
  await server.deploy('text', identityModel('string', [1]));
  await server.deploy('pictures', identityModel('uint8', ['N', 'W', 2]));
  await server.deploy('scores', scoresModel(), { labels: ['cat', 'dog', '', 'bird'] });
});

after(() => server.stop());

/** Scores as FP32, INT64 and FP16 of the same input, to be classified. */
function scoresModel(): Uint8Array {
  return model({
    nodes: [
      { op: 'Identity', inputs: ['x'], outputs: ['scores'] },
      { op: 'Cast', inputs: ['x'], outputs: ['whole'], attributes: [{ name: 'to', int: 7 }] },
      { op: 'Cast', inputs: ['x'], outputs: ['half'], attributes: [{ name: 'to', int: 10 }] },
    ],
    inputs: [tensorInfo('x', 'float32', ['N', 4])],
    outputs: [
      tensorInfo('scores', 'float32', ['N', 4]),
      tensorInfo('whole', 'int64', ['N', 4]),
      tensorInfo('half', 'float16', ['N', 4]),
    ],
  });
}

/** y = the sum of each row of x, whatever the rank of x. */
function rowSumsModel(): Uint8Array {
  return model({
    nodes: [
      { op: 'Flatten', inputs: ['x'], outputs: ['rows'], attributes: [{ name: 'axis', int: 1 }] },
      { op: 'ReduceSum', inputs: ['rows', 'axes'], outputs: ['y'], attributes: [{ name: 'keepdims', int: 0 }] },
    ],
    initializers: [initializer('axes', 'int64', [1], BigInt64Array.of(1n))],
    inputs: [tensorInfo('x', 'float32', null)],
    outputs: [tensorInfo('y', 'float32', ['N'])],
  });
}

function post(name: string, body: string | Uint8Array<ArrayBuffer>, headers: Readonly<Record<string, string>> = {}) {
  return server.request(`/v2/models/${name}/infer`, { method: 'POST', body, headers });
}

const postJson = (name: string, body: object) => post(name, JSON.stringify(body));

/** INPUT0 = 1…4 and INPUT1 = 10, 20, 30, 40, as addsub wants them. */
const addSubInputs = [
  { name: 'INPUT0', datatype: 'INT32', shape: [1, 4], data: [1, 2, 3, 4] },
  { name: 'INPUT1', datatype: 'INT32', shape: [1, 4], data: [10, 20, 30, 40] },
];

test('infer answers JSON with JSON: fields, order, id', async () => {
  const response = await postJson('addsub', { id: 'Anfrage № 7', inputs: addSubInputs });
  assert.equal(response.status, 200);
  assert.equal(response.headers.get('content-type'), 'application/json');
  assert.equal(response.headers.get('inference-header-content-length'), null);
  assert.deepEqual(await response.json(), {
    id: 'Anfrage № 7',
    model_name: 'addsub',
    model_version: '1',
    outputs: [
      { name: 'OUTPUT0', datatype: 'INT32', shape: [1, 4], data: [11, 22, 33, 44] },
      { name: 'OUTPUT1', datatype: 'INT32', shape: [1, 4], data: [-9, -18, -27, -36] },
    ],
  });
});

test('infer takes nested data, inputs in any order, unknown fields and parameters', async () => {
  const [first, second] = addSubInputs;
  const reply = await readInferReply(
    await postJson('addsub', {
      inputs: [
        { ...second, data: [[10, 20, 30, 40]], parameters: { content_type: 'np' } },
        { ...first, data: [[1, 2, 3, 4]] },
      ],
      parameters: { mine: 'x', count: 3, flag: true },
      something: null,
    }),
  );
  assert.deepEqual(outputOf(reply, 'OUTPUT0').data, [11, 22, 33, 44]);
});

test('infer answers the requested outputs only, in the requested order', async () => {
  const only = await readInferReply(await postJson('addsub', { inputs: addSubInputs, outputs: [{ name: 'OUTPUT1' }] }));
  assert.deepEqual(only.order, ['OUTPUT1']);
  const swapped = { inputs: addSubInputs, outputs: [{ name: 'OUTPUT1' }, { name: 'OUTPUT0' }] };
  assert.deepEqual((await readInferReply(await postJson('addsub', swapped))).order, ['OUTPUT1', 'OUTPUT0']);
  const none = await readInferReply(await postJson('addsub', { inputs: addSubInputs, outputs: [] }));
  assert.deepEqual(none.order, ['OUTPUT0', 'OUTPUT1'], 'an empty list asks for all');
});

test('infer takes binary inputs behind the JSON header, at every alignment', async () => {
  const one = Int32Array.of(1, -2, 2147483647, 4);
  const two = Int32Array.of(10, 20, 0, -40);
  for (let padding = 0; padding < 8; padding++) {
    const { body, headers } = binaryBody(
      {
        id: 'x'.repeat(padding),
        inputs: ['INPUT0', 'INPUT1'].map((name) => ({
          name,
          datatype: 'INT32',
          shape: [1, 4],
          parameters: { binary_data_size: 16 },
        })),
      },
      one,
      two,
    );
    const reply = await readInferReply(await post('addsub', body, headers));
    assert.deepEqual(outputOf(reply, 'OUTPUT0').data, [11, 18, 2147483647, -36]);
    assert.deepEqual(outputOf(reply, 'OUTPUT1').data, [-9, -22, 2147483647, 44]);
  }
});

test('infer mixes JSON and binary in both directions', async () => {
  const [json] = addSubInputs;
  const { body, headers } = binaryBody(
    {
      inputs: [json, { name: 'INPUT1', datatype: 'INT32', shape: [1, 4], parameters: { binary_data_size: 16 } }],
      outputs: [{ name: 'OUTPUT0', parameters: { binary_data: true } }, { name: 'OUTPUT1' }],
    },
    Int32Array.of(10, 20, 30, 40),
  );
  const reply = await readInferReply(await post('addsub', body, headers));
  const { bytes } = outputOf(reply, 'OUTPUT0');
  assert.deepEqual(new Int32Array(bytes?.buffer ?? new ArrayBuffer(0)), Int32Array.of(11, 22, 33, 44));
  assert.deepEqual(outputOf(reply, 'OUTPUT1').data, [-9, -18, -27, -36]);
});

test('binary_data_output sets the default, binary_data of an output wins', async () => {
  const ask = async (body: object) => readInferReply(await postJson('addsub', { inputs: addSubInputs, ...body }));
  const all = await ask({ parameters: { binary_data_output: true } });
  assert.deepEqual(outputOf(all, 'OUTPUT0').bytes, new Uint8Array(Int32Array.of(11, 22, 33, 44).buffer));
  assert.deepEqual(outputOf(all, 'OUTPUT1').bytes, new Uint8Array(Int32Array.of(-9, -18, -27, -36).buffer));
  const mixed = await ask({
    parameters: { binary_data_output: true },
    outputs: [{ name: 'OUTPUT0', parameters: { binary_data: false } }, { name: 'OUTPUT1' }],
  });
  assert.deepEqual(outputOf(mixed, 'OUTPUT0').data, [11, 22, 33, 44]);
  assert.equal(outputOf(mixed, 'OUTPUT1').data, undefined);
});

/** Two awkward values of every type: as JSON text, as little-endian bytes. FP16 has no JSON form. */
const VALUES: readonly {
  readonly type: string;
  readonly wire: string;
  readonly json?: string;
  readonly bytes: ArrayBufferView;
}[] = [
  { type: 'bool', wire: 'BOOL', json: '[true,false]', bytes: Uint8Array.of(1, 0) },
  { type: 'uint8', wire: 'UINT8', json: '[255,0]', bytes: Uint8Array.of(255, 0) },
  { type: 'uint16', wire: 'UINT16', json: '[65535,258]', bytes: Uint8Array.of(255, 255, 2, 1) },
  { type: 'uint32', wire: 'UINT32', json: '[4294967295,1]', bytes: Uint8Array.of(255, 255, 255, 255, 1, 0, 0, 0) },
  {
    type: 'uint64',
    wire: 'UINT64',
    json: '[18446744073709551615,9007199254740993]',
    bytes: Uint8Array.of(255, 255, 255, 255, 255, 255, 255, 255, 1, 0, 0, 0, 0, 0, 32, 0),
  },
  { type: 'int8', wire: 'INT8', json: '[-128,127]', bytes: Uint8Array.of(128, 127) },
  { type: 'int16', wire: 'INT16', json: '[-32768,513]', bytes: Uint8Array.of(0, 128, 1, 2) },
  { type: 'int32', wire: 'INT32', json: '[-2147483648,7]', bytes: Uint8Array.of(0, 0, 0, 128, 7, 0, 0, 0) },
  {
    type: 'int64',
    wire: 'INT64',
    json: '[-9223372036854775808,9007199254740993]',
    bytes: Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 128, 1, 0, 0, 0, 0, 0, 32, 0),
  },
  { type: 'float16', wire: 'FP16', bytes: Uint8Array.of(0x00, 0x3c, 0x01, 0x80) }, // 1 and −2^-24
  // 0.1f and the greatest float32.
  {
    type: 'float32',
    wire: 'FP32',
    json: '[0.1,3.4028235e38]',
    bytes: Uint8Array.of(0xcd, 0xcc, 0xcc, 0x3d, 255, 255, 0x7f, 0x7f),
  },
  {
    type: 'float64',
    wire: 'FP64',
    json: '[0.1,5e-324]',
    bytes: Uint8Array.of(0x9a, 0x99, 0x99, 0x99, 0x99, 0x99, 0xb9, 0x3f, 1, 0, 0, 0, 0, 0, 0, 0),
  },
  { type: 'string', wire: 'BYTES', json: '["Grüße 🌍",""]', bytes: frameBytes('Grüße 🌍', '') },
];

test('every datatype goes in as JSON and comes out as the same bytes', async () => {
  const inputs = VALUES.map(({ type, wire, json, bytes }) => {
    const open = `{"name":"in_${type}","datatype":"${wire}","shape":[2],`;
    return `${open}${json === undefined ? `"parameters":{"binary_data_size":${bytes.byteLength}}` : `"data":${json}`}}`;
  });
  const header = Buffer.from(`{"inputs":[${inputs.join(',')}],"parameters":{"binary_data_output":true}}`);
  const half = VALUES.flatMap(({ json, bytes }) => (json === undefined ? [bytes] : []));
  const body = Buffer.concat([header, ...half.map((view) => new Uint8Array(view.buffer))]);
  const reply = await readInferReply(
    await post('types', new Uint8Array(body), { 'inference-header-content-length': String(header.byteLength) }),
  );
  for (const { type, wire, bytes } of VALUES) {
    const output = outputOf(reply, `out_${type}`);
    assert.equal(output.datatype, wire);
    assert.deepEqual(output.shape, [2]);
    assert.deepEqual(output.bytes, new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength), type);
  }
});

test('every datatype goes in as bytes and comes out as exact JSON text', async () => {
  const { body, headers } = binaryBody(
    {
      inputs: VALUES.map(({ type, wire, bytes }) => ({
        name: `in_${type}`,
        datatype: wire,
        shape: [2],
        parameters: { binary_data_size: bytes.byteLength },
      })),
      outputs: VALUES.map(({ type, json }) => ({
        name: `out_${type}`,
        parameters: { binary_data: json === undefined },
      })),
    },
    ...VALUES.map(({ bytes }) => bytes),
  );
  const response = await post('types', body, headers);
  assert.equal(response.status, 200);
  const bytes = new Uint8Array(await response.arrayBuffer());
  const text = Buffer.from(bytes).toString('utf8', 0, Number(response.headers.get('inference-header-content-length')));
  for (const { type, json } of VALUES) {
    // The text itself: parsing it here would round 64-bit integers away.
    if (json !== undefined)
      assert.ok(numbersEqual(dataText(text, `out_${type}`), json), `${type}: ${dataText(text, `out_${type}`)}`);
  }
});

function dataText(reply: string, output: string): string {
  return new RegExp(`"name":"${output}"[^{}]*?"data":(\\[[^\\]]*\\])`).exec(reply)?.[1] ?? 'not there';
}

/** Equal as text, or as text of floats that read as the same doubles (3.4028235e38 and 3.4028235e+38). */
function numbersEqual(actual: string, expected: string): boolean {
  return (
    actual === expected ||
    (/[.e]/.test(expected) && JSON.stringify(JSON.parse(actual)) === JSON.stringify(JSON.parse(expected)))
  );
}

test('NaN and the infinities pass in binary, and come out as bare words in JSON', async () => {
  const values = Float32Array.of(Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -0);
  const header = { inputs: [{ name: 'x', datatype: 'FP32', shape: [4], parameters: { binary_data_size: 16 } }] };
  const { body, headers } = binaryBody({ ...header, parameters: { binary_data_output: true } }, values);
  const reply = await readInferReply(await post('anyshape', body, headers));
  assert.deepEqual(outputOf(reply, 'y').bytes, new Uint8Array(values.buffer));
  const asJson = binaryBody(header, values);
  const text = await (await post('anyshape', asJson.body, asJson.headers)).text();
  assert.match(text, /"data":\[NaN,Infinity,-Infinity,-0(\.0)?\]/);
});

test('shapes of any rank: scalars, zero-size dims, rank 8', async () => {
  for (const [shape, count] of [
    [[], 1],
    [[0], 0],
    [[3, 0, 2], 0],
    [[1, 1, 1, 1, 1, 1, 2, 3], 6],
  ] as const) {
    const data = Array.from({ length: count }, (_, index) => index + 0.5);
    const json = await readInferReply(
      await postJson('anyshape', { inputs: [{ name: 'x', datatype: 'FP32', shape, data }] }),
    );
    assert.deepEqual(outputOf(json, 'y').shape, shape);
    assert.deepEqual(outputOf(json, 'y').data, data);
    const { body, headers } = binaryBody(
      {
        inputs: [{ name: 'x', datatype: 'FP32', shape, parameters: { binary_data_size: count * 4 } }],
        parameters: { binary_data_output: true },
      },
      Float32Array.from(data),
    );
    const response = await post('anyshape', body, headers);
    assert.equal(response.status, 200, JSON.stringify(shape));
    if (count > 0) assert.equal(outputOf(await readInferReply(response), 'y').bytes?.byteLength, count * 4);
  }
  const scalar = await readInferReply(
    await postJson('scalar', { inputs: [{ name: 'x', datatype: 'INT64', shape: [], data: [42] }] }),
  );
  assert.deepEqual([outputOf(scalar, 'y').shape, outputOf(scalar, 'y').data], [[], [42]]);
});

test('raw binary requests (header length 0) infer the shape and answer in binary', async () => {
  const raw = { 'inference-header-content-length': '0' };
  const fixed = await readInferReply(await post('fixed', new Uint8Array(Int16Array.of(1, 2, 3, 4, 5, -6).buffer), raw));
  assert.deepEqual(outputOf(fixed, 'y').shape, [2, 3]);
  assert.deepEqual(outputOf(fixed, 'y').bytes, new Uint8Array(Int16Array.of(1, 2, 3, 4, 5, -6).buffer));
  assert.equal(fixed.id, undefined);
  // uint8 [N,W,2]: two variable dims, of which the leading one is the batch and 1.
  const pictures = await readInferReply(await post('pictures', Uint8Array.of(1, 2, 3, 4, 5, 6), raw));
  assert.deepEqual(outputOf(pictures, 'y').shape, [1, 3, 2]);
  // BYTES: the whole body is the one element, without a length in front.
  const text = await readInferReply(await post('text', new Uint8Array(Buffer.from('any text, ß')), raw));
  assert.deepEqual(outputOf(text, 'y').bytes, frameBytes('any text, ß'));
  // What ONNX Runtime's binding would change on the way is refused, not changed.
  for (const bytes of [Uint8Array.of(0x61, 0xff), Uint8Array.of(0x61, 0, 0x62)]) {
    const refused = await post('text', bytes, raw);
    assert.equal(refused.status, 501);
    assert.match(((await refused.json()) as { error: string }).error, /^run: input "x" of model "text@1"/);
  }
  const wrongSize = await post('fixed', new Uint8Array(10), raw);
  assert.equal(wrongSize.status, 400);
  assert.deepEqual(await wrongSize.json(), {
    error: "input byte size mismatch for input 'x' for model 'fixed'. Expected 12, got 10",
  });
  const twoInputs = await post('addsub', new Uint8Array(16), raw);
  assert.equal(twoInputs.status, 400);
  assert.match(((await twoInputs.json()) as { error: string }).error, /^Raw request must only have 1 input/);
});

test('gzip, deflate and brotli bodies are taken, JSON and binary', async () => {
  const { body, headers } = binaryBody(
    {
      inputs: ['INPUT0', 'INPUT1'].map((name) => ({
        name,
        datatype: 'INT32',
        shape: [1, 4],
        parameters: { binary_data_size: 16 },
      })),
    },
    Int32Array.of(1, 2, 3, 4),
    Int32Array.of(10, 20, 30, 40),
  );
  const json = Buffer.from(JSON.stringify({ inputs: addSubInputs }));
  for (const [encoding, compress] of [
    ['gzip', gzipSync],
    ['deflate', deflateSync],
    ['br', brotliCompressSync],
    ['GZIP', gzipSync],
  ] as const) {
    const plain = await post('addsub', new Uint8Array(compress(json)), { 'content-encoding': encoding });
    assert.deepEqual(outputOf(await readInferReply(plain), 'OUTPUT0').data, [11, 22, 33, 44], encoding);
    // The announced header length counts bytes after decompression.
    const binary = await post('addsub', new Uint8Array(compress(body)), { ...headers, 'content-encoding': encoding });
    assert.deepEqual(outputOf(await readInferReply(binary), 'OUTPUT0').data, [11, 22, 33, 44], encoding);
  }
});

test("names from JavaScript's own objects are names like any other", async () => {
  const tensor = (name: string, data: readonly number[]) => ({ name, datatype: 'FP32', shape: [2], data });
  // Written as text: an object literal would take __proto__ for something else.
  const body = JSON.stringify({ inputs: [tensor('__proto__', [1, 2]), tensor('toString', [10, 20])] });
  const reply = await readInferReply(await post('names', body));
  assert.deepEqual(outputOf(reply, 'constructor').data, [11, 22]);
  assert.deepEqual(outputOf(reply, 'valueOf').data, [-1, -2]);
  const strange = await post('names', '{"inputs":[],"__proto__":{"inputs":[1]},"constructor":1}');
  assert.equal(strange.status, 400);
  assert.match(
    ((await strange.json()) as { error: string }).error,
    /^expected 2 inputs but got 0 inputs for model 'names'/,
  );
});

test('classification answers "score:index[:label]", best first', async () => {
  const ask = async (name: string, classes: number, more: object = {}) =>
    postJson('scores', {
      inputs: [{ name: 'x', datatype: 'FP32', shape: [2, 4], data: [0.5, 2, 1, -1, 7, 7, 8, 0] }],
      outputs: [{ name, parameters: { classification: classes, ...more } }],
    });
  const top = outputOf(await readInferReply(await ask('scores', 2)), 'scores');
  assert.equal(top.datatype, 'BYTES');
  assert.deepEqual(top.shape, [2, 2]);
  // Class 2 has an empty label, which is no label; ties go to the lower index.
  assert.deepEqual(top.data, ['2.000000:1:dog', '1.000000:2', '8.000000:2', '7.000000:0:cat']);
  const all = outputOf(await readInferReply(await ask('scores', 99)), 'scores');
  assert.deepEqual(all.shape, [2, 4], 'at most as many as there are classes');
  const whole = outputOf(await readInferReply(await ask('whole', 1)), 'whole');
  assert.deepEqual(whole.data, ['2:1:dog', '8:2']);
  const binary = outputOf(await readInferReply(await ask('scores', 1, { binary_data: true })), 'scores');
  assert.deepEqual(binary.bytes, frameBytes('2.000000:1:dog', '8.000000:2'));
  const half = await ask('half', 1);
  assert.equal(half.status, 400);
  assert.deepEqual(await half.json(), {
    error: "class result not available for output due to unsupported type 'FP16'",
  });
});

test('priority and timeout are taken; a timeout that passes in the queue is DEADLINE_EXCEEDED', async () => {
  const ask = (parameters: object) => postJson('addsub', { inputs: addSubInputs, parameters });
  for (const parameters of [{ priority: 1 }, { priority: 0, timeout: 0 }, { priority: 9, timeout: 60_000_000 }]) {
    assert.equal((await ask(parameters)).status, 200, JSON.stringify(parameters));
  }
  for (const parameters of [
    { priority: -1 },
    { priority: 'high' },
    { timeout: 1.5 },
    { timeout: '10' },
    { priority: null },
  ]) {
    const response = await ask(parameters);
    assert.equal(response.status, 400, JSON.stringify(parameters));
    assert.match(((await response.json()) as { error: string }).error, /^Unable to parse '(priority|timeout)'/);
  }
});

test('parameters that mean something this server does not do are refused, not ignored', async () => {
  const ask = (body: object) => postJson('addsub', { inputs: addSubInputs, ...body });
  for (const name of ['sequence_id', 'sequence_start', 'sequence_end']) {
    assert.equal((await ask({ parameters: { [name]: 1 } })).status, 501, name);
  }
  assert.equal((await ask({ parameters: { triton_enable_empty_final_response: true } })).status, 400);
  assert.equal((await ask({ outputs: [{ name: 'OUTPUT0', parameters: { shared_memory_region: 'r' } }] })).status, 501);
  const [first, second] = addSubInputs;
  const shared = { ...first, data: undefined, parameters: { shared_memory_region: 'r', shared_memory_byte_size: 16 } };
  assert.equal((await ask({ inputs: [shared, second] })).status, 501);
});

test('requests that come together get their own answers', async () => {
  const answers = await Promise.all(
    Array.from({ length: 200 }, async (_, index) => {
      const rows = (index % 3) + 1;
      const data = Array.from({ length: rows * 4 }, (_, at) => index * 100 + at);
      const tensor = (name: string) => ({ name, datatype: 'INT32', shape: [rows, 4], data });
      const reply = await readInferReply(
        await postJson('addsub', { id: `${index}`, inputs: [tensor('INPUT0'), tensor('INPUT1')] }),
      );
      assert.equal(reply.id, `${index}`);
      return outputOf(reply, 'OUTPUT0').data?.every((value, at) => value === 2 * (data[at] ?? 0));
    }),
  );
  assert.ok(answers.every(Boolean));
});

test('requests of different shapes that come together get their own answers', async () => {
  await server.deploy('sums', rowSumsModel());
  const detail = await (await server.request('/admin/v1/models/sums/versions/1')).json();
  // Else the test below proves nothing.
  assert.equal(typeof (detail as { serving: { batching: { maxSize?: number } } }).serving.batching.maxSize, 'number');
  await Promise.all(
    Array.from({ length: 200 }, async (_, index) => {
      const shape = [[1, 2], [2, 3], [1, 2, 2], [3], [2, 1, 3]][index % 5] ?? [];
      const rows = shape[0] ?? 1;
      const perRow = shape.slice(1).reduce((product, dim) => product * dim, 1);
      const data = Array.from({ length: rows * perRow }, (_, at) => index + at);
      const sums = Array.from({ length: rows }, (_, row) =>
        data.slice(row * perRow, (row + 1) * perRow).reduce((sum, value) => sum + value, 0),
      );
      const reply = await readInferReply(
        await postJson('sums', { inputs: [{ name: 'x', datatype: 'FP32', shape, data }] }),
      );
      assert.deepEqual(outputOf(reply, 'y').data, sums, JSON.stringify(shape));
    }),
  );
});

test('a later version answers under the bare name, the earlier one only where a policy keeps it', async () => {
  await server.deploy('growing', biasModel(100));
  await server.deploy('growing', biasModel(200));
  const ask = async (path: string) =>
    server.request(`/v2/models/growing${path}/infer`, {
      method: 'POST',
      body: JSON.stringify({ inputs: [{ name: 'x', datatype: 'FP32', shape: [1, 2], data: [1, 2] }] }),
    });
  assert.deepEqual(outputOf(await readInferReply(await ask('')), 'y').data, [201, 202]);
  assert.equal((await ask('/versions/1')).status, 503);
  const all = await server.request('/admin/v1/models/growing', {
    method: 'PATCH',
    headers: { 'content-type': 'application/json' },
    body: '{"policy":{"kind":"all"}}',
  });
  assert.equal(all.status, 200);
  const first = await readInferReply(await ask('/versions/1'));
  assert.equal(first.model_version, '1');
  assert.deepEqual(outputOf(first, 'y').data, [101, 102]);
});
