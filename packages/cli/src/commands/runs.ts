// `amaas runs`: what was trained, on which data, with what outcome.
import { writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { ListRunsOptions, Run } from '@amaas/client';
import type { Command } from 'commander';
import { type CommandContext, connect, optionsOf, show } from '../command-context.ts';
import { formatNumber } from '../job-text.ts';
import { pairs, table } from '../terminal.ts';
import { readCount } from './jobs.ts';

export function registerRuns(program: Command, context: CommandContext): void {
  const runs = program
    .command('runs')
    .description('look at what was trained: data, configuration, metrics, report')
    .addHelpText('after', '\nExample:\n  $ amaas runs list --model heart\n  $ amaas runs show run_3f2a9c01b7e4d865');
  registerList(runs, context);
  registerShow(runs, context);
  registerReport(runs, context);
  registerDelete(runs, context);
}

interface ListOptions {
  readonly model?: string;
  readonly dataset?: string;
  readonly kind?: string;
  readonly limit?: string;
}

function registerList(runs: Command, context: CommandContext): void {
  runs
    .command('list')
    .description('runs, newest first')
    .option('--model <name>', 'only for this model')
    .option('--dataset <name>', 'only those that read this dataset')
    .option('--kind <kind>', 'only of this kind, such as train')
    .option('--limit <n>', 'most runs listed (default: 100)')
    .addHelpText('after', '\nExample:\n  $ amaas runs list --dataset heart')
    .action(async (_options: unknown, command: Command) => {
      const options = optionsOf<ListOptions>(command);
      const { model, dataset, kind } = options;
      const filter: ListRunsOptions = {
        ...(model === undefined ? {} : { model }),
        ...(dataset === undefined ? {} : { dataset }),
        ...(kind === undefined ? {} : { kind }),
        ...(options.limit === undefined ? {} : { limit: readCount('--limit', options.limit) }),
      };
      const list = await (await connect(context, options)).runs.list(filter);
      show(context, options, { runs: list }, () => runListText(list));
    });
}

function registerShow(runs: Command, context: CommandContext): void {
  runs
    .command('show <run>')
    .description('one run with everything needed to do it again')
    .addHelpText('after', '\nExample:\n  $ amaas runs show run_3f2a9c01b7e4d865')
    .action(async (id: string, _options: unknown, command: Command) => {
      const options = optionsOf(command);
      const run = await (await connect(context, options)).runs.get(id);
      show(context, options, run, () => runText(run));
    });
}

function registerReport(runs: Command, context: CommandContext): void {
  runs
    .command('report <run> [file]')
    .description('write the report of a run, one self-contained page, to a file; without one print it as JSON')
    .addHelpText('after', '\nExample:\n  $ amaas runs report run_3f2a9c01b7e4d865 heart.html')
    .action(async (id: string, file: string | undefined, _options: unknown, command: Command) => {
      const options = optionsOf(command);
      const client = await connect(context, options);
      if (file === undefined) return context.terminal.print(await client.runs.report(id, 'json'));
      const path = resolve(context.world.cwd, file);
      await writeFile(path, await client.runs.report(id, path.endsWith('.json') ? 'json' : 'html'));
      show(context, options, { run: id, file: path }, () => `the report of ${id} is in ${path}`);
    });
}

function registerDelete(runs: Command, context: CommandContext): void {
  runs
    .command('delete <run>')
    .description('forget a run that has ended, with its report; a version it made stays')
    .addHelpText('after', '\nExample:\n  $ amaas runs delete run_3f2a9c01b7e4d865')
    .action(async (id: string, _options: unknown, command: Command) => {
      const options = optionsOf(command);
      await (await connect(context, options)).runs.remove(id);
      show(context, options, { deleted: id }, () => `${id} is deleted`);
    });
}

function runListText(list: readonly Run[]): string {
  if (list.length === 0) return 'No runs yet.';
  const rows = list.map((run) => [
    run.id,
    run.kind,
    run.state,
    run.model === null ? '' : run.version === null ? run.model : `${run.model}@${run.version}`,
    run.datasets.map(({ name, version }) => `${name}@${version}`).join(', '),
    metricsText(run).slice(0, 60),
    run.createdAt.slice(0, 19).replace('T', ' '),
  ]);
  return table(['ID', 'KIND', 'STATE', 'MODEL', 'DATA', 'METRICS', 'STARTED'], rows);
}

function runText(run: Run): string {
  const { parent, error } = run;
  const from = [parent?.run, parent?.model === undefined ? undefined : `${parent.model}@${parent.version ?? '?'}`];
  return pairs([
    ['run', run.id],
    ['kind', run.kind],
    ['state', error === null ? run.state : `${run.state}: ${error.message} (${error.reason})`],
    ...(run.job === null ? [] : [['job', run.job] as const]),
    ...(run.model === null
      ? []
      : [['model', run.version === null ? run.model : `${run.model}@${run.version}`] as const]),
    ...(parent === null ? [] : [['went on from', from.filter((text) => text !== undefined).join(', ')] as const]),
    ...run.datasets.map(
      ({ role, name, version, digest }) => [`data (${role})`, `${name}@${version}  ${digest}`] as const,
    ),
    ['code', `amaas ${run.codeVersion}`],
    ...(run.seed === null ? [] : [['seed', String(run.seed)] as const]),
    ['started', `${run.createdAt} by ${run.createdBy}`],
    ...(run.endedAt === null ? [] : [['ended', run.endedAt] as const]),
    ...Object.entries(run.metrics).map(([name, value]) => [name, formatNumber(value)] as const),
    ...(run.files.length === 0 ? [] : [['files', run.files.map(({ name }) => name).join(', ')] as const]),
    ['configuration', JSON.stringify(run.configuration)],
  ]);
}

function metricsText({ metrics }: Run): string {
  return Object.entries(metrics)
    .map(([name, value]) => `${name} ${formatNumber(value)}`)
    .join('  ');
}
