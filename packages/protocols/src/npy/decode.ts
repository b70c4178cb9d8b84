// NumPy arrays to tensors. Little-endian arrays in C order are read in place; the rest is copied into that order.
// Pickled objects, structured types, dates and long doubles are refused: no tensor holds them.
import { elementCount, type FixedSizeDType, formatShape, type Tensor, tensorFromBytes } from '@amaas/core';
import { malformedNpy, parseHeader } from './header.ts';

export interface DecodeNpyOptions {
  /** Most elements an array of strings may have; default 4,194,304, as each costs far more memory than its bytes. */
  readonly maxStrings?: number;
}

const DEFAULT_MAX_STRINGS = 2 ** 22;

const DTYPES: ReadonlyMap<string, FixedSizeDType> = new Map([
  ['b1', 'bool'],
  ['i1', 'int8'],
  ['i2', 'int16'],
  ['i4', 'int32'],
  ['i8', 'int64'],
  ['u1', 'uint8'],
  ['u2', 'uint16'],
  ['u4', 'uint32'],
  ['u8', 'uint64'],
  ['f2', 'float16'],
  ['f4', 'float32'],
  ['f8', 'float64'],
  ['c8', 'complex64'],
  ['c16', 'complex128'],
]);

/** What a `descr` says about the elements. */
interface ElementType {
  readonly bigEndian: boolean;
  /** Null for strings. */
  readonly dtype: FixedSizeDType | null;
  /** Strings only: bytes (S) or UTF-32 code points (U). */
  readonly isUnicode: boolean;
  readonly elementBytes: number;
  /** Bytes of what byte order applies to: half a complex number, one code point. */
  readonly wordBytes: number;
}

/**
 * Reads a .npy file. Strings of both kinds become bytes, `U` as UTF-8, without the NULs NumPy pads with.
 * Where alignment allows, the tensor is a view into `bytes`.
 * @throws MALFORMED_REQUEST saying what is wrong or not supported.
 */
export function decodeNpy(bytes: Uint8Array, options: DecodeNpyOptions = {}): Tensor {
  const { descr, fortranOrder, shape, dataStart } = parseHeader(bytes);
  const type = parseDescr(descr);
  const elements = countElements(shape);
  // Not a Buffer, whose slice() would not copy.
  const data = new Uint8Array(bytes.buffer, bytes.byteOffset + dataStart, bytes.byteLength - dataStart);
  if (type.elementBytes === 0 && elements > 0) throw malformedNpy(`elements of type ${descr} have no bytes`);
  if (elements * type.elementBytes !== data.length) {
    throw malformedNpy(
      `${descr} ${formatShape(shape)} needs ${elements * type.elementBytes} bytes of data, got ${data.length}`,
    );
  }
  if (type.dtype === null && elements > (options.maxStrings ?? DEFAULT_MAX_STRINGS)) {
    throw malformedNpy(`${elements} strings are more than the ${options.maxStrings ?? DEFAULT_MAX_STRINGS} allowed`);
  }
  const native = type.bigEndian && type.wordBytes > 1 ? swapWords(data, type.wordBytes) : data;
  const ordered = fortranOrder && shape.length > 1 ? toRowMajor(native, shape, type.elementBytes) : native;
  if (type.dtype === null) return { dtype: 'string', shape, data: splitStrings(ordered, elements, type) };
  const tensor = tensorFromBytes(type.dtype, shape, ordered);
  if (tensor.dtype === 'bool' && tensor.data.some((byte) => byte > 1)) throw malformedNpy('a bool is not 0 or 1');
  return tensor;
}

function parseDescr(descr: string): ElementType {
  const match = /^([<>|=]?)([a-zA-Z?])([0-9]{0,9})$/.exec(descr);
  const [, order, kind = '', size = ''] = match ?? [];
  const bigEndian = order === '>';
  if (kind === 'S' || kind === 'a') {
    return { bigEndian, dtype: null, isUnicode: false, elementBytes: Number(size), wordBytes: 1 };
  }
  if (kind === 'U') return { bigEndian, dtype: null, isUnicode: true, elementBytes: 4 * Number(size), wordBytes: 4 };
  if (kind === 'O') throw malformedNpy('arrays of pickled Python objects are refused: unpickling runs code');
  const dtype = DTYPES.get(kind + size);
  if (dtype === undefined) {
    throw malformedNpy(
      `type ${JSON.stringify(descr.slice(0, 40))} has no tensor: expected bool, an integer, a float of 2, 4 or 8 bytes, complex, S or U`,
    );
  }
  const elementBytes = Number(size);
  return {
    bigEndian,
    dtype,
    isUnicode: false,
    elementBytes,
    wordBytes: kind === 'c' ? elementBytes / 2 : elementBytes,
  };
}

function countElements(shape: readonly number[]): number {
  try {
    return elementCount(shape);
  } catch {
    throw malformedNpy(`no tensor has the shape ${formatShape(shape)}`);
  }
}

/** A copy with the bytes of every word reversed. */
function swapWords(bytes: Uint8Array, wordBytes: number): Uint8Array {
  const swapped = new Uint8Array(bytes.length);
  for (let word = 0; word < bytes.length; word += wordBytes) {
    for (let index = 0; index < wordBytes; index++) swapped[word + index] = bytes[word + wordBytes - 1 - index] ?? 0;
  }
  return swapped;
}

/** A copy in C order of elements that lie in Fortran order, where the first axis runs fastest. */
function toRowMajor(bytes: Uint8Array, shape: readonly number[], elementBytes: number): Uint8Array {
  const ordered = new Uint8Array(bytes.length);
  const strides: number[] = [];
  let stride = elementBytes;
  for (const dim of shape) {
    strides.push(stride);
    stride *= dim;
  }
  const index = shape.map(() => 0);
  let from = 0;
  for (let to = 0; to < bytes.length; to += elementBytes) {
    for (let byte = 0; byte < elementBytes; byte++) ordered[to + byte] = bytes[from + byte] ?? 0;
    // Steps to the next index in C order, carrying `from` along.
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      const next = (index[axis] ?? 0) + 1;
      from += strides[axis] ?? 0;
      if (next < (shape[axis] ?? 0)) {
        index[axis] = next;
        break;
      }
      index[axis] = 0;
      from -= next * (strides[axis] ?? 0);
    }
  }
  return ordered;
}

function splitStrings(bytes: Uint8Array, elements: number, type: ElementType): readonly Uint8Array[] {
  const { elementBytes, isUnicode } = type;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const utf8 = new TextEncoder();
  const strings: Uint8Array[] = [];
  for (let element = 0; element < elements; element++) {
    const start = element * elementBytes;
    let end = start + elementBytes;
    if (isUnicode) {
      while (end > start && view.getUint32(end - 4, true) === 0) end -= 4;
      strings.push(utf8.encode(textOf(view, start, end)));
    } else {
      while (end > start && bytes[end - 1] === 0) end--;
      strings.push(bytes.subarray(start, end));
    }
  }
  return strings;
}

function textOf(view: DataView, start: number, end: number): string {
  let text = '';
  for (let at = start; at < end; at += 4) {
    const code = view.getUint32(at, true);
    if (code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) {
      throw malformedNpy(`a text holds 0x${code.toString(16)}, which is no Unicode character`);
    }
    text += String.fromCodePoint(code);
  }
  return text;
}
