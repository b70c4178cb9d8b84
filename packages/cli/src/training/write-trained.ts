// What every training ends with, whatever it learned: its files, its report as a page, its held-out answers, and where it is.
import { rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { CommandContext, SharedOptions } from '../command-context.ts';
import type { Deployed } from './deploy-trained.ts';
import { replaceFile, replaceFiles } from './durable-file.ts';
import type { TrainedFacts } from './end-text.ts';
import type { TrainingResult } from './messages.ts';

export interface OutputOptions extends SharedOptions {
  readonly report?: string;
  readonly predictions?: string;
}

/**
 * Writes the folder and what the options ask for besides, removes the checkpoints, and prints the report.
 * @param to.checkpoints - null: there are none, or they stay
 * @param to.report - as text
 * @returns where the report's page is
 */
export async function writeTrained(
  { world, terminal }: CommandContext,
  { files, heldOut }: Pick<TrainingResult, 'files' | 'heldOut'>,
  to: {
    readonly folder: string;
    readonly checkpoints: string | null;
    readonly options: OutputOptions;
    readonly report: string;
  },
): Promise<string> {
  const { folder, checkpoints, options, report } = to;
  await replaceFiles(folder, files);
  const page = options.report === undefined ? join(folder, 'report.html') : resolve(world.cwd, options.report);
  if (options.report !== undefined) await replaceFile(page, files.get('report.html') ?? '');
  if (options.predictions !== undefined && heldOut !== null) {
    await replaceFile(resolve(world.cwd, options.predictions), heldOut);
  }
  if (checkpoints !== null) await rm(checkpoints, { recursive: true, force: true });
  if (!options.json) terminal.print(`\n${report}`);
  return page;
}

/** Where a model has gone. @param deployed - null: nowhere but into its folder */
export function whereTrained({
  model,
  deployed,
  url,
  folder,
  report,
}: {
  readonly model: string;
  readonly deployed: Deployed | null;
  readonly url: string | null;
  readonly folder: string;
  readonly report: string;
}): TrainedFacts {
  const version = deployed?.version.version ?? null;
  return { model, version, run: deployed?.run ?? null, reference: deployed?.reference ?? null, url, folder, report };
}
