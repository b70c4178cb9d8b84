// What has to hold before a byte is downloaded: that the files are not too large, and that there is room for them.
import { statfs } from 'node:fs/promises';
import { AmaasError } from '@amaas/core';
import { makeDurableDirectory } from '../artifacts/index.ts';
import { sizeInWords } from './choose-files.ts';
import type { HubFile } from './listing.ts';
import type { PartialFiles } from './partial-files.ts';

export interface PullLimits {
  /** Of all files of a model. */
  readonly maxModelBytes: number;
  /** Of one file. */
  readonly maxFileBytes: number;
}

/** Left free on the disk for everything else. */
const SPARE_BYTES = 64 * 1024 * 1024;

/** @throws REQUEST_TOO_LARGE naming the setting */
export function assertSizes(repository: string, files: readonly HubFile[], limits: PullLimits): void {
  const { maxModelBytes, maxFileBytes } = limits;
  const totalBytes = files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  const tooLarge = (what: string, bytes: number, limit: string): AmaasError =>
    new AmaasError('REQUEST_TOO_LARGE', `pull: ${what} has ${bytes} bytes; at most ${limit} are accepted`);
  if (totalBytes > maxModelBytes) {
    throw tooLarge(`the model in ${repository}`, totalBytes, `${maxModelBytes} (maxModelBytes)`);
  }
  const file = files.find(({ sizeBytes }) => sizeBytes > maxFileBytes);
  if (file !== undefined) throw tooLarge(file.path, file.sizeBytes, `${maxFileBytes} (urlMaxBytes)`);
}

/** Bytes that are to be downloaded. @throws STORAGE_FULL where they do not fit, with the numbers */
export async function assertSpace(
  missing: readonly HubFile[],
  place: {
    readonly directory: string;
    readonly partials: PartialFiles;
    /** Bytes that can be written below a folder; default: what the file system says. */
    readonly freeBytes?: ((directory: string) => Promise<number>) | undefined;
  },
): Promise<number> {
  if (missing.length === 0) return 0;
  const { directory, partials, freeBytes = freeBytesOn } = place;
  const partialBytes = await Promise.all(missing.map((file) => partials.sizeOf(file)));
  const missingBytes = missing.reduce((sum, file, index) => sum + file.sizeBytes - (partialBytes[index] ?? 0), 0);
  // A file that has come is copied into the store before its partial file goes.
  const largestBytes = Math.max(...missing.map(({ sizeBytes }) => sizeBytes));
  const neededBytes = missingBytes + largestBytes + SPARE_BYTES;
  await makeDurableDirectory(directory);
  const availableBytes = await freeBytes(directory);
  if (availableBytes >= neededBytes) return missingBytes;
  throw new AmaasError(
    'STORAGE_FULL',
    `pull: ${sizeInWords(missingBytes)} are to be downloaded and need ${sizeInWords(neededBytes)} of disk space on the way; ` +
      `${sizeInWords(availableBytes)} are free`,
    { details: { missingBytes, neededBytes, availableBytes }, retryable: false },
  );
}

async function freeBytesOn(directory: string): Promise<number> {
  const { bavail, bsize } = await statfs(directory);
  return bavail * bsize;
}
