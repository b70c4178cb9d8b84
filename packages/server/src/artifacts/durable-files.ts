// The file-system steps that make a change survive a crash, and what a full disk is called. POSIX semantics; on Windows,
// where a directory cannot be opened for syncing, the rename itself is what is relied on.
import { mkdir, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { AmaasError } from '@amaas/core';

/** Writes the entries of a directory to disk, so that a rename in it is not lost. */
export async function syncDirectory(directory: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Creates a directory with the folders above it; new ones are on disk when the promise resolves. */
export async function makeDurableDirectory(directory: string): Promise<void> {
  const topmostNew = await mkdir(directory, { recursive: true });
  if (topmostNew === undefined) return;
  for (let current = directory; current.length >= topmostNew.length; current = dirname(current)) {
    await syncDirectory(dirname(current));
  }
}

/** The `code` of a file-system error. */
export function errorCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

/** Names a full disk or quota as STORAGE_FULL; gives anything else back. */
export function explainFullDisk(error: unknown, what: string): unknown {
  const code = errorCode(error);
  if (code !== 'ENOSPC' && code !== 'EDQUOT') return error;
  return new AmaasError('STORAGE_FULL', `${what}: there is no space left (${code})`, { cause: error });
}
