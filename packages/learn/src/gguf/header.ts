// The part of a file in front of its tensors, held against the file's length value by value.
import { AmaasError } from '@amaas/core';
import { type GgufArray, type GgufMetadata, type GgufValue, VALUE_TYPES } from './metadata.ts';
import { MAX_AXES, MAX_NAME_BYTES, type TensorInfo, tensorBytes, tensorTypeName } from './tensor-types.ts';

/** The bytes end before the file does. */
export class MoreBytesNeeded extends Error {}

/** `GGUF` read as a little-endian number. */
export const MAGIC = 0x46554747;
export const ALIGNMENT_KEY = 'general.alignment';
export const DEFAULT_ALIGNMENT = 32;

/** The format sets no limit to arrays within arrays; none are known that use them at all. */
const MAX_DEPTH = 4;

/** Bytes of one value at least, in the order of their numbers: what counts are held against. */
const LEAST_BYTES = [1, 1, 2, 2, 4, 4, 4, 1, 8, 12, 8, 8, 8] as const;

const NUMBER_ARRAYS = {
  uint8: Uint8Array,
  int8: Int8Array,
  uint16: Uint16Array,
  int16: Int16Array,
  uint32: Uint32Array,
  int32: Int32Array,
  float32: Float32Array,
  float64: Float64Array,
} as const;

