import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AmaasError, createTensor, type ImagePreprocess, systemClock } from '@amaas/core';
import type { PreparationRequest } from '../dataplane/index.ts';
import { type DecodePicture, PicturePreparer } from './picture-preparer.ts';

const declared: ImagePreprocess = {
  kind: 'image',
  width: 2,
  height: 1,
  fit: 'stretch',
  channels: 'gray',
  mean: [1],
  std: [2],
  layout: 'nhwc',
};
const spec = { name: 'x', dtype: 'float32', shape: ['N', 1, 2, 1] } as const;
const settle = () => new Promise((resolve) => setImmediate(resolve));

function requestOf(pictures: readonly number[], extra: Partial<PreparationRequest> = {}): PreparationRequest {
  const data = pictures.map((value) => Uint8Array.of(value, 0));
  const inputs = new Map([['x', createTensor('string', [pictures.length], data)]]);
  return { model: 'm', specs: [spec], preprocess: new Map([['x', declared]]), inputs, ...extra };
}

/** A decoder under the test's control: a picture's first byte is its left pixel; 13 is broken. */
class FakeDecoder {
  readonly names: string[] = [];
  running = 0;
  most = 0;
  isHeld = false;
  readonly #held: (() => void)[] = [];

  readonly decode: DecodePicture = async (bytes, { width, height }, { name }) => {
    this.names.push(name);
    this.most = Math.max(this.most, ++this.running);
    if (this.isHeld) await new Promise<void>((resolve) => this.#held.push(resolve));
    else await settle();
    this.running--;
    if (bytes[0] === 13) throw new AmaasError('INVALID_ARGUMENT', `image: ${name} is broken`);
    return { width, height, channels: 1, data: Uint8Array.of(bytes[0] ?? 0, 255) };
  };

  letGo(): void {
    this.isHeld = false;
    for (const resume of this.#held.splice(0)) resume();
  }
}

function preparer(decoder: FakeDecoder, maxTensorBytes = 1000): PicturePreparer {
  return new PicturePreparer({ decode: decoder.decode, clock: systemClock, parallelDecodes: 2, maxTensorBytes });
}

test('PicturePreparer.prepare replaces pictures by one tensor in their order, a few decoded at once', async () => {
  const decoder = new FakeDecoder();
  const other = createTensor('int64', [1], BigInt64Array.of(5n));
  const request = requestOf([10, 20, 30, 40, 50]);
  const inputs = new Map([...request.inputs, ['n', other] as const]);
  const prepared = await preparer(decoder).prepare({ ...request, inputs });
  assert.deepEqual(prepared.inputs.get('x'), {
    dtype: 'float32',
    shape: [5, 1, 2, 1],
    data: Float32Array.of(4.5, 127, 9.5, 127, 14.5, 127, 19.5, 127, 24.5, 127),
  });
  assert.equal(prepared.inputs.get('n'), other);
  assert.equal(decoder.most, 2);
  assert.equal(request.inputs.get('x')?.dtype, 'string', 'the request itself is left alone');
});

test('PicturePreparer.prepare names the broken picture and decodes no further ones', async () => {
  const decoder = new FakeDecoder();
  const working = preparer(decoder);
  await assert.rejects(working.prepare(requestOf([1, 13, 3, 4, 5, 6])), {
    message: 'image: picture 1 of 6 for input "x" is broken',
  });
  assert.ok(decoder.names.length <= 4, decoder.names.join());
  assert.equal((await working.prepare(requestOf([9]))).inputs.get('x')?.dtype, 'float32');
  assert.equal(decoder.names.at(-1), 'the picture for input "x"');
});

test('PicturePreparer.prepare keeps what pictures become within bounds, per request and together', async () => {
  const decoder = new FakeDecoder();
  const working = preparer(decoder, 16); // two pictures of two float32 each; four such requests at once
  await assert.rejects(working.prepare(requestOf([1, 2, 3])), {
    reason: 'REQUEST_TOO_LARGE',
    message: 'image: the pictures for model "m" become 24 bytes of pixels; at most 16 are allowed in one request',
  });
  const inUse = await Promise.all([1, 2, 3, 4].map((value) => working.prepare(requestOf([value, value]))));
  const waiting = working.prepare(requestOf([7, 8]));
  await settle();
  await settle();
  assert.equal(decoder.names.length, 8, 'the fifth request waits for room');
  inUse[0]?.release();
  assert.deepEqual((await waiting).inputs.get('x')?.shape, [2, 1, 2, 1]);
});

test('PicturePreparer.prepare gives up for a caller who goes away, and keeps nothing for it', async () => {
  const decoder = new FakeDecoder();
  decoder.isHeld = true;
  const working = preparer(decoder, 16);
  const gone = new AbortController();
  const held = working.prepare(requestOf([1, 2]));
  const leaving = working.prepare(requestOf([3, 4], { signal: gone.signal }));
  await settle();
  gone.abort();
  await assert.rejects(leaving, { reason: 'CANCELLED' });
  decoder.letGo();
  (await held).release();
  assert.equal(decoder.names.length, 2);
  let prepared = 0;
  for (const value of [1, 2, 3, 4]) void working.prepare(requestOf([value, value])).then(() => prepared++);
  while (decoder.running > 0 || prepared === 0) await settle();
  await settle();
  assert.equal(prepared, 4, 'there is room for all four');
});

test('PicturePreparer.prepare says what does not fit together', async () => {
  const working = preparer(new FakeDecoder());
  const ofShape = (shape: readonly number[], count: number) => {
    const data = Array.from({ length: count }, () => Uint8Array.of(1));
    return requestOf([], { inputs: new Map([['x', createTensor('string', shape, data)]]) });
  };
  for (const [shape, count] of [
    [[0], 0],
    [[1, 2], 2],
    [[1, 1, 1], 1],
  ] as const)
    await assert.rejects(working.prepare(ofShape(shape, count)), { reason: 'INPUT_MISMATCH' });
  for (const [shape, count] of [
    [[], 1],
    [[1], 1],
    [[2, 1], 2],
  ] as const)
    assert.equal((await working.prepare(ofShape(shape, count))).inputs.get('x')?.shape[0], count);
  const specs = [{ ...spec, dtype: 'int64' as const }];
  await assert.rejects(working.prepare(requestOf([1], { specs })), {
    reason: 'INVALID_CONFIG',
    message:
      'image: the manifest of model "m" declares pictures for input "x", which is int64; pictures become float32, float64, float16, uint8',
  });
});
