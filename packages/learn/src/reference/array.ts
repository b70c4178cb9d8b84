// What the reference evaluator computes with: every number a float64, whatever the dtype, so that finite differences
// mean something. Integers are exact up to 2^53.
import {
  AmaasError,
  createTensor,
  type DType,
  float16BitsFromNumber,
  numberFromBfloat16Bits,
  numberFromFloat16Bits,
  type Tensor,
} from '@amaas/core';

export interface NumericArray {
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** Row-major; booleans as 0 and 1. */
  readonly data: Float64Array;
}

export interface TextArray {
  readonly dtype: 'string';
  readonly shape: readonly number[];
  readonly texts: readonly string[];
}

export type ReferenceArray = NumericArray | TextArray;

export function isText(array: ReferenceArray): array is TextArray {
  return 'texts' in array;
}

/** The array as numbers. @throws INVALID_GRAPH for text */
export function numbersOf(array: ReferenceArray | undefined): NumericArray {
  if (array === undefined || isText(array)) {
    throw new AmaasError('INVALID_GRAPH', `reference: expected numbers, got ${array ? 'text' : 'nothing'}`);
  }
  return array;
}

/** The array as text. @throws INVALID_GRAPH for numbers */
export function textOf(array: ReferenceArray | undefined): TextArray {
  if (array === undefined || !isText(array)) {
    throw new AmaasError('INVALID_GRAPH', `reference: expected text, got ${array?.dtype ?? 'nothing'}`);
  }
  return array;
}

export function product(shape: readonly number[]): number {
  return shape.reduce((total, size) => total * size, 1);
}

/** Row-major strides. */
export function stridesOf(shape: readonly number[]): readonly number[] {
  const strides = new Array<number>(shape.length).fill(1);
  for (let axis = shape.length - 2; axis >= 0; axis--)
    strides[axis] = (strides[axis + 1] ?? 1) * (shape[axis + 1] ?? 1);
  return strides;
}

/**
 * Calls `visit` for every position of `shape` in row-major order, with the offset that `strides` gives it.
 * A stride of 0 repeats an axis.
 */
export function forEachOffset(
  shape: readonly number[],
  strides: readonly number[],
  visit: (index: number, offset: number) => void,
): void {
  const total = product(shape);
  const position = new Array<number>(shape.length).fill(0);
  let offset = 0;
  for (let index = 0; index < total; index++) {
    visit(index, offset);
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      const next = (position[axis] ?? 0) + 1;
      offset += strides[axis] ?? 0;
      if (next < (shape[axis] ?? 0)) {
        position[axis] = next;
        break;
      }
      offset -= next * (strides[axis] ?? 0);
      position[axis] = 0;
    }
  }
}

/** Strides for reading an array as `shape`, which it broadcasts to. */
export function broadcastStrides(from: readonly number[], shape: readonly number[]): readonly number[] {
  const own = stridesOf(from);
  const missing = shape.length - from.length;
  return shape.map((size, axis) => (axis < missing || from[axis - missing] !== size ? 0 : (own[axis - missing] ?? 0)));
}

/** @throws UNSUPPORTED_TENSOR for dtypes the reference does not compute with */
export function arrayFromTensor(tensor: Tensor): ReferenceArray {
  const { dtype, shape } = tensor;
  switch (tensor.dtype) {
    case 'string': {
      const decoder = new TextDecoder();
      return { dtype: 'string', shape, texts: tensor.data.map((bytes) => decoder.decode(bytes)) };
    }
    case 'int64':
    case 'uint64':
      return { dtype, shape, data: Float64Array.from(tensor.data, Number) };
    case 'float16':
      return { dtype, shape, data: Float64Array.from(tensor.data, numberFromFloat16Bits) };
    case 'bfloat16':
      return { dtype, shape, data: Float64Array.from(tensor.data, numberFromBfloat16Bits) };
    case 'float32':
    case 'float64':
    case 'int8':
    case 'int16':
    case 'int32':
    case 'uint8':
    case 'uint16':
    case 'uint32':
    case 'bool':
      return { dtype, shape, data: Float64Array.from(tensor.data) };
    default:
      throw new AmaasError('UNSUPPORTED_TENSOR', `reference: does not compute with ${dtype}`);
  }
}

/** Rounds back to the dtype the graph declares. @throws UNSUPPORTED_TENSOR as {@link arrayFromTensor} */
export function tensorFromArray(array: ReferenceArray): Tensor {
  if (isText(array)) {
    const encoder = new TextEncoder();
    return createTensor(
      'string',
      array.shape,
      array.texts.map((text) => encoder.encode(text)),
    );
  }
  const { dtype, shape, data } = array;
  switch (dtype) {
    case 'float32':
      return createTensor(dtype, shape, Float32Array.from(data));
    case 'float64':
      return createTensor(dtype, shape, data);
    case 'float16':
      return createTensor(dtype, shape, Uint16Array.from(data, float16BitsFromNumber));
    case 'int64':
      return createTensor(dtype, shape, BigInt64Array.from(Array.from(data, BigInt)));
    case 'uint64':
      return createTensor(dtype, shape, BigUint64Array.from(Array.from(data, BigInt)));
    case 'int8':
      return createTensor(dtype, shape, Int8Array.from(data));
    case 'int16':
      return createTensor(dtype, shape, Int16Array.from(data));
    case 'int32':
      return createTensor(dtype, shape, Int32Array.from(data));
    case 'uint8':
    case 'bool':
      return createTensor(dtype, shape, Uint8Array.from(data));
    case 'uint16':
      return createTensor(dtype, shape, Uint16Array.from(data));
    case 'uint32':
      return createTensor(dtype, shape, Uint32Array.from(data));
    default:
      throw new AmaasError('UNSUPPORTED_TENSOR', `reference: does not compute with ${dtype}`);
  }
}
