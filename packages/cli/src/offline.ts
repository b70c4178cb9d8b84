// Options of the verbs that work on a data directory itself.
import { access } from 'node:fs/promises';
import { resolve } from 'node:path';
import { AmaasError } from '@amaas/core';
import { type Command, Option } from 'commander';
import type { CommandContext } from './command-context.ts';

export interface OfflineOptions {
  readonly dataDir?: string;
}

const DEFAULT_DATA_DIR = './.amaas';

export function addDataDirOption(command: Command): Command {
  const described = `folder of the server (default: AMAAS_DATA_DIR, else ${DEFAULT_DATA_DIR})`;
  return command.addOption(new Option('--data-dir <folder>', described));
}

/** Absolute path of the data directory the options name. */
export function dataDirOf({ world }: CommandContext, options: OfflineOptions): string {
  return resolve(world.cwd, options.dataDir ?? (world.environment['AMAAS_DATA_DIR'] || DEFAULT_DATA_DIR));
}

/** The same, when it is there. @throws ARTIFACT_NOT_FOUND otherwise: a mistyped folder must not be made */
export async function existingDataDir(context: CommandContext, options: OfflineOptions): Promise<string> {
  const dataDir = dataDirOf(context, options);
  try {
    await access(dataDir);
    return dataDir;
  } catch (thrown) {
    const message = `there is no data directory at ${dataDir}; give the server's with --data-dir or AMAAS_DATA_DIR`;
    throw new AmaasError('ARTIFACT_NOT_FOUND', message, { cause: thrown });
  }
}
