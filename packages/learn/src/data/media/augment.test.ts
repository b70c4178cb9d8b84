import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { createTensor, type TensorOf } from '@amaas/core';
import { createRandom } from '../../statistics/index.ts';
import { augmentImages, cropImages, type Warp, warpImages } from './augment.ts';

interface Case {
  readonly degrees: number;
  readonly shiftX: number;
  readonly shiftY: number;
  readonly flip: boolean;
  readonly fill: number;
  readonly values: readonly number[];
}

// Written with scipy.ndimage.map_coordinates (order 1, mode grid-constant) from the same 6 × 7 picture.
const file = join(import.meta.dirname, 'testing', 'warp-scipy.json');
const cases = JSON.parse(readFileSync(file, 'utf8')) as readonly Case[]; // written in this form

const [height, width] = [6, 7];
const picture = Float32Array.from({ length: height * width }, (_, at) => (at * 37) % 101);
const still: Warp = { mirror: false, turnDegrees: 0, shiftX: 0, shiftY: 0 };

/** The picture as one of two channels; the other holds its negative. */
function twoChannels(layout: 'nchw' | 'nhwc', data: ArrayLike<number>): TensorOf<'float32'> {
  const values = Array.from(data);
  return layout === 'nchw'
    ? createTensor('float32', [1, 2, height, width], Float32Array.from([...values, ...values.map((value) => -value)]))
    : createTensor('float32', [1, height, width, 2], Float32Array.from(values.flatMap((value) => [value, -value])));
}

test('warpImages turns, mirrors and shifts as scipy does, in both layouts', () => {
  for (const layout of ['nchw', 'nhwc'] as const) {
    for (const { degrees, flip, fill, shiftX, shiftY, values } of cases) {
      const warp: Warp = { mirror: flip, turnDegrees: degrees, shiftX, shiftY };
      const warped = warpImages(twoChannels(layout, picture), [warp], { layout, fill });
      const first = Array.from(warped.data).filter((_, at) => (layout === 'nchw' ? at < width * height : at % 2 === 0));
      for (const [at, expected] of values.entries())
        assert.ok(
          Math.abs((first[at] ?? 0) - expected) < 1e-4,
          `${degrees}° at ${at}: ${first[at]}, scipy ${expected}`,
        );
    }
    const negative = warpImages(twoChannels(layout, picture), [{ ...still, turnDegrees: 20 }], { layout });
    const total = negative.data.reduce((sum, value) => sum + value, 0);
    assert.ok(Math.abs(total) < 1e-3, 'both channels move alike');
  }
});

test('warpImages copies pixels exactly when they move by whole ones', () => {
  const batch = createTensor('float32', [2, 1, height, width], Float32Array.from([...picture, ...picture]));
  const shift: Warp = { ...still, shiftX: 2, shiftY: -1 };
  const mirror: Warp = { ...still, mirror: true };
  const warped = warpImages(batch, [shift, mirror], { layout: 'nchw', fill: -5 });
  const at = (row: number, column: number) => picture[row * width + column];
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      const shifted = row + 1 < height && column - 2 >= 0 ? at(row + 1, column - 2) : -5;
      assert.equal(warped.data[row * width + column], shifted);
      assert.equal(warped.data[height * width + row * width + column], at(row, width - 1 - column));
    }
  }
  const square = createTensor('float32', [1, 1, 2, 2], Float32Array.of(1, 2, 3, 4));
  const turned = warpImages(square, [{ ...still, turnDegrees: 90 }], { layout: 'nchw' });
  assert.deepEqual(turned.data, Float32Array.of(2, 4, 1, 3)); // counter-clockwise: the right column becomes the top row
  assert.deepEqual(warpImages(batch, [still, still], { layout: 'nchw' }).data, batch.data);
});

test('augmentImages gives the same pictures for the same seed, within the amounts asked for', () => {
  const dot = new Float32Array(21 * 21);
  dot[10 * 21 + 10] = 1;
  const count = 400;
  const batch = createTensor(
    'float32',
    [count, 21, 21, 1],
    Float32Array.from({ length: count * 441 }, (_, at) => dot[at % 441] ?? 0),
  );
  const augmentation = { layout: 'nhwc', maxShift: 0.15 } as const;
  const draw = (seed: number) => augmentImages(batch, augmentation, createRandom(seed));
  assert.deepEqual(draw(1).data, draw(1).data);
  assert.notDeepEqual(draw(1).data, draw(2).data);
  const moved = draw(1);
  const seen = new Map<string, number>();
  for (let index = 0; index < count; index++) {
    const found = moved.data.subarray(index * 441, (index + 1) * 441).indexOf(1);
    const place = `${(found % 21) - 10},${Math.floor(found / 21) - 10}`;
    seen.set(place, (seen.get(place) ?? 0) + 1);
  }
  assert.equal(seen.size, 49, [...seen.keys()].join(' ')); // 0.15 · 21 is 3 whole pixels to each side
  assert.ok([...seen.keys()].every((place) => place.split(',').every((shift) => Math.abs(Number(shift)) <= 3)));
});

