// The safetensors container: a JSON header and the tensors' bytes. Checkpoints and weights are stored in it, so that other
// tools can read them.
// Source: huggingface/safetensors, README, "Format".
import {
  AmaasError,
  byteSize,
  type FixedSizeDType,
  MAX_RANK,
  type NamedTensors,
  type Tensor,
  tensorBytes,
  tensorFromBytes,
} from '@amaas/core';

const NAME_BY_DTYPE: ReadonlyMap<FixedSizeDType, string> = new Map([
  ['float64', 'F64'],
  ['float32', 'F32'],
  ['float16', 'F16'],
  ['bfloat16', 'BF16'],
  ['int64', 'I64'],
  ['int32', 'I32'],
  ['int16', 'I16'],
  ['int8', 'I8'],
  ['uint64', 'U64'],
  ['uint32', 'U32'],
  ['uint16', 'U16'],
  ['uint8', 'U8'],
  ['bool', 'BOOL'],
]);
const DTYPE_BY_NAME = new Map([...NAME_BY_DTYPE].map(([dtype, name]) => [name, dtype]));

/** The reference implementation refuses larger headers. */
const MAX_HEADER_BYTES = 100_000_000;

/** The header's entry that is no tensor. */
const METADATA = '__metadata__';

export interface Safetensors {
  readonly tensors: NamedTensors;
  readonly metadata: ReadonlyMap<string, string>;
}

/** @throws UNSUPPORTED_TENSOR for dtypes the format has no name for; INVALID_NAME */
export function writeSafetensors({ tensors, metadata }: Safetensors): Uint8Array {
  const header: [string, unknown][] = metadata.size > 0 ? [[METADATA, Object.fromEntries(metadata)]] : [];
  const parts: Uint8Array[] = [];
  let offset = 0;
  for (const [name, tensor] of tensors) {
    const dtype = tensor.dtype === 'string' ? undefined : NAME_BY_DTYPE.get(tensor.dtype);
    if (name === METADATA) throw new AmaasError('INVALID_NAME', `safetensors: no tensor may be named ${METADATA}`);
    if (tensor.dtype === 'string' || dtype === undefined) {
      throw new AmaasError('UNSUPPORTED_TENSOR', `safetensors: ${JSON.stringify(name)} is ${tensor.dtype}`);
    }
    const bytes = tensorBytes(tensor);
    header.push([name, { dtype, shape: tensor.shape, data_offsets: [offset, offset + bytes.length] }]);
    parts.push(bytes);
    offset += bytes.length;
  }
  // fromEntries defines properties of any name, __proto__ included.
  let text = JSON.stringify(Object.fromEntries(header));
  // Data begins at a multiple of 8 bytes, so that every dtype can be read in place.
  text += ' '.repeat((8 - (new TextEncoder().encode(text).length % 8)) % 8);
  const head = new TextEncoder().encode(text);
  const file = new Uint8Array(8 + head.length + offset);
  new DataView(file.buffer).setBigUint64(0, BigInt(head.length), true);
  file.set(head, 8);
  let at = 8 + head.length;
  for (const part of parts) {
    file.set(part, at);
    at += part.length;
  }
  return file;
}

/** Tensors are views into `bytes` where alignment allows. @throws INVALID_MODEL when the bytes are not of the format */
export function readSafetensors(bytes: Uint8Array): Safetensors {
  if (bytes.length < 8) throw invalid(`${bytes.length} bytes are too few for a header`);
  const headerBytes = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true);
  if (headerBytes > BigInt(Math.min(MAX_HEADER_BYTES, bytes.length - 8))) {
    throw invalid(`a header of ${headerBytes} bytes does not fit a file of ${bytes.length}`);
  }
  const data = bytes.subarray(8 + Number(headerBytes));
  const header = parseHeader(bytes.subarray(8, 8 + Number(headerBytes)));
  const tensors = new Map<string, Tensor>();
  let metadata = new Map<string, string>();
  for (const [name, entry] of header) {
    if (name === METADATA) metadata = parseMetadata(entry);
    else tensors.set(name, parseTensor(name, entry, data));
  }
  return { tensors, metadata };
}

function parseHeader(bytes: Uint8Array): readonly [string, unknown][] {
  let header: unknown;
  try {
    header = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    throw invalid('the header is not JSON');
  }
  if (typeof header !== 'object' || header === null || Array.isArray(header))
    throw invalid('the header is not an object');
  return Object.entries(header);
}

function parseMetadata(entry: unknown): Map<string, string> {
  if (typeof entry !== 'object' || entry === null) throw invalid(`${METADATA} is not an object`);
  return new Map(
    Object.entries(entry).map(([key, value]) => {
      if (typeof value !== 'string') throw invalid(`${METADATA}.${key} is not text`);
      return [key, value];
    }),
  );
}

function parseTensor(name: string, entry: unknown, data: Uint8Array): Tensor {
  const fail = (): AmaasError => invalid(`the entry of ${JSON.stringify(name)} is not well-formed`);
  if (
    typeof entry !== 'object' ||
    entry === null ||
    !('dtype' in entry && 'shape' in entry && 'data_offsets' in entry)
  ) {
    throw fail();
  }
  const { dtype: dtypeName, shape, data_offsets: offsets } = entry;
  const dtype = typeof dtypeName === 'string' ? DTYPE_BY_NAME.get(dtypeName) : undefined;
  if (dtype === undefined)
    throw invalid(`${JSON.stringify(name)} has dtype ${String(dtypeName)}, which is not supported`);
  if (!isWholeNumbers(shape) || !isWholeNumbers(offsets)) throw fail();
  const [start = -1, end = -1] = offsets;
  if (offsets.length !== 2 || start > end || end > data.length || !fills(dtype, shape, end - start)) {
    throw fail();
  }
  return tensorFromBytes(dtype, shape, data.subarray(start, end));
}

function isWholeNumbers(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.every((each) => Number.isSafeInteger(each) && each >= 0);
}

/** Whether a shape's elements can be counted, and fill that many bytes. */
function fills(dtype: FixedSizeDType, shape: readonly number[], bytes: number): boolean {
  const elements = shape.reduce((product, size) => product * size, 1);
  return shape.length <= MAX_RANK && Number.isSafeInteger(elements) && byteSize(dtype, elements) === bytes;
}

function invalid(what: string): AmaasError {
  return new AmaasError('INVALID_MODEL', `safetensors: ${what}`);
}
