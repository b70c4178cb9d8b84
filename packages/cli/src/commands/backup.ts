// `amaas backup`: one file of everything a data directory holds; works while the server runs.
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { type CommandContext, optionsOf, show } from '../command-context.ts';
import { addDataDirOption, existingDataDir, type OfflineOptions } from '../offline.ts';
import { importServer } from '../server-module.ts';
import { formatBytes, progressBar } from '../terminal.ts';

export function registerBackup(program: Command, context: CommandContext): void {
  addDataDirOption(
    program
      .command('backup <file>')
      .description(
        'write everything in a data directory (models, versions, labels, keys) to one file; the server may run',
      ),
  )
    .addHelpText('after', '\nExample:\n  $ amaas backup amaas-2027-01-31.tar')
    .action(async (file: string, _options: unknown, command: Command) => {
      const options = optionsOf<OfflineOptions>(command);
      const dataDir = await existingDataDir(context, options);
      const { createBackup } = await importServer();
      const summary = await createBackup({
        dataDir,
        destination: resolve(context.world.cwd, file),
        onProgress: (doneBytes, totalBytes) =>
          context.terminal.progress(progressBar('backup', doneBytes, totalBytes, formatBytes(doneBytes))),
      });
      show(
        context,
        options,
        summary,
        () =>
          `${summary.destination} holds ${summary.versions} versions in ${summary.blobs} files, ${formatBytes(summary.bytes)}`,
      );
    });
}
