import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { BinaryPart, encodeBytesElements, tensorFromBinary } from './binary.ts';
import type { TensorPlace } from './tensor-place.ts';

const place: TensorPlace = { direction: 'input', name: 'X', model: 'm' };

function bytes(...values: readonly number[]): Uint8Array {
  return Uint8Array.from(values);
}

function text(...elements: readonly string[]): readonly Uint8Array[] {
  return elements.map((element) => new TextEncoder().encode(element));
}

describe('tensorFromBinary', () => {
  test('reads little-endian elements in place when they are aligned', () => {
    const buffer = new Uint8Array(16);
    buffer.set([0, 0, 0xc0, 0x3f, 0, 0, 0, 0xc1], 8);
    const tensor = tensorFromBinary(place, { dtype: 'float32', shape: [2], elements: 2 }, buffer.subarray(8));
    assert.ok(tensor.dtype === 'float32');
    assert.deepEqual([...tensor.data], [1.5, -8]);
    assert.equal(tensor.data.buffer, buffer.buffer, 'no copy');
  });

  test('copies unaligned elements, also out of a Node Buffer', () => {
    const pool = Buffer.alloc(32);
    pool.set([0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], 3);
    const part = new BinaryPart(pool, 3).take(8, place);
    const tensor = tensorFromBinary(place, { dtype: 'int64', shape: [1, 1], elements: 1 }, part);
    assert.ok(tensor.dtype === 'int64');
    assert.deepEqual([...tensor.data], [-2n]);
    assert.notEqual(tensor.data.buffer, pool.buffer);
  });

  test('names a byte count that does not fit the shape as Triton does', () => {
    assert.throws(() => tensorFromBinary(place, { dtype: 'float32', shape: [1, 8], elements: 8 }, new Uint8Array(40)), {
      reason: 'INVALID_SHAPE',
      message: "input byte size mismatch for input 'X' for model 'm'. Expected 32, got 40",
    });
  });

  test('refuses bool bytes other than 0 and 1', () => {
    const declared = { dtype: 'bool', shape: [3], elements: 3 } as const;
    assert.deepEqual([...tensorFromBinary(place, declared, bytes(1, 0, 1)).data], [1, 0, 1]);
    assert.throws(() => tensorFromBinary(place, declared, bytes(1, 0, 2)), /got 2 at element 2 of input 'X'/);
  });

  test('splits BYTES elements at their lengths', () => {
    const wire = bytes(2, 0, 0, 0, 0x68, 0x69, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0xff, 0x21);
    const tensor = tensorFromBinary(place, { dtype: 'string', shape: [3], elements: 3 }, wire);
    assert.ok(tensor.dtype === 'string');
    assert.deepEqual(
      tensor.data.map((element) => [...element]),
      [[0x68, 0x69], [], [0, 0xff, 0x21]],
    );
    assert.deepEqual(encodeBytesElements(tensor.data), wire);
  });

  test('names broken BYTES framing as Triton does', () => {
    const three = { dtype: 'string', shape: [3], elements: 3 } as const;
    const one = { dtype: 'string', shape: [1], elements: 1 } as const;
    const two = encodeBytesElements(text('ab', 'c'));
    assert.throws(() => tensorFromBinary(place, three, two), {
      message: "expected 3 string elements for inference input 'X' for model 'm', got 2",
    });
    assert.throws(() => tensorFromBinary(place, one, two), {
      message: "unexpected number of string elements 2 for inference input 'X' for model 'm', expecting 1",
    });
    assert.throws(() => tensorFromBinary(place, one, bytes(1, 0)), {
      reason: 'MALFORMED_REQUEST',
      message: /^incomplete string length indicator .* expecting 4 bytes but only 2 bytes available/,
    });
    assert.throws(() => tensorFromBinary(place, one, bytes(0xff, 0xff, 0xff, 0xff, 7)), {
      reason: 'MALFORMED_REQUEST',
      message: /expecting string of length 4294967295 but only 1 bytes available/,
    });
  });

  test('never reads an element beyond its own tensor', () => {
    const buffer = bytes(3, 0, 0, 0, 7, 8, 9);
    const declared = { dtype: 'string', shape: [1], elements: 1 } as const;
    assert.throws(() => tensorFromBinary(place, declared, buffer.subarray(0, 5)), {
      message: /expecting string of length 3 but only 1 bytes available/,
    });
  });

  test('does not allocate by a claimed element count', () => {
    const elements = 2 ** 40;
    const declared = { dtype: 'string', shape: [elements], elements } as const;
    assert.throws(() => tensorFromBinary(place, declared, bytes()), /expected 1099511627776 string elements .* got 0/);
  });
});

describe('BinaryPart', () => {
  test('hands out bytes in order and says how many are missing', () => {
    const part = new BinaryPart(bytes(9, 1, 2, 3), 1);
    assert.deepEqual([...part.take(2, place)], [1, 2]);
    assert.equal(part.remainingBytes, 1);
    assert.throws(() => part.take(41, place), {
      reason: 'MALFORMED_REQUEST',
      message: "unexpected size for input 'X', expecting 40 additional bytes for model 'm'",
    });
  });
});
