import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { gzipSync } from 'node:zlib';
import { tensorBytes } from '@amaas/core';
import { sharedDataPath, skipWithoutSharedData } from '../../../../../tools/test-data.ts';
import { gunzip } from './gunzip.ts';
import { decodeIdx, readIdx } from './idx.ts';

const IMAGES = 'images/mnist/DERIVED_train-images-idx3-ubyte.gz';
const LABELS = 'images/mnist/train-labels-idx1-ubyte.gz';

test('decodeIdx reads every type, big-endian', () => {
  const idx = (code: number, ...data: readonly number[]) => Uint8Array.of(0, 0, code, 1, 0, 0, 0, 2, ...data);
  const table = [
    [idx(0x08, 1, 255), 'uint8', [1, 255]],
    [idx(0x09, 1, 255), 'int8', [1, -1]],
    [idx(0x0b, 1, 2, 0xff, 0xfe), 'int16', [258, -2]],
    [idx(0x0c, 0, 1, 0, 2, 0xff, 0xff, 0xff, 0xfd), 'int32', [65_538, -3]],
    [idx(0x0d, 0x3f, 0xc0, 0, 0, 0xc0, 0x20, 0, 0), 'float32', [1.5, -2.5]],
    [idx(0x0e, 0x3f, 0xf8, 0, 0, 0, 0, 0, 0, 0xc0, 4, 0, 0, 0, 0, 0, 0), 'float64', [1.5, -2.5]],
  ] as const;
  for (const [bytes, dtype, values] of table) {
    // At an odd offset as well: the array must not depend on where the file lies.
    const shifted = new Uint8Array([9, ...bytes]).subarray(1);
    for (const file of [bytes, shifted]) {
      const tensor = decodeIdx(file, 'f');
      assert.deepEqual([tensor.dtype, tensor.shape, [...tensor.data]], [dtype, [2], values]);
    }
  }
  const matrix = decodeIdx(Uint8Array.of(0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3, 1, 2, 3, 4, 5, 6), 'f');
  assert.deepEqual([matrix.shape, matrix.data], [[2, 3], Uint8Array.of(1, 2, 3, 4, 5, 6)]);
});

test('decodeIdx says what is wrong with a file', () => {
  const table: readonly [bytes: readonly number[], message: string][] = [
    [[], 'idx: f is no idx file: expected it to begin 00 00, a type and a rank, got nothing'],
    [[1, 0, 8, 1], 'idx: f is no idx file: expected it to begin 00 00, a type and a rank, got 01 00 08 01'],
    [[0, 0, 7, 1], 'idx: f is no idx file: expected it to begin 00 00, a type and a rank, got 00 00 07 01'],
    [[0, 0, 8, 3, 0, 0], 'idx: f ends within its header of 16 bytes'],
    [[0, 0, 11, 1, 0, 0, 0, 2, 1, 1, 1], 'idx: f announces int16 [2], 4 bytes, and has 3'],
    [[0, 0, 8, 1, 0, 0, 0, 2, 1, 1, 1], 'idx: f announces uint8 [2], 2 bytes, and has 3'],
    [[0, 0, 8, 2, 255, 255, 255, 255, 255, 255, 255, 255], 'idx: f announces the shape [4294967295,4294967295]'],
  ];
  for (const [bytes, message] of table)
    assert.throws(() => decodeIdx(Uint8Array.from(bytes), 'f'), { reason: 'INVALID_DATA', message });
});

test('readIdx unpacks gzip within bounds, and says when it is damaged', async () => {
  const file = Uint8Array.of(0, 0, 8, 1, 0, 0, 3, 232, ...new Uint8Array(1000).map((_, at) => at));
  const packed = gzipSync(file);
  assert.deepEqual((await readIdx(packed, { name: 'f' })).data, file.subarray(8));
  assert.deepEqual((await readIdx(file, { name: 'f' })).data, file.subarray(8));
  const wrongSum = Uint8Array.from(packed);
  wrongSum[packed.length - 6] = (wrongSum[packed.length - 6] ?? 0) ^ 1;
  for (const bytes of [packed.subarray(0, packed.length / 2), wrongSum]) {
    const message = /gzip: f is damaged or cut short/;
    await assert.rejects(readIdx(bytes, { name: 'f' }), { reason: 'INVALID_DATA', message });
  }
  const bomb = gzipSync(new Uint8Array(10_000_000));
  await assert.rejects(gunzip(bomb, { name: 'f', maxBytes: 100_000 }), {
    reason: 'REQUEST_TOO_LARGE',
    message: 'gzip: f unpacks to more than 100000 bytes',
  });
  await assert.rejects(gunzip(bomb, { name: 'f', signal: AbortSignal.abort() }), { reason: 'CANCELLED' });
});

test('readIdx reads MNIST: published digest, counts per digit, mean and deviation', {
  skip: skipWithoutSharedData(IMAGES, LABELS),
}, async () => {
  const images = await readIdx(readFileSync(sharedDataPath(IMAGES)), { name: IMAGES });
  assert.deepEqual([images.dtype, images.shape], ['uint8', [60_000, 28, 28]]);
  assert.ok(images.dtype === 'uint8');
  const header = Uint8Array.of(0, 0, 8, 3, 0, 0, 0xea, 0x60, 0, 0, 0, 28, 0, 0, 0, 28);
  const md5 = createHash('md5').update(header).update(tensorBytes(images)).digest('hex');
  assert.equal(md5, '6bbc9ace898e44ae57da46a324031adb'); // of the file that every framework downloads
  const labels = await readIdx(readFileSync(sharedDataPath(LABELS)), { name: LABELS });
  const counts = new Array<number>(10).fill(0);
  for (const label of labels.data) counts[Number(label)] = (counts[Number(label)] ?? 0) + 1;
  assert.deepEqual(counts, [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]);
});
