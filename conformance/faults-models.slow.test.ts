// Broken, hostile and greedy model files: each is refused with a reason that helps, the version that serves goes on
// serving, and nothing of the refused one is visible.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { childPids, isAlive, skipWithoutProc } from '../packages/engines/ort-node/src/testing/machine.ts';
import { externalInitializer, sequenceInfo } from '../packages/engines/ort-node/src/testing/onnx-writer.ts';
import { sharedDataPath, skipWithoutSharedData } from '../tools/test-data.ts';
import { type AdminAnswer, adminCall, deployBytes, deployFiles, digestOf, upload } from './testing/admin-call.ts';
import { biasModel, endlessModel, graph, identityModel, initializer, model, tensorInfo } from './testing/models.ts';
import { createRandom, mutate, mutateGraph } from './testing/mutations.ts';
import { startTestServer, type TestServer } from './testing/running-server.ts';

let server: TestServer;

before(async () => {
  server = await startTestServer({ probeTimeoutMs: '5000', maxModelBytes: String(8 * 1024 * 1024) });
  await server.deploy('steady', biasModel(5));
});

after(async () => {
  await server.stop();
  assert.deepEqual(childPids().filter(isAlive), [], 'no quarantine process may be left');
});

/** The reply of the version that was there before all of this. */
async function assertSteady(): Promise<void> {
  const body = JSON.stringify({ inputs: [{ name: 'x', datatype: 'FP32', shape: [1, 2], data: [1, 2] }] });
  const response = await server.request('/v2/models/steady/infer', { method: 'POST', body });
  assert.deepEqual(await response.json(), {
    model_name: 'steady',
    model_version: '1',
    outputs: [{ name: 'y', datatype: 'FP32', shape: [1, 2], data: [6, 7] }],
  });
}

interface Expected {
  readonly status: number;
  readonly reason: string;
  readonly message: RegExp;
}

const INVALID = (message: RegExp): Expected => ({ status: 400, reason: 'INVALID_MODEL', message });
const REJECTED = (message: RegExp): Expected => ({ status: 422, reason: 'MODEL_REJECTED', message });

