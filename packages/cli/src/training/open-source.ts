// Opens a file as the trainer reads it: the one place of the command that knows which engine does.
import { AmaasError } from '@amaas/core';
import type { DataSource } from '@amaas/learn/data';
import type { TableReading } from './messages.ts';

/** The caller closes the source. @throws as `openTable`; ENGINE_MISSING */
export async function openSource(path: string, reading: TableReading, signal: AbortSignal): Promise<DataSource> {
  const { CSV_MISSING, openTable } = await importInstalled(() => import('@amaas/engine-duckdb'));
  const { missing, kinds, ...dialect } = reading;
  return openTable(path, {
    ...dialect,
    signal,
    ...(missing === undefined ? {} : { missing: [...CSV_MISSING, ...missing] }),
    ...(kinds === undefined ? {} : { kinds: new Map(kinds) }),
  });
}

/** Imports what a verb needs beyond the SDK. @throws ENGINE_MISSING when it is not installed */
export async function importInstalled<Module>(load: () => Promise<Module>): Promise<Module> {
  try {
    return await load();
  } catch (thrown) {
    if (!(thrown instanceof Error && 'code' in thrown && thrown.code === 'ERR_MODULE_NOT_FOUND')) throw thrown;
    throw new AmaasError(
      'ENGINE_MISSING',
      `the training part of amaas is not installed completely: ${thrown.message}`,
      { cause: thrown },
    );
  }
}
