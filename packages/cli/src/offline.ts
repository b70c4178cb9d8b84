// Options of the verbs that work on a data directory itself, while no server owns it.
import { access } from 'node:fs/promises';
import { resolve } from 'node:path';
import { AmaasError } from '@amaas/core';
import { type Command, Option } from 'commander';
import type { CommandContext } from './command-context.ts';

export interface OfflineOptions {
  readonly dataDir?: string;
  readonly databaseUrl?: string;
}

/** A data directory, as the server's offline functions take it. */
export interface DataDirectory {
  readonly dataDir: string;
  readonly databaseUrl?: string;
}

const DEFAULT_DATA_DIR = './.amaas';

export function addOfflineOptions(command: Command): Command {
  return command
    .addOption(
      new Option('--data-dir <folder>', `folder of the server (default: AMAAS_DATA_DIR, else ${DEFAULT_DATA_DIR})`),
    )
    .addOption(
      new Option('--database-url <url>', 'PostgreSQL, where the server uses it (default: AMAAS_DATABASE_URL)'),
    );
}

/** Absolute path of the data directory the options name. */
export function dataDirOf({ world }: CommandContext, options: OfflineOptions): string {
  return resolve(world.cwd, options.dataDir ?? (world.environment['AMAAS_DATA_DIR'] || DEFAULT_DATA_DIR));
}

/** The data directory the options name. @throws ARTIFACT_NOT_FOUND when it is not there: a mistyped folder must not be made */
export async function existingDataDirectory(context: CommandContext, options: OfflineOptions): Promise<DataDirectory> {
  const dataDir = dataDirOf(context, options);
  try {
    await access(dataDir);
  } catch (thrown) {
    const message = `there is no data directory at ${dataDir}; give the server's with --data-dir or AMAAS_DATA_DIR`;
    throw new AmaasError('ARTIFACT_NOT_FOUND', message, { cause: thrown });
  }
  return { dataDir, ...databaseOf(context, options) };
}

/** The database the options name, when it is not the embedded one. */
export function databaseOf({ world }: CommandContext, options: OfflineOptions): { readonly databaseUrl?: string } {
  const databaseUrl = options.databaseUrl ?? (world.environment['AMAAS_DATABASE_URL'] || undefined);
  return databaseUrl === undefined ? {} : { databaseUrl };
}