test('augmentImages mirrors the share asked for, and turns to both sides', () => {
  const count = 2000;
  const pair = createTensor(
    'float32',
    [count, 1, 1, 2],
    Float32Array.from({ length: 2 * count }, (_, at) => at % 2),
  );
  const mirrored = augmentImages(pair, { layout: 'nchw', mirrorShare: 0.3 }, createRandom(5)).data;
  const share = mirrored.filter((value, at) => at % 2 === 0 && value === 1).length / count;
  assert.ok(Math.abs(share - 0.3) < 0.04, String(share)); // 4 standard errors

  // A dot at the right edge goes up when the picture turns counter-clockwise, by the sine of the angle.
  const dots = new Float32Array(count * 441);
  for (let index = 0; index < count; index++) dots[index * 441 + 10 * 21 + 18] = 1;
  const batch = createTensor('float32', [count, 1, 21, 21], dots);
  const turned = augmentImages(batch, { layout: 'nchw', maxTurnDegrees: 20 }, createRandom(6)).data;
  const rises = Array.from({ length: count }, (_, index) => {
    let [sum, weight] = [0, 0];
    for (let at = 0; at < 441; at++) {
      const value = turned[index * 441 + at] ?? 0;
      sum += value * (10 - Math.floor(at / 21));
      weight += value;
    }
    return sum / weight;
  });
  const most = 8 * Math.sin((20 * Math.PI) / 180);
  assert.ok(Math.max(...rises) < most + 0.4 && Math.max(...rises) > most - 0.4, String(Math.max(...rises)));
  assert.ok(Math.min(...rises) > -most - 0.4 && Math.min(...rises) < -most + 0.4, String(Math.min(...rises)));
});

test('cropImages cuts every part out of its own picture', () => {
  for (const layout of ['nchw', 'nhwc'] as const) {
    const seen = new Set<number>();
    for (let seed = 0; seed < 200; seed++) {
      const part = { layout, width: 5, height: 4 };
      const { shape, data } = cropImages(twoChannels(layout, picture), part, createRandom(seed));
      assert.deepEqual(shape, layout === 'nchw' ? [1, 2, 4, 5] : [1, 4, 5, 2]);
      const step = layout === 'nchw' ? 1 : 2;
      const start = picture.indexOf(data[0] ?? Number.NaN);
      seen.add(start);
      for (let row = 0; row < 4; row++) {
        for (let column = 0; column < 5; column++) {
          const expected = picture[start + row * width + column] ?? Number.NaN;
          assert.equal(data[(row * 5 + column) * step], expected);
          assert.equal(data[(row * 5 + column) * step + (layout === 'nchw' ? 20 : 1)], -expected);
        }
      }
    }
    assert.equal(seen.size, 9, 'three places across, three down');
  }
});

test('augmentImages refuses what is no batch of pictures, and amounts out of range', () => {
  const batch = twoChannels('nchw', picture);
  const random = createRandom(1);
  const flat = createTensor('float32', [2, 21], new Float32Array(42));
  assert.throws(() => augmentImages(flat, { layout: 'nchw' }, random), { reason: 'INVALID_SHAPE' });
  for (const amounts of [{ maxShift: 1.5 }, { maxShift: -1 }, { maxTurnDegrees: Number.NaN }, { mirrorShare: 2 }])
    assert.throws(() => augmentImages(batch, { layout: 'nchw', ...amounts }, random), { reason: 'INVALID_CONFIG' });
  assert.throws(() => warpImages(batch, [], { layout: 'nchw' }), /1 pictures and 0 changes/);
  for (const size of [
    { width: 8, height: 2 },
    { width: 2, height: 0 },
    { width: 2.5, height: 2 },
  ])
    assert.throws(() => cropImages(batch, { layout: 'nchw', ...size }, random), { reason: 'INVALID_CONFIG' });
});
