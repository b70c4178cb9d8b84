// Nested JavaScript arrays to tensors and back, element by element, refusing what does not fit. Knows no wire format.
import {
  AmaasError,
  bfloat16BitsFromNumber,
  createTensor,
  DTYPE_BITS,
  type DType,
  elementCount,
  type FixedSizeDType,
  float16BitsFromNumber,
  formatShape,
  MAX_RANK,
  numberFromBfloat16Bits,
  numberFromFloat16Bits,
  type Tensor,
  TYPED_ARRAYS,
} from '@amaas/core';

/**
 * One element in plain JavaScript. Strings become UTF-8; a Uint8Array is the bytes of a string element; null is a missing
 * value, which only floats (NaN) and strings (no bytes) can hold.
 */
export type Scalar = number | bigint | boolean | string | Uint8Array | null;

/** Elements in arrays of arrays, as deep as the tensor has axes; a bare scalar has none. */
export type NestedArray = Scalar | readonly NestedArray[];

/** Dtypes whose elements have a plain JavaScript form. */
type PlainDType = Exclude<DType, `float8${string}` | `float4${string}` | `${'u' | ''}int${2 | 4}` | `complex${string}`>;

const PLAIN_DTYPES: ReadonlySet<string> = new Set<PlainDType>([
  'float32',
  'float64',
  'float16',
  'bfloat16',
  'int8',
  'int16',
  'int32',
  'int64',
  'uint8',
  'uint16',
  'uint32',
  'uint64',
  'bool',
  'string',
]);

/**
 * Makes a tensor of nested arrays. Numbers beyond 2^53 are given as bigint; an empty array has shape `[0]`.
 * @param what names the tensor in messages: `input "x"`.
 * @throws INVALID_SHAPE when rows differ in length; INVALID_ARGUMENT for an element the dtype cannot hold;
 *   UNSUPPORTED_TENSOR for the 2-, 4- and 8-bit floats and integers without a JavaScript form, and complex numbers.
 */
export function tensorFromNested(dtype: DType, nested: NestedArray, what: string): Tensor {
  const shape: number[] = [];
  for (let level: NestedArray | undefined = nested; isNest(level); level = level[0]) {
    if (shape.length === MAX_RANK) throw new AmaasError('INVALID_SHAPE', `${what}: nested deeper than ${MAX_RANK}`);
    shape.push(level.length);
    if (level.length === 0) break;
  }
  const elements: Scalar[] = [];
  flatten(nested, shape, 0, what, elements);
  return tensorFromElements(dtype, shape, elements, what);
}

function isNest(value: NestedArray | undefined): value is readonly NestedArray[] {
  return Array.isArray(value);
}

function flatten(level: NestedArray, shape: readonly number[], axis: number, what: string, into: Scalar[]): void {
  const length = shape[axis];
  if (isNest(level) !== (length !== undefined) || (isNest(level) && level.length !== length)) {
    const got = isNest(level) ? `${level.length} items` : 'a single value';
    const expected = length === undefined ? 'a single value' : `${length} items`;
    throw new AmaasError('INVALID_SHAPE', `${what}: rows differ in length: expected ${expected}, got ${got}`);
  }
  if (!isNest(level)) into.push(level);
  else for (const item of level) flatten(item, shape, axis + 1, what, into);
}

/**
 * Makes a tensor of elements in row-major order.
 * @throws as {@link tensorFromNested}
 */
export function tensorFromElements(
  dtype: DType,
  shape: readonly number[],
  elements: ArrayLike<Scalar>,
  what: string,
): Tensor {
  if (!isPlain(dtype)) {
    throw new AmaasError('UNSUPPORTED_TENSOR', `${what}: ${dtype} has no JavaScript form; give a Tensor with its bits`);
  }
  if (elements.length !== elementCount(shape)) {
    throw new AmaasError(
      'INVALID_SHAPE',
      `${what}: shape ${formatShape(shape)} needs ${elementCount(shape)} elements, got ${elements.length}`,
    );
  }
  if (dtype === 'string') {
    const data = Array.from(elements, (element) => stringBytes(element, what));
    return createTensor('string', shape, data);
  }
  const data = new TYPED_ARRAYS[dtype](elements.length);
  for (let i = 0; i < data.length; i++) data[i] = storedElement(dtype, elements[i], what);
  // The array was made by the dtype's own constructor.
  return { dtype, shape, data } as Tensor;
}

function isPlain(dtype: DType): dtype is PlainDType {
  return PLAIN_DTYPES.has(dtype);
}

