import assert from 'node:assert/strict';
import test from 'node:test';
import { float16BitsFromNumber } from '@amaas/core';
import { type PixelLayout, tensorFromPixels } from './pixels.ts';

const rgb: PixelLayout = { channels: 'rgb', layout: 'nchw' };
const colours = { width: 2, height: 1, channels: 3, data: Uint8Array.of(10, 20, 30, 40, 50, 60) } as const;
const others = { ...colours, data: Uint8Array.of(1, 2, 3, 4, 5, 6) };

test('tensorFromPixels lays channels out as declared', () => {
  const planar = tensorFromPixels([colours], rgb);
  assert.deepEqual(planar, { dtype: 'float32', shape: [1, 3, 1, 2], data: Float32Array.of(10, 40, 20, 50, 30, 60) });
  const interleaved = tensorFromPixels([colours], { ...rgb, layout: 'nhwc' });
  assert.deepEqual([interleaved.shape, interleaved.data], [[1, 1, 2, 3], Float32Array.of(10, 20, 30, 40, 50, 60)]);
  const bgr = tensorFromPixels([colours], { ...rgb, channels: 'bgr' });
  assert.deepEqual(bgr.data, Float32Array.of(30, 60, 20, 50, 10, 40));
});

test('tensorFromPixels puts pictures one after the other', () => {
  const planar = tensorFromPixels([colours, others], { ...rgb, channels: 'bgr' });
  assert.deepEqual(planar.shape, [2, 3, 1, 2]);
  assert.deepEqual(planar.data, Float32Array.of(30, 60, 20, 50, 10, 40, 3, 6, 2, 5, 1, 4));
  const interleaved = tensorFromPixels([colours, others], { ...rgb, layout: 'nhwc' });
  assert.deepEqual(interleaved.data, Float32Array.of(10, 20, 30, 40, 50, 60, 1, 2, 3, 4, 5, 6));
});

test('tensorFromPixels normalises per channel of the tensor: (pixel − mean) / std', () => {
  const both = tensorFromPixels([colours], { ...rgb, mean: [1, 2, 3], std: [2, 4, 8] });
  assert.deepEqual(both.data, Float32Array.of(4.5, 19.5, 4.5, 12, 3.375, 7.125));
  const bgr = tensorFromPixels([colours], { ...rgb, channels: 'bgr', mean: [1, 2, 3] });
  assert.deepEqual(bgr.data, Float32Array.of(29, 59, 18, 48, 7, 37));
  assert.deepEqual(
    tensorFromPixels([colours], { ...rgb, mean: [10], std: [10] }).data,
    Float32Array.of(0, 3, 1, 4, 2, 5),
  );
  assert.throws(() => tensorFromPixels([colours], { ...rgb, mean: [1, 2] }), { reason: 'INVALID_CONFIG' });
});

test('tensorFromPixels gives every dtype the numbers float32 has', () => {
  const scaled: PixelLayout = { ...rgb, mean: [0.3], std: [58.395] };
  const single = [...(tensorFromPixels([colours], scaled).data as Float32Array)]; // float32 by default
  assert.equal(single[0], Math.fround((10 - 0.3) / 58.395));
  assert.deepEqual(tensorFromPixels([colours], scaled, 'float64').data, Float64Array.from(single));
  const half = tensorFromPixels([colours], scaled, 'float16').data;
  assert.deepEqual(half, Uint16Array.from(single, float16BitsFromNumber));
  assert.deepEqual(tensorFromPixels([others], rgb, 'uint8').data, Uint8Array.of(1, 4, 2, 5, 3, 6));
  assert.throws(() => tensorFromPixels([others], scaled, 'uint8'), /which a uint8 input cannot hold/);
});

test('tensorFromPixels refuses no pictures, and pictures that differ in size or hold too little', () => {
  assert.throws(() => tensorFromPixels([], rgb), /at least one picture/);
  assert.throws(
    () => tensorFromPixels([colours, { width: 1, height: 2, channels: 3, data: colours.data }], rgb),
    /must have one size, got 2 × 1 × 3 and 1 × 2 × 3/,
  );
  assert.throws(() => tensorFromPixels([{ ...colours, data: new Uint8Array(5) }], rgb), /announced, got 5 values/);
});
