// Short ways to write and read tensors in tests.
import assert from 'node:assert/strict';
import type { ErrorReason, NamedTensors, Tensor } from '@amaas/core';
import { AmaasError, createTensor } from '@amaas/core';

export function floats(shape: readonly number[], values: Iterable<number>): Tensor {
  return createTensor('float32', shape, Float32Array.from(values));
}

export function longs(shape: readonly number[], values: readonly bigint[]): Tensor {
  return createTensor('int64', shape, BigInt64Array.from(values));
}

export function texts(shape: readonly number[], values: readonly (string | Uint8Array)[]): Tensor {
  return createTensor(
    'string',
    shape,
    values.map((value) => (typeof value === 'string' ? new Uint8Array(Buffer.from(value)) : value)),
  );
}

export function named(tensors: Readonly<Record<string, Tensor>>): NamedTensors {
  return new Map(Object.entries(tensors));
}

/** The stored values of an output, strings as text. */
export function valuesOf(tensors: NamedTensors, name: string): readonly (number | bigint | string)[] {
  const tensor = tensors.get(name);
  assert.ok(tensor !== undefined, `no output "${name}"`);
  return tensor.dtype === 'string' ? tensor.data.map((bytes) => Buffer.from(bytes).toString()) : [...tensor.data];
}

/** A check for `assert.rejects` and `assert.throws`. */
export function failsWith(reason: ErrorReason, message: RegExp): (error: unknown) => true {
  return (error) => {
    assert.ok(error instanceof AmaasError, String(error));
    assert.equal(error.reason, reason, error.message);
    assert.match(error.message, message);
    return true;
  };
}
