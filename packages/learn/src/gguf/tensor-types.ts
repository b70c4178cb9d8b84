// The types that tensors of a file may have: their numbers, and how many elements share how many bytes. Most of them are
// only measured here, so that what lies behind such a tensor is found.
// Source: ggml, include/ggml.h and gguf-py/gguf/constants.py.
import { AmaasError } from '@amaas/core';

interface TensorType {
  readonly number: number;
  /** Elements of a row that are stored together. */
  readonly blockSize: number;
  readonly blockBytes: number;
}

function type(number: number, blockSize: number, blockBytes: number): TensorType {
  return { number, blockSize, blockBytes };
}

export const TENSOR_TYPES = {
  F32: type(0, 1, 4),
  F16: type(1, 1, 2),
  Q4_0: type(2, 32, 18),
  Q4_1: type(3, 32, 20),
  Q5_0: type(6, 32, 22),
  Q5_1: type(7, 32, 24),
  Q8_0: type(8, 32, 34),
  Q8_1: type(9, 32, 36),
  Q2_K: type(10, 256, 84),
  Q3_K: type(11, 256, 110),
  Q4_K: type(12, 256, 144),
  Q5_K: type(13, 256, 176),
  Q6_K: type(14, 256, 210),
  Q8_K: type(15, 256, 292),
  IQ2_XXS: type(16, 256, 66),
  IQ2_XS: type(17, 256, 74),
  IQ3_XXS: type(18, 256, 98),
  IQ1_S: type(19, 256, 50),
  IQ4_NL: type(20, 32, 18),
  IQ3_S: type(21, 256, 110),
  IQ2_S: type(22, 256, 82),
  IQ4_XS: type(23, 256, 136),
  I8: type(24, 1, 1),
  I16: type(25, 1, 2),
  I32: type(26, 1, 4),
  I64: type(27, 1, 8),
  F64: type(28, 1, 8),
  IQ1_M: type(29, 256, 56),
  BF16: type(30, 1, 2),
  TQ1_0: type(34, 256, 54),
  TQ2_0: type(35, 256, 66),
  MXFP4: type(39, 32, 17),
  NVFP4: type(40, 64, 36),
  Q1_0: type(41, 128, 18),
  Q2_0: type(42, 64, 18),
} as const satisfies Readonly<Record<string, TensorType>>;

/** A type by the name ggml gives it. */
export type TensorTypeName = keyof typeof TENSOR_TYPES;

const NAME_BY_NUMBER = new Map(
  // The keys of a const object are exactly its names.
  (Object.keys(TENSOR_TYPES) as TensorTypeName[]).map((name) => [TENSOR_TYPES[name].number, name] as const),
);

/** A tensor as a file lists it. */
export interface TensorInfo {
  readonly name: string;
  readonly type: TensorTypeName;
  /** Row-major, as everywhere in amaas: the last axis lies together. The file has the axes the other way round. */
  readonly shape: readonly number[];
  /** Of its first byte in the file. */
  readonly offset: number;
  readonly byteLength: number;
}

export function tensorTypeName(number: number): TensorTypeName | undefined {
  return NAME_BY_NUMBER.get(number);
}

/** Axes a tensor may have. Source: GGML_MAX_DIMS. */
export const MAX_AXES = 4;

/** Bytes of a name at most. Source: GGML_MAX_NAME, which counts an ending zero. */
export const MAX_NAME_BYTES = 63;

/**
 * Bytes of a tensor.
 * @throws INVALID_MODEL when rows are no whole number of blocks, or there are more elements than can be counted
 */
export function tensorBytes(what: string, name: TensorTypeName, shape: readonly number[]): number {
  const { blockSize, blockBytes } = TENSOR_TYPES[name];
  const elements = shape.reduce((product, size) => product * size, 1);
  const bytes = (elements / blockSize) * blockBytes;
  if (!Number.isSafeInteger(elements) || !Number.isFinite(bytes) || bytes > Number.MAX_SAFE_INTEGER) {
    throw new AmaasError('INVALID_MODEL', `gguf: ${what} of [${shape}] has more elements than can be counted`);
  }
  const row = shape.at(-1) ?? 1;
  if (row % blockSize !== 0) {
    throw new AmaasError(
      'INVALID_MODEL',
      `gguf: ${what}: rows of ${name} expect a multiple of ${blockSize} elements, got ${row}`,
    );
  }
  return bytes;
}
