import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import type { ImagePreprocess } from '@amaas/core';
import sharp from 'sharp';
import { pixelsToInput, readImageInput } from './image.ts';

const base: ImagePreprocess = { kind: 'image', width: 2, height: 1, fit: 'stretch', channels: 'rgb', layout: 'nchw' };
const pixels = { width: 2, height: 1, channels: 3, data: Uint8Array.of(10, 20, 30, 40, 50, 60) } as const;

test('pixelsToInput lays channels out as declared', () => {
  assert.deepEqual(pixelsToInput(pixels, base), { shape: [1, 3, 1, 2], data: Float32Array.of(10, 40, 20, 50, 30, 60) });
  const nhwc = pixelsToInput(pixels, { ...base, layout: 'nhwc' });
  assert.deepEqual(nhwc, { shape: [1, 1, 2, 3], data: Float32Array.of(10, 20, 30, 40, 50, 60) });
  const bgr = pixelsToInput(pixels, { ...base, channels: 'bgr' });
  assert.deepEqual(bgr.data, Float32Array.of(30, 60, 20, 50, 10, 40));
});

test('pixelsToInput normalises per channel of the tensor: (pixel − mean) / std', () => {
  const both = pixelsToInput(pixels, { ...base, mean: [1, 2, 3], std: [2, 4, 8] });
  assert.deepEqual(both.data, Float32Array.of(4.5, 19.5, 4.5, 12, 3.375, 7.125));
  const bgr = pixelsToInput(pixels, { ...base, channels: 'bgr', mean: [1, 2, 3] });
  assert.deepEqual(bgr.data, Float32Array.of(29, 59, 18, 48, 7, 37));
  assert.deepEqual(pixelsToInput(pixels, { ...base, mean: [10], std: [10] }).data, Float32Array.of(0, 3, 1, 4, 2, 5));
  assert.throws(() => pixelsToInput(pixels, { ...base, mean: [1, 2] }), { reason: 'INVALID_CONFIG' });
});

test('readImageInput letterboxes at the top left with the declared fill, and turns by EXIF', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'amaas-image-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const path = join(folder, 'red.png');
  await sharp({ create: { width: 8, height: 4, channels: 3, background: { r: 200, g: 100, b: 50 } } })
    .png()
    .toFile(path);
  const boxed = await readImageInput(path, { ...base, width: 4, height: 4, fit: 'letterbox', fill: 114 });
  const rows = Array.from({ length: 4 }, (_, row) => [...Array.from(boxed.data).slice(row * 4, row * 4 + 4)]);
  assert.deepEqual(rows, [
    [200, 200, 200, 200],
    [200, 200, 200, 200],
    [114, 114, 114, 114],
    [114, 114, 114, 114],
  ]);
  const stretched = await readImageInput(path, { ...base, width: 4, height: 4 });
  assert.ok(
    Array.from(stretched.data)
      .slice(0, 16)
      .every((value) => value === 200),
  );

  // Orientation 6: the stored picture has to be turned by 90° to the right, so its left edge becomes the top.
  const turned = join(folder, 'turned.jpg');
  const halves = Uint8Array.from({ length: 16 * 16 * 3 }, (_, index) => (Math.floor(index / 3) % 16 < 8 ? 250 : 5));
  await sharp(halves, { raw: { width: 16, height: 16, channels: 3 } })
    .jpeg({ quality: 100 })
    .withMetadata({ orientation: 6 })
    .toFile(turned);
  const upright = await readImageInput(turned, { ...base, width: 16, height: 16, channels: 'gray' });
  assert.deepEqual(upright.shape, [1, 1, 16, 16]);
  assert.ok(Number(upright.data[2 * 16 + 8]) > 240 && Number(upright.data[13 * 16 + 8]) < 15);
});

test('readImageInput drops the alpha channel and reads grey pictures as colours where asked', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'amaas-image-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const transparent = join(folder, 'alpha.png');
  await sharp({ create: { width: 2, height: 1, channels: 4, background: { r: 9, g: 80, b: 7, alpha: 0.5 } } })
    .png()
    .toFile(transparent);
  assert.deepEqual((await readImageInput(transparent, base)).data, Float32Array.of(9, 9, 80, 80, 7, 7));
  const grey = join(folder, 'grey.png');
  await sharp(Uint8Array.of(30, 90), { raw: { width: 2, height: 1, channels: 1 } })
    .png()
    .toFile(grey);
  assert.deepEqual((await readImageInput(grey, base)).data, Float32Array.of(30, 90, 30, 90, 30, 90));
  assert.deepEqual((await readImageInput(grey, { ...base, channels: 'gray' })).data, Float32Array.of(30, 90));
});
