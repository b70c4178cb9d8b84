// The file a user names as data: is it there, and what would a model of it be called.
import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { AmaasError, isName } from '@amaas/core';
import { UsageError } from '../command-context.ts';

/** @throws INVALID_ARGUMENT when no file is there, unless it is a pattern: who reads it says what matches */
export async function assertThere(path: string, given: string): Promise<void> {
  if (/[*?{[]/.test(given)) return;
  const found = await stat(path).catch(() => null);
  if (found !== null) return;
  const what = /[\\/]$/.test(given) ? 'folder' : 'file';
  throw new AmaasError('INVALID_ARGUMENT', `train: there is no ${what} ${given}`);
}

/** The file's name without its endings, as far as models may be called so. */
export function nameOfFile(path: string): string {
  const name = basename(path)
    .replace(/(\.(csv|tsv|tab|txt|data|parquet|jsonl|ndjson|json))?(\.gz)?$/i, '')
    .toLowerCase()
    .replace(/[^a-z0-9._-]+/g, '-')
    .replace(/^[^a-z0-9]+/, '');
  if (isName(name)) return name;
  throw new UsageError(`cannot make a model's name of ${JSON.stringify(basename(path))}; give one with --name`);
}
