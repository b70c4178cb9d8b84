// Between ONNX's stored tensors and amaas's: raw bytes and every typed field in, raw bytes (strings aside) out.
// Raw bytes are read in place. External data is refused here: this file opens no other.
import {
  AmaasError,
  arrayLength,
  type DType,
  elementCount,
  type FixedSizeDType,
  formatShape,
  type Tensor,
  tensorBytes,
  tensorFromBytes,
  TYPED_ARRAYS,
} from '@amaas/core';
import { DTYPE_BY_ONNX_CODE, onnxCodeOf } from './dtype-codes.ts';
import { EXTERNAL_DATA, type OnnxTensor } from './model.ts';
import { readTensor } from './read.ts';
import { WireReader } from './wire.ts';
import { writeTensor } from './write.ts';

/** A tensor and the name it is stored under (`''` when it has none). */
export interface NamedTensor {
  readonly name: string;
  readonly tensor: Tensor;
}

/** Reads a serialized TensorProto. Where alignment allows, the tensor is a view into `bytes`. @throws INVALID_MODEL */
export function tensorFromProto(bytes: Uint8Array): NamedTensor {
  const stored = readTensor(bytes);
  return { name: stored.name ?? '', tensor: tensorFromOnnx(stored) };
}

/** Serializes a tensor as a TensorProto. */
export function tensorToProto(name: string, tensor: Tensor): Uint8Array<ArrayBuffer> {
  return writeTensor(onnxFromTensor(name, tensor));
}

/** A tensor as ONNX stores it, over the same memory: do not change the tensor while the result is in use. */
export function onnxFromTensor(name: string, tensor: Tensor): OnnxTensor {
  const head = { name, dims: tensor.shape, dataType: onnxCodeOf(tensor.dtype) };
  if (tensor.dtype === 'string') return { ...head, stringData: tensor.data };
  return { ...head, rawData: tensorBytes(tensor) };
}

/**
 * Reads a stored tensor.
 * @throws INVALID_MODEL when dtype, dims and data do not agree, or the data lies in another file.
 */
export function tensorFromOnnx(stored: OnnxTensor): Tensor {
  const fail = (what: string): AmaasError =>
    new AmaasError('INVALID_MODEL', `onnx: tensor ${JSON.stringify(stored.name ?? '')} ${what}`);
  const dtype = DTYPE_BY_ONNX_CODE.get(stored.dataType);
  if (dtype === undefined) throw fail(`has element type ${stored.dataType}, which ONNX does not define`);
  if (stored.dataLocation === EXTERNAL_DATA) throw fail('keeps its data in another file');
  if (stored.segment !== undefined) throw fail('is one segment of a larger tensor, which is not supported');
  try {
    const elements = elementCount(stored.dims);
    if (dtype === 'string') return stringTensor(stored, elements);
    const tensor =
      stored.rawData === undefined
        ? fromTypedField(stored, dtype, elements)
        : tensorFromBytes(dtype, stored.dims, stored.rawData);
    if (tensor.dtype === 'bool' && tensor.data.some((byte) => byte > 1)) throw fail('holds a bool that is not 0 or 1');
    return tensor;
  } catch (error) {
    if (error instanceof AmaasError && error.reason === 'INVALID_SHAPE') {
      throw fail(`does not fit its dims: ${error.message}`);
    }
    throw error;
  }
}

function stringTensor(stored: OnnxTensor, elements: number): Tensor {
  const data = stored.stringData ?? [];
  if (data.length !== elements) throw wrongCount(stored, elements, data.length);
  return { dtype: 'string', shape: stored.dims, data };
}

function fromTypedField(stored: OnnxTensor, dtype: FixedSizeDType, elements: number): Tensor {
  switch (dtype) {
    case 'float32':
    case 'complex64':
      return tensorFromBytes(dtype, stored.dims, stored.floatData ?? new Uint8Array(0));
    case 'float64':
    case 'complex128':
      return tensorFromBytes(dtype, stored.dims, stored.doubleData ?? new Uint8Array(0));
    case 'int64':
      return fromVarints(stored, stored.int64Data, { dtype, elements });
    case 'uint32':
    case 'uint64':
      return fromVarints(stored, stored.uint64Data, { dtype, elements });
    default:
      return fromVarints(stored, stored.int32Data, { dtype, elements });
  }
}

/** Least and greatest value int32_data and uint64_data may hold; bit patterns may have been sign-extended. */
const VARINT_RANGES: Readonly<Partial<Record<DType, readonly [number, number]>>> = {
  int8: [-128, 127],
  int16: [-32768, 32767],
  int32: [-(2 ** 31), 2 ** 31 - 1],
  uint8: [0, 255],
  uint16: [0, 65535],
  uint32: [0, 2 ** 32 - 1],
  bool: [0, 1],
  float16: [-32768, 65535],
  bfloat16: [-32768, 65535],
};
const BYTE_PATTERN: readonly [number, number] = [-128, 255];

/** Reads varints one per stored value: per element, or per byte where 2- and 4-bit elements are packed. */
function fromVarints(
  stored: OnnxTensor,
  varints: Uint8Array | undefined,
  type: { readonly dtype: FixedSizeDType; readonly elements: number },
): Tensor {
  const { dtype, elements } = type;
  const length = arrayLength(dtype, elements);
  const bytes = varints ?? new Uint8Array(0);
  // Every value takes a byte at least: check before allocating by what dims claim.
  if (length > bytes.length) throw wrongCount(stored, length, bytes.length);
  const wire = new WireReader(bytes);
  const next = (index: number): void => {
    if (wire.position >= bytes.length) throw wrongCount(stored, length, index);
    wire.readVarint(bytes.length);
  };
  const data = new TYPED_ARRAYS[dtype](length);
  if (data instanceof BigInt64Array || data instanceof BigUint64Array) {
    for (let index = 0; index < length; index++) {
      next(index);
      data[index] = wire.int64;
    }
  } else {
    const [least, greatest] = VARINT_RANGES[dtype] ?? BYTE_PATTERN;
    for (let index = 0; index < length; index++) {
      next(index);
      const value = wire.integer;
      if (value < least || value > greatest) {
        throw new AmaasError(
          'INVALID_MODEL',
          `onnx: tensor ${JSON.stringify(stored.name ?? '')} holds ${value}, which ${dtype} cannot`,
        );
      }
      data[index] = value;
    }
  }
  if (wire.position !== bytes.length) {
    throw new AmaasError(
      'INVALID_MODEL',
      `onnx: tensor ${JSON.stringify(stored.name ?? '')} of ${dtype} ${formatShape(stored.dims)} holds more than ${length} values`,
    );
  }
  // The array was made by the constructor of the same dtype.
  return { dtype, shape: stored.dims, data } as Tensor;
}

function wrongCount(stored: OnnxTensor, expected: number, got: number): AmaasError {
  return new AmaasError(
    'INVALID_MODEL',
    `onnx: tensor ${JSON.stringify(stored.name ?? '')} with dims ${formatShape(stored.dims)} needs ${expected} stored values, got ${got < expected ? `at most ${got}` : got}`,
  );
}
