// `amaas train`: from a file to a served model: reads, trains, evaluates on held-out rows, deploys, and says how to ask it.
import { rm, stat } from 'node:fs/promises';
import { basename, join, relative, resolve } from 'node:path';
import { AmaasError, assertName, isName, systemClock } from '@amaas/core';
import { formatReport } from '@amaas/learn/evaluate';
import type { TrainTableEvent } from '@amaas/learn/pipelines';
import type { Command } from 'commander';
import { type CommandContext, optionsOf, type SharedOptions, show, UsageError } from '../command-context.ts';
import { pairs } from '../terminal.ts';
import { curlLine, predictLine } from '../training/call-text.ts';
import { withCancelOnSignal } from '../training/cancel-on-signal.ts';
import { dataText } from '../training/data-text.ts';
import { deployTrained, findServer, metricsOf } from '../training/deploy-trained.ts';
import { replaceFile, replaceFiles } from '../training/durable-file.ts';
import type { TrainingConfiguration, TrainingResult } from '../training/messages.ts';
import { createProgressView } from '../training/progress-view.ts';
import { runTraining } from '../training/run-training.ts';
import { isDatasetName, trainOnServer } from '../training/train-on-server.ts';
import { addTrainOptions, readTrainFlags, type TrainFlags } from '../training/train-flags.ts';

interface TrainOptions extends TrainFlags {
  readonly name?: string;
  readonly label?: readonly string[];
  readonly out?: string;
  readonly report?: string;
  readonly predictions?: string;
  readonly deploy: boolean;
  readonly resume?: true;
  readonly server?: true;
  readonly verbose?: true;
}

export function registerTrain(program: Command, context: CommandContext): void {
  const command = program
    .command('train <data>')
    .description('learn a model of a table (CSV, Parquet, JSON lines), report on held-out rows, and serve it');
  addTrainOptions(command)
    .option('--name <name>', 'name of the model (default: that of the file); a new version is made when it exists')
    .option('--label <label...>', 'labels that move to the new version, such as production')
    .option('--out <folder>', 'where model, manifest and report are written (default: ./trained/<name>)')
    .option('--report <file>', 'where to write the report as a page, besides the folder')
    .option('--predictions <file>', 'where to write the held-out rows with answers and scores, as JSON lines')
    .option('--no-deploy', 'only write the folder')
    .option('--server', 'train as a job of the server, which the file is uploaded to; so it is for a dataset of it')
    .option('--resume', 'go on where the same command was interrupted')
    .option('--verbose', 'show every column and all that was noticed')
    .addHelpText(
      'after',
      `
What is not said is found out: how the file is written, what the columns hold, what to predict, which network.

Example:
  $ amaas train heart.csv --target target
  $ amaas train titanic.csv --target survived --exclude alive --label production
  $ amaas train heart@2 --target target                     a dataset of the server, trained there
  $ amaas train houses.parquet --target price --time-by sold_at --hidden 128,64 --no-deploy --out ./houses`,
    )
    .action(async (data: string, _options: unknown, self: Command) => {
      await train(context, data, optionsOf<TrainOptions>(self));
    });
}

async function train(context: CommandContext, data: string, options: TrainOptions & SharedOptions): Promise<void> {
  const { world, terminal } = context;
  const configuration = readTrainFlags(options);
  const labels = (options.label ?? []).map((label) => assertName('label', label));
  const command = commandName(context);
  if (options.server || (await isDatasetName(context, data))) {
    assertNoLocalOptions(options);
    const { name, report } = options;
    const names = { ...(name === undefined ? {} : { model: assertName('model', name) }) };
    const training = { data, ...names, labels, configuration, command, ...(report === undefined ? {} : { report }) };
    return trainOnServer(context, training, options);
  }
  const model = assertName('model', options.name ?? nameOfFile(data));
  if (!options.deploy && labels.length > 0) throw new UsageError('--label needs a deployment; leave out --no-deploy');
  const path = resolve(world.cwd, data);
  await assertThere(path, data);
  const client = options.deploy ? await findServer(context, options, model) : null;
  const out = resolve(world.cwd, options.out ?? join('trained', model));
  const checkpoints = join(out, 'checkpoints');
  const view = createView(context, configuration, options);
  const result = await withCancelOnSignal(terminal, (signal) =>
    runTraining(
      {
        ...configuration,
        path,
        checkpoints,
        isResumed: options.resume === true,
        wantsHeldOut: options.predictions !== undefined,
      },
      { signal, onEvent: view },
    ),
  ).catch((thrown: unknown) => {
    throw explain(thrown);
  });
  terminal.clearProgress();
  await replaceFiles(out, result.files);
  const page = options.report === undefined ? join(out, 'report.html') : resolve(world.cwd, options.report);
  if (options.report !== undefined) await replaceFile(page, result.files.get('report.html') ?? '');
  if (options.predictions !== undefined && result.heldOut !== null) {
    await replaceFile(resolve(world.cwd, options.predictions), result.heldOut);
  }
  await rm(checkpoints, { recursive: true, force: true });
  if (!options.json) terminal.print(`\n${formatReport(result.report)}`);

  const handover = { model, labels, result, configuration };
  const deployed = client === null ? null : await deployTrained(context, client, handover);
  const facts = {
    model,
    version: deployed?.version.version ?? null,
    run: deployed?.run ?? null,
    url: client?.url ?? null,
    folder: out,
    report: page,
    candidate: result.candidate,
    rows: result.data.rows,
    datasetDigest: result.data.digest,
    metrics: metricsOf(result),
    example: Object.fromEntries(result.example.row),
  };
  show(context, options, facts, () => endText(context, { facts, result, labels }));
}

