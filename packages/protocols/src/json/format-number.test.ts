import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  bfloat16BitsFromNumber,
  float16BitsFromNumber,
  numberFromBfloat16Bits,
  numberFromFloat16Bits,
} from '@amaas/core';
import { formatBfloat16, formatFloat16, formatFloat32, formatFloat64 } from './index.ts';
import { createRandom } from './testing/random.ts';

const bits = new Uint32Array(1);
const floats = new Float32Array(bits.buffer);

function float32FromBits(pattern: number): number {
  bits[0] = pattern;
  return floats[0] ?? 0;
}

/** Digits of a decimal text, without sign, point, exponent and outer zeros. */
function countDigits(text: string): number {
  return text.replace(/^-|e.*$|\./g, '').replace(/^0+|0+$/g, '').length;
}

/**
 * Holds the text against the definition: it reads back, no shorter decimal does, no other of the same length is nearer.
 * `nearest` rounds to the format.
 */
function assertShortest(text: string, value: number, nearest: (value: number) => number): void {
  assert.ok(Object.is(nearest(Number(text)), value), `${text} does not read back as ${value}`);
  const count = countDigits(text);
  for (let fewer = 1; fewer < count; fewer++) {
    for (const shorter of neighbours(value, fewer)) {
      assert.notEqual(nearest(Number(shorter)), value, `${shorter} is shorter than ${text}`);
    }
  }
  for (const other of neighbours(value, count)) {
    if (nearest(Number(other)) !== value) continue;
    const gain = Math.abs(Number(text) - value) - Math.abs(Number(other) - value);
    assert.ok(gain <= Math.abs(value) * 1e-15, `${other} is nearer to ${value} than ${text}`);
  }
}

/** The two decimals of `count` digits around a number, in text. */
function neighbours(value: number, count: number): readonly string[] {
  const [significand = '', exponent = ''] = Math.abs(value)
    .toExponential(count - 1)
    .split('e');
  const digits = Number(significand.replace('.', ''));
  const sign = value < 0 ? '-' : '';
  return [digits - 1, digits, digits + 1].map((near) => `${sign}${near}e${Number(exponent) - count + 1}`);
}

test('formatFloat32 writes what people expect', () => {
  const expected: readonly (readonly [number, string])[] = [
    [0.1, '0.1'], [-0.1, '-0.1'], [16777216, '16777216'], [0, '0'], [-0, '-0'], [1, '1'], [1 / 3, '0.33333334'],
    [3.4028234663852886e38, '3.4028235e+38'], [2 ** -149, '1e-45'], [2 ** -126, '1.1754944e-38'], [1e21, '1e+21'],
    [1e-6, '0.000001'], [1e-7, '1e-7'], [123456.79, '123456.79'], [5e9, '5000000000'], [Number.NaN, 'NaN'],
    [Number.POSITIVE_INFINITY, 'Infinity'], [Number.NEGATIVE_INFINITY, '-Infinity'], [9.999999e8, '999999900'],
  ]; // biome-ignore format: a table
  for (const [value, text] of expected) assert.equal(formatFloat32(Math.fround(value)), text);
});

test('formatFloat32 is shortest and nearest for every power of two and its neighbours', () => {
  for (let exponent = 0; exponent < 255; exponent++) {
    for (const pattern of [-2, -1, 0, 1, 2].map((near) => (exponent << 23) + near)) {
      if (pattern <= 0 || pattern >= 0x7f800000) continue;
      const value = float32FromBits(pattern);
      assertShortest(formatFloat32(value), value, Math.fround);
    }
  }
  for (let pattern = 1; pattern < 2 ** 23; pattern += pattern < 300 ? 1 : 37_123) {
    assertShortest(formatFloat32(float32FromBits(pattern)), float32FromBits(pattern), Math.fround);
  }
});

test('formatFloat32 is shortest and nearest for random bits, short decimals and whole numbers', () => {
  const random = createRandom(3);
  for (let round = 0; round < 40_000; round++) {
    const value = random.pick([
      random.float32(),
      Math.fround(random.uniform() * 2 - 1),
      Math.fround(random.integer(-99_999, 99_999) / 10 ** random.integer(0, 9)),
      Math.fround(random.integer(0, 2 ** 26)),
      random.integer(0, 2 ** 24) / 2 ** random.integer(0, 40),
    ]);
    if (Number.isFinite(value)) assertShortest(formatFloat32(value), value, Math.fround);
  }
});

test('formatFloat16 and formatBfloat16 are shortest and nearest for every bit pattern', () => {
  for (let pattern = 1; pattern < 2 ** 15; pattern++) {
    const half = numberFromFloat16Bits(pattern);
    if (Number.isFinite(half)) {
      assertShortest(formatFloat16(half), half, (value) => numberFromFloat16Bits(float16BitsFromNumber(value)));
    }
    const brain = numberFromBfloat16Bits(pattern);
    if (Number.isFinite(brain)) {
      assertShortest(formatBfloat16(brain), brain, (value) => numberFromBfloat16Bits(bfloat16BitsFromNumber(value)));
    }
  }
  assert.equal(formatFloat16(numberFromFloat16Bits(0x2e66)), '0.1');
  assert.equal(formatFloat16(-65504), '-65500');
  assert.equal(formatBfloat16(numberFromBfloat16Bits(0x3dcd)), '0.1');
  assert.equal(formatBfloat16(Number.NaN), 'NaN');
});

test('formatFloat64 writes what JavaScript writes, and the sign of zero', () => {
  for (const [value, text] of [
    [0.1, '0.1'],
    [-0, '-0'],
    [5e-324, '5e-324'],
    [2 ** 53, '9007199254740992'],
  ] as const) {
    assert.equal(formatFloat64(value), text);
  }
});
