import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AmaasError, createTensor } from '@amaas/core';
import { createReferenceExecutor, compileToOnnx } from '../compile/index.ts';
import { input } from '../graph/index.ts';
import { createRandom } from '../statistics/index.ts';
import { fitImageScaling, scaleImages } from './image-scaling.ts';

test('fitImageScaling and scaleImages bring every channel to mean 0 and deviation 1', async () => {
  const random = createRandom(7);
  const [count, area] = [5, 12];
  // Channels of different levels; the last is one grey everywhere.
  const data = Uint8Array.from({ length: count * 3 * area }, (_, at) => {
    const channel = Math.floor(at / area) % 3;
    return channel === 2 ? 99 : random.integer(40 + 60 * channel) + 100 * channel;
  });
  const pixels = createTensor('uint8', [count, 3, 3, 4], data);
  const scaling = fitImageScaling(pixels);
  const x = input('image', 'uint8', ['N', 3, 3, 4]);
  const compiled = await createReferenceExecutor().compile(
    compileToOnnx(new Map([['y', scaleImages(x, scaling)]]), { inputs: [x] }),
  );
  const scaled = (await compiled.run(new Map([['image', pixels]]))).get('y');
  assert(scaled?.dtype === 'float32');
  for (const [channel, deviation] of [1, 1, 0].entries()) {
    const values = [...scaled.data].filter((_, at) => Math.floor(at / area) % 3 === channel);
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
    assert(
      Math.abs(mean) < 1e-5 && Math.abs(Math.sqrt(variance) - deviation) < 1e-5,
      `${channel}: ${mean} ${variance}`,
    );
  }
  assert.equal(scaling.mean[2], 99);
});

test('fitImageScaling refuses what are no pixels', () => {
  for (const tensor of [
    createTensor('float32', [1, 1, 1, 1], new Float32Array(1)),
    createTensor('uint8', [2, 2], new Uint8Array(4)),
  ]) {
    assert.throws(
      () => fitImageScaling(tensor),
      (error) => error instanceof AmaasError && error.reason === 'INVALID_DATA',
    );
  }
});
