// ONNX's numbers for element types, to and from amaas's names.
// Source: onnx/onnx, onnx.proto `TensorProto.DataType` (IR version 13).
import type { DType } from '@amaas/core';

const CODES = {
  float32: 1,
  uint8: 2,
  int8: 3,
  uint16: 4,
  int16: 5,
  int32: 6,
  int64: 7,
  string: 8,
  bool: 9,
  float16: 10,
  float64: 11,
  uint32: 12,
  uint64: 13,
  complex64: 14,
  complex128: 15,
  bfloat16: 16,
  float8e4m3fn: 17,
  float8e4m3fnuz: 18,
  float8e5m2: 19,
  float8e5m2fnuz: 20,
  uint4: 21,
  int4: 22,
  float4e2m1: 23,
  float8e8m0: 24,
  uint2: 25,
  int2: 26,
} as const satisfies Record<DType, number>;

/** Element types by ONNX's number; 0 (UNDEFINED) and numbers newer than IR version 13 are not in it. */
export const DTYPE_BY_ONNX_CODE: ReadonlyMap<number, DType> = new Map(
  // The keys of CODES are exactly DType.
  Object.entries(CODES).map(([dtype, code]) => [code, dtype as DType]),
);

/** ONNX's number for an element type, 1–26. */
export function onnxCodeOf(dtype: DType): number {
  return CODES[dtype];
}
