// Files as bytes: which ones a path or pattern means, their first bytes, and a stream of all of them with their digest.
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { glob, open, stat } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import { Readable } from 'node:stream';
import { constants, createGunzip, gunzipSync } from 'node:zlib';
import { AmaasError } from '@amaas/core';

/** A file to read; gzip is told by the first bytes, not by the name. */
export interface InputFile {
  readonly path: string;
  /** What messages call it: the name alone where it is the only one. */
  readonly label: string;
  readonly isGzip: boolean;
  readonly bytes: number;
}

/** How much of a file is looked at to tell its format. */
export const SAMPLE_BYTES = 2 ** 20;

const READ_BYTES = 2 ** 20;

/**
 * The file of this path or, where there is none, the files that match it as a pattern (`*`, `?`, `**`, `{a,b}`), by
 * code unit order of their paths.
 * @throws DATASET_NOT_FOUND where there is none; INVALID_DATA on a folder or an empty file.
 */
export async function findFiles(pathOrGlob: string): Promise<readonly InputFile[]> {
  if (pathOrGlob.includes('\0')) {
    throw new AmaasError('INVALID_ARGUMENT', 'openTable: a path must not hold a NUL character');
  }
  const paths: string[] = [];
  if (await exists(pathOrGlob)) paths.push(resolve(pathOrGlob));
  else for await (const match of glob(pathOrGlob)) paths.push(resolve(match));
  paths.sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  const files: InputFile[] = [];
  for (const path of paths) {
    const { isDirectory, bytes } = await lookAt(path);
    if (isDirectory && paths.length > 1) continue; // a pattern may also match folders
    if (isDirectory) {
      throw new AmaasError(
        'INVALID_DATA',
        `openTable: ${path} is a folder; name a file, or a pattern such as ${path}/*.csv`,
      );
    }
    if (bytes === 0)
      throw new AmaasError('INVALID_DATA', `openTable: ${path} is empty (0 bytes); check where it came from`);
    const magic = await readStart(path, 2);
    files.push({
      path,
      label: paths.length === 1 ? basename(path) : path,
      bytes,
      isGzip: magic[0] === 0x1f && magic[1] === 0x8b,
    });
  }
  if (files.length > 0) return files;
  throw new AmaasError(
    'DATASET_NOT_FOUND',
    `openTable: there is no file ${pathOrGlob}, and no file matches it as a pattern`,
  );
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

async function lookAt(path: string): Promise<{ readonly isDirectory: boolean; readonly bytes: number }> {
  const found = await stat(path).catch((cause: unknown) => refuseReading(path, cause));
  return { isDirectory: found.isDirectory(), bytes: found.size };
}

/** The first bytes of the contents, after decompression; all of a shorter file. */
export async function readSample(file: InputFile): Promise<{ readonly bytes: Buffer; readonly isWhole: boolean }> {
  const raw = await readStart(file.path, SAMPLE_BYTES);
  const isWhole = raw.length === file.bytes;
  if (!file.isGzip) return { bytes: raw, isWhole };
  try {
    // SYNC_FLUSH gives what a cut-off stream holds instead of refusing it.
    const bytes = gunzipSync(raw, { finishFlush: constants.Z_SYNC_FLUSH, maxOutputLength: 64 * SAMPLE_BYTES });
    return { bytes: bytes.subarray(0, 4 * SAMPLE_BYTES), isWhole: isWhole && bytes.length <= 4 * SAMPLE_BYTES };
  } catch (cause) {
    throw refuseReading(file.path, cause);
  }
}

async function readStart(path: string, bytes: number): Promise<Buffer> {
  const handle = await open(path, 'r').catch((cause: unknown) => refuseReading(path, cause));
  try {
    const buffer = Buffer.alloc(bytes);
    const { bytesRead } = await handle.read(buffer, 0, bytes, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}

/**
 * Streams a file once: the decompressed contents to `onContents` where given, and gives the SHA-256 of the file's own
 * bytes as hex.
 * @throws INVALID_DATA where it cannot be read or its compression is damaged; CANCELLED.
 */
export async function digestFile(
  file: InputFile,
  onContents: ((chunk: Uint8Array) => void) | undefined,
  signal: AbortSignal | undefined,
): Promise<string> {
  const hash = createHash('sha256');
  const raw = createReadStream(file.path, { highWaterMark: READ_BYTES });
  const hashed = async function* (): AsyncGenerator<Buffer> {
    for await (const chunk of raw) {
      const bytes: Buffer = chunk; // no encoding was set, so the stream gives Buffers
      hash.update(bytes);
      yield bytes;
    }
  };
  const contents = file.isGzip && onContents !== undefined ? gunzip(hashed()) : hashed();
  try {
    for await (const chunk of contents) {
      if (signal?.aborted) throw new AmaasError('CANCELLED', `openTable ${file.label}: the caller went away`);
      onContents?.(chunk);
    }
  } catch (cause) {
    throw refuseReading(file.path, cause);
  } finally {
    raw.destroy();
  }
  return hash.digest('hex');
}

/** Node's pipe does not pass errors on; this does. */
function gunzip(source: AsyncIterable<Buffer>): AsyncIterable<Buffer> {
  const input = Readable.from(source, { objectMode: false });
  const output = createGunzip({ chunkSize: READ_BYTES });
  input.on('error', (error) => output.destroy(error));
  return input.pipe(output);
}

/**
 * One digest for all files: the file's own where there is one, else that of the digests, one a line, in order; so it
 * does not depend on where the files lie.
 */
export function combineDigests(digests: readonly string[]): string {
  const [first = ''] = digests;
  const hex =
    digests.length === 1
      ? first
      : createHash('sha256')
          .update(digests.map((digest) => `${digest}\n`).join(''))
          .digest('hex');
  return `sha256:${hex}`;
}

function refuseReading(path: string, cause: unknown): never {
  if (cause instanceof AmaasError) throw cause;
  const why = cause instanceof Error ? cause.message : String(cause);
  throw new AmaasError('INVALID_DATA', `openTable: ${path} cannot be read: ${why}`, { cause });
}
