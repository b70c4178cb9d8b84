// Blobs as read-only files, `<root>/blobs/ab/<hex>`, written under `<root>/tmp` first. A file under blobs/ is always
// complete: it got its name by a rename after it had been hashed and synced.
import { createHash, randomUUID } from 'node:crypto';
import { access, type FileHandle, open, opendir, readdir, rename, rm, stat, unlink, utimes } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { AmaasError, type Clock } from '@amaas/core';
import type { BlobStore, ListedBlob, PutOptions, StoredBlob } from './blob-store.ts';
import { type Digest, digestHex, isDigest } from './digest.ts';
import { errorCode, explainFullDisk, makeDurableDirectory, syncDirectory } from './durable-files.ts';
import { KeyedMutex } from './keyed-mutex.ts';

/** Most bytes hashed in one go: about half a millisecond of the event loop. */
const MAX_PIECE_BYTES = 1 << 20;

/** Nobody may change a blob in place, least of all through a hard link. */
const BLOB_MODE = 0o444;

export class FileBlobStore implements BlobStore {
  readonly #blobs: string;
  readonly #temporary: string;
  readonly #clock: Pick<Clock, 'wallTime'>;
  /** A put of what is there already and its collection must not overlap. */
  readonly #mutex = new KeyedMutex();

  /** Does not touch the disk; folders appear with the first put. */
  constructor(root: string, clock: Pick<Clock, 'wallTime'>) {
    this.#blobs = join(root, 'blobs');
    this.#temporary = join(root, 'tmp');
    this.#clock = clock;
  }

