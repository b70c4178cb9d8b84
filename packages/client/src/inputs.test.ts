import assert from 'node:assert/strict';
import test from 'node:test';
import type { TensorSpec } from '@amaas/core';
import { type InputValue, tensorsFromValues } from './inputs.ts';

const image: TensorSpec = { name: 'image', dtype: 'float32', shape: [null, 2, 3] };
const ids: TensorSpec = { name: 'ids', dtype: 'int64', shape: [null, null] };
const fixed: TensorSpec = { name: 'fixed', dtype: 'float32', shape: [2, 2] };
const text: TensorSpec = { name: 'text', dtype: 'string', shape: [2] };

function one(spec: TensorSpec, value: InputValue) {
  return tensorsFromValues('m', [image, ids, fixed, text], { [spec.name]: value }).get(spec.name);
}

test('tensorsFromValues gives a typed array the declared shape, without copying where it is stored that way', () => {
  const data = Float32Array.from({ length: 12 }, (_, index) => index / 4);
  const tensor = one(image, data);
  assert.deepEqual(tensor?.shape, [2, 2, 3]);
  assert.equal(tensor?.data, data);
});

test('tensorsFromValues converts other typed arrays where every value fits', () => {
  assert.deepEqual(
    one(image, { shape: [1, 2, 3], data: Float64Array.of(1, 2, 3, 4, 5, 0.1) })?.data,
    Float32Array.of(1, 2, 3, 4, 5, 0.1),
  );
  assert.deepEqual(one(ids, { shape: [1, 2], data: Int32Array.of(-7, 8) })?.data, BigInt64Array.of(-7n, 8n));
  assert.throws(() => one(ids, { shape: [1, 1], data: Float32Array.of(1.5) }), { reason: 'INVALID_ARGUMENT' });
});

test('tensorsFromValues takes nested arrays, shaped lists, tensors and texts', () => {
  assert.deepEqual(one(ids, [[5, 6, 7n]]), { dtype: 'int64', shape: [1, 3], data: BigInt64Array.of(5n, 6n, 7n) });
  assert.deepEqual(one(ids, { shape: [2, 1], data: [5, 6] })?.shape, [2, 1]);
  assert.deepEqual(one(text, ['a', Uint8Array.of(7)])?.data, [Uint8Array.of(0x61), Uint8Array.of(7)]);
  const tensor = { dtype: 'int64', shape: [1], data: BigInt64Array.of(4n) } as const;
  assert.equal(one(ids, tensor), tensor);
});

test('tensorsFromValues sends texts where a model wants ids: the server knows whether it takes them', () => {
  const two = { dtype: 'string', shape: [2], data: [Uint8Array.of(0x61), Uint8Array.of(0xc3, 0xa9)] };
  assert.deepEqual(one(ids, ['a', 'é']), two);
  assert.deepEqual(one(ids, { shape: [2], data: ['a', 'é'] }), two);
  assert.deepEqual(one(ids, [['a', 'b']])?.shape, [1, 2]);
  assert.throws(() => one(ids, [5, 'a']), { reason: 'INVALID_ARGUMENT', message: /"a" is not a int64/ });
  assert.throws(() => one(image, [[['a']]]), { reason: 'INVALID_ARGUMENT', message: /"a" is not a float32/ });
});

test('tensorsFromValues refuses names and amounts that do not fit, saying what would', () => {
  assert.throws(() => tensorsFromValues('m', [image], JSON.parse('{"__proto__": [1]}')), {
    reason: 'INPUT_MISMATCH',
    message: /no input "__proto__"; its inputs are "image"/,
  });
  assert.throws(() => one(image, new Float32Array(7)), {
    reason: 'INVALID_SHAPE',
    message: /expects float32 \[\?,2,3\], which 7 elements/,
  });
  assert.throws(() => one(fixed, new Float32Array(3)), {
    reason: 'INVALID_SHAPE',
    message: /which 3 elements do not fill/,
  });
  assert.throws(() => one(ids, BigInt64Array.of(1n)), {
    reason: 'INVALID_SHAPE',
    message: /could have several shapes/,
  });
  assert.throws(() => one(image, { shape: [2, 2, 3], data: new Float32Array(6) }), { reason: 'INVALID_SHAPE' });
});