type Facts = {
  readonly model: string;
  readonly version: number | null;
  readonly run: string | null;
  readonly url: string | null;
  readonly folder: string;
  readonly report: string;
};

/** @throws UsageError for options that say something about files that are not made here */
function assertNoLocalOptions(options: TrainOptions): void {
  const { out, predictions, resume, deploy } = options;
  const local = {
    '--out': out,
    '--predictions': predictions,
    '--resume': resume,
    '--no-deploy': deploy ? undefined : true,
  };
  const given = Object.entries(local).find(([, value]) => value !== undefined);
  if (given === undefined) return;
  throw new UsageError(`${given[0]} is for a training on this machine; the server trains, keeps and serves by itself`);
}

/** How the user can call this program: in a checkout started by npm, through npx. */
function commandName({ world }: CommandContext): string {
  return world.environment['npm_lifecycle_event'] === undefined ? 'amaas' : 'npx amaas';
}

function endText(
  context: CommandContext,
  { facts, result, labels }: { facts: Facts; result: TrainingResult; labels: readonly string[] },
): string {
  const { world } = context;
  const { model, version, url } = facts;
  const command = commandName(context);
  const near = (path: string): string => relative(world.cwd, path) || '.';
  const written = [
    ['model', near(join(facts.folder, 'model.onnx'))],
    ['report', near(facts.report)],
  ] as const;
  if (url === null || version === null) {
    const how = `${command} deploy ${near(facts.folder)} --name ${model}`;
    return `${pairs(written)}\n\nIt is not served yet. With a server running (${command} serve):\n  ${how}`;
  }
  const labelled = labels.length === 0 ? '' : ` as ${labels.join(', ')}`;
  const { row } = result.example;
  return [
    pairs([
      ['served', `${model}@${version}${labelled} at ${url}`],
      ['run', `${facts.run}, see: ${command} runs show ${facts.run}`],
      ...written,
    ]),
    '',
    `Ask it with a row it has not seen (${exampleAnswer(result)}):`,
    `  ${predictLine({ command, model, row })}`,
    `  ${curlLine({ url, model, row, command })}`,
  ].join('\n');
}

/** What the model says to the example. */
function exampleAnswer({ description: { target }, example: { scores } }: TrainingResult): string {
  if (target.task === 'regression') return `it says ${Number((scores[0] ?? Number.NaN).toPrecision(6))}`;
  const best = scores.indexOf(Math.max(...scores));
  return `it says ${target.classes[best]}, ${((scores[best] ?? 0) * 100).toFixed(1)} %`;
}

/** Shows what was understood of the data, then the progress. */
function createView(
  { world, terminal }: CommandContext,
  { settings }: TrainingConfiguration,
  options: TrainOptions & SharedOptions,
): (event: TrainTableEvent) => void {
  if (options.json) return () => {};
  const showProgress = createProgressView(terminal, { isTerminal: world.stderr.isTTY === true, clock: systemClock });
  let described: Extract<TrainTableEvent, { kind: 'described' }> | null = null;
  let split: Extract<TrainTableEvent, { kind: 'split' }> | null = null;
  return (event) => {
    if (event.kind === 'described') described = event;
    if (event.kind === 'split') split = event;
    if (event.kind === 'prepared' && described !== null && split !== null) {
      const { preprocessing } = event;
      const { rows, findings } = split;
      const facts = { summary: described.summary, preprocessing, rows, findings, excluded: settings.exclude ?? [] };
      terminal.print(dataText(facts, options.verbose === true));
    }
    showProgress(event);
  };
}

/** Says in this command's words what can be done. */
function explain(thrown: unknown): unknown {
  if (!(thrown instanceof AmaasError)) return thrown;
  const { reason, details } = thrown;
  const more = (text: string): AmaasError => new AmaasError(reason, `${thrown.message}\n${text}`, { details });
  if (reason === 'CANCELLED') return more('Nothing was deployed. Repeat the command with --resume to go on.');
  const leaks = Array.isArray(details['findings'])
    ? details['findings'].flatMap((finding: { code?: unknown; column?: unknown }) =>
        finding.code === 'leakage' && typeof finding.column === 'string' ? [finding.column] : [],
      )
    : [];
  if (leaks.length > 0) {
    return more(
      `Leave it out with: --exclude ${leaks.join(',')}. Or, where it is known when predicting: --allow-leakage`,
    );
  }
  return thrown;
}

async function assertThere(path: string, given: string): Promise<void> {
  if (/[*?{[]/.test(given)) return; // a pattern: who reads it says what matches
  const found = await stat(path).catch(() => null);
  if (found !== null) return;
  throw new AmaasError('DATASET_NOT_FOUND', `train: there is no file ${given}`);
}

/** The file's name without its endings, as far as models may be called so. */
function nameOfFile(path: string): string {
  const name = basename(path)
    .replace(/(\.(csv|tsv|tab|txt|data|parquet|jsonl|ndjson|json))?(\.gz)?$/i, '')
    .toLowerCase()
    .replace(/[^a-z0-9._-]+/g, '-')
    .replace(/^[^a-z0-9]+/, '');
  if (isName(name)) return name;
  throw new UsageError(`cannot make a model's name of ${JSON.stringify(basename(path))}; give one with --name`);
}
