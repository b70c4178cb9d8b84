import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AmaasError } from './errors.ts';
import {
  createTensor,
  elementCount,
  formatShape,
  MAX_RANK,
  tensorByteLength,
  tensorBytes,
  tensorFromBytes,
} from './tensor.ts';

function invalidShape(pattern: RegExp) {
  return (error: AmaasError) => error.reason === 'INVALID_SHAPE' && pattern.test(error.message);
}

test('elementCount multiplies dims; a scalar has one element', () => {
  assert.equal(elementCount([]), 1);
  assert.equal(elementCount([3, 5, 7]), 105);
  assert.equal(elementCount([3, 0, 7]), 0);
  assert.equal(elementCount(Array(MAX_RANK).fill(1)), 1);
});

test('elementCount refuses dims that are no sizes and products that cannot be counted', () => {
  for (const dims of [[-1], [2, -3], [1.5], [Number.NaN], [Infinity], [2 ** 53]]) {
    assert.throws(() => elementCount(dims), invalidShape(/not a whole number/), String(dims));
  }
  assert.throws(() => elementCount([2 ** 27, 2 ** 27]), invalidShape(/more elements than can be counted/));
  assert.throws(() => elementCount(Array(MAX_RANK).fill(2 ** 52)), invalidShape(/more elements/));
  assert.throws(() => elementCount(Array(MAX_RANK + 1).fill(1)), invalidShape(/rank must be at most 64, got 65/));
});

test('createTensor takes data of the right length and refuses any other', () => {
  const data = Float32Array.of(1.5, -2.5, 3.5, 4.5, 5.5, 6.5);
  assert.equal(createTensor('float32', [2, 3], data).data, data);
  assert.throws(
    () => createTensor('float32', [2, 2], data),
    invalidShape(/float32 \[2,2\] needs 4 stored values, got 6/),
  );
  assert.equal(createTensor('int4', [5], new Uint8Array(3)).data.length, 3);
  assert.throws(() => createTensor('int4', [5], new Uint8Array(5)), invalidShape(/needs 3 stored values, got 5/));
  assert.throws(() => createTensor('complex64', [2], new Float32Array(2)), invalidShape(/needs 4/));
  assert.throws(() => createTensor('string', [2], [new Uint8Array(1)]), invalidShape(/string \[2\] needs 2/));
  assert.equal(createTensor('int64', [0, 9], new BigInt64Array(0)).data.length, 0);
});

test('tensorFromBytes reads aligned bytes in place and others from a copy, Buffers included', () => {
  const buffer = new ArrayBuffer(64);
  new DataView(buffer).setFloat64(16, 12.75, true);
  new DataView(buffer).setFloat64(33, -7.25, true);
  const aligned = tensorFromBytes('float64', [1], new Uint8Array(buffer, 16, 8));
  assert.equal(aligned.data[0], 12.75);
  assert.equal(aligned.dtype === 'float64' && aligned.data.buffer, buffer);
  for (const bytes of [new Uint8Array(buffer, 33, 8), Buffer.from(buffer, 33, 8)]) {
    const unaligned = tensorFromBytes('float64', [1], bytes);
    assert.equal(unaligned.data[0], -7.25);
    assert.ok(unaligned.dtype === 'float64' && unaligned.data.buffer !== buffer);
  }
});

test('tensorFromBytes at every offset gives the same values', () => {
  const values = BigInt64Array.of(5n, -(2n ** 62n), 2n ** 53n + 1n);
  for (let offset = 0; offset < 16; offset++) {
    const bytes = new Uint8Array(offset + 24);
    bytes.set(new Uint8Array(values.buffer), offset);
    assert.deepEqual(tensorFromBytes('int64', [3], bytes.subarray(offset)).data, values);
  }
});

test('tensorFromBytes refuses byte counts that do not fit', () => {
  assert.throws(
    () => tensorFromBytes('float32', [2, 2], new Uint8Array(15)),
    invalidShape(/float32 \[2,2\] needs 16 bytes, got 15/),
  );
  assert.throws(() => tensorFromBytes('int4', [3], new Uint8Array(3)), invalidShape(/needs 2 bytes, got 3/));
  assert.throws(() => tensorFromBytes('uint8', [2 ** 27, 2 ** 27], new Uint8Array(0)), invalidShape(/more elements/));
});

test('tensorBytes shows the bytes of exactly the tensor, without copying', () => {
  const data = new Int16Array(new ArrayBuffer(20), 4, 3);
  data.set([258, -2, 7]);
  const bytes = tensorBytes(createTensor('int16', [3], data));
  assert.deepEqual([...bytes], [2, 1, 254, 255, 7, 0]);
  bytes[0] = 3;
  assert.equal(data[0], 259);
});

test('tensorByteLength counts elements, or the bytes of strings', () => {
  assert.equal(tensorByteLength(createTensor('complex128', [3], new Float64Array(6))), 48);
  const strings = ['a', '', 'äöü'].map((text) => new TextEncoder().encode(text));
  assert.equal(tensorByteLength(createTensor('string', [3], strings)), 7);
});

test('formatShape writes sizes, symbols and unknown dims', () => {
  assert.equal(formatShape([1, 'batch', null, 0]), '[1,batch,?,0]');
  assert.equal(formatShape([]), '[]');
});
