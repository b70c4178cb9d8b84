// Numbers to the bytes of tensors and back: F32, F16, BF16, and blocks of 32 numbers that share a scale (Q8_0: 8 bits each;
// Q4_0: 4 bits each). Every operation is rounded to float32, so that blocks are those of ggml's reference to the last bit.
// Source: ggml, src/ggml-quants.c, `quantize_row_q8_0_ref`, `quantize_row_q4_0_ref` and their reverses.
import {
  AmaasError,
  bfloat16BitsFromNumber,
  float16BitsFromNumber,
  numberFromBfloat16Bits,
  numberFromFloat16Bits,
} from '@amaas/core';
import { dequantizeK, isKType, type KType } from './dequantize-k.ts';
import { TENSOR_TYPES, type TensorTypeName } from './tensor-types.ts';

const STORED = ['F32', 'F16', 'BF16', 'Q8_0', 'Q4_0'] as const;

/** The types that are written. */
export type StoredType = (typeof STORED)[number];

/** The types whose numbers are read. */
export type ReadableType = StoredType | KType;

export function isStoredType(type: TensorTypeName): type is StoredType {
  return STORED.some((name) => name === type);
}

export function isReadableType(type: TensorTypeName): type is ReadableType {
  return isStoredType(type) || isKType(type);
}

const BLOCK = 32;
const fround = Math.fround;

/**
 * @param values - whole blocks of the type
 * @throws INVALID_DATA for numbers that are not finite or too large for the type's scale
 */
export function quantize(type: StoredType, values: Float32Array): Uint8Array {
  const { blockSize, blockBytes } = TENSOR_TYPES[type];
  if (values.length % blockSize !== 0) {
    throw new AmaasError(
      'INVALID_DATA',
      `quantize: ${type} expects a multiple of ${blockSize} numbers, got ${values.length}`,
    );
  }
  const greatest = greatestSize(type, values);
  const bytes = new Uint8Array((values.length / blockSize) * blockBytes);
  switch (type) {
    case 'F32':
      bytes.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
      break;
    case 'F16':
      writeHalves(new Uint16Array(bytes.buffer), values, float16BitsFromNumber);
      break;
    case 'BF16':
      writeHalves(new Uint16Array(bytes.buffer), values, bfloat16BitsFromNumber);
      break;
    case 'Q8_0':
      quantizeTo8Bits(bytes, values);
      break;
    case 'Q4_0':
      quantizeTo4Bits(bytes, values);
      break;
    default:
      return type satisfies never;
  }
  const limit = GREATEST[type];
  if (greatest < limit) return bytes;
  throw new AmaasError('INVALID_DATA', `quantize: ${type} holds sizes below ${limit}, got ${greatest}`);
}

/** The reverse of {@link quantize}, for more types. @param bytes - whole blocks of the type */
export function dequantize(type: ReadableType, bytes: Uint8Array): Float32Array<ArrayBuffer> {
  const { blockSize, blockBytes } = TENSOR_TYPES[type];
  if (bytes.length % blockBytes !== 0) {
    throw new AmaasError(
      'INVALID_DATA',
      `dequantize: ${type} expects a multiple of ${blockBytes} bytes, got ${bytes.length}`,
    );
  }
  if (isKType(type)) return dequantizeK(type, bytes);
  const values = new Float32Array((bytes.length / blockBytes) * blockSize);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  switch (type) {
    case 'F32':
      new Uint8Array(values.buffer).set(bytes);
      break;
    case 'F16':
      for (let k = 0; k < values.length; k++) values[k] = numberFromFloat16Bits(view.getUint16(2 * k, true));
      break;
    case 'BF16':
      for (let k = 0; k < values.length; k++) values[k] = numberFromBfloat16Bits(view.getUint16(2 * k, true));
      break;
    case 'Q8_0':
      for (let block = 0, at = 0; at < bytes.length; block += BLOCK, at += blockBytes) {
        const scale = numberFromFloat16Bits(view.getUint16(at, true));
        for (let k = 0; k < BLOCK; k++) values[block + k] = view.getInt8(at + 2 + k) * scale;
      }
      break;
    case 'Q4_0':
      for (let block = 0, at = 0; at < bytes.length; block += BLOCK, at += blockBytes) {
        const scale = numberFromFloat16Bits(view.getUint16(at, true));
        for (let k = 0; k < BLOCK / 2; k++) {
          const pair = view.getUint8(at + 2 + k);
          values[block + k] = ((pair & 15) - 8) * scale;
          values[block + k + BLOCK / 2] = ((pair >> 4) - 8) * scale;
        }
      }
      break;
    default:
      return type satisfies never;
  }
  return values;
}

/** From this size on a number, or the scale of its block, is no longer finite: 65,520 is the first that is no half. */
const GREATEST: Readonly<Record<StoredType, number>> = {
  F32: Number.POSITIVE_INFINITY,
  F16: 65_520,
  BF16: (2 - 2 ** -8) * 2 ** 127,
  Q8_0: 65_520 * 127,
  Q4_0: 65_520 * 8,
};

function greatestSize(type: StoredType, values: Float32Array): number {
  let greatest = 0;
  for (const value of values) {
    const size = Math.abs(value);
    if (!(size < Number.POSITIVE_INFINITY)) {
      throw new AmaasError('INVALID_DATA', `quantize: ${type} expects finite numbers, got ${value}`);
    }
    if (size > greatest) greatest = size;
  }
  return greatest;
}

function writeHalves(halves: Uint16Array, values: Float32Array, bitsOf: (value: number) => number): void {
  for (let k = 0; k < values.length; k++) halves[k] = bitsOf(values[k] ?? 0);
}

/** What numbers are multiplied by. Infinite only for scales that half precision makes 0: levels then count nothing. */
function inverse(scale: number): number {
  return scale === 0 ? 0 : fround(1 / scale);
}

function quantizeTo8Bits(bytes: Uint8Array, values: Float32Array): void {
  const view = new DataView(bytes.buffer);
  for (let block = 0, at = 0; block < values.length; block += BLOCK, at += BLOCK + 2) {
    let greatest = 0;
    for (let k = 0; k < BLOCK; k++) greatest = Math.max(greatest, Math.abs(values[block + k] ?? 0));
    const scale = fround(greatest / 127);
    const factor = inverse(scale);
    view.setUint16(at, float16BitsFromNumber(scale), true);
    for (let k = 0; k < BLOCK; k++) {
      const scaled = fround((values[block + k] ?? 0) * factor);
      // Halves go away from zero, as in C's roundf.
      view.setInt8(at + 2 + k, Math.sign(scaled) * Math.floor(Math.abs(scaled) + 0.5));
    }
  }
}

function quantizeTo4Bits(bytes: Uint8Array, values: Float32Array): void {
  const view = new DataView(bytes.buffer);
  for (let block = 0, at = 0; block < values.length; block += BLOCK, at += BLOCK / 2 + 2) {
    let greatest = 0; // with its sign; the first of equal sizes
    for (let k = 0; k < BLOCK; k++) {
      const value = values[block + k] ?? 0;
      if (Math.abs(value) > Math.abs(greatest)) greatest = value;
    }
    const scale = fround(greatest / -8);
    const factor = inverse(scale);
    view.setUint16(at, float16BitsFromNumber(scale), true);
    const level = (k: number): number =>
      Math.min(15, Math.trunc(fround(fround((values[block + k] ?? 0) * factor) + 8.5)));
    for (let k = 0; k < BLOCK / 2; k++) bytes[at + 2 + k] = level(k) | (level(k + BLOCK / 2) << 4);
  }
}
