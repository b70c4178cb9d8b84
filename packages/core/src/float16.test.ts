// The oracle is V8's Float16Array, which rounds a double to the nearest half in one step, as we must.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  bfloat16BitsFromNumber,
  float16BitsFromNumber,
  numberFromBfloat16Bits,
  numberFromFloat16Bits,
} from './float16.ts';

// TypeScript's library of this project does not know Float16Array; Node 24 has it.
const { Float16Array } = globalThis as unknown as {
  Float16Array: new (buffer: ArrayBuffer) => { [index: number]: number };
};
const halfBits = new Uint16Array(1);
const halfValue = new Float16Array(halfBits.buffer);
const doubleBits = new BigUint64Array(1);
const doubleValue = new Float64Array(doubleBits.buffer);

function oracleBits(value: number): number {
  halfValue[0] = value;
  return halfBits[0] ?? 0;
}

/** xorshift64*, so that a failure can be repeated. */
function createRandomDoubles(seed: bigint): () => number {
  let state = seed;
  return () => {
    state ^= state >> 12n;
    state = BigInt.asUintN(64, state ^ (state << 25n));
    state ^= state >> 27n;
    doubleBits[0] = BigInt.asUintN(64, state * 0x2545f4914f6cdd1dn);
    return doubleValue[0] ?? 0;
  };
}

function assertSameHalf(value: number): void {
  const actual = float16BitsFromNumber(value);
  const expected = oracleBits(value);
  // All NaNs mean the same; which bits they have is not defined.
  if (Number.isNaN(value)) assert.ok((actual & 0x7c00) === 0x7c00 && (actual & 0x3ff) !== 0);
  else assert.equal(actual, expected, String(value));
}

test('numberFromFloat16Bits reads all 65,536 patterns', () => {
  for (let bits = 0; bits <= 0xffff; bits++) {
    halfBits[0] = bits;
    const expected = halfValue[0];
    if (!Object.is(numberFromFloat16Bits(bits), expected))
      assert.equal(numberFromFloat16Bits(bits), expected, `${bits}`);
  }
});

test('float16BitsFromNumber gives back all 65,536 patterns', () => {
  for (let bits = 0; bits <= 0xffff; bits++) {
    const value = numberFromFloat16Bits(bits);
    if (Number.isNaN(value)) assertSameHalf(value);
    else assert.equal(float16BitsFromNumber(value), bits);
  }
});

test('float16BitsFromNumber rounds halfway points to even, and just beside them to the nearer', () => {
  for (let bits = 0; bits < 0x7bff; bits++) {
    const middle = (numberFromFloat16Bits(bits) + numberFromFloat16Bits(bits + 1)) / 2;
    doubleValue[0] = middle;
    const middleBits = doubleBits[0] ?? 0n;
    for (const step of [-1n, 0n, 1n]) {
      doubleBits[0] = middleBits + step;
      const value = doubleValue[0] ?? 0;
      assertSameHalf(value);
      assertSameHalf(-value);
    }
  }
});

test('float16BitsFromNumber is right beside powers of two, where log2 may be one off', () => {
  for (let exponent = -30; exponent <= 17; exponent++) {
    doubleValue[0] = 2 ** exponent;
    const bits = doubleBits[0] ?? 0n;
    for (let step = -40n; step <= 40n; step++) {
      doubleBits[0] = bits + step;
      assertSameHalf(doubleValue[0] ?? 0);
    }
  }
});

test('float16BitsFromNumber agrees with the oracle on random doubles', () => {
  const next = createRandomDoubles(0x9e3779b97f4a7c15n);
  for (let round = 0; round < 200_000; round++) {
    const anything = next();
    assertSameHalf(anything);
    // Random bits hardly ever fall into the range of halves; random mantissas with exponents from there do.
    assertSameHalf((1 + (round % 1024) / 1024 + Math.abs(anything % 1) / 1024) * 2 ** ((round % 45) - 26));
  }
  for (const value of [
    0,
    -0,
    65504,
    65519.99,
    65520,
    -65520,
    2 ** -25,
    2 ** -24,
    5e-324,
    Infinity,
    -Infinity,
    Number.NaN,
  ]) {
    assertSameHalf(value);
  }
});

test('numberFromBfloat16Bits reads the upper half of a float32', () => {
  const view = new DataView(new ArrayBuffer(4));
  for (let bits = 0; bits <= 0xffff; bits++) {
    view.setUint16(0, bits);
    const expected = view.getFloat32(0);
    if (!Object.is(numberFromBfloat16Bits(bits), expected))
      assert.equal(numberFromBfloat16Bits(bits), expected, `${bits}`);
  }
});

test('bfloat16BitsFromNumber gives the nearest pattern, ties to even', () => {
  for (let bits = 0; bits < 0x7f80; bits++) {
    const value = numberFromBfloat16Bits(bits);
    assert.equal(bfloat16BitsFromNumber(value), bits);
    assert.equal(bfloat16BitsFromNumber(-value), bits | 0x8000);
    const next = bits + 1 === 0x7f80 ? 2 ** 128 : numberFromBfloat16Bits(bits + 1);
    const middle = (value + next) / 2;
    assert.equal(bfloat16BitsFromNumber(middle), bits + (bits & 1), `halfway above ${bits}`);
    assert.equal(bfloat16BitsFromNumber(value + (middle - value) * 0.99), bits, `below halfway above ${bits}`);
    assert.equal(bfloat16BitsFromNumber(middle + (next - middle) * 0.01), bits + 1, `beyond halfway above ${bits}`);
  }
  assert.equal(bfloat16BitsFromNumber(Infinity), 0x7f80);
  assert.equal(bfloat16BitsFromNumber(-Infinity), 0xff80);
  assert.ok(Number.isNaN(numberFromBfloat16Bits(bfloat16BitsFromNumber(Number.NaN))));
});
