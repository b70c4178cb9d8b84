// Data as programs hold it, turned into tensors: nested arrays, typed arrays, or tensors themselves.
import { AmaasError, createTensor, type DType, formatShape, type Tensor } from '@amaas/core';

/** Numbers, rows of numbers, and so on; all rows of one length. */
export type NestedNumbers = readonly number[] | readonly NestedNumbers[];

/** What models take: a tensor, or nested arrays that become one. */
export type ArrayLikeTensor = Tensor | NestedNumbers | Float32Array;

/**
 * A tensor of nested arrays; tensors pass through.
 * @param dtype - of the result; tensors of another dtype are refused
 * @throws INVALID_DATA when rows differ in length or an element is no number
 */
export function toTensor(data: ArrayLikeTensor, dtype: 'float32' | 'int32' | 'int64' = 'float32'): Tensor {
  if (isTensor(data)) {
    if (data.dtype !== dtype && !(dtype === 'float32' && isWhole(data.dtype))) {
      throw new AmaasError('INVALID_DATA', `tensor: expected ${dtype}, got ${data.dtype}`);
    }
    return data;
  }
  if (data instanceof Float32Array) return fromNumbers(dtype, [data.length], data);
  const shape = shapeOf(data);
  const numbers: number[] = [];
  flattenInto(data, shape, numbers);
  return fromNumbers(dtype, shape, numbers);
}

function isTensor(data: ArrayLikeTensor): data is Tensor {
  return 'dtype' in data;
}

/** Integer tensors may be inputs, too: token ids, codes. */
function isWhole(dtype: DType): boolean {
  return dtype === 'int32' || dtype === 'int64' || dtype === 'uint8';
}

function shapeOf(data: NestedNumbers): readonly number[] {
  const [first] = data;
  return typeof first === 'object' ? [data.length, ...shapeOf(first)] : [data.length];
}

function flattenInto(data: NestedNumbers, shape: readonly number[], into: number[]): void {
  if (data.length !== shape[0]) {
    throw new AmaasError('INVALID_DATA', `tensor: expected rows of length ${shape[0]}, got one of ${data.length}`);
  }
  for (const each of data) {
    if (typeof each === 'object' && shape.length > 1) flattenInto(each, shape.slice(1), into);
    else if (typeof each === 'number' && shape.length === 1) into.push(each);
    else throw new AmaasError('INVALID_DATA', `tensor: expected arrays of shape ${formatShape(shape)} throughout`);
  }
}

function fromNumbers(
  dtype: 'float32' | 'int32' | 'int64',
  shape: readonly number[],
  numbers: ArrayLike<number>,
): Tensor {
  switch (dtype) {
    case 'float32':
      return createTensor(dtype, shape, Float32Array.from(numbers));
    case 'int32':
      return createTensor(dtype, shape, Int32Array.from(numbers));
    case 'int64':
      return createTensor(dtype, shape, BigInt64Array.from(Array.from(numbers, (value) => BigInt(Math.trunc(value)))));
    default:
      return dtype satisfies never;
  }
}
