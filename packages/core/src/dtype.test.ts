import assert from 'node:assert/strict';
import { test } from 'node:test';
import { arrayLength, byteSize, DTYPE_BITS, DTYPES, type FixedSizeDType, isDType, TYPED_ARRAYS } from './dtype.ts';

// 'string' is the only dtype without a fixed size, and it is taken out.
const fixedSizeDTypes = DTYPES.filter((dtype): dtype is FixedSizeDType => dtype !== 'string');

test('DTYPES covers every TensorProto.DataType of ONNX', () => {
  // onnx.proto lists 26 values besides UNDEFINED (IR version 13).
  assert.equal(DTYPES.length, 26);
  assert.equal(new Set(DTYPES).size, 26);
});

test('isDType accepts the names and nothing an object has by birth', () => {
  assert.ok(isDType('bfloat16') && isDType('string'));
  for (const name of ['Float32', 'FP32', 'constructor', '__proto__', '']) assert.ok(!isDType(name), name);
});

test('TYPED_ARRAYS hold whole elements, or packed ones in bytes', () => {
  for (const dtype of fixedSizeDTypes) {
    const arrayBits = TYPED_ARRAYS[dtype].BYTES_PER_ELEMENT * 8;
    const bits = DTYPE_BITS[dtype];
    if (dtype.startsWith('complex')) assert.equal(arrayBits * 2, bits, dtype);
    else assert.equal(arrayBits, Math.max(bits, 8), dtype);
  }
});

test('byteSize rounds packed dtypes up to whole bytes', () => {
  assert.deepEqual(
    [0, 1, 2, 3, 5].map((elements) => byteSize('int4', elements)),
    [0, 1, 1, 2, 3],
  );
  assert.deepEqual(
    [0, 1, 4, 5, 9].map((elements) => byteSize('uint2', elements)),
    [0, 1, 1, 2, 3],
  );
  assert.equal(byteSize('float4e2m1', 7), 4);
  assert.equal(byteSize('float64', 3), 24);
  assert.equal(byteSize('bool', 3), 3);
});

test('arrayLength counts stored values: one per element, two per complex number, several per byte when packed', () => {
  assert.equal(arrayLength('int64', 7), 7);
  assert.equal(arrayLength('float16', 7), 7);
  assert.equal(arrayLength('complex128', 7), 14);
  assert.equal(arrayLength('uint4', 7), 4);
  for (const dtype of fixedSizeDTypes) assert.equal(arrayLength(dtype, 0), 0, dtype);
});
