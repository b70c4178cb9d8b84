// What the databases' own errors mean to amaas.
import { AmaasError } from '@amaas/core';

const SQLITE_FULL = 13;
const POSTGRES_DISK_FULL = '53100';

/** Names a full disk as STORAGE_FULL; gives anything else back. */
export function explainWriteError(error: unknown): unknown {
  if (error instanceof AmaasError || !(error instanceof Error)) return error;
  const isFull =
    (isSqliteError(error) && error.errcode === SQLITE_FULL) ||
    ('code' in error && (error.code === POSTGRES_DISK_FULL || error.code === 'ENOSPC' || error.code === 'EDQUOT'));
  if (!isFull) return error;
  return new AmaasError('STORAGE_FULL', 'storage: there is no space left to write the database', { cause: error });
}

/** Turns what the database or the file system says about opening `where` into an error with a message for people. */
export function explainOpenError(error: unknown, where: string): unknown {
  if (error instanceof AmaasError || !(error instanceof Error)) return error;
  const isKnown = isSqliteError(error) || ('code' in error && typeof error.code === 'string');
  if (!isKnown) return error;
  const full = explainWriteError(error);
  if (full !== error) return full;
  return new AmaasError('INVALID_CONFIG', `storage: cannot open ${where}: ${error.message}`, { cause: error });
}

function isSqliteError(error: Error): error is Error & { errcode: number } {
  return 'errcode' in error && typeof error.errcode === 'number';
}
