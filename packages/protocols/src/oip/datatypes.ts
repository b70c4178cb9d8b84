// Names of element types in the Open Inference Protocol and which core dtype each stands for.
// Source: Open Inference Protocol v2, "Tensor Data Types"; BF16 is Triton's addition.
import { AmaasError, type DType } from '@amaas/core';

/** A datatype name of the protocol. */
export type OipDatatype =
  | 'BOOL'
  | 'UINT8'
  | 'UINT16'
  | 'UINT32'
  | 'UINT64'
  | 'INT8'
  | 'INT16'
  | 'INT32'
  | 'INT64'
  | 'FP16'
  | 'FP32'
  | 'FP64'
  | 'BF16'
  | 'BYTES';

/** The core dtypes the protocol has a name for. */
export type OipDType = Extract<
  DType,
  | 'bool'
  | 'uint8'
  | 'uint16'
  | 'uint32'
  | 'uint64'
  | 'int8'
  | 'int16'
  | 'int32'
  | 'int64'
  | 'float16'
  | 'float32'
  | 'float64'
  | 'bfloat16'
  | 'string'
>;

/** Datatype name of every core dtype the protocol can carry. */
export const OIP_DATATYPES: Readonly<Record<OipDType, OipDatatype>> = {
  bool: 'BOOL',
  uint8: 'UINT8',
  uint16: 'UINT16',
  uint32: 'UINT32',
  uint64: 'UINT64',
  int8: 'INT8',
  int16: 'INT16',
  int32: 'INT32',
  int64: 'INT64',
  float16: 'FP16',
  float32: 'FP32',
  float64: 'FP64',
  bfloat16: 'BF16',
  string: 'BYTES',
};

const DTYPES_BY_NAME: ReadonlyMap<string, OipDType> = new Map(
  // The keys of OIP_DATATYPES are exactly OipDType.
  Object.entries(OIP_DATATYPES).map(([dtype, name]) => [name, dtype as OipDType]),
);

/** The core dtype of a datatype name (case-sensitive), or undefined where the protocol knows no such name. */
export function dtypeFromOip(datatype: string): OipDType | undefined {
  return DTYPES_BY_NAME.get(datatype);
}

/** Whether the protocol has a name for `dtype`. */
export function isOipDType(dtype: DType): dtype is OipDType {
  return Object.hasOwn(OIP_DATATYPES, dtype);
}

/**
 * The datatype name of `dtype`.
 * @throws UNSUPPORTED_TENSOR naming the tensor and its type where the protocol has no name for it.
 */
export function oipDatatype(tensor: string, dtype: DType): OipDatatype {
  if (!isOipDType(dtype)) {
    throw new AmaasError(
      'UNSUPPORTED_TENSOR',
      `tensor '${tensor}' is ${dtype}, which the Open Inference Protocol has no datatype for`,
      { details: { tensor, dtype } },
    );
  }
  return OIP_DATATYPES[dtype];
}

/** A name to show for any dtype: the protocol's where it has one, else the core name in upper case (metadata only). */
export function describeDatatype(dtype: DType): string {
  return isOipDType(dtype) ? OIP_DATATYPES[dtype] : dtype.toUpperCase();
}
