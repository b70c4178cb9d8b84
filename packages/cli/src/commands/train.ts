// `amaas train`: from a file to a served model: reads, trains, evaluates on held-out rows, deploys, and says how to ask it.
import { rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { assertName, systemClock } from '@amaas/core';
import { formatReport } from '@amaas/learn/evaluate';
import type { TrainTableEvent } from '@amaas/learn/pipelines';
import type { Command } from 'commander';
import { type CommandContext, optionsOf, type SharedOptions, show, UsageError } from '../command-context.ts';
import { withCancelOnSignal } from '../training/cancel-on-signal.ts';
import { dataText } from '../training/data-text.ts';
import { deployTrained, findServer, metricsOf } from '../training/deploy-trained.ts';
import { replaceFile, replaceFiles } from '../training/durable-file.ts';
import type { TrainingConfiguration } from '../training/messages.ts';
import { assertThere, nameOfFile } from '../training/data-file.ts';
import { commandName, endText } from '../training/end-text.ts';
import { explainTraining } from '../training/explain.ts';
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
    throw explainTraining(thrown);
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

export /** @throws UsageError for options that say something about files that are not made here */
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

/** Shows what was understood of the data, then the progress. */
function createView(
  { world, terminal }: CommandContext,
  { settings, reading }: TrainingConfiguration,
  options: TrainOptions & SharedOptions,
): (event: TrainTableEvent) => void {
  if (options.json) return () => {};
  const showProgress = createProgressView(terminal, { isTerminal: world.stderr.isTTY === true, clock: systemClock });
  const declared = (reading.kinds ?? []).map(([column]) => column);
  let described: Extract<TrainTableEvent, { kind: 'described' }> | null = null;
  let split: Extract<TrainTableEvent, { kind: 'split' }> | null = null;
  return (event) => {
    if (event.kind === 'described') described = event;
    if (event.kind === 'split') split = event;
    if (event.kind === 'prepared' && described !== null && split !== null) {
      const { preprocessing } = event;
      const { rows, findings } = split;
      const facts = {
        summary: described.summary,
        preprocessing,
        rows,
        findings,
        excluded: settings.exclude ?? [],
        declared,
      };
      terminal.print(dataText(facts, options.verbose === true));
    }
    showProgress(event);
  };
}