  async put(source: AsyncIterable<Uint8Array> | Uint8Array, options: PutOptions = {}): Promise<StoredBlob> {
    const partial = join(this.#temporary, randomUUID());
    try {
      await makeDurableDirectory(this.#temporary);
      const blob = await writePartial(partial, source, options);
      if (options.expectedDigest !== undefined && options.expectedDigest !== blob.digest) {
        throw new AmaasError(
          'DIGEST_MISMATCH',
          `store blob: expected ${options.expectedDigest}, got ${blob.sizeBytes} bytes that hash to ${blob.digest}`,
        );
      }
      await this.#mutex.run(blob.digest, () => this.#publish(partial, blob));
      return blob;
    } catch (error) {
      await rm(partial, { force: true });
      throw explainFullDisk(error, 'store blob');
    }
  }

  async #publish(partial: string, blob: StoredBlob): Promise<void> {
    const path = this.#file(blob.digest);
    const existing = await statOrNull(path);
    if (existing?.size === blob.sizeBytes) {
      await rm(partial);
      await this.#markTouched(path);
    } else {
      await makeDurableDirectory(dirname(path));
      await this.#markTouched(partial);
      await rename(partial, path);
    }
    await syncDirectory(dirname(path)); // for a known blob too: whoever renamed it may have ended before this step
  }

  async touch(digest: Digest): Promise<boolean> {
    return this.#mutex.run(digest, async () => {
      try {
        await this.#markTouched(this.#file(digest));
        return true;
      } catch (error) {
        if (errorCode(error) === 'ENOENT') return false;
        throw error;
      }
    });
  }

  async has(digest: Digest): Promise<boolean> {
    return (await statOrNull(this.#file(digest))) !== null;
  }

  async path(digest: Digest): Promise<string> {
    const path = this.#file(digest);
    try {
      await access(path);
    } catch (error) {
      throw notFound(error, digest);
    }
    return path;
  }

  async openRead(digest: Digest): Promise<AsyncIterable<Uint8Array>> {
    return readPieces(await this.path(digest), digest);
  }

  async verify(digest: Digest): Promise<boolean> {
    const hash = createHash('sha256');
    for await (const piece of await this.openRead(digest)) hash.update(piece);
    return hash.digest('hex') === digestHex(digest);
  }

  async delete(digest: Digest, options: { readonly unlessTouchedSince?: Date } = {}): Promise<boolean> {
    return this.#mutex.run(digest, async () => {
      const path = this.#file(digest);
      const existing = await statOrNull(path);
      if (existing === null) return false;
      if (options.unlessTouchedSince !== undefined && existing.mtimeMs >= options.unlessTouchedSince.getTime()) {
        return false;
      }
      await unlink(path);
      return true;
    });
  }

  async *list(): AsyncGenerator<ListedBlob> {
    for (const shard of await readdirOrEmpty(this.#blobs)) {
      for await (const entry of await opendir(join(this.#blobs, shard))) {
        const digest = `sha256:${entry.name}`;
        const found = isDigest(digest) ? await statOrNull(join(this.#blobs, shard, entry.name)) : null;
        if (found === null || !isDigest(digest)) continue; // not ours, or deleted meanwhile
        yield { digest, sizeBytes: found.size, touchedAt: found.mtime };
      }
    }
  }

  async sweepTemporary(): Promise<void> {
    await rm(this.#temporary, { recursive: true, force: true });
  }

  #file(digest: Digest): string {
    const hex = digestHex(digest);
    return join(this.#blobs, hex.slice(0, 2), hex);
  }

  async #markTouched(path: string): Promise<void> {
    const now = this.#clock.wallTime();
    await utimes(path, now, now);
  }
}

/** Writes the source to a new file, hashed while it passes and synced at the end. */
async function writePartial(
  path: string,
  source: AsyncIterable<Uint8Array> | Uint8Array,
  options: PutOptions,
): Promise<StoredBlob> {
  const { maxBytes = Number.POSITIVE_INFINITY, signal } = options;
  const hash = createHash('sha256');
  let sizeBytes = 0;
  const handle = await open(path, 'wx', 0o600);
  try {
    for await (const chunk of abortable(source instanceof Uint8Array ? [source] : source, signal)) {
      sizeBytes += chunk.byteLength;
      if (sizeBytes > maxBytes) {
        throw new AmaasError('REQUEST_TOO_LARGE', `store blob: at most ${maxBytes} bytes are accepted, got more`, {
          details: { limitBytes: maxBytes },
        });
      }
      for (let start = 0; start < chunk.byteLength; start += MAX_PIECE_BYTES) {
        const piece = chunk.subarray(start, start + MAX_PIECE_BYTES);
        hash.update(piece);
        await writeFully(handle, piece);
      }
    }
    await handle.chmod(BLOB_MODE);
    await handle.sync();
  } finally {
    await handle.close();
  }
  return { digest: `sha256:${hash.digest('hex')}`, sizeBytes };
}

async function writeFully(handle: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let written = 0; written < bytes.byteLength; ) {
    written += (await handle.write(bytes, written)).bytesWritten; // a nearly full disk takes a part
  }
}

/** Opens the file with the first step, so that an iteration that never starts holds nothing. */
async function* readPieces(path: string, digest: Digest): AsyncGenerator<Uint8Array> {
  let handle: FileHandle;
  try {
    handle = await open(path, 'r');
  } catch (error) {
    throw notFound(error, digest);
  }
  yield* handle.createReadStream({ highWaterMark: MAX_PIECE_BYTES }); // closes the handle however it ends
}

/** Passes a source on and ends with CANCELLED as soon as `signal` fires, even while the source is silent. */
async function* abortable(
  source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  if (signal === undefined) {
    yield* source;
    return;
  }
  let fire: (error: unknown) => void = () => {};
  const aborted = new Promise<never>((_, reject) => {
    fire = reject;
  });
  aborted.catch(() => {}); // it may fire when nobody is waiting any more
  const onAbort = (): void => fire(new AmaasError('CANCELLED', 'store blob: cancelled', { cause: signal.reason }));
  if (signal.aborted) onAbort();
  signal.addEventListener('abort', onAbort);
  const iterator =
    Symbol.asyncIterator in source
      ? source[Symbol.asyncIterator]()
      : (source as Iterable<Uint8Array>)[Symbol.iterator](); // the union's other half
  let isDone = false;
  try {
    for (;;) {
      const next = await Promise.race([aborted, iterator.next()]);
      if (next.done) {
        isDone = true;
        return;
      }
      yield next.value;
    }
  } finally {
    signal.removeEventListener('abort', onAbort);
    // Not awaited: a source that is silent would answer only after it speaks again.
    if (!isDone) void Promise.resolve(iterator.return?.()).catch(() => {});
  }
}

async function statOrNull(path: string): Promise<{ size: number; mtimeMs: number; mtime: Date } | null> {
  try {
    return await stat(path);
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return null;
    throw error;
  }
}

async function readdirOrEmpty(directory: string): Promise<string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return [];
    throw error;
  }
}

function notFound(error: unknown, digest: Digest): unknown {
  if (errorCode(error) !== 'ENOENT') return error;
  return new AmaasError('ARTIFACT_NOT_FOUND', `blob ${digest} is not in the store`, { cause: error });
}
