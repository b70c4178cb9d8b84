// The watched models folder inside a data directory, as far as a backup is concerned: plain files with their digests.
// Unlike blobs they can change at any moment, so each is hashed again while it is written.
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { type Digest, errorCode } from '../artifacts/index.ts';
import type { ArchivedModelFile } from './archive-manifest.ts';

/** The files in a models folder; none where there is no folder. Links and hidden files are left out. */
export async function listModelFiles(folder: string): Promise<(ArchivedModelFile & { readonly digest: Digest })[]> {
  const files: (ArchivedModelFile & { readonly digest: Digest })[] = [];
  for (const path of await listPlainFiles(folder)) {
    const file = join(folder, path);
    const { mtimeMs } = await stat(file);
    const { digest, sizeBytes } = await hashFile(file);
    files.push({ path, digest, sizeBytes, mtimeMs });
  }
  return files;
}

async function listPlainFiles(folder: string): Promise<string[]> {
  try {
    const entries = await readdir(folder, { recursive: true, withFileTypes: true });
    return entries
      .filter((entry) => entry.isFile())
      .map((entry) => relative(folder, join(entry.parentPath, entry.name)).replaceAll(sep, '/'))
      .filter((path) => !path.split('/').some((name) => name.startsWith('.')))
      .sort();
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return [];
    throw error;
  }
}

/** Digest and size of a file's contents. */
export async function hashFile(path: string): Promise<{ readonly digest: Digest; readonly sizeBytes: number }> {
  const hash = createHash('sha256');
  let sizeBytes = 0;
  for await (const piece of createReadStream(path, { highWaterMark: 1 << 20 })) {
    hash.update(piece);
    sizeBytes += piece.length;
  }
  return { digest: `sha256:${hash.digest('hex')}`, sizeBytes };
}
