// Writes a GGUF file (version 3, little-endian) part by part: a tensor is turned into its bytes when its turn comes, so that
// a large file needs no second copy in memory.
// Source: ggml, docs/gguf.md.
import { AmaasError } from '@amaas/core';
import { alignUp, ALIGNMENT_KEY, DEFAULT_ALIGNMENT, MAGIC } from './header.ts';
import { type GgufArray, type GgufMetadata, type GgufValue, VALUE_TYPES } from './metadata.ts';
import { quantize, type StoredType } from './quantize.ts';
import { MAX_AXES, MAX_NAME_BYTES, TENSOR_TYPES, tensorBytes } from './tensor-types.ts';

export interface GgufTensor {
  readonly type: StoredType;
  /** Row-major; 1 to 4 axes. */
  readonly shape: readonly number[];
  /** The numbers, asked for once, when they are written. */
  readonly load: () => Float32Array;
}

export interface GgufContents {
  readonly metadata: GgufMetadata;
  /** In the order of the file. */
  readonly tensors: ReadonlyMap<string, GgufTensor>;
}

const VERSION = 3;

/**
 * The file's bytes in order, in parts of a tensor each.
 * @throws INVALID_MODEL for names, shapes and values the format cannot hold; INVALID_DATA for numbers a type cannot hold.
 *   Everything but numbers is checked before the first part.
 */
export function writeGguf(contents: GgufContents): Iterable<Uint8Array> {
  const header = writeHeader(contents);
  return (function* parts() {
    yield header;
    for (const [name, { type, shape, load }] of contents.tensors) {
      const values = load();
      const elements = shape.reduce((product, size) => product * size, 1);
      if (values.length !== elements) {
        throw new AmaasError('INVALID_SHAPE', `gguf: ${name} expects ${elements} numbers, got ${values.length}`);
      }
      const bytes = encode(name, type, values);
      yield bytes;
      const padding = alignUp(bytes.length, DEFAULT_ALIGNMENT) - bytes.length;
      if (padding > 0) yield new Uint8Array(padding);
    }
  })();
}

/** The file as a whole. @throws as {@link writeGguf} */
export function createGguf(contents: GgufContents): Uint8Array<ArrayBuffer> {
  const file = new Uint8Array(ggufByteLength(contents));
  let at = 0;
  for (const part of writeGguf(contents)) {
    file.set(part, at);
    at += part.length;
  }
  return file;
}

/** Bytes of the file. @throws as {@link writeGguf} */
export function ggufByteLength(contents: GgufContents): number {
  let total = writeHeader(contents).length;
  for (const [name, { type, shape }] of contents.tensors) {
    total += alignUp(tensorBytes(name, type, shape), DEFAULT_ALIGNMENT);
  }
  return total;
}

function encode(name: string, type: StoredType, values: Float32Array): Uint8Array {
  try {
    return quantize(type, values);
  } catch (error) {
    if (error instanceof AmaasError) throw new AmaasError(error.reason, `gguf: ${name}: ${error.message}`);
    throw error;
  }
}

function writeHeader({ metadata, tensors }: GgufContents): Uint8Array {
  const writer = new HeaderWriter();
  writer.uint32(MAGIC);
  writer.uint32(VERSION);
  writer.count(tensors.size);
  writer.count(metadata.size);
  for (const [key, value] of metadata) {
    if (!/^[a-z0-9_]+(\.[a-z0-9_-]+)*$/i.test(key)) {
      throw new AmaasError('INVALID_MODEL', `gguf: expected a key of words between dots, got ${JSON.stringify(key)}`);
    }
    if (key === ALIGNMENT_KEY) {
      throw new AmaasError('INVALID_MODEL', `gguf: ${ALIGNMENT_KEY} is left at ${DEFAULT_ALIGNMENT}`);
    }
    writer.text(key);
    writer.value(key, value);
  }
  let offset = 0;
  for (const [name, { type, shape }] of tensors) {
    const bytes = new TextEncoder().encode(name).length;
    if (bytes === 0 || bytes > MAX_NAME_BYTES || shape.length === 0 || shape.length > MAX_AXES) {
      throw new AmaasError(
        'INVALID_MODEL',
        `gguf: tensor ${JSON.stringify(name)} expects a name of 1 to ${MAX_NAME_BYTES} bytes and 1 to ${MAX_AXES} axes, got ${bytes} and ${shape.length}`,
      );
    }
    const byteLength = tensorBytes(`tensor ${JSON.stringify(name)}`, type, shape);
    writer.text(name);
    writer.uint32(shape.length);
    for (const size of shape.toReversed()) writer.count(size);
    writer.uint32(TENSOR_TYPES[type].number);
    writer.count(offset);
    offset += alignUp(byteLength, DEFAULT_ALIGNMENT);
  }
  writer.padTo(DEFAULT_ALIGNMENT);
  return writer.finish();
}

