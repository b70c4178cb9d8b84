// Tensors to NumPy arrays: little-endian, C order, strings as `U` where they are text and as `S` where they are not.
import { AmaasError, type DType, formatShape, type Tensor, tensorBytes, type TensorOf } from '@amaas/core';
import { formatHeader } from './header.ts';

/** NumPy's types; what is missing (bfloat16, the 8-, 4- and 2-bit types) NumPy itself cannot store. */
const DESCRS: ReadonlyMap<DType, string> = new Map([
  ['bool', '|b1'],
  ['int8', '|i1'],
  ['int16', '<i2'],
  ['int32', '<i4'],
  ['int64', '<i8'],
  ['uint8', '|u1'],
  ['uint16', '<u2'],
  ['uint32', '<u4'],
  ['uint64', '<u8'],
  ['float16', '<f2'],
  ['float32', '<f4'],
  ['float64', '<f8'],
  ['complex64', '<c8'],
  ['complex128', '<c16'],
]);

/** NumPy gives every string the width of the longest, so one long string among many could ask for any amount. */
const MAX_STRING_BYTES = 2 ** 30;

/**
 * Writes a .npy file.
 * @throws UNSUPPORTED_TENSOR for a dtype NumPy has not, and for strings ending in NUL, which NumPy drops.
 */
export function encodeNpy(tensor: Tensor): Uint8Array<ArrayBuffer> {
  const { shape } = tensor;
  if (tensor.dtype === 'string') return encodeStrings(tensor);
  const descr = DESCRS.get(tensor.dtype);
  if (descr === undefined) throw unsupported(`NumPy has no type for ${tensor.dtype}`);
  return join(formatHeader({ descr, fortranOrder: false, shape }), tensorBytes(tensor));
}

function encodeStrings(tensor: TensorOf<'string'>): Uint8Array<ArrayBuffer> {
  const texts = decodeTexts(tensor.data);
  const codePoints = texts?.map((text) => Array.from(text, (character) => character.codePointAt(0) ?? 0)) ?? null;
  const lengths = (codePoints ?? tensor.data).map((element) => element.length);
  const width = lengths.reduce((longest, length) => Math.max(longest, length), 1); // NumPy knows no width 0
  const elementBytes = codePoints === null ? width : 4 * width;
  if (tensor.data.length * elementBytes > MAX_STRING_BYTES) {
    throw unsupported(
      `string ${formatShape(tensor.shape)} with a longest element of ${width} takes more than ${MAX_STRING_BYTES} bytes`,
    );
  }
  const body = new Uint8Array(tensor.data.length * elementBytes);
  const view = new DataView(body.buffer);
  for (const [index, bytes] of tensor.data.entries()) {
    if (bytes.at(-1) === 0) throw unsupported('a string ends in NUL, which NumPy would drop');
    const start = index * elementBytes;
    const codes = codePoints?.[index];
    if (codes === undefined) body.set(bytes, start);
    else for (const [position, code] of codes.entries()) view.setUint32(start + 4 * position, code, true);
  }
  const descr = codePoints === null ? `|S${width}` : `<U${width}`;
  return join(formatHeader({ descr, fortranOrder: false, shape: tensor.shape }), body);
}

/** The elements as text, or null when one of them is not UTF-8. */
function decodeTexts(elements: readonly Uint8Array[]): readonly string[] | null {
  const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  try {
    return elements.map((bytes) => utf8.decode(bytes));
  } catch {
    return null;
  }
}

function unsupported(what: string): AmaasError {
  return new AmaasError('UNSUPPORTED_TENSOR', `npy: ${what}`);
}

function join(header: Uint8Array, body: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(header.length + body.length);
  bytes.set(header);
  bytes.set(body, header.length);
  return bytes;
}