const utf8 = new TextEncoder();

function stringBytes(element: Scalar, what: string): Uint8Array {
  if (typeof element === 'string') return utf8.encode(element);
  if (element === null) return new Uint8Array(0);
  if (element instanceof Uint8Array) return element;
  throw misfit('string', element, what);
}

function storedElement(dtype: PlainDType & FixedSizeDType, given: Scalar | undefined, what: string): number | bigint {
  const isFloat = dtype.startsWith('float') || dtype === 'bfloat16';
  const element = given === null && isFloat ? Number.NaN : given;
  switch (dtype) {
    case 'float32':
    case 'float64':
    case 'float16':
    case 'bfloat16': {
      if (typeof element !== 'number') throw misfit(dtype, element, what);
      if (dtype === 'float16') return float16BitsFromNumber(element);
      return dtype === 'bfloat16' ? bfloat16BitsFromNumber(element) : element;
    }
    case 'bool':
      if (element === true || element === 1) return 1;
      if (element === false || element === 0) return 0;
      throw misfit(dtype, element, what);
    case 'int64':
    case 'uint64': {
      const value = typeof element === 'number' && Number.isSafeInteger(element) ? BigInt(element) : element;
      if (
        typeof value !== 'bigint' ||
        (dtype === 'int64' ? BigInt.asIntN(64, value) : BigInt.asUintN(64, value)) !== value
      )
        throw misfit(dtype, element, what);
      return value;
    }
    default: {
      const signed = dtype.startsWith('i');
      const least = signed ? -(2 ** (DTYPE_BITS[dtype] - 1)) : 0;
      const greatest = 2 ** (DTYPE_BITS[dtype] - (signed ? 1 : 0)) - 1;
      const value = typeof element === 'bigint' ? Number(element) : element;
      if (typeof value !== 'number' || !Number.isInteger(value) || value < least || value > greatest)
        throw misfit(dtype, element, what);
      return value;
    }
  }
}

function misfit(dtype: DType, element: Scalar | undefined, what: string): AmaasError {
  const got = typeof element === 'bigint' ? `${element}n` : (JSON.stringify(element) ?? String(element));
  const missing = element === null ? '; null means a missing value, which only floats and strings can hold' : '';
  return new AmaasError('INVALID_ARGUMENT', `${what}: ${got.slice(0, 80)} is not a ${dtype}${missing}`);
}

/** One element of a tensor in plain JavaScript: float16 as number, int64 as bigint, bool as boolean, string as text. */
export type PlainElement = number | bigint | boolean | string;

/**
 * The elements of a tensor in row-major order; bytes of string elements that are not UTF-8 become U+FFFD.
 * @throws UNSUPPORTED_TENSOR as {@link tensorFromNested}
 */
export function tensorElements(tensor: Tensor): PlainElement[] {
  switch (tensor.dtype) {
    case 'float16':
      return Array.from(tensor.data, numberFromFloat16Bits);
    case 'bfloat16':
      return Array.from(tensor.data, numberFromBfloat16Bits);
    case 'bool':
      return Array.from(tensor.data, (byte) => byte !== 0);
    case 'string': {
      const decoder = new TextDecoder();
      return tensor.data.map((bytes) => decoder.decode(bytes));
    }
    default:
      if (!isPlain(tensor.dtype)) {
        throw new AmaasError('UNSUPPORTED_TENSOR', `tensor: ${tensor.dtype} has no JavaScript form; read its data`);
      }
      return Array.from<number | bigint>(tensor.data);
  }
}

/** Elements in arrays of arrays, as {@link tensorToNested} gives them. */
export type PlainNested = PlainElement | PlainNested[];

/**
 * A tensor as nested arrays; a scalar as its bare element.
 * @throws UNSUPPORTED_TENSOR as {@link tensorFromNested}
 * @example
 * ```ts
 * import { tensorToNested } from '@amaas/client';
 * tensorToNested({ dtype: 'int32', shape: [2, 2], data: Int32Array.of(1, 2, 3, 4) }); // [[1, 2], [3, 4]]
 * ```
 */
export function tensorToNested(tensor: Tensor): PlainNested {
  const elements = tensorElements(tensor);
  let next = 0;
  const build = (axis: number): PlainNested => {
    const length = tensor.shape[axis];
    // The data holds as many elements as the shape says, so there is always a next one.
    if (length === undefined) return elements[next++] as PlainElement;
    return Array.from({ length }, () => build(axis + 1));
  };
  return build(0);
}
