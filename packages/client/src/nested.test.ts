import assert from 'node:assert/strict';
import test from 'node:test';
import { type DType, DTYPES, type ErrorReason } from '@amaas/core';
import { type NestedArray, tensorElements, tensorFromNested, tensorToNested } from './nested.ts';

test('tensorFromNested and tensorToNested are each other’s reverse for every dtype with a JavaScript form', () => {
  const nested: Readonly<Record<string, NestedArray>> = {
    float32: [
      [1.5, -0.25, 3],
      [Number.POSITIVE_INFINITY, 0.75, -7],
    ],
    float64: [[0.1, 1e300]],
    float16: [[[0.5], [-65504]]],
    bfloat16: [2 ** 100, -3],
    int8: [-128, 127],
    int16: [[-32768], [32767]],
    int32: [-(2 ** 31), 2 ** 31 - 1],
    int64: [[-(2n ** 63n), 2n ** 63n - 1n]],
    uint8: [0, 255],
    uint16: [65535],
    uint32: [2 ** 32 - 1],
    uint64: [2n ** 64n - 1n],
    bool: [
      [true, false],
      [false, true],
    ],
    string: [
      ['a', 'grüße'],
      ['', '\0'],
    ],
  };
  for (const [dtype, value] of Object.entries(nested)) {
    assert.deepEqual(tensorToNested(tensorFromNested(dtype as DType, value, 'x')), value, dtype);
  }
});

test('tensorFromNested stores what core says each dtype is held in', () => {
  assert.deepEqual(tensorFromNested('float16', [1, 65504], 'x').data, Uint16Array.of(0x3c00, 0x7bff));
  assert.deepEqual(
    tensorFromNested('int64', [2, 9007199254740993n], 'x').data,
    BigInt64Array.of(2n, 9007199254740993n),
  );
  assert.deepEqual(tensorFromNested('string', ['é', Uint8Array.of(255, 0)], 'x').data, [
    Uint8Array.of(0xc3, 0xa9),
    Uint8Array.of(255, 0),
  ]);
  assert.deepEqual(tensorFromNested('float32', 2.5, 'x'), { dtype: 'float32', shape: [], data: Float32Array.of(2.5) });
  assert.deepEqual(tensorFromNested('float32', [[], []], 'x').shape, [2, 0]);
});

test('tensorFromNested refuses ragged rows and elements the dtype cannot hold', () => {
  const table: readonly [dtype: DType, value: NestedArray, reason: ErrorReason, message: RegExp][] = [
    ['float32', [[1, 2], [3]], 'INVALID_SHAPE', /expected 2 items, got 1 items/],
    ['float32', [[1, 2], 3], 'INVALID_SHAPE', /expected 2 items, got a single value/],
    ['float32', [1, [2]], 'INVALID_SHAPE', /expected a single value, got 1 items/],
    ['float32', ['1'], 'INVALID_ARGUMENT', /"1" is not a float32/],
    ['float32', [true], 'INVALID_ARGUMENT', /true is not a float32/],
    ['float32', [3n], 'INVALID_ARGUMENT', /3n is not a float32/],
    ['int8', [128], 'INVALID_ARGUMENT', /128 is not a int8/],
    ['uint8', [-1], 'INVALID_ARGUMENT', /-1 is not a uint8/],
    ['int32', [1.5], 'INVALID_ARGUMENT', /1\.5 is not a int32/],
    ['int64', [2 ** 53], 'INVALID_ARGUMENT', /is not a int64/],
    ['int64', [2n ** 63n], 'INVALID_ARGUMENT', /is not a int64/],
    ['uint64', [-1n], 'INVALID_ARGUMENT', /-1n is not a uint64/],
    ['bool', [2], 'INVALID_ARGUMENT', /2 is not a bool/],
    ['string', [7], 'INVALID_ARGUMENT', /7 is not a string/],
  ];
  for (const [dtype, value, reason, message] of table) {
    assert.throws(() => tensorFromNested(dtype, value, 'input "x"'), { reason, message });
  }
});

test('tensorFromNested refuses dtypes without a JavaScript form', () => {
  for (const dtype of DTYPES.filter((name) => /^(float[48]|u?int[24]$|complex)/.test(name))) {
    assert.throws(() => tensorFromNested(dtype, [1], 'x'), { reason: 'UNSUPPORTED_TENSOR' });
  }
});

test('tensorFromNested takes null for a missing value: NaN among floats, an empty string', () => {
  for (const dtype of ['float32', 'float64', 'float16', 'bfloat16'] as const) {
    assert.deepEqual(tensorElements(tensorFromNested(dtype, [[1.5, null]], 'x')), [1.5, Number.NaN], dtype);
  }
  assert.deepEqual(tensorElements(tensorFromNested('string', [null, 'a'], 'x')), ['', 'a']);
  for (const dtype of ['int32', 'int64', 'uint8', 'bool'] as const) {
    const message = new RegExp(`^x: null is not a ${dtype}; null means a missing value, which only floats and strings`);
    assert.throws(() => tensorFromNested(dtype, [null], 'x'), { reason: 'INVALID_ARGUMENT', message });
  }
});

test('tensorElements shows bytes that are no UTF-8 as U+FFFD', () => {
  assert.deepEqual(tensorElements({ dtype: 'string', shape: [1], data: [Uint8Array.of(0x61, 0xff)] }), ['a\ufffd']);
});
