// Pictures sent as they are, decoded by the server as the manifest declares: the same numbers as those of clients that
// decode for themselves, over both protocols and in every way a request can carry bytes.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { ImagePreprocess, Manifest } from '@amaas/core';
import sharp from 'sharp';
import { readImageInput } from '../packages/cli/src/image.ts';
import { sharedDataPath, skipWithoutSharedData } from '../tools/test-data.ts';
import { binaryBody, frameBytes, type InferReply, outputOf, readInferReply } from './testing/oip-body.ts';
import { startTestServer, type TestServer } from './testing/running-server.ts';
import { assertError, callTfs } from './testing/tfs-call.ts';
import { echoModel } from './testing/tfs-models.ts';

const PHOTO = 'images/coco_photos/000000000139.jpg';
const detector = join(import.meta.dirname, '..', 'models', 'face-detector', '1');
const faces = join(detector, 'example.jpg');
const detectorManifest = JSON.parse(readFileSync(join(detector, 'amaas.json'), 'utf8')) as Manifest; // the server checks it

const declared: ImagePreprocess = {
  kind: 'image',
  width: 6,
  height: 4,
  fit: 'letterbox',
  fill: 114,
  channels: 'bgr',
  mean: [103.5, 116.25, 123.675],
  std: [57.375, 57.12, 58.395],
  layout: 'nchw',
};
const bytesDeclared: ImagePreprocess = { ...declared, channels: 'rgb', mean: [0], std: [1], layout: 'nhwc' };

let server: TestServer;

before(async () => {
  server = await startTestServer();
  const { preprocess } = detectorManifest;
  await server.deploy('faces', readFileSync(join(detector, 'model.onnx')), { preprocess });
  await server.deploy('echo', echoModel('float32', ['N', 3, 4, 6]), { preprocess: { x: declared } });
  await server.deploy('echo-bytes', echoModel('uint8', ['N', 4, 6, 3]), { preprocess: { x: bytesDeclared } });
  await server.deploy('plain', echoModel('float32', ['N', 3, 4, 6]));
});

after(() => server.stop());

/** One output as float32, sent and answered in binary. */
async function inferBinary(model: string, input: object, ...parts: readonly ArrayBufferView[]): Promise<InferReply> {
  const size = parts.reduce((sum, part) => sum + part.byteLength, 0);
  const { body, headers } = binaryBody(
    { inputs: [{ ...input, parameters: { binary_data_size: size } }], parameters: { binary_data_output: true } },
    ...parts,
  );
  return readInferReply(await server.request(`/v2/models/${model}/infer`, { method: 'POST', body, headers }));
}

function floats(reply: InferReply, name = 'y'): Float32Array {
  const { bytes } = outputOf(reply, name);
  assert.ok(bytes !== undefined);
  return new Float32Array(bytes.buffer);
}

/** What a client sends that decodes for itself. */
async function pixelsOf(path: string, preprocess: ImagePreprocess): Promise<Float32Array> {
  const { data } = await readImageInput(path, preprocess);
  assert.ok(data instanceof Float32Array);
  return data;
}

test('a model predicts the same from a JPEG as from the pixel tensor that the CLI makes of it', async () => {
  const preprocess = detectorManifest.preprocess?.['input'];
  assert.ok(preprocess?.kind === 'image');
  const tensor = await pixelsOf(faces, preprocess);
  const jpeg = readFileSync(faces);
  const fromPixels = await inferBinary('faces', { name: 'input', datatype: 'FP32', shape: [1, 3, 240, 320] }, tensor);
  const fromBytes = await inferBinary('faces', { name: 'input', datatype: 'BYTES', shape: [1] }, frameBytes(jpeg));
  for (const output of ['scores', 'boxes']) {
    assert.deepEqual(floats(fromBytes, output), floats(fromPixels, output));
    assert.equal(floats(fromBytes, output).length > 1000, true);
  }
  assert.ok(
    floats(fromBytes, 'scores').some((score, index) => index % 2 === 1 && score > 0.9),
    'there is a face in it',
  );
});

