// `amaas restore`: a backup becomes a data directory again.
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { type CommandContext, optionsOf, show } from '../command-context.ts';
import { addDataDirOption, dataDirOf, type OfflineOptions } from '../offline.ts';
import { importServer } from '../server-module.ts';
import { formatBytes, progressBar } from '../terminal.ts';

export function registerRestore(program: Command, context: CommandContext): void {
  addDataDirOption(
    program
      .command('restore <file>')
      .description('make a data directory of a backup; the directory must be empty or not exist'),
  )
    .addHelpText(
      'after',
      '\nExample:\n  $ amaas restore amaas-2027-01-31.tar --data-dir ./.amaas\n  $ amaas serve --data-dir ./.amaas',
    )
    .action(async (file: string, _options: unknown, command: Command) => {
      const options = optionsOf<OfflineOptions>(command);
      const { restoreBackup } = await importServer();
      const summary = await restoreBackup({
        archive: resolve(context.world.cwd, file),
        dataDir: dataDirOf(context, options),
        onProgress: (doneBytes, totalBytes) =>
          context.terminal.progress(progressBar('restore', doneBytes, totalBytes, formatBytes(doneBytes))),
      });
      show(
        context,
        options,
        summary,
        () => `${summary.dataDir} holds ${summary.versions} versions, as of ${summary.createdAt}`,
      );
    });
}
