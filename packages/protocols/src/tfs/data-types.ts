// TensorFlow's names of amaas's dtypes: as JSON metadata spells them and as messages do.
// Source: tensorflow/tensorflow, tensorflow/core/framework/types.proto and types.cc.
import type { DType } from '@amaas/core';

/** Names of the DataType enum; DT_INVALID where TensorFlow has no such type. */
export const DATA_TYPES: Readonly<Record<DType, string>> = {
  float32: 'DT_FLOAT',
  float64: 'DT_DOUBLE',
  float16: 'DT_HALF',
  bfloat16: 'DT_BFLOAT16',
  float8e4m3fn: 'DT_FLOAT8_E4M3FN',
  float8e4m3fnuz: 'DT_FLOAT8_E4M3FNUZ',
  float8e5m2: 'DT_FLOAT8_E5M2',
  float8e5m2fnuz: 'DT_FLOAT8_E5M2FNUZ',
  float8e8m0: 'DT_INVALID',
  float4e2m1: 'DT_INVALID',
  int8: 'DT_INT8',
  int16: 'DT_INT16',
  int32: 'DT_INT32',
  int64: 'DT_INT64',
  uint8: 'DT_UINT8',
  uint16: 'DT_UINT16',
  uint32: 'DT_UINT32',
  uint64: 'DT_UINT64',
  int4: 'DT_INT4',
  uint4: 'DT_UINT4',
  int2: 'DT_INVALID',
  uint2: 'DT_INVALID',
  bool: 'DT_BOOL',
  complex64: 'DT_COMPLEX64',
  complex128: 'DT_COMPLEX128',
  string: 'DT_STRING',
};

/** The name TensorFlow's messages use: `float` where amaas says float32; the other names are the same. */
export function describeDataType(dtype: DType): string {
  switch (dtype) {
    case 'float32':
      return 'float';
    case 'float64':
      return 'double';
    case 'float16':
      return 'half';
    default:
      return dtype;
  }
}
