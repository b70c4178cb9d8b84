// The binary tensor extension: raw little-endian elements behind the JSON header, BYTES elements each behind its length.
// Source: Triton protocol extension "Binary Tensor Data".
import { byteSize, type Tensor, tensorFromBytes } from '@amaas/core';
import { OIP_DATATYPES, type OipDType } from './datatypes.ts';
import { describePlace, type TensorPlace, tensorError } from './tensor-place.ts';

/** Bytes of the length in front of every BYTES element (unsigned 32 bits, little-endian). */
const LENGTH_BYTES = 4;

/** The bytes behind a JSON header, handed out tensor by tensor. */
export class BinaryPart {
  readonly #bytes: Uint8Array;
  #offset: number;

  /** Reads `bytes` from `offset` on. */
  constructor(bytes: Uint8Array, offset: number) {
    this.#bytes = bytes;
    this.#offset = offset;
  }

  /** Bytes nobody has taken yet. */
  get remainingBytes(): number {
    return this.#bytes.byteLength - this.#offset;
  }

  /**
   * The next `byteLength` bytes, as a view.
   * @throws MALFORMED_REQUEST when fewer are left.
   */
  take(byteLength: number, place: TensorPlace): Uint8Array {
    const missing = byteLength - this.remainingBytes;
    if (missing > 0) {
      throw tensorError(
        place,
        'MALFORMED_REQUEST',
        `unexpected size for ${place.direction} '${place.name}', expecting ${missing} additional bytes for model '${place.model}'`,
      );
    }
    // Not `subarray`: on a Node Buffer that gives a Buffer, whose `slice` does not copy.
    const view = new Uint8Array(this.#bytes.buffer, this.#bytes.byteOffset + this.#offset, byteLength);
    this.#offset += byteLength;
    return view;
  }
}

/**
 * The tensor of `elements` elements that `bytes` hold: a view where the alignment allows one, else a copy.
 * BYTES elements are always views. `elements` must be the element count of `shape`.
 * @throws INVALID_SHAPE when the byte count does not fit the shape, MALFORMED_REQUEST when BYTES framing is broken.
 */
export function tensorFromBinary(
  place: TensorPlace,
  declared: { readonly dtype: OipDType; readonly shape: readonly number[]; readonly elements: number },
  bytes: Uint8Array,
): Tensor {
  const { dtype, shape, elements } = declared;
  if (dtype === 'string') return { dtype, shape, data: decodeBytesElements(place, elements, bytes) };
  const expected = byteSize(dtype, elements);
  if (bytes.byteLength !== expected) {
    throw tensorError(
      place,
      'INVALID_SHAPE',
      `${place.direction} byte size mismatch for ${describePlace(place)}. Expected ${expected}, got ${bytes.byteLength}`,
    );
  }
  const tensor = tensorFromBytes(dtype, shape, bytes);
  if (tensor.dtype === 'bool') assertBooleans(place, tensor.data);
  return tensor;
}

/** A byte other than 0 and 1 in a bool tensor is undefined behaviour in ONNX Runtime's kernels. */
function assertBooleans(place: TensorPlace, data: Uint8Array): void {
  for (let index = 0; index < data.length; index++) {
    const byte = data[index] ?? 0;
    if (byte > 1) {
      throw tensorError(
        place,
        'INVALID_ARGUMENT',
        `${OIP_DATATYPES.bool} elements must be 0 or 1, got ${byte} at element ${index} of ${describePlace(place)}`,
      );
    }
  }
}

/** Splits BYTES elements into views over `bytes`. Allocates by the bytes that are there, never by the claimed count. */
function decodeBytesElements(place: TensorPlace, count: number, bytes: Uint8Array): readonly Uint8Array[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const elements: Uint8Array[] = [];
  let offset = 0;
  while (offset < bytes.byteLength) {
    const available = bytes.byteLength - offset;
    if (available < LENGTH_BYTES) {
      throw tensorError(
        place,
        'MALFORMED_REQUEST',
        `incomplete string length indicator for inference ${describePlace(place)}, expecting ${LENGTH_BYTES} bytes but only ${available} bytes available`,
      );
    }
    if (elements.length === count) {
      throw tensorError(
        place,
        'INVALID_SHAPE',
        `unexpected number of string elements ${count + 1} for inference ${describePlace(place)}, expecting ${count}`,
      );
    }
    const length = view.getUint32(offset, true);
    if (length > available - LENGTH_BYTES) {
      throw tensorError(
        place,
        'MALFORMED_REQUEST',
        `incomplete string data for inference ${describePlace(place)}, expecting string of length ${length} but only ${available - LENGTH_BYTES} bytes available`,
      );
    }
    elements.push(new Uint8Array(bytes.buffer, bytes.byteOffset + offset + LENGTH_BYTES, length));
    offset += LENGTH_BYTES + length;
  }
  if (elements.length !== count) {
    throw tensorError(
      place,
      'INVALID_SHAPE',
      `expected ${count} string elements for inference ${describePlace(place)}, got ${elements.length}`,
    );
  }
  return elements;
}

/** The elements of a BYTES tensor one behind the other, each behind its length. */
export function encodeBytesElements(elements: readonly Uint8Array[]): Uint8Array {
  let total = 0;
  for (const element of elements) total += LENGTH_BYTES + element.byteLength;
  const bytes = new Uint8Array(total);
  const view = new DataView(bytes.buffer);
  let offset = 0;
  for (const element of elements) {
    view.setUint32(offset, element.byteLength, true);
    bytes.set(element, offset + LENGTH_BYTES);
    offset += LENGTH_BYTES + element.byteLength;
  }
  return bytes;
}
