// Tensors on their way to the binding and back. Two steps, because the first belongs to the caller's thread:
// pack (check, gather strings into one block of bytes) and then, beside the session, turn into what the binding reads.
import { isUtf8 } from 'node:buffer';
import { AmaasError, arrayLength, type DType, elementCount, formatShape, TYPED_ARRAYS } from '@amaas/core';
import type { FixedSizeDType, NamedTensors, Tensor, TensorOf } from '@amaas/core';
import type { NativeTensor } from './binding.ts';

/** Dtypes the binding carries in both directions. It has no names for the others and reads past its table on some. */
const CARRIED = [
  'float32',
  'uint8',
  'int8',
  'uint16',
  'int16',
  'int32',
  'int64',
  'string',
  'bool',
  'float16',
  'float64',
  'uint32',
  'uint64',
] as const satisfies readonly DType[];

export type CarriedDType = (typeof CARRIED)[number];
type CarriedFixedDType = Exclude<CarriedDType, 'string'>;

/** ONNX's `TensorProto.DataType` by number. Source: onnx/onnx, onnx.proto (IR version 13). */
const DTYPE_BY_ONNX_NUMBER: readonly (DType | undefined)[] = [
  undefined,
  'float32',
  'uint8',
  'int8',
  'uint16',
  'int16',
  'int32',
  'int64',
  'string',
  'bool',
  'float16',
  'float64',
  'uint32',
  'uint64',
  'complex64',
  'complex128',
  'bfloat16',
  'float8e4m3fn',
  'float8e4m3fnuz',
  'float8e5m2',
  'float8e5m2fnuz',
  'uint4',
  'int4',
  'float4e2m1',
  'float8e8m0',
  'uint2',
  'int2',
];

const carried: ReadonlySet<string> = new Set(CARRIED);

/** The binding takes no greater dim. */
const MAX_DIM = 2 ** 32 - 1;

export function isCarried(dtype: DType): dtype is CarriedDType {
  return carried.has(dtype);
}

export function dtypeOfOnnxNumber(number: number): DType | undefined {
  return DTYPE_BY_ONNX_NUMBER[number];
}

/** A string tensor as it crosses threads and pipes: all elements in one block. */
export interface PackedStrings {
  readonly dtype: 'string';
  readonly shape: readonly number[];
  /** Bytes of each element. */
  readonly lengths: Uint32Array;
  readonly bytes: Uint8Array;
}

export type PackedTensor = { [D in CarriedFixedDType]: TensorOf<D> }[CarriedFixedDType] | PackedStrings;
export type PackedTensors = ReadonlyMap<string, PackedTensor>;

/**
 * Checks what a caller gave and gathers strings; numbers are passed on uncopied.
 * @throws UNSUPPORTED_TENSOR, INVALID_SHAPE, INVALID_ARGUMENT, each naming the tensor.
 */
export function packTensors(label: string, tensors: NamedTensors): PackedTensors {
  const packed = new Map<string, PackedTensor>();
  for (const [name, tensor] of tensors)
    packed.set(name, packTensor(`run: input "${name}" of model "${label}"`, tensor));
  return packed;
}

/** As {@link packTensors}, for one tensor; `what` names it in messages. */
export function packTensor(what: string, tensor: Tensor): PackedTensor {
  const { dtype, shape } = tensor;
  if (!isCarried(dtype)) throw unsupported(what, dtype);
  const elements = elementCount(shape);
  if (shape.some((dim) => dim > MAX_DIM)) {
    throw new AmaasError('INVALID_SHAPE', `${what}: dims must be at most ${MAX_DIM}, got ${formatShape(shape)}`);
  }
  const stored = dtype === 'string' ? elements : arrayLength(dtype, elements);
  if (tensor.data.length !== stored) {
    throw new AmaasError(
      'INVALID_SHAPE',
      `${what}: ${dtype} ${formatShape(shape)} needs ${stored} stored values, got ${tensor.data.length}`,
    );
  }
  if (tensor.dtype === 'string' || dtype === 'string') return packStrings(what, tensor);
  if (tensor.dtype === 'bool') assertBooleans(what, tensor.data);
  const { buffer, byteOffset } = tensor.data;
  // Made anew even where it is a typed array already: a Buffer is one too, and its slice() would not copy.
  const data = new TYPED_ARRAYS[dtype](buffer, byteOffset, stored);
  return { dtype, shape, data } as PackedTensor; // `data` is of this dtype's row, 'string' was dealt with
}

