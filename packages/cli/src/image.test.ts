import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import type { ImagePreprocess } from '@amaas/core';
import sharp from 'sharp';
import { readImageInput } from './image.ts';

const declared: ImagePreprocess = {
  kind: 'image',
  width: 2,
  height: 2,
  fit: 'letterbox',
  fill: 114,
  channels: 'bgr',
  mean: [4],
  std: [2],
  layout: 'nchw',
};

test('readImageInput decodes, resizes, normalises and lays out as declared', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'amaas-image-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const path = join(folder, 'red.png');
  await sharp({ create: { width: 8, height: 4, channels: 3, background: { r: 200, g: 100, b: 50 } } })
    .png()
    .toFile(path);
  const { shape, data } = await readImageInput(path, declared);
  assert.deepEqual(shape, [1, 3, 2, 2]);
  assert.deepEqual(data, Float32Array.of(23, 23, 55, 55, 48, 48, 55, 55, 98, 98, 55, 55));
  await writeFile(path, 'text');
  await assert.rejects(readImageInput(path, declared), /red\.png cannot be read as a picture: it is none of JPEG, PNG/);
});
