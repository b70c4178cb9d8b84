// Triton's names for element types. Source: triton-inference-server/common, model_config.proto, `DataType`.
import type { DType } from '@amaas/core';

const NAMES = {
  bool: 'TYPE_BOOL',
  uint8: 'TYPE_UINT8',
  uint16: 'TYPE_UINT16',
  uint32: 'TYPE_UINT32',
  uint64: 'TYPE_UINT64',
  int8: 'TYPE_INT8',
  int16: 'TYPE_INT16',
  int32: 'TYPE_INT32',
  int64: 'TYPE_INT64',
  float16: 'TYPE_FP16',
  float32: 'TYPE_FP32',
  float64: 'TYPE_FP64',
  string: 'TYPE_STRING',
  bfloat16: 'TYPE_BF16',
} as const satisfies Partial<Record<DType, string>>;

/** Element types by Triton's name. */
export const DTYPE_BY_TRITON_NAME: ReadonlyMap<string, DType> = new Map(
  // The keys of NAMES are dtypes.
  Object.entries(NAMES).map(([dtype, name]) => [name, dtype as DType]),
);

const NAME_BY_DTYPE: ReadonlyMap<DType, string> = new Map(
  [...DTYPE_BY_TRITON_NAME].map(([name, dtype]) => [dtype, name]),
);

/** Triton's name for an element type; TYPE_INVALID for those it lacks (complex, 8-bit floats, 4-bit types). */
export function tritonNameOf(dtype: DType): string {
  return NAME_BY_DTYPE.get(dtype) ?? 'TYPE_INVALID';
}
