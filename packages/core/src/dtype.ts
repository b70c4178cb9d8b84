// Element types of tensors: every dtype ONNX defines, with how amaas stores it in memory.
// Wire names ("FP32", "DT_FLOAT", ONNX's numbers) belong to the codecs; only amaas's own names live here.
// Source: onnx/onnx, onnx.proto `TensorProto.DataType` (IR version 13).

/** Bits of one element as stored; 0 marks strings, whose elements have no fixed size. */
export const DTYPE_BITS = {
  float32: 32,
  float64: 64,
  float16: 16,
  bfloat16: 16,
  float8e4m3fn: 8,
  float8e4m3fnuz: 8,
  float8e5m2: 8,
  float8e5m2fnuz: 8,
  float8e8m0: 8,
  float4e2m1: 4,
  int8: 8,
  int16: 16,
  int32: 32,
  int64: 64,
  uint8: 8,
  uint16: 16,
  uint32: 32,
  uint64: 64,
  int4: 4,
  uint4: 4,
  int2: 2,
  uint2: 2,
  bool: 8,
  complex64: 64,
  complex128: 128,
  string: 0,
} as const;

/** An element type. */
export type DType = keyof typeof DTYPE_BITS;

/** Every dtype, in the order of {@link DTYPE_BITS}. */
export const DTYPES = Object.keys(DTYPE_BITS) as readonly DType[]; // the keys of a const object are exactly DType

/** Whether `name` is one of amaas's dtype names. */
export function isDType(name: string): name is DType {
  return Object.hasOwn(DTYPE_BITS, name);
}

/**
 * The typed array that holds a dtype's elements.
 *
 * float16 and bfloat16 are held as bit patterns in a Uint16Array (browsers older than 2025 have no Float16Array);
 * bool as one byte 0 or 1; the 8-bit floats as bit patterns; the 2- and 4-bit types packed, low bits first,
 * rows not padded, the last byte filled with zeros; complex numbers as interleaved real and imaginary parts.
 * A string element is a Uint8Array: bytes, not text.
 */
export interface TensorDataByDType {
  float32: Float32Array;
  float64: Float64Array;
  float16: Uint16Array;
  bfloat16: Uint16Array;
  float8e4m3fn: Uint8Array;
  float8e4m3fnuz: Uint8Array;
  float8e5m2: Uint8Array;
  float8e5m2fnuz: Uint8Array;
  float8e8m0: Uint8Array;
  float4e2m1: Uint8Array;
  int8: Int8Array;
  int16: Int16Array;
  int32: Int32Array;
  int64: BigInt64Array;
  uint8: Uint8Array;
  uint16: Uint16Array;
  uint32: Uint32Array;
  uint64: BigUint64Array;
  int4: Uint8Array;
  uint4: Uint8Array;
  int2: Uint8Array;
  uint2: Uint8Array;
  bool: Uint8Array;
  complex64: Float32Array;
  complex128: Float64Array;
  string: readonly Uint8Array[];
}

/** Dtypes whose elements have a fixed size. */
export type FixedSizeDType = Exclude<DType, 'string'>;

type ArrayConstructors = {
  readonly [D in FixedSizeDType]: {
    new (length: number): TensorDataByDType[D];
    new (buffer: ArrayBufferLike, byteOffset: number, length: number): TensorDataByDType[D];
    readonly BYTES_PER_ELEMENT: number;
  };
};

/** Constructor of the typed array each fixed-size dtype is held in. */
export const TYPED_ARRAYS: ArrayConstructors = {
  float32: Float32Array,
  float64: Float64Array,
  float16: Uint16Array,
  bfloat16: Uint16Array,
  float8e4m3fn: Uint8Array,
  float8e4m3fnuz: Uint8Array,
  float8e5m2: Uint8Array,
  float8e5m2fnuz: Uint8Array,
  float8e8m0: Uint8Array,
  float4e2m1: Uint8Array,
  int8: Int8Array,
  int16: Int16Array,
  int32: Int32Array,
  int64: BigInt64Array,
  uint8: Uint8Array,
  uint16: Uint16Array,
  uint32: Uint32Array,
  uint64: BigUint64Array,
  int4: Uint8Array,
  uint4: Uint8Array,
  int2: Uint8Array,
  uint2: Uint8Array,
  bool: Uint8Array,
  complex64: Float32Array,
  complex128: Float64Array,
};

/** Bytes that `elements` elements of a fixed-size dtype occupy (packed dtypes round up to a whole byte). */
export function byteSize(dtype: FixedSizeDType, elements: number): number {
  return Math.ceil((elements * DTYPE_BITS[dtype]) / 8);
}

/** Length of the typed array that holds `elements` elements of a fixed-size dtype. */
export function arrayLength(dtype: FixedSizeDType, elements: number): number {
  return byteSize(dtype, elements) / TYPED_ARRAYS[dtype].BYTES_PER_ELEMENT;
}
