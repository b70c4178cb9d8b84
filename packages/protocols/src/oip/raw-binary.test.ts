import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { DType, Dim, Tensor, TensorSpec } from '@amaas/core';
import { decodeRawBinaryRequest } from './raw-binary.ts';

function spec(dtype: DType, shape: readonly Dim[] | null): TensorSpec {
  return { name: 'X', dtype, shape };
}

function decode(input: TensorSpec, body: Uint8Array): Tensor {
  const request = decodeRawBinaryRequest(body, [input], 'm');
  assert.equal(request.binaryOutputDefault, true);
  assert.equal(request.requestedOutputs, null);
  const tensor = request.inputs.get('X');
  assert.ok(tensor !== undefined);
  return tensor;
}

describe('decodeRawBinaryRequest', () => {
  test('infers the single variable dim from the byte count', () => {
    const body = new Uint8Array(24);
    body.set([0, 0, 0x80, 0x3f]);
    for (const [dims, shape] of [
      [
        ['N', 2],
        [3, 2],
      ],
      [
        [1, null, 2],
        [1, 3, 2],
      ],
      [
        ['batch', 'time', 2],
        [1, 3, 2],
      ],
      [['N'], [6]],
      [
        [2, 3],
        [2, 3],
      ],
      [null, [6]],
    ] as const) {
      const tensor = decode(spec('float32', dims), body);
      assert.deepEqual(tensor.shape, shape);
      assert.ok(tensor.dtype === 'float32');
      assert.equal(tensor.data.length, 6);
      assert.equal(tensor.data[0], 1);
    }
  });

  test('takes an empty body as no rows', () => {
    assert.deepEqual(decode(spec('int64', ['N', 4]), new Uint8Array(0)).shape, [0, 4]);
    assert.deepEqual(decode(spec('int64', ['N', 0]), new Uint8Array(0)).shape, [0, 0]);
  });

  test('gives a BYTES input the whole body as its one element', () => {
    for (const dims of [[1], ['N'], ['N', 1], [], null] as const) {
      const tensor = decode(spec('string', dims), Uint8Array.of(5, 0, 0, 0));
      assert.ok(tensor.dtype === 'string');
      assert.deepEqual(
        tensor.shape,
        (dims ?? [1]).map(() => 1),
      );
      assert.deepEqual([...(tensor.data[0] ?? [])], [5, 0, 0, 0]);
    }
    assert.throws(() => decode(spec('string', ['N', 2]), new Uint8Array(4)), /must have input shape \[1\]/);
  });

  test('copies out of an unaligned Node Buffer', () => {
    const pool = Buffer.alloc(16, 1);
    assert.deepEqual(decode(spec('uint16', ['N']), pool.subarray(1, 5)).data, Uint16Array.of(257, 257));
  });

  test('refuses what cannot be inferred, naming why', () => {
    for (const [dims, bytes, message] of [
      [['N', 4], 20, "input byte size mismatch for input 'X' for model 'm'. Expected a multiple of 16, got 20"],
      [[2, 4], 36, "input byte size mismatch for input 'X' for model 'm'. Expected 32, got 36"],
      [['N', 0], 4, "input byte size mismatch for input 'X' for model 'm'. Expected 0, got 4"],
    ] as const) {
      assert.throws(() => decode(spec('float32', dims), new Uint8Array(bytes)), { reason: 'INVALID_SHAPE', message });
    }
    assert.throws(() => decode(spec('float32', [2, 'H', 'W']), new Uint8Array(8)), {
      reason: 'INVALID_ARGUMENT',
      message: /more than one variable-sized dimension/,
    });
    assert.throws(() => decode(spec('int4', ['N']), new Uint8Array(8)), { reason: 'UNSUPPORTED_TENSOR' });
    const x = spec('float32', ['N']);
    assert.throws(() => decodeRawBinaryRequest(new Uint8Array(4), [x, x], 'm'), {
      reason: 'INVALID_ARGUMENT',
      message: "Raw request must only have 1 input (found 1) to be deduced but got 2 inputs in 'm' model configuration",
    });
    assert.throws(() => decodeRawBinaryRequest(new Uint8Array(4), [], 'm'), { reason: 'INVALID_ARGUMENT' });
  });
});
