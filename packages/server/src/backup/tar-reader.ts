// Reads a tar archive from a stream, one file after the other. Takes what tar-header.ts writes and what other tools make
// of the same files; anything but plain files is refused, because a backup holds nothing else.
import { AmaasError } from '@amaas/core';
import {
  BLOCK_BYTES,
  MAX_PAX_BYTES,
  paddedBytes,
  parsePaxRecords,
  parseTarHeader,
  type TarEntryHeader,
} from './tar-header.ts';

/** One file; its body must be read, or left, before the next entry is asked for. */
export interface TarEntry extends TarEntryHeader {
  readonly body: AsyncIterable<Uint8Array>;
}

/**
 * The files of an archive, in order. Ends at the end mark or, where that is missing, at the end of the stream.
 * @throws INVALID_ARGUMENT when it is no archive of plain files, DIGEST_MISMATCH when it is damaged or cut short.
 */
export async function* readTar(source: AsyncIterable<Uint8Array>): AsyncGenerator<TarEntry> {
  const bytes = new ByteReader(source);
  try {
    let sizeOverride: number | null = null;
    for (;;) {
      const block = await bytes.take(BLOCK_BYTES);
      if (block === null) return;
      const header = parseTarHeader(block);
      if (header === null) return;
      const { name, type } = header;
      if (type === 'x' || type === 'g') {
        const size = paxSize(await takePax(bytes, header.sizeBytes));
        if (type === 'x') sizeOverride = size;
        continue;
      }
      if (type !== '0') throw new AmaasError('INVALID_ARGUMENT', `tar: "${name}" is not a plain file`);
      const sizeBytes = sizeOverride ?? header.sizeBytes;
      sizeOverride = null;
      const body = new Body(bytes, sizeBytes);
      yield { name, sizeBytes, body };
      await body.skipRest();
      await bytes.skip(paddedBytes(sizeBytes) - sizeBytes);
    }
  } finally {
    await bytes.close();
  }
}

async function takePax(bytes: ByteReader, sizeBytes: number): Promise<Uint8Array> {
  if (sizeBytes > MAX_PAX_BYTES) throw new AmaasError('DIGEST_MISMATCH', 'tar: an extended header is too large');
  const padded = await bytes.take(paddedBytes(sizeBytes));
  if (padded === null) throw cutShort();
  return padded.subarray(0, sizeBytes);
}

function paxSize(records: Uint8Array): number | null {
  const text = parsePaxRecords(records).get('size');
  if (text === undefined) return null;
  const size = /^[0-9]{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(size)) throw new AmaasError('DIGEST_MISMATCH', 'tar: a size is not a number');
  return size;
}

function cutShort(): AmaasError {
  return new AmaasError('DIGEST_MISMATCH', 'tar: the archive ends in the middle');
}

class Body implements AsyncIterable<Uint8Array> {
  readonly #bytes: ByteReader;
  #left: number;

  constructor(bytes: ByteReader, sizeBytes: number) {
    this.#bytes = bytes;
    this.#left = sizeBytes;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    while (this.#left > 0) {
      const piece = await this.#bytes.takeSome(this.#left);
      this.#left -= piece.length;
      yield piece;
    }
  }

  async skipRest(): Promise<void> {
    await this.#bytes.skip(this.#left);
    this.#left = 0;
  }
}

/** Cuts a stream of pieces into the lengths asked for. */
class ByteReader {
  readonly #source: AsyncIterator<Uint8Array>;
  #piece: Uint8Array = new Uint8Array();

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  /** Exactly `length` bytes; null at the end of the stream. @throws DIGEST_MISMATCH when it ends in between. */
  async take(length: number): Promise<Uint8Array | null> {
    const taken = new Uint8Array(length);
    for (let filled = 0; filled < length; ) {
      if (!(await this.#fill())) {
        if (filled === 0) return null;
        throw cutShort();
      }
      const part = this.#cut(length - filled);
      taken.set(part, filled);
      filled += part.length;
    }
    return taken;
  }

  /** Between 1 and `most` bytes. @throws DIGEST_MISMATCH at the end of the stream. */
  async takeSome(most: number): Promise<Uint8Array> {
    if (!(await this.#fill())) throw cutShort();
    return this.#cut(most);
  }

  async skip(length: number): Promise<void> {
    for (let left = length; left > 0; ) left -= (await this.takeSome(left)).length;
  }

  async close(): Promise<void> {
    await this.#source.return?.();
  }

  #cut(most: number): Uint8Array {
    const part = this.#piece.subarray(0, most);
    this.#piece = this.#piece.subarray(part.length);
    return part;
  }

  /** Makes sure that there is at least one byte at hand, unless the stream has ended. */
  async #fill(): Promise<boolean> {
    while (this.#piece.length === 0) {
      const next = await this.#source.next();
      if (next.done) return false;
      this.#piece = next.value;
    }
    return true;
  }
}
