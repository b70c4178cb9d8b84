// Data as programs hold it, turned into tensors: nested arrays, typed arrays, or tensors themselves.
import { AmaasError, createTensor, type DType, formatShape, type Tensor } from '@amaas/core';

/** Numbers, rows of numbers, and so on; all rows of one length. */
export type NestedNumbers = readonly number[] | readonly NestedNumbers[];

/** What models take: a tensor, or nested arrays that become one. */
export type ArrayLikeTensor = Tensor | NestedNumbers | Float32Array;

/** What arrays become. */
export type ArrayDType = 'float32' | 'int32' | 'int64';

/**
 * A tensor of nested arrays; tensors pass through.
 * @param dtype - of the result; tensors of another dtype are refused
 * @param what - begins every message
 * @throws INVALID_DATA when rows differ in length, or an element is no number or none that the dtype holds
 */
export function toTensor(data: ArrayLikeTensor, dtype: ArrayDType = 'float32', what = 'tensor'): Tensor {
  if (isTensor(data)) {
    if (data.dtype !== dtype && !(dtype === 'float32' && isWhole(data.dtype))) {
      throw new AmaasError('INVALID_DATA', `${what}: expected ${dtype}, got ${data.dtype}`);
    }
    return data;
  }
  const { shape, numbers } = flatNumbers(data, what);
  switch (dtype) {
    case 'float32':
      assertEach({ shape, numbers, what }, 'numbers that float32 holds (it ends at 3.4e38)', isFloat32);
      return createTensor(dtype, shape, Float32Array.from(numbers));
    case 'int32':
      assertEach({ shape, numbers, what }, 'whole numbers of int32', (value) => value === (value | 0));
      return createTensor(dtype, shape, Int32Array.from(numbers));
    case 'int64':
      assertEach({ shape, numbers, what }, 'whole numbers', Number.isSafeInteger);
      return createTensor(dtype, shape, BigInt64Array.from(Array.from(numbers, BigInt)));
    default:
      return dtype satisfies never;
  }
}

/** Numbers in the order of their rows. */
export interface FlatNumbers {
  readonly shape: readonly number[];
  readonly numbers: ArrayLike<number>;
}

/** @throws INVALID_DATA when rows differ in length or an element is no number */
export function flatNumbers(data: Exclude<ArrayLikeTensor, Tensor>, what: string): FlatNumbers {
  if (data instanceof Float32Array) return { shape: [data.length], numbers: data };
  const shape = shapeOf(data);
  const numbers: number[] = [];
  flattenInto({ data, shape, what }, numbers);
  return { shape, numbers };
}

export function isTensor(data: object): data is Tensor {
  return 'dtype' in data && typeof data.dtype === 'string';
}

/** Integer tensors may be inputs, too: token ids, codes. */
function isWhole(dtype: DType): boolean {
  return dtype === 'int32' || dtype === 'int64' || dtype === 'uint8';
}

/** NaN and infinities are what they are; what would become one is not. */
function isFloat32(value: number): boolean {
  return !Number.isFinite(value) || Number.isFinite(Math.fround(value));
}

/** Of arrays, by the first of each level. */
export function shapeOf(data: Exclude<ArrayLikeTensor, Tensor>): readonly number[] {
  const [first] = data;
  return typeof first === 'object' ? [data.length, ...shapeOf(first)] : [data.length];
}

interface Level {
  readonly data: NestedNumbers;
  readonly shape: readonly number[];
  readonly what: string;
}

function flattenInto({ data, shape, what }: Level, into: number[]): void {
  if (data.length !== shape[0]) {
    throw new AmaasError('INVALID_DATA', `${what}: expected rows of length ${shape[0]}, got one of ${data.length}`);
  }
  for (const each of data) {
    if (Array.isArray(each) && shape.length > 1) flattenInto({ data: each, shape: shape.slice(1), what }, into);
    else if (typeof each === 'number' && shape.length === 1) into.push(each);
    else throw new AmaasError('INVALID_DATA', `${what}: expected arrays of shape ${formatShape(shape)} throughout`);
  }
}

function assertEach(
  { shape, numbers, what }: FlatNumbers & { readonly what: string },
  expected: string,
  fits: (value: number) => boolean,
): void {
  for (let at = 0; at < numbers.length; at++) {
    const value = numbers[at] ?? 0;
    if (fits(value)) continue;
    const row = Math.floor(at / (numbers.length / (shape[0] ?? 1)));
    throw new AmaasError('INVALID_DATA', `${what}: expected ${expected}; row ${row} has ${value}`);
  }
}