/** Deploys over the running version and asserts that nothing came of it. */
async function assertRefused(deploying: Promise<AdminAnswer>, expected: Expected): Promise<void> {
  const answer = await deploying;
  assert.equal(answer.status, expected.status, answer.text);
  assert.equal(answer.error?.reason, expected.reason, answer.text);
  assert.match(answer.error.message, expected.message);
  assert.doesNotMatch(answer.text, /amaas-test-|\/artifacts\//, 'paths of the server are nobody’s business');
  const { versions } = JSON.parse((await adminCall(server, 'GET', 'models/steady')).text) as {
    readonly versions: readonly { readonly version: number; readonly state: string }[];
  };
  assert.deepEqual(
    versions.map(({ version, state }) => [version, state]),
    [[1, 'READY']],
    'nothing half visible',
  );
  await assertSteady();
}

const refuse = (bytes: Uint8Array, expected: Expected) => assertRefused(deployBytes(server, 'steady', bytes), expected);

const MNIST = 'onnx/mnist.onnx';

test('truncated files', { skip: skipWithoutSharedData(MNIST) }, async () => {
  const whole = readFileSync(sharedDataPath(MNIST));
  for (const length of [0, 1, 2, 10, 100, 1000, 12345, whole.length - 1]) {
    await refuse(whole.subarray(0, length), INVALID(/^onnx: |no graph|empty/));
  }
});

test('files that are something else', async () => {
  const random = createRandom(7);
  const noise = (bytes: number) => Uint8Array.from({ length: bytes }, () => Math.floor(random() * 256));
  for (const bytes of [noise(10), noise(1000), noise(100_000), new Uint8Array(5000), new Uint8Array(5000).fill(0xff)]) {
    await refuse(bytes, INVALID(/^onnx: /));
  }
  for (const [text, named] of [
    ['PK\x03\x04 a zip file', /zip/i],
    ['\x1f\x8b gzip', /gzip/i],
    ['GGUF....', /GGUF/i],
    ['<html><body>404 Not Found</body></html>', /./],
    ['{"json": true}', /./],
    ['version https://git-lfs.github.com/spec/v1\noid sha256:abc\nsize 12345\n', /LFS/i],
  ] as const) {
    await refuse(Buffer.from(text, 'latin1'), INVALID(named));
  }
});

test('files that claim enormous things', async () => {
  const claiming = (dims: readonly number[]) =>
    model({
      nodes: [{ op: 'Add', inputs: ['x', 'w'], outputs: ['y'] }],
      initializers: [initializer('w', 'float32', dims, Float32Array.of(1))],
      inputs: [tensorInfo('x', 'float32', ['N', 2])],
      outputs: [tensorInfo('y', 'float32', null)],
    });
  await refuse(claiming([2 ** 40]), REJECTED(/cannot be loaded/));
  await refuse(claiming([2 ** 31, 2 ** 31]), INVALID(/which no tensor can/));
  // A length field of nearly 2^63 bytes.
  await refuse(Uint8Array.of(0x3a, 255, 255, 255, 255, 255, 255, 255, 255, 0x7f), INVALID(/^onnx: /));
  // Groups nested in groups, and messages in messages.
  await refuse(new Uint8Array(100_000).fill(0x3b), INVALID(/^onnx: /));
  let nested: Uint8Array = new Uint8Array(0);
  for (let depth = 0; depth < 2000; depth++) nested = wrapInAttribute(nested);
  const deep = model({
    nodes: [{ op: 'If', inputs: ['c'], outputs: ['y'], attributes: [{ name: 'a', graph: nested }] }],
    inputs: [],
    outputs: [],
  });
  await refuse(deep, INVALID(/^onnx: /));
});

/** A graph whose only node holds `inner` as its subgraph. */
function wrapInAttribute(inner: Uint8Array): Uint8Array {
  return graph({
    nodes: [{ op: 'If', inputs: ['c'], outputs: ['y'], attributes: [{ name: 'b', graph: inner }] }],
    inputs: [],
    outputs: [],
  });
}

test('operators and versions the runtime does not know', async () => {
  const spec = {
    inputs: [tensorInfo('x', 'float32', ['N', 2])],
    outputs: [tensorInfo('y', 'float32', ['N', 2])],
  };
  const one = (op: string) => ({ ...spec, nodes: [{ op, inputs: ['x'], outputs: ['y'] }] });
  await refuse(model(one('NoSuchOperator')), REJECTED(/NoSuchOperator/));
  await refuse(model(one('Relu'), { opset: 9999 }), REJECTED(/opset/i));
  await refuse(model(one('Relu'), { opset: 0 }), REJECTED(/cannot be loaded/));
  await refuse(model(one('Relu'), { ir: 9999 }), REJECTED(/IR version/i));
  await refuse(model({ ...spec, nodes: [] }), REJECTED(/cannot be loaded/));
  await refuse(
    model({ ...spec, nodes: [{ op: 'Add', inputs: ['x', 'nowhere'], outputs: ['y'] }] }),
    REJECTED(/nowhere/),
  );
});

test('kinds of tensors the binding cannot carry', async () => {
  const expected = (message: RegExp): Expected => ({ status: 501, reason: 'UNSUPPORTED_TENSOR', message });
  await refuse(identityModel('bfloat16', ['N']), expected(/bfloat16/));
  const sequence = model({
    nodes: [{ op: 'SequenceConstruct', inputs: ['x'], outputs: ['s'] }],
    inputs: [tensorInfo('x', 'float32', ['N'])],
    outputs: [sequenceInfo('s', 'float32')],
  });
  await refuse(sequence, expected(/"s"/));
});

const withExternal = (location: string) =>
  model({
    nodes: [{ op: 'Add', inputs: ['x', 'w'], outputs: ['y'] }],
    initializers: [externalInitializer('w', [2], location)],
    inputs: [tensorInfo('x', 'float32', ['N', 2])],
    outputs: [tensorInfo('y', 'float32', ['N', 2])],
  });

test('external data that is missing, too short or outside the folder', async () => {
  await assertRefused(
    deployFiles(server, 'steady', { 'model.onnx': withExternal('weights.bin') }),
    INVALID(/"weights\.bin", which was not delivered with the model/),
  );
  await assertRefused(
    deployFiles(server, 'steady', { 'model.onnx': withExternal('weights.bin'), 'weights.bin': new Uint8Array(4) }),
    REJECTED(/cannot be loaded/),
  );
  const outside = [
    '../weights.bin',
    '/etc/passwd',
    'a/../../weights.bin',
    '..',
    '',
    '.',
    'C:\\weights.bin',
    '..\\weights.bin',
    'weights.bin\0',
    '//etc/passwd',
    'file:///etc/passwd',
    './../weights.bin',
  ];
  for (const location of outside) {
    await assertRefused(
      deployFiles(server, 'steady', { 'model.onnx': withExternal(location), 'weights.bin': new Uint8Array(8) }),
      INVALID(/keeps its data|external/),
    );
  }
  const good = await deployFiles(server, 'external', {
    'model.onnx': withExternal('data/w.bin'),
    'data/w.bin': new Uint8Array(Float32Array.of(1, 2).buffer),
  });
  assert.equal(good.status, 201, good.text);
  const body = JSON.stringify({ inputs: [{ name: 'x', datatype: 'FP32', shape: [1, 2], data: [1, 2] }] });
  assert.match(
    await (await server.request('/v2/models/external/infer', { method: 'POST', body })).text(),
    /"data":\[2,4\]/,
  );
});

test('paths and names in a deployment that leave its folder or mean something to JavaScript', async () => {
  const bytes = biasModel(1);
  const digest = await upload(server, bytes);
  const withPath = (path: string) =>
    adminCall(server, 'POST', 'models/steady/versions', {
      files: [
        { path: 'model.onnx', digest },
        { path, digest },
      ],
    });
  for (const path of [
    '../x',
    '/etc/x',
    'a/../../x',
    'a//b',
    './x',
    'a/.',
    '..',
    'a\\b',
    'c:/x',
    'x\0y',
    'x\ny',
    'a'.repeat(1025),
    `${'a'.repeat(256)}/b`,
    'model.onnx',
    'model.onnx/x',
  ]) {
    const answer = await withPath(path);
    assert.equal(answer.status, 400, `${JSON.stringify(path.slice(0, 40))}: ${answer.text}`);
  }
  for (const body of [
    '{"files":[],"__proto__":{"url":"http://example.com"}}',
    `{"files":[{"path":"model.onnx","digest":"${digest}","__proto__":{}}]}`,
    '{"constructor":{}}',
    '{"files":[{"path":"model.onnx","digest":"sha256:../../../../etc/passwd"}]}',
    `{"files":[{"path":"model.onnx","digest":"${digest}"}],"labels":["__proto__"]}`,
    `{"files":[{"path":"model.onnx","digest":"${digest}"}],"labels":["../x"]}`,
    '[]',
    'null',
    '"x"',
    '{',
    '',
  ]) {
    const answer = await adminCall(server, 'POST', 'models/steady/versions', body);
    assert.equal(answer.status, 400, `${body}: ${answer.text}`);
  }
  const unknown = await adminCall(server, 'POST', 'models/steady/versions', {
    files: [{ path: 'model.onnx', digest: digestOf(Buffer.from('never sent')) }],
  });
  assert.deepEqual([unknown.status, unknown.error?.reason], [404, 'ARTIFACT_NOT_FOUND']);
  // These are names like any other, as far as the file system and JavaScript go.
  const odd = await deployFiles(server, 'odd', {
    'model.onnx': bytes,
    __proto__x: bytes,
    'constructor/toString': bytes,
    'Grüße 🌍.bin': bytes,
  });
  assert.equal(odd.status, 201, odd.text);
  for (const name of [
    '__proto__',
    '..',
    '%2e%2e',
    'a%2fb',
    'UPPER',
    'a%00',
    'é',
    '-a',
    '.a',
    'a..b',
    'x'.repeat(129),
  ]) {
    const answer = await deployBytes(server, name, bytes);
    assert.ok([400, 404].includes(answer.status), `${name}: ${answer.text}`);
  }
  for (const label of ['__proto__', '..%2f', 'UPPER', 'a%00b']) {
    const answer = await adminCall(server, 'PUT', `models/steady/labels/${label}`, { version: 1 });
    assert.equal(answer.status, 400, label);
  }
  await assertSteady();
});

test('digests that lie', async () => {
  const bytes = biasModel(9);
  const response = await server.request(`/admin/v1/blobs/${digestOf(Buffer.from('other'))}`, {
    method: 'PUT',
    body: Uint8Array.from(bytes),
  });
  const { error } = (await response.json()) as { readonly error: { readonly reason: string } };
  assert.equal(error.reason, 'DIGEST_MISMATCH');
  const head = await server.request(`/admin/v1/blobs/${digestOf(Buffer.from('other'))}`, { method: 'HEAD' });
  assert.equal(head.status, 404, 'nothing may be stored under it');
  for (const digest of ['sha256:abc', 'md5:abc', 'sha256:', `sha256:${'A'.repeat(64)}`, 'sha256:..%2f..']) {
    const refused = await server.request(`/admin/v1/blobs/${digest}`, { method: 'PUT', body: new Uint8Array(1) });
    assert.equal(refused.status, 400, digest);
  }
});

test('manifests that ask for nonsense', async () => {
  const deploy = (manifest: object) => deployFiles(server, 'steady', { 'model.onnx': biasModel(5) }, { manifest });
  for (const manifest of [
    { unknown: 1 },
    { isolation: 'none' },
    { instances: 0 },
    { instances: 1e9 },
    { batching: { maxSize: -1 } },
    { batching: { dim: 1 } },
    { limits: { maxRunMs: -1 } },
    { labels: [1, 2] },
    { labels: 'no-such-file.txt' },
    { labels: '../../../etc/passwd' },
    { example: '../../etc/passwd.json' },
    { signatures: { serving_default: { inputs: [{ name: 'nope' }] } } },
    { signatures: { serving_default: { inputs: [{ name: 'x', dtype: 'int8' }] } } },
    { resources: { executionProviders: ['no-such-provider'] } },
  ]) {
    const answer = await deploy(manifest);
    assert.ok([400, 422].includes(answer.status), `${JSON.stringify(manifest)}: ${answer.status} ${answer.text}`);
  }
  await assertSteady();
});

test('a model that takes more memory than allowed', { skip: skipWithoutProc }, async () => {
  const greedy = (elements: number) =>
    model({
      nodes: [
        { op: 'ConstantOfShape', inputs: ['shape'], outputs: ['big'] },
        { op: 'ReduceSum', inputs: ['big'], outputs: ['sum'] },
        { op: 'Add', inputs: ['x', 'sum'], outputs: ['y'] },
      ],
      initializers: [initializer('shape', 'int64', [1], BigInt64Array.of(BigInt(elements)))],
      inputs: [tensorInfo('x', 'float32', [1])],
      outputs: [tensorInfo('y', 'float32', [1])],
    });
  const limited = deployFiles(
    server,
    'steady',
    { 'model.onnx': greedy(4e8) },
    { manifest: { limits: { maxMemoryBytes: 100_000_000 } } },
  );
  await assertRefused(limited, {
    status: 429,
    reason: 'MEMORY_LIMIT',
    message: /took \d+ bytes of memory during .*; at most 100000000 are allowed/,
  });
});

test('a request that takes more memory than the machine has fails alone', { skip: skipWithoutProc }, async () => {
  const inflate = model({
    nodes: [{ op: 'Expand', inputs: ['x', 'shape'], outputs: ['y'] }],
    inputs: [tensorInfo('x', 'float32', [1]), tensorInfo('shape', 'int64', [1])],
    outputs: [tensorInfo('y', 'float32', [null])],
  });
  await server.deploy('inflate', inflate);
  const ask = (elements: number) =>
    server.request('/v2/models/inflate/infer', {
      method: 'POST',
      body: JSON.stringify({
        inputs: [
          { name: 'x', datatype: 'FP32', shape: [1], data: [1] },
          { name: 'shape', datatype: 'INT64', shape: [1], data: [elements] },
        ],
      }),
    });
  const impossible = await ask(4e15); // sixteen petabytes
  assert.equal(impossible.status, 400);
  assert.match(await impossible.text(), /run: model \\"inflate@1\\" refused its inputs/);
  for (let round = 0; round < 3; round++) assert.match(await (await ask(3)).text(), /"data":\[1,1,1\]/);
  // The address space has not gone to the runtime: quarantine can start its process.
  assert.equal((await deployBytes(server, 'afterwards', biasModel(2))).status, 201);
});

test('a model that never returns while it is tried', { skip: skipWithoutProc }, async () => {
  await refuse(endlessModel(), REJECTED(/timed out after 5000 ms during warm-up/));
});

test('a file larger than allowed', async () => {
  const answer = await deployBytes(server, 'steady', new Uint8Array(9 * 1024 * 1024));
  assert.deepEqual([answer.status, answer.error?.reason], [413, 'REQUEST_TOO_LARGE']);
  // In parts, each of which is small enough.
  const parts = Object.fromEntries(
    [1, 2, 3].map((part) => [`part${part}.bin`, new Uint8Array(3 * 1024 * 1024).fill(part)]),
  );
  const together = await deployFiles(server, 'steady', { 'model.onnx': biasModel(5), ...parts });
  assert.deepEqual([together.status, together.error?.reason], [413, 'REQUEST_TOO_LARGE']);
  await assertSteady();
});

test('300 mutations of a real model: each is served or refused with a reason', {
  skip: skipWithoutSharedData(MNIST),
}, async (t) => {
  const original = readFileSync(sharedDataPath(MNIST));
  const digit = JSON.stringify({
    inputs: [{ name: 'Input3', datatype: 'FP32', shape: [1, 1, 28, 28], data: Array(784).fill(100) }],
  });
  await server.deploy('mutant', original);
  const outcomes = new Map<string, number>();
  const seeds = Array(300).keys();
  const workers = Array.from({ length: 2 }, async () => {
    for (const seed of seeds) {
      const bytes = seed < 220 ? mutate(original, seed) : mutateGraph(original, seed);
      const { status, error, text } = await deployBytes(server, 'mutant', bytes);
      const outcome = error === null ? 'served' : `${status} ${error.reason}`;
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
      const expected = [
        'served',
        '400 INVALID_MODEL',
        '422 MODEL_REJECTED',
        '501 UNSUPPORTED_TENSOR',
        '429 MEMORY_LIMIT',
      ];
      assert.ok(expected.includes(outcome), `seed ${seed}: ${text}`);
      if (error !== null) assert.match(error.message, /^(onnx: |probe: model|the weights of|external)/, `seed ${seed}`);
      await assertSteady();
      // Some version of it answers, or says what it wants: a mutation may have renamed or reshaped the input.
      const { status: inferStatus } = await server.request('/v2/models/mutant/infer', { method: 'POST', body: digit });
      assert.ok([200, 400].includes(inferStatus), `seed ${seed}: ${inferStatus}`);
    }
  });
  await Promise.all(workers);
  t.diagnostic([...outcomes].map(([outcome, count]) => `${outcome}: ${count}`).join(', '));
  assert.ok((outcomes.get('served') ?? 0) > 10 && (outcomes.get('422 MODEL_REJECTED') ?? 0) > 10);
});