/** Reads values one after the other. */
export class HeaderReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #fileBytes: number;
  // Byte-order marks stay: vocabularies have a token that is one.
  readonly #decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  #place = 0;

  /** @param bytes - the file's first ones */
  constructor(bytes: Uint8Array, fileBytes: number) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#fileBytes = fileBytes;
  }

  /** Bytes read so far. */
  get place(): number {
    return this.#place;
  }

  get fileBytes(): number {
    return this.#fileBytes;
  }

  uint32(what: string): number {
    const at = this.#take(4, what);
    return this.#view.getUint32(at, true);
  }

  /** A 64-bit count or offset. */
  count(what: string): number {
    const at = this.#take(8, what);
    const count = this.#view.getBigUint64(at, true);
    if (count <= BigInt(Number.MAX_SAFE_INTEGER)) return Number(count);
    throw invalid(`${what} expects a number that can be, got ${count}`);
  }

  /** How many of something follow, each of `leastBytes` or more. */
  countOf(what: string, leastBytes: number): number {
    const count = this.count(what);
    const left = this.#fileBytes - this.#place;
    if (count * leastBytes <= left) return count;
    throw invalid(`${what} says ${count}, for which the ${left} bytes left are too few`);
  }

  text(what: string): string {
    const length = this.countOf(`${what}: the length of a string`, 1);
    const at = this.#take(length, what);
    try {
      return this.#decoder.decode(this.#bytes.subarray(at, at + length));
    } catch {
      throw invalid(`${what} expects UTF-8, got other bytes`);
    }
  }

  value(what: string): GgufValue {
    const type = this.#type(what);
    if (type === 'array') return this.#array(what, 0);
    const view = this.#view;
    switch (type) {
      case 'uint8':
        return { type, value: view.getUint8(this.#take(1, what)) };
      case 'int8':
        return { type, value: view.getInt8(this.#take(1, what)) };
      case 'uint16':
        return { type, value: view.getUint16(this.#take(2, what), true) };
      case 'int16':
        return { type, value: view.getInt16(this.#take(2, what), true) };
      case 'uint32':
        return { type, value: view.getUint32(this.#take(4, what), true) };
      case 'int32':
        return { type, value: view.getInt32(this.#take(4, what), true) };
      case 'float32':
        return { type, value: view.getFloat32(this.#take(4, what), true) };
      case 'float64':
        return { type, value: view.getFloat64(this.#take(8, what), true) };
      case 'uint64':
        return { type, value: view.getBigUint64(this.#take(8, what), true) };
      case 'int64':
        return { type, value: view.getBigInt64(this.#take(8, what), true) };
      case 'bool':
        return { type, value: this.#boolean(what) };
      case 'string':
        return { type, value: this.text(what) };
      default:
        return type satisfies never;
    }
  }

  #type(what: string): (typeof VALUE_TYPES)[number] {
    const number = this.uint32(`${what}: its type`);
    const type = VALUE_TYPES[number];
    if (type !== undefined) return type;
    throw invalid(`${what} expects a value type from 0 to ${VALUE_TYPES.length - 1}, got ${number}`);
  }

  #array(what: string, depth: number): GgufArray {
    if (depth >= MAX_DEPTH) throw invalid(`${what} expects arrays at most ${MAX_DEPTH} deep`);
    const of = this.#type(what);
    const count = this.countOf(`${what}: the length of an array`, LEAST_BYTES[VALUE_TYPES.indexOf(of)] ?? 1);
    const list = <T>(read: () => T): T[] => {
      const items: T[] = [];
      for (let k = 0; k < count; k++) items.push(read());
      return items;
    };
    switch (of) {
      case 'string':
        return { type: 'array', of, items: list(() => this.text(what)) };
      case 'bool':
        return { type: 'array', of, items: list(() => this.#boolean(what)) };
      case 'array':
        return { type: 'array', of, items: list(() => this.#array(what, depth + 1)) };
      case 'uint64':
        return { type: 'array', of, items: new BigUint64Array(this.#copy(8 * count, what)) };
      case 'int64':
        return { type: 'array', of, items: new BigInt64Array(this.#copy(8 * count, what)) };
      default: {
        const Numbers = NUMBER_ARRAYS[of];
        return { type: 'array', of, items: new Numbers(this.#copy(Numbers.BYTES_PER_ELEMENT * count, what)) };
      }
    }
  }

  #boolean(what: string): boolean {
    const byte = this.#view.getUint8(this.#take(1, what));
    if (byte > 1) throw invalid(`${what} expects a bool, 0 or 1, got ${byte}`);
    return byte === 1;
  }

  #copy(length: number, what: string): ArrayBuffer {
    const at = this.#take(length, what);
    return new Uint8Array(this.#bytes.subarray(at, at + length)).buffer;
  }

  /** @returns where the next `length` bytes are */
  #take(length: number, what: string): number {
    const at = this.#place;
    if (at + length > this.#fileBytes) throw invalid(`the file ends at byte ${this.#fileBytes}, within ${what}`);
    if (at + length > this.#bytes.length) throw new MoreBytesNeeded();
    this.#place += length;
    return at;
  }
}

export interface Header {
  readonly metadata: GgufMetadata;
  readonly tensors: ReadonlyMap<string, TensorInfo>;
}

/** @throws INVALID_MODEL, MoreBytesNeeded */
export function parseHeader(reader: HeaderReader): Header {
  const magic = reader.uint32('the first four bytes');
  if (magic !== MAGIC) throw invalid('the file does not begin with "GGUF"');
  const version = reader.uint32('the version');
  if (version !== 2 && version !== 3) {
    const order = (version & 0xffff) === 0 ? ' (big-endian?)' : '';
    throw invalid(`version 2 or 3 is expected, got ${version}${order}`);
  }
  // A tensor takes a name's length, a rank, a type and an offset at least; a value a key's length, a type and a byte.
  const tensorCount = reader.countOf('the number of tensors', 8 + 4 + 4 + 8);
  const valueCount = reader.countOf('the number of metadata values', 8 + 4 + 1);
  const metadata = new Map<string, GgufValue>();
  for (let index = 0; index < valueCount; index++) {
    const key = reader.text(`metadata key ${index}`);
    if (key === '' || metadata.has(key)) {
      throw invalid(`metadata key ${index} expects a name of its own, got ${JSON.stringify(key)}`);
    }
    metadata.set(key, reader.value(`metadata ${shortened(key)}`));
  }
  return { metadata, tensors: parseTensors(reader, tensorCount, alignmentOf(metadata)) };
}

function alignmentOf(metadata: GgufMetadata): number {
  const found = metadata.get(ALIGNMENT_KEY);
  if (found === undefined) return DEFAULT_ALIGNMENT;
  const { value } = found.type === 'uint32' ? found : { value: 0 };
  if (value > 0 && 2 ** Math.floor(Math.log2(value)) === value) return value;
  throw invalid(`${ALIGNMENT_KEY} expects a power of two as uint32`);
}

function parseTensors(reader: HeaderReader, count: number, alignment: number): ReadonlyMap<string, TensorInfo> {
  const listed: TensorInfo[] = [];
  const names = new Set<string>();
  for (let index = 0; index < count; index++) {
    const info = parseTensor(reader, index);
    if (names.has(info.name)) throw invalid(`tensor ${index} has the name of an earlier one, ${shortened(info.name)}`);
    names.add(info.name);
    listed.push(info);
  }
  const start = alignUp(reader.place, alignment);
  const placed = listed.map((info) => ({ ...info, offset: start + info.offset }));
  let end = start;
  for (const { name, offset, byteLength } of [...placed].sort((a, b) => a.offset - b.offset)) {
    if ((offset - start) % alignment !== 0) {
      throw invalid(`tensor ${shortened(name)} begins at ${offset - start}, no multiple of ${alignment}`);
    }
    if (offset < end) throw invalid(`tensor ${shortened(name)} begins at byte ${offset}, inside the one before it`);
    end = offset + byteLength;
    if (end > reader.fileBytes) {
      throw invalid(`tensor ${shortened(name)} takes bytes ${offset} to ${end}; the file ends at ${reader.fileBytes}`);
    }
  }
  return new Map(placed.map((info) => [info.name, info]));
}

/** @returns its offset from where tensors begin */
function parseTensor(reader: HeaderReader, index: number): TensorInfo {
  const name = reader.text(`the name of tensor ${index}`);
  const what = `tensor ${shortened(name)}`;
  if (name === '' || new TextEncoder().encode(name).length > MAX_NAME_BYTES) {
    throw invalid(`${what} expects a name of 1 to ${MAX_NAME_BYTES} bytes`);
  }
  const rank = reader.uint32(`${what}: its rank`);
  if (rank > MAX_AXES) throw invalid(`${what} expects at most ${MAX_AXES} axes, got ${rank}`);
  const shape: number[] = [];
  for (let axis = 0; axis < rank; axis++) shape.unshift(reader.count(`${what}: its shape`));
  const number = reader.uint32(`${what}: its type`);
  const type = tensorTypeName(number);
  if (type === undefined) throw invalid(`${what} has type ${number}, which is not known`);
  const byteLength = tensorBytes(what, type, shape);
  return { name, type, shape, byteLength, offset: reader.count(`${what}: its offset`) };
}

export function alignUp(offset: number, alignment: number): number {
  return Math.ceil(offset / alignment) * alignment;
}

function shortened(name: string): string {
  return JSON.stringify(name.length > 80 ? `${name.slice(0, 80)}…` : name);
}

function invalid(what: string): AmaasError {
  return new AmaasError('INVALID_MODEL', `gguf: ${what}`);
}
