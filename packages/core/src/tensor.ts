// Tensors as amaas passes them around: plain, structured-clonable values over typed arrays, row-major, no strides.
// Knows nothing of wires or runtimes.
import { arrayLength, type DType, type FixedSizeDType, TYPED_ARRAYS, type TensorDataByDType } from './dtype.ts';
import { AmaasError } from './errors.ts';

/** A tensor of one dtype. `shape` may hold zeros; an empty shape is a scalar (one element). */
export interface TensorOf<D extends DType> {
  readonly dtype: D;
  readonly shape: readonly number[];
  readonly data: TensorDataByDType[D];
}

/** A tensor of any dtype; switch on `dtype` to narrow `data`. */
export type Tensor = { [D in DType]: TensorOf<D> }[DType];

/** Tensors by name; a Map because names come from users (`__proto__` is a legal tensor name). */
export type NamedTensors = ReadonlyMap<string, Tensor>;

/** Greatest rank accepted from callers; ONNX Runtime itself has no documented bound, NumPy stops at 64. */
export const MAX_RANK = 64;

/**
 * Number of elements of a shape.
 * @throws INVALID_SHAPE when a dim is negative or fractional, the rank exceeds {@link MAX_RANK}, or the product is not a safe integer.
 */
export function elementCount(shape: readonly number[]): number {
  if (shape.length > MAX_RANK) {
    throw new AmaasError('INVALID_SHAPE', `tensor: rank must be at most ${MAX_RANK}, got ${shape.length}`);
  }
  let count = 1;
  for (const dim of shape) {
    if (!Number.isSafeInteger(dim) || dim < 0) {
      throw new AmaasError(
        'INVALID_SHAPE',
        `tensor: shape ${formatShape(shape)} has a dim that is not a whole number ≥ 0`,
      );
    }
    count *= dim;
  }
  if (!Number.isSafeInteger(count)) {
    throw new AmaasError(
      'INVALID_SHAPE',
      `tensor: shape ${formatShape(shape)} describes more elements than can be counted`,
    );
  }
  return count;
}

/**
 * Makes a tensor over `data` (taken over, not copied).
 * @throws INVALID_SHAPE when the data's length does not fit the shape.
 */
export function createTensor<D extends DType>(
  dtype: D,
  shape: readonly number[],
  data: TensorDataByDType[D],
): TensorOf<D> {
  const elements = elementCount(shape);
  const expected = dtype === 'string' ? elements : arrayLength(dtype as FixedSizeDType, elements); // 'string' was ruled out
  if (data.length !== expected) {
    throw new AmaasError(
      'INVALID_SHAPE',
      `tensor: ${dtype} ${formatShape(shape)} needs ${expected} stored values, got ${data.length}`,
    );
  }
  return { dtype, shape, data };
}

/**
 * A tensor whose elements are read in place from `bytes` (little-endian, row-major), or from an aligned copy
 * where the byte offset does not suit the dtype.
 * @throws INVALID_SHAPE when the byte count does not fit the shape.
 */
export function tensorFromBytes(dtype: FixedSizeDType, shape: readonly number[], bytes: Uint8Array): Tensor {
  const TypedArray = TYPED_ARRAYS[dtype];
  const length = arrayLength(dtype, elementCount(shape));
  if (bytes.byteLength !== length * TypedArray.BYTES_PER_ELEMENT) {
    throw new AmaasError(
      'INVALID_SHAPE',
      `tensor: ${dtype} ${formatShape(shape)} needs ${length * TypedArray.BYTES_PER_ELEMENT} bytes, got ${bytes.byteLength}`,
    );
  }
  // Not bytes.slice(): a Buffer's slice is a view of the same, still unaligned, bytes.
  const aligned = bytes.byteOffset % TypedArray.BYTES_PER_ELEMENT === 0 ? bytes : new Uint8Array(bytes);
  // The constructor was looked up by the same dtype, so `data` is that dtype's array.
  return { dtype, shape, data: new TypedArray(aligned.buffer, aligned.byteOffset, length) } as Tensor;
}

/** The bytes of a fixed-size tensor, without copying. Every machine amaas runs on is little-endian. */
export function tensorBytes(tensor: TensorOf<FixedSizeDType>): Uint8Array {
  const { buffer, byteOffset, byteLength } = tensor.data;
  return new Uint8Array(buffer, byteOffset, byteLength);
}

/** Bytes a tensor's elements occupy; strings count their own bytes. */
export function tensorByteLength(tensor: Tensor): number {
  if (tensor.dtype !== 'string') return tensor.data.byteLength;
  let total = 0;
  for (const element of tensor.data) total += element.byteLength;
  return total;
}

/** Writes a shape the way messages show it: `[1,3,224,224]`; unknown dims as their symbol or `?`. */
export function formatShape(shape: readonly (number | string | null)[]): string {
  return `[${shape.map((dim) => dim ?? '?').join(',')}]`;
}