test('pictures go in every form that carries bytes, several at once, and become what the CLI makes of them', {
  skip: skipWithoutSharedData(PHOTO),
}, async () => {
  const photo = sharedDataPath(PHOTO);
  const one = await pixelsOf(photo, declared);
  const other = await pixelsOf(faces, declared);
  const [first, second] = [readFileSync(photo), readFileSync(faces)];
  const both = Float32Array.from([...one, ...other]);
  for (const shape of [[2], [2, 1]])
    assert.deepEqual(
      floats(await inferBinary('echo', { name: 'x', datatype: 'BYTES', shape }, frameBytes(first, second))),
      both,
    );

  const [base64, base64Second] = [first.toString('base64'), second.toString('base64')];
  const json = await readInferReply(
    await server.request('/v2/models/echo/infer', {
      method: 'POST',
      body: JSON.stringify({ inputs: [{ name: 'x', datatype: 'BYTES', shape: [2], data: [base64, base64Second] }] }),
    }),
  );
  assert.deepEqual(Float32Array.from(outputOf(json, 'y').data as readonly number[]), both);

  const predict = async (body: object) => {
    const reply = await callTfs(server.url, { path: '/v1/models/echo:predict', body: JSON.stringify(body) });
    assert.equal(reply.status, 200, reply.text);
    const { predictions, outputs } = JSON.parse(reply.text) as Record<string, readonly unknown[] | undefined>;
    return Float32Array.from([...(predictions ?? []), ...(outputs ?? [])].flat(Number.POSITIVE_INFINITY) as number[]);
  };
  const [b64, b64Second] = [{ b64: base64 }, { b64: base64Second }];
  assert.deepEqual(await predict({ instances: [b64, b64Second] }), both);
  assert.deepEqual(await predict({ instances: [{ x: b64 }, { x: b64Second }] }), both);
  assert.deepEqual(await predict({ inputs: { x: [b64, b64Second] } }), both);
  assert.deepEqual(await predict({ inputs: b64Second }), other);
});

test('a body that is a picture by its content type is the only input', async () => {
  const headers = { 'content-type': 'image/jpeg' };
  const send = (model: string, extra: object = {}) =>
    server.request(`/v2/models/${model}/infer`, {
      method: 'POST',
      body: readFileSync(faces),
      headers: { ...headers, ...extra },
    });
  const expected = await pixelsOf(faces, declared);
  const inJson = await readInferReply(await send('echo'));
  assert.deepEqual(Float32Array.from(outputOf(inJson, 'y').data as readonly number[]), expected);
  const inBinary = await readInferReply(await send('echo', { 'Inference-Header-Content-Length': '0' }));
  assert.deepEqual(floats(inBinary), expected);
  const refused = await send('plain');
  assert.equal(refused.status, 415);
  assert.match(await refused.text(), /model \\"plain\\" takes no pictures: its manifest declares no preprocess/);
});

test('pictures become the dtype of the input', async () => {
  const reply = await inferBinary(
    'echo-bytes',
    { name: 'x', datatype: 'BYTES', shape: [1] },
    frameBytes(readFileSync(faces)),
  );
  const { bytes, datatype, shape } = outputOf(reply, 'y');
  assert.deepEqual([datatype, shape], ['UINT8', [1, 4, 6, 3]]);
  assert.deepEqual(bytes, Uint8Array.from(await pixelsOf(faces, bytesDeclared)));
});

test('pixel tensors go on as they did for a model that also takes pictures', async () => {
  const values = Float32Array.from({ length: 72 }, (_, index) => index / 8);
  const reply = await inferBinary('echo', { name: 'x', datatype: 'FP32', shape: [1, 3, 4, 6] }, values);
  assert.deepEqual(floats(reply), values);
  const raw = await server.request('/v2/models/echo/infer', {
    method: 'POST',
    body: new Uint8Array(values.buffer),
    headers: { 'Inference-Header-Content-Length': '0', 'content-type': 'application/octet-stream' },
  });
  assert.deepEqual(floats(await readInferReply(raw)), values);
  const text = await callTfs(server.url, {
    path: '/v1/models/echo:predict',
    body: JSON.stringify({ instances: [[[['text']]]] }),
  });
  assertError(text, 400, /"text".* is not of expected type: float/);
});

