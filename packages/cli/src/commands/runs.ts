// `amaas runs`: what was trained, on which data, with what outcome.
import { writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { ListRunsOptions, Run } from '@amaas/client';
import type { Command } from 'commander';
import { type CommandContext, connect, optionsOf, show } from '../command-context.ts';
import { factLines } from '../facts-text.ts';
import { formatNumber } from '../facts-text.ts';
import { labelled } from '../job-text.ts';
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
      show(context, options, { runs: list }, () =>
        runListText(
          list,
          [model, dataset, kind].some((each) => each !== undefined),
        ),
      );
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

/** @param isFiltered - whether there may be others */
export function runListText(list: readonly Run[], isFiltered = false): string {
  if (list.length === 0) return isFiltered ? 'No such runs; see all with: amaas runs list' : 'No runs yet.';
  const rows = list.map((run) => [
    run.id,
    run.kind,
    run.state,
    run.model === null ? '' : run.version === null ? run.model : `${run.model}@${run.version}`,
    dataText(run),
    metricsText(run),
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
    ...labelled('configuration', factLines(withoutTable(run.configuration))),
  ]);
}

/** The columns that a model takes are the model's: `amaas models show`. */
function withoutTable(configuration: Run['configuration']): object {
  return Object.fromEntries(Object.entries(configuration).filter(([name]) => name !== 'table' && name !== 'media'));
}

/** Datasets of the server, else the file that was read elsewhere. */
function dataText({ datasets, configuration }: Run): string {
  const source = new Map<string, unknown>(Object.entries(configuration)).get('source');
  if (datasets.length === 0) return typeof source === 'string' ? source : '';
  return datasets.map(({ name, version }) => `${name}@${version}`).join(', ');
}

/** What tells most of a run in a list; the others are in `runs show`. */
const SHORT_METRICS: ReadonlyMap<string, string> = new Map([
  ['accuracy', 'accuracy'],
  ['rocAuc', 'AUC'],
  ['macroF1', 'F1'],
  ['f1', 'F1'],
  ['r2', 'R²'],
  ['rootMeanSquaredError', 'RMSE'],
  ['meanAbsoluteError', 'MAE'],
]);
const MAX_METRICS = 3;

function metricsText({ metrics }: Run): string {
  const known = [...SHORT_METRICS].flatMap(([name, short]) => {
    const value = metrics[name];
    return value === undefined ? [] : [`${short} ${formatNumber(value)}`];
  });
  const any = Object.entries(metrics).map(([name, value]) => `${name} ${formatNumber(value)}`);
  return (known.length > 0 ? known : any).slice(0, MAX_METRICS).join('  ');
}
