import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dequantize, quantize, type StoredType } from './index.ts';
import { oracleBytes, oracleFloats } from './testing/oracle.ts';

for (const [type, bytes, back] of [
  ['Q8_0', 'q8', 'from8'],
  ['Q4_0', 'q4', 'from4'],
] as const) {
  test(`quantize to ${type} and back gives the bytes of ggml's reference`, () => {
    assert.deepEqual(quantize(type, oracleFloats('values')), oracleBytes(bytes));
    assert.deepEqual(dequantize(type, oracleBytes(bytes)), oracleFloats(back));
  });
}

for (const [type, bytes] of [
  ['Q4_K', 'q4k'],
  ['Q5_K', 'q5k'],
  ['Q6_K', 'q6k'],
] as const) {
  test(`dequantize of ${type} gives the numbers of ggml's reference`, () => {
    assert.deepEqual(dequantize(type, oracleBytes(bytes)), oracleFloats(`from_${bytes}`));
  });
}

test('quantize to F32, F16 and BF16 keeps what they can hold', () => {
  const values = Float32Array.of(0, -0, 1, -2.5, 0.1, 65_504, 1e-7, -3e-8);
  assert.deepEqual(dequantize('F32', quantize('F32', values)), values);
  assert.deepEqual(dequantize('F16', quantize('F16', values)), new Float32Array(new Float16Array(values)));
  const rounded = Float32Array.of(0, -0, 1, -2.5, 0.10009765625, 65_536, 1.0011717677116394e-7, -3.003515303134918e-8);
  assert.deepEqual(dequantize('BF16', quantize('BF16', values)), rounded);
});

test('quantize gives zeros where the scale of a block is too small for its inverse', () => {
  const tiny = new Float32Array(32).fill(1e-40);
  tiny[3] = -1.2e-40;
  for (const type of ['Q8_0', 'Q4_0'] as const) {
    assert.deepEqual(Array.from(dequantize(type, quantize(type, tiny)), Math.abs), new Array(32).fill(0));
  }
});

test('quantize refuses what a type cannot hold', () => {
  const block = new Float32Array(32);
  const refuses = (type: StoredType, value: number, message: RegExp): void => {
    block[5] = value;
    assert.throws(() => quantize(type, block), { reason: 'INVALID_DATA', message });
  };
  refuses('Q8_0', Number.NaN, /^quantize: Q8_0 expects finite numbers, got NaN$/);
  refuses('F32', Number.NEGATIVE_INFINITY, /expects finite numbers, got -Infinity$/);
  refuses('F16', 65_520, /^quantize: F16 holds sizes below 65520, got 65520$/);
  refuses('Q8_0', 8.4e6, /holds sizes below/);
  refuses('Q4_0', -530_000, /holds sizes below/);
  refuses('BF16', 3.4e38, /holds sizes below/);
  assert.throws(() => quantize('Q4_0', new Float32Array(33)), { message: /a multiple of 32 numbers, got 33$/ });
  assert.throws(() => dequantize('Q8_0', new Uint8Array(35)), { message: /a multiple of 34 bytes, got 35$/ });
});