test('pictures that cannot be read are refused by what is wrong with them, and nothing else suffers', async () => {
  const good = readFileSync(faces);
  const bomb = await sharp({ create: { width: 12_000, height: 12_000, channels: 3, background: '#123456' } })
    .png()
    .toBuffer();
  const refusals: readonly [elements: readonly Uint8Array[], status: number, message: RegExp][] = [
    [
      [Buffer.from('no picture')],
      400,
      /image: the picture for input \\"x\\" cannot be read as a picture: it is none of/,
    ],
    [[new Uint8Array()], 400, /the picture for input \\"x\\" cannot be read as a picture: it is empty/],
    [
      [good, good.subarray(0, 3000)],
      400,
      /image: picture 1 of 2 for input \\"x\\" cannot be read as a picture: .*premature/,
    ],
    [
      [bomb],
      413,
      /image: the picture for input \\"x\\" has 12000 × 12000 pixels; at most 100000000 pixels are allowed/,
    ],
  ];
  for (const [elements, status, message] of refusals) {
    const part = frameBytes(...elements);
    const { body, headers } = binaryBody(
      {
        inputs: [
          { name: 'x', datatype: 'BYTES', shape: [elements.length], parameters: { binary_data_size: part.byteLength } },
        ],
      },
      part,
    );
    const reply = await server.request('/v2/models/echo/infer', { method: 'POST', body, headers });
    const text = await reply.text();
    assert.match(text, message);
    assert.equal(reply.status, status, text);
  }
  const shape = await server.request('/v2/models/echo/infer', {
    method: 'POST',
    body: JSON.stringify({ inputs: [{ name: 'x', datatype: 'BYTES', shape: [1, 2], data: ['a', 'b'] }] }),
  });
  assert.equal(shape.status, 400);
  assert.match(
    await shape.text(),
    /pictures for input \\"x\\" of model \\"echo\\" must have shape \[N\] with N ≥ 1, got \[1,2\]/,
  );
  const none = await server.request('/v2/models/plain/infer', {
    method: 'POST',
    body: JSON.stringify({ inputs: [{ name: 'x', datatype: 'BYTES', shape: [1], data: ['a'] }] }),
  });
  assert.match(await none.text(), /input \\"x\\" of model \\"plain\\" expects float32 \[N,3,4,6\], got string \[1\]/);
  const after = await inferBinary('echo', { name: 'x', datatype: 'BYTES', shape: [1] }, frameBytes(good));
  assert.deepEqual(floats(after), await pixelsOf(faces, declared));
});

test('many small files cannot become more pixels than a request may have', async (t) => {
  const small = await startTestServer({ maxRequestBytes: String(64 * 1024) });
  t.after(() => small.stop());
  const wide: ImagePreprocess = { ...declared, width: 100, height: 100 };
  await small.deploy('wide', echoModel('float32', ['N', 3, 100, 100]), { preprocess: { x: wide } });
  const dot = await sharp({ create: { width: 1, height: 1, channels: 3, background: '#123456' } })
    .png()
    .toBuffer();
  const send = (count: number) =>
    small.request('/v1/models/wide:predict', {
      method: 'POST',
      body: JSON.stringify({ instances: Array.from({ length: count }, () => ({ b64: dot.toString('base64') })) }),
    });
  assert.equal((await send(1)).status, 200); // 120,000 bytes: one picture always may be what the model takes
  const refused = await send(2);
  assert.match(await refused.text(), /pictures for model \\"wide\\" become 240000 bytes of pixels; at most 65536/);
});
