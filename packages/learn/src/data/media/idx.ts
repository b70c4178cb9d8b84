// The idx format of the MNIST files: one array of numbers, big-endian, often gzipped.
// Source: Yann LeCun, "The MNIST database of handwritten digits", section "The IDX file format".
import { AmaasError, elementCount, type FixedSizeDType, formatShape, type Tensor, tensorFromBytes } from '@amaas/core';
import { gunzipIfPacked, type UnpackOptions } from './gunzip.ts';

/** dtype by the third byte of the file. */
const DTYPES: ReadonlyMap<number, FixedSizeDType> = new Map([
  [0x08, 'uint8'],
  [0x09, 'int8'],
  [0x0b, 'int16'],
  [0x0c, 'int32'],
  [0x0d, 'float32'],
  [0x0e, 'float64'],
]);
const BYTES: Readonly<Partial<Record<FixedSizeDType, number>>> = { int16: 2, int32: 4, float32: 4, float64: 8 };

/**
 * The array of an idx file, unpacked first where it is gzipped. Elements of one byte are views of the given bytes.
 * @throws INVALID_DATA when it is no idx file or has too few or too many bytes, and what unpacking throws.
 */
export async function readIdx(bytes: Uint8Array, options: UnpackOptions): Promise<Tensor> {
  return decodeIdx(await gunzipIfPacked(bytes, options), options.name);
}

/** The array of an unpacked idx file. @throws INVALID_DATA */
export function decodeIdx(bytes: Uint8Array, name: string): Tensor {
  const [zero, alsoZero, code = 0, rank = 0] = bytes;
  const dtype = DTYPES.get(code);
  const headerBytes = 4 + 4 * rank;
  if (zero !== 0 || alsoZero !== 0 || dtype === undefined || rank === 0) {
    const start = [...bytes.subarray(0, 4)].map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
    throw new AmaasError(
      'INVALID_DATA',
      `idx: ${name} is no idx file: expected it to begin 00 00, a type and a rank, got ${start || 'nothing'}`,
    );
  }
  if (bytes.byteLength < headerBytes)
    throw new AmaasError('INVALID_DATA', `idx: ${name} ends within its header of ${headerBytes} bytes`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const shape = Array.from({ length: rank }, (_, axis) => view.getUint32(4 + 4 * axis));
  const width = BYTES[dtype] ?? 1;
  const expected = countElements(shape, name) * width;
  const data = bytes.subarray(headerBytes);
  if (data.byteLength !== expected) {
    throw new AmaasError(
      'INVALID_DATA',
      `idx: ${name} announces ${dtype} ${formatShape(shape)}, ${expected} bytes, and has ${data.byteLength}`,
    );
  }
  return tensorFromBytes(dtype, shape, width === 1 ? data : reverseElements(data, width));
}

function countElements(shape: readonly number[], name: string): number {
  try {
    return elementCount(shape);
  } catch (cause) {
    throw new AmaasError('INVALID_DATA', `idx: ${name} announces the shape ${formatShape(shape)}`, { cause });
  }
}

/** The same elements with their bytes the other way round. */
function reverseElements(bytes: Uint8Array, width: number): Uint8Array {
  const reversed = new Uint8Array(bytes.byteLength);
  for (let at = 0; at < bytes.byteLength; at++)
    reversed[at - (at % width) + (width - 1 - (at % width))] = bytes[at] ?? 0;
  return reversed;
}
