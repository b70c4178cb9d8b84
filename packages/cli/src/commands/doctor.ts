// `amaas doctor`: looks at this machine and says what would keep a server from working, and what to do about it.
import type { Command } from 'commander';
import { CommandFailed, type CommandContext, optionsOf, resolveServer } from '../command-context.ts';
import { type Check, type DoctorTarget, runChecks } from '../doctor/index.ts';
import { addDataDirOption, dataDirOf, type OfflineOptions } from '../offline.ts';
import { table, withSpinner } from '../terminal.ts';

export function registerDoctor(program: Command, context: CommandContext): void {
  addDataDirOption(
    program.command('doctor').description('check this machine and the server, and say what to do about what is wrong'),
  )
    .addHelpText(
      'after',
      '\nExit code 1 when a check fails; warnings do not count.\n\nExample:\n  $ amaas doctor\n  $ amaas doctor --url https://models.example.com --json',
    )
    .action(async (_options: unknown, command: Command) => {
      const options = optionsOf<OfflineOptions>(command);
      const { environment } = context.world;
      const target: DoctorTarget = {
        ...(await resolveServer(context, options)),
        dataDir: dataDirOf(context, options),
        host: environment['AMAAS_HOST'] || '127.0.0.1',
        port: Number(environment['AMAAS_PORT'] || 8080),
      };
      const checks = await withSpinner(context.terminal, 'looking', runChecks(target));
      const failed = checks.some((check) => check.status === 'fail');
      context.terminal.print(options.json ? JSON.stringify({ ok: !failed, checks }, null, 2) : checksText(checks));
      if (failed) throw new CommandFailed();
    });
}

function checksText(checks: readonly Check[]): string {
  const rows = checks.flatMap(({ name, status, found, advice }) => [
    [status, name, found],
    ...(advice === null ? [] : [['', '', `→ ${advice}`]]),
  ]);
  return table(['', 'CHECK', 'FOUND'], rows);
}
