// Writes a tar archive to a new file; what has been added is checked against the digest it was announced with.
import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { AmaasError } from '@amaas/core';
import type { Digest } from '../artifacts/index.ts';
import { encodeTarHeader, paddedBytes, TAR_END, type TarEntryHeader } from './tar-header.ts';

export class TarWriter {
  readonly #handle: FileHandle;
  readonly #mtime: Date;
  readonly #onBytes: (bytes: number) => void;

  private constructor(handle: FileHandle, mtime: Date, onBytes: (bytes: number) => void) {
    this.#handle = handle;
    this.#mtime = mtime;
    this.#onBytes = onBytes;
  }

  /** Creates `path`, which only its owner may read. `onBytes` hears of the bytes of contents written. */
  static async create(path: string, mtime: Date, onBytes: (bytes: number) => void): Promise<TarWriter> {
    return new TarWriter(await open(path, 'wx', 0o600), mtime, onBytes);
  }

  /** Adds a file. @throws DIGEST_MISMATCH when the contents are not what was announced. */
  async add(
    entry: TarEntryHeader & { readonly digest: Digest },
    contents: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  ): Promise<void> {
    await this.#write(encodeTarHeader(entry, this.#mtime));
    const hash = createHash('sha256');
    let written = 0;
    for await (const piece of contents) {
      written += piece.length;
      if (written > entry.sizeBytes) break;
      hash.update(piece);
      await this.#write(piece);
      this.#onBytes(piece.length);
    }
    if (written !== entry.sizeBytes || `sha256:${hash.digest('hex')}` !== entry.digest) {
      throw new AmaasError(
        'DIGEST_MISMATCH',
        `backup: "${entry.name}" does not have the contents it was announced with (${entry.sizeBytes} bytes, ${entry.digest})`,
      );
    }
    await this.#write(new Uint8Array(paddedBytes(written) - written));
  }

  /** Writes the end mark; the archive is on disk when it resolves. */
  async finish(): Promise<void> {
    await this.#write(TAR_END);
    await this.#handle.sync();
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }

  async #write(bytes: Uint8Array): Promise<void> {
    for (let written = 0; written < bytes.length; ) {
      written += (await this.#handle.write(bytes, written)).bytesWritten;
    }
  }
}
