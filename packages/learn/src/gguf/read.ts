// Reads a GGUF file: its metadata and list of tensors at once, tensors when they are asked for. Nothing a file says is
// believed before it is held against the file's length, so that malformed files cost no more than well-formed ones.
// Source: ggml, docs/gguf.md (versions 2 and 3, which differ in byte order alone; little-endian).
import { AmaasError, createTensor, type TensorOf } from '@amaas/core';
import { HeaderReader, MoreBytesNeeded, parseHeader } from './header.ts';
import type { GgufMetadata } from './metadata.ts';
import { dequantize, isReadableType } from './quantize.ts';
import type { TensorInfo } from './tensor-types.ts';

/** Bytes that are not all in memory. */
export interface ByteSource {
  readonly byteLength: number;
  /** The bytes from `start` up to `end`, which lie inside. */
  read(start: number, end: number): Promise<Uint8Array>;
}

/** What is looked at first; headers of small vocabularies end within it. */
const FIRST_BYTES = 1 << 20;

/** Metadata and list of tensors at most; the largest vocabularies with their merges take some 20 MB. */
const MAX_HEADER_BYTES = 1 << 28;

/** @throws INVALID_MODEL naming what is wrong with the file, and where */
export async function readGguf(file: Uint8Array | ByteSource): Promise<GgufFile> {
  const source = file instanceof Uint8Array ? sourceOf(file) : file;
  const { byteLength } = source;
  let length = Math.min(file instanceof Uint8Array ? MAX_HEADER_BYTES : FIRST_BYTES, byteLength);
  for (;;) {
    const bytes = await readBytes(source, 0, length);
    try {
      return new GgufFile(source, parseHeader(new HeaderReader(bytes, byteLength)));
    } catch (error) {
      if (!(error instanceof MoreBytesNeeded)) throw error;
      if (length >= MAX_HEADER_BYTES) {
        throw new AmaasError(
          'INVALID_MODEL',
          `gguf: metadata and tensor list take more than ${MAX_HEADER_BYTES} bytes`,
        );
      }
      length = Math.min(2 * length, MAX_HEADER_BYTES, byteLength);
    }
  }
}

/** A file whose header was read. */
export class GgufFile {
  readonly metadata: GgufMetadata;
  readonly tensors: ReadonlyMap<string, TensorInfo>;
  readonly #source: ByteSource;

  /** Use {@link readGguf}. */
  constructor(source: ByteSource, { metadata, tensors }: Pick<GgufFile, 'metadata' | 'tensors'>) {
    this.metadata = metadata;
    this.tensors = tensors;
    this.#source = source;
  }

  /**
   * A tensor's numbers.
   * @throws INVALID_MODEL when there is none of the name; UNSUPPORTED_TENSOR for types other than F32, F16, BF16, Q8_0,
   *   Q4_0, Q4_K, Q5_K and Q6_K
   */
  async loadTensor(name: string): Promise<TensorOf<'float32'>> {
    const info = this.tensors.get(name);
    if (info === undefined) throw new AmaasError('INVALID_MODEL', `gguf: there is no tensor ${JSON.stringify(name)}`);
    const { type, shape, offset, byteLength } = info;
    if (!isReadableType(type)) {
      throw new AmaasError(
        'UNSUPPORTED_TENSOR',
        `gguf: tensor ${JSON.stringify(name)} expects F32, F16, BF16, Q8_0, Q4_0, Q4_K, Q5_K or Q6_K, got ${type}`,
      );
    }
    const bytes = await readBytes(this.#source, offset, offset + byteLength);
    return createTensor('float32', shape, dequantize(type, bytes));
  }
}

function sourceOf(bytes: Uint8Array): ByteSource {
  return { byteLength: bytes.byteLength, read: async (start, end) => bytes.subarray(start, end) };
}

async function readBytes(source: ByteSource, start: number, end: number): Promise<Uint8Array> {
  const bytes = await source.read(start, end);
  if (bytes.length === end - start) return bytes;
  throw new AmaasError('INVALID_MODEL', `gguf: bytes ${start} to ${end} expect ${end - start}, got ${bytes.length}`);
}