type ScalarType = Exclude<GgufValue['type'], 'array'>;

/** Whether a value is a whole number that the type holds; 64-bit ones are given as bigint. */
function isWholeOf(type: ScalarType, value: number | bigint | boolean | string): value is number | bigint {
  const bits = Number(/^u?int(8|16|32|64)$/.exec(type)?.[1] ?? 0);
  if (bits === 64 ? typeof value !== 'bigint' : bits === 0 || !Number.isInteger(value)) return false;
  const whole = BigInt(value);
  return whole === (type.startsWith('u') ? BigInt.asUintN : BigInt.asIntN)(bits, whole);
}

class HeaderWriter {
  #bytes = new Uint8Array(1 << 16);
  #view = new DataView(this.#bytes.buffer);
  #place = 0;
  readonly #encoder = new TextEncoder();

  uint32(value: number): void {
    const at = this.#grow(4);
    this.#view.setUint32(at, value, true);
  }

  count(value: number): void {
    const at = this.#grow(8);
    this.#view.setBigUint64(at, BigInt(value), true);
  }

  text(value: string): void {
    const bytes = this.#encoder.encode(value);
    this.count(bytes.length);
    const at = this.#grow(bytes.length);
    this.#bytes.set(bytes, at);
  }

  value(key: string, value: GgufValue): void {
    this.uint32(VALUE_TYPES.indexOf(value.type));
    if (value.type === 'array') this.#array(key, value);
    else this.#scalar(key, value.type, value.value);
  }

  padTo(alignment: number): void {
    this.#grow(alignUp(this.#place, alignment) - this.#place);
  }

  finish(): Uint8Array {
    return this.#bytes.subarray(0, this.#place);
  }

  #array(key: string, { of, items }: GgufArray): void {
    this.uint32(VALUE_TYPES.indexOf(of));
    this.count(items.length);
    for (let k = 0; k < items.length; k++) {
      const item = items[k];
      if (typeof item === 'object') this.#array(key, item);
      else if (of !== 'array' && item !== undefined) this.#scalar(key, of, item);
    }
  }

  #scalar(key: string, type: ScalarType, value: number | bigint | boolean | string): void {
    if (type === 'string' && typeof value === 'string' && value.isWellFormed()) {
      this.text(value);
    } else if (type === 'bool' && typeof value === 'boolean') {
      const at = this.#grow(1);
      this.#view.setUint8(at, value ? 1 : 0);
    } else if ((type === 'float32' || type === 'float64') && typeof value === 'number') {
      const at = this.#grow(type === 'float32' ? 4 : 8);
      if (type === 'float32') this.#view.setFloat32(at, value, true);
      else this.#view.setFloat64(at, value, true);
    } else if (isWholeOf(type, value)) {
      const size = Number(type.replace(/^u?int/, '')) / 8;
      const at = this.#grow(size);
      for (let byte = 0; byte < size; byte++) {
        this.#view.setUint8(at + byte, Number((BigInt(value) >> BigInt(8 * byte)) & 255n));
      }
    } else {
      throw new AmaasError('INVALID_MODEL', `gguf: ${key} expects ${type}, got ${String(value).slice(0, 60)}`);
    }
  }

  /** @returns where the next `length` bytes are, which are zeros */
  #grow(length: number): number {
    const at = this.#place;
    this.#place += length;
    if (this.#place > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(2 * this.#bytes.length, this.#place));
      larger.set(this.#bytes.subarray(0, at));
      this.#bytes = larger;
      this.#view = new DataView(larger.buffer);
    }
    return at;
  }
}