/** The error for a tensor that the binding cannot carry; `what` says which and where. */
export function unsupported(what: string, type: string): AmaasError {
  return new AmaasError(
    'UNSUPPORTED_TENSOR',
    `${what} is ${type}, which the Node binding of ONNX Runtime cannot carry`,
  );
}

function packStrings(what: string, tensor: TensorOf<'string'>): PackedStrings {
  const lengths = Uint32Array.from(tensor.data, (element) => element.byteLength);
  const bytes = new Uint8Array(lengths.reduce((sum, length) => sum + length, 0));
  let offset = 0;
  for (const [index, element] of tensor.data.entries()) {
    if (!isUtf8(element)) throw unsupported(`${what}: element ${index}`, 'a string that is not valid UTF-8');
    bytes.set(element, offset);
    offset += element.byteLength;
  }
  if (bytes.includes(0)) throw unsupported(what, 'a string with a NUL byte inside');
  return { dtype: 'string', shape: tensor.shape, lengths, bytes };
}

function assertBooleans(what: string, data: Uint8Array): void {
  const index = data.findIndex((byte) => byte > 1);
  if (index === -1) return;
  throw new AmaasError('INVALID_ARGUMENT', `${what}: a bool must be stored as 0 or 1, got ${data[index]} at ${index}`);
}

/** The reverse of {@link packTensors}, for outputs: string elements become views of one block. */
export function unpackTensors(packed: PackedTensors): NamedTensors {
  const tensors = new Map<string, Tensor>();
  for (const [name, tensor] of packed) tensors.set(name, tensor.dtype === 'string' ? unpackStrings(tensor) : tensor);
  return tensors;
}

/** The reverse of packing, for one string tensor. */
export function unpackStrings({ shape, lengths, bytes }: PackedStrings): TensorOf<'string'> {
  let offset = 0;
  const data = Array.from(lengths, (length) => {
    const start = offset;
    offset += length;
    return bytes.subarray(start, offset);
  });
  return { dtype: 'string', shape, data };
}

/** What the binding reads for one input. */
export function toNative(tensor: PackedTensor): NativeTensor {
  if (tensor.dtype !== 'string') {
    return { type: tensor.dtype, dims: tensor.shape, data: tensor.data, location: 'cpu' };
  }
  const text = Buffer.from(tensor.bytes.buffer, tensor.bytes.byteOffset, tensor.bytes.byteLength);
  let offset = 0;
  const data = Array.from(tensor.lengths, (length) => {
    const start = offset;
    offset += length;
    return text.toString('utf8', start, offset); // keeps a byte order mark, which TextDecoder would swallow
  });
  return { type: 'string', dims: tensor.shape, data, location: 'cpu' };
}

/** An output as the binding gave it; the numbers stay where they are. */
export function fromNative(native: NativeTensor): PackedTensor {
  if (native.type === 'string') {
    return packText(native.dims, native.data as readonly string[]); // what the binding makes for this type
  }
  const dtype = native.type as CarriedFixedDType; // declared types were checked when the model was loaded
  const view = native.data as ArrayBufferView<ArrayBuffer>; // as above
  const { buffer, byteOffset, byteLength } = view;
  const TypedArray = TYPED_ARRAYS[dtype satisfies FixedSizeDType];
  // float16 arrives as Float16Array and is seen as its bits; for the others this makes the same kind of view anew.
  const data = new TypedArray(buffer, byteOffset, byteLength / TypedArray.BYTES_PER_ELEMENT);
  return { dtype, shape: native.dims, data } as PackedTensor; // constructor and dtype are of one table row
}

function packText(shape: readonly number[], elements: readonly string[]): PackedStrings {
  const lengths = Uint32Array.from(elements, (element) => Buffer.byteLength(element));
  const bytes = new Uint8Array(lengths.reduce((sum, length) => sum + length, 0));
  const target = Buffer.from(bytes.buffer);
  let offset = 0;
  for (const element of elements) offset += target.write(element, offset);
  return { dtype: 'string', shape, lengths, bytes };
}

/** The memory blocks of a packed tensor, for transferring and writing. */
export function blocksOf(tensor: PackedTensor): readonly ArrayBufferView[] {
  return tensor.dtype === 'string' ? [tensor.lengths, tensor.bytes] : [tensor.data];
}
