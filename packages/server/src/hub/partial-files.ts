// What has come of files that are not complete yet, kept over restarts: one file of bytes named by what they have to hash
// to, and beside it the entity tag under which they came. Downloads nothing.
import { createReadStream } from 'node:fs';
import { type FileHandle, open, readdir, readFile, rename, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '@amaas/core';
import { errorCode, explainFullDisk, makeDurableDirectory } from '../artifacts/index.ts';
import type { HubFile } from './listing.ts';

/** What nobody went on with for a week is not missed. */
const MAX_AGE_MS = 7 * 24 * 60 * 60 * 1000;

export class PartialFiles {
  readonly #directory: string;
  readonly #clock: Pick<Clock, 'wallTime'>;

  /** Does not touch the disk. */
  constructor(directory: string, clock: Pick<Clock, 'wallTime'>) {
    this.#directory = directory;
    this.#clock = clock;
  }

  /** What there is of a file; nothing of a file nobody asked for. The caller sees to it that it is alone with it. */
  async open(file: HubFile): Promise<PartialFile> {
    await makeDurableDirectory(this.#directory);
    const path = join(this.#directory, partialName(file));
    const partial = new PartialFile(path, await sizeOf(path), await readTag(`${path}.json`));
    if (partial.sizeBytes > file.sizeBytes) await partial.reset();
    return partial;
  }

  /** Bytes there are of a file. */
  sizeOf(file: HubFile): Promise<number> {
    return sizeOf(join(this.#directory, partialName(file)));
  }

  /** Removes what has not grown for a week; `spared`: files somebody is at. */
  async removeStale(spared: ReadonlySet<string>): Promise<void> {
    const staleMs = this.#clock.wallTime().getTime() - MAX_AGE_MS;
    for (const name of await namesIn(this.#directory)) {
      if (spared.has(name.replace(/\.json$/, ''))) continue;
      const path = join(this.#directory, name);
      const found = await stat(path).catch(() => null);
      if (found !== null && found.mtimeMs < staleMs) await rm(path, { force: true });
    }
  }
}

/** How the partial file of a file is called: the same content is the same file, whatever repository it is in. */
export function partialName({ identity, sizeBytes }: HubFile): string {
  return `${identity.kind}-${identity.hex}-${sizeBytes}.part`;
}

export class PartialFile {
  readonly #path: string;
  #sizeBytes: number;
  #etag: string | null;
  #handle: FileHandle | null = null;

  constructor(path: string, sizeBytes: number, etag: string | null) {
    this.#path = path;
    this.#sizeBytes = sizeBytes;
    this.#etag = etag;
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  /** Under which the bytes came; null where none was given. */
  get etag(): string | null {
    return this.#etag;
  }

  /** Throws the bytes away. */
  async reset(): Promise<void> {
    await this.close();
    await truncate(this.#path).catch((error: unknown) => {
      if (errorCode(error) !== 'ENOENT') throw error;
    });
    this.#sizeBytes = 0;
  }

  /** Notes the entity tag of what comes next; before it comes, so that no bytes lie under a wrong one. */
  async setEtag(etag: string | null): Promise<void> {
    if (etag === this.#etag) return;
    const sidecar = `${this.#path}.json`;
    await writeFile(`${sidecar}.new`, JSON.stringify({ etag }));
    await rename(`${sidecar}.new`, sidecar);
    this.#etag = etag;
  }

  /** @throws STORAGE_FULL */
  async append(bytes: Uint8Array): Promise<void> {
    try {
      this.#handle ??= await open(this.#path, 'a', 0o600);
      for (let written = 0; written < bytes.byteLength; ) {
        const { bytesWritten } = await this.#handle.write(bytes, written); // a nearly full disk takes a part
        written += bytesWritten;
        this.#sizeBytes += bytesWritten;
      }
    } catch (error) {
      throw explainFullDisk(error, 'pull');
    }
  }

  async close(): Promise<void> {
    const handle = this.#handle;
    this.#handle = null;
    await handle?.close();
  }

  /** The bytes so far. */
  async *read(): AsyncGenerator<Uint8Array> {
    if (this.#sizeBytes === 0) return; // nothing was written where a file is empty
    // Without an encoding a stream of a file gives Buffers.
    yield* createReadStream(this.#path, { highWaterMark: 1 << 20 }) as AsyncIterable<Uint8Array>;
  }

  async remove(): Promise<void> {
    await this.close();
    await rm(this.#path, { force: true });
    await rm(`${this.#path}.json`, { force: true });
    this.#sizeBytes = 0;
    this.#etag = null;
  }
}

async function sizeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return 0;
    throw error;
  }
}

/** Null where none is noted; what a crash left half-written notes none. */
async function readTag(path: string): Promise<string | null> {
  try {
    const noted: unknown = JSON.parse(await readFile(path, 'utf8'));
    const etag = typeof noted === 'object' && noted !== null && 'etag' in noted ? noted.etag : null;
    return typeof etag === 'string' ? etag : null;
  } catch {
    return null;
  }
}

async function namesIn(directory: string): Promise<readonly string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return [];
    throw error;
  }
}
