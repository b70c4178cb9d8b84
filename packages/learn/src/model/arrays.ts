// Data as programs hold it, turned into tensors: nested arrays, typed arrays, or tensors themselves.
import { AmaasError, createTensor, type DType, formatShape, type Tensor } from '@amaas/core';

/** Typed arrays of numbers; those of bigint are no rows. */
export type TypedNumbers =
  | Float32Array
  | Float64Array
  | Int8Array
  | Int16Array
  | Int32Array
  | Uint8Array
  | Uint16Array
  | Uint32Array;

/** Numbers, rows of numbers, and so on; all rows of one length. */
export type NestedNumbers = readonly number[] | TypedNumbers | readonly NestedNumbers[];

/** What models take: a tensor, or nested arrays that become one. */
export type ArrayLikeTensor = Tensor | NestedNumbers;

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
  if (ArrayBuffer.isView(data)) return { shape: [data.length], numbers: data };
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
  return isArray(first) ? [data.length, ...shapeOf(first)] : [data.length];
}

/** Whether something is nested numbers, as far as its outermost level says; what comes from JavaScript may be anything. */
export function isArray(given: unknown): given is NestedNumbers {
  return Array.isArray(given) || ArrayBuffer.isView(given);
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
    if (isArray(each) && shape.length > 1) flattenInto({ data: each, shape: shape.slice(1), what }, into);
    else if (typeof each === 'number' && shape.length === 1) into.push(each);
    else {
      const found = isArray(each) ? 'an array' : typeof each === 'string' ? JSON.stringify(each) : String(each);
      const expected = shape.length > 1 ? `an array of shape ${formatShape(shape.slice(1))}` : 'a number';
      throw new AmaasError('INVALID_DATA', `${what}: expected ${expected}, got ${found}`);
    }
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
