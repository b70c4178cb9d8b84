// `amaas tune`: searches the settings of a table's network, reports on the best model and serves it, as `train` does.
import { join, resolve } from 'node:path';
import { AmaasError, assertName, systemClock } from '@amaas/core';
import type { TuneTableEvent } from '@amaas/learn/pipelines';
import { formatReport } from '@amaas/learn/evaluate';
import { configurationToJson } from '@amaas/learn/tune';
import type { Command } from 'commander';
import { type CommandContext, optionsOf, type SharedOptions, show, UsageError } from '../command-context.ts';
import { withCancelOnSignal } from '../training/cancel-on-signal.ts';
import { assertThere, nameOfFile } from '../training/data-file.ts';
import { dataText } from '../training/data-text.ts';
import { deployTrained, findServer, metricsOf } from '../training/deploy-trained.ts';
import { endText } from '../training/end-text.ts';
import { explainTraining } from '../training/explain.ts';
import { addTrainOptions, readTrainFlags, type TrainFlags } from '../training/train-flags.ts';
import type { TuningResult } from '../tuning/messages.ts';
import { runTuning } from '../tuning/run-tuning.ts';
import { addTuneOptions, readTuneFlags, type TuneFlags } from '../tuning/tune-flags.ts';
import { studyText } from '../tuning/tune-text.ts';
import { createTuneView } from '../tuning/tune-view.ts';
import { whereTrained, writeTrained } from '../training/write-trained.ts';

interface TuneOptions extends TrainFlags, TuneFlags {
  readonly name?: string;
  readonly label?: readonly string[];
  readonly study?: string;
  readonly out?: string;
  readonly report?: string;
  readonly deploy: boolean;
  readonly verbose?: true;
}

export function registerTune(program: Command, context: CommandContext): void {
  const command = program
    .command('tune <data>')
    .description('search the best settings for a model of a table, report on the best on held-out rows, and serve it');
  addTuneOptions(command)
    .option('--study <folder>', 'where the study is kept; one that is there goes on (default: <out>/study)')
    .option('--name <name>', 'name of the model (default: that of the file); a new version is made when it exists')
    .option('--label <label...>', 'labels that move to the new version, such as production')
    .option('--out <folder>', 'where model, manifest and report are written (default: ./trained/<name>)')
    .option('--report <file>', 'where to write the report as a page, besides the folder')
    .option('--no-deploy', 'only write the folder')
    .option('--verbose', 'show every column and all that was noticed');
  addTrainOptions(command)
    .addHelpText(
      'after',
      `
Settings of the network that are given, such as --hidden, are the same in all trials; the others are searched.
A study that was interrupted, or has more to do by now, goes on when the same command is given again.

Example:
  $ amaas tune heart.csv --target target
  $ amaas tune heart.csv --target target --time 10m --parallel 4
  $ amaas tune houses.parquet --target price --space space.json --trials 100 --study ./houses-study

A space.json: {"hidden": {"choice": [[64], [128, 64]]}, "learningRate": {"logUniform": [0.0003, 0.03]}}`,
    )
    .action(async (data: string, _options: unknown, self: Command) => {
      await tune(context, data, optionsOf<TuneOptions>(self));
    });
}

async function tune(context: CommandContext, data: string, options: TuneOptions & SharedOptions): Promise<void> {
  const { world, terminal } = context;
  const configuration = readTrainFlags(options);
  const search = await readTuneFlags(context, options, configuration);
  const model = assertName('model', options.name ?? nameOfFile(data));
  const labels = (options.label ?? []).map((label) => assertName('label', label));
  if (!options.deploy && labels.length > 0) throw new UsageError('--label needs a deployment; leave out --no-deploy');
  const path = resolve(world.cwd, data);
  await assertThere(path, data);
  const client = options.deploy ? await findServer(context, options, model) : null;
  const out = resolve(world.cwd, options.out ?? join('trained', model));
  const study = options.study === undefined ? join(out, 'study') : resolve(world.cwd, options.study);
  const view = createView(context, { options, maxTrials: search.maxTrials });
  const result = await withCancelOnSignal(terminal, (signal) =>
    runTuning({ ...configuration, ...search, path, study }, { signal, onEvent: view.show }),
  )
    .catch((thrown: unknown) => {
      throw explainTuning(thrown);
    })
    .finally(() => view.clear());
  if (!options.json) terminal.print(`\n${studyText(result)}`);
  const report = formatReport(result.report);
  const page = await writeTrained(context, result, { folder: out, checkpoints: null, options, report });

  const handover = { model, labels, result, configuration };
  const deployed = client === null ? null : await deployTrained(context, client, handover);
  const facts = {
    ...whereTrained({ model, deployed, url: client?.url ?? null, folder: out, report: page }),
    study: { folder: study, ...studyFacts(result) },
    candidate: result.candidate,
    rows: result.data.rows,
    datasetDigest: result.data.digest,
    metrics: metricsOf(result),
    example: Object.fromEntries(result.example.row),
  };
  show(context, options, facts, () => endText(context, { facts, result, labels }));
}

function studyFacts({ study, earlierReports }: TuningResult) {
  const { ended, table, importance, candidates } = study;
  const { best, parameters, counts, elapsedMs } = table;
  return {
    ended,
    trials: counts,
    elapsedMs,
    best:
      best === null
        ? null
        : {
            trial: best.trial,
            validationLoss: best.value,
            configuration: configurationToJson(
              new Map(parameters.map((name, index) => [name, best.values[index] ?? null] as const)),
            ),
          },
    importance,
    candidates,
    earlierReports,
  };
}

/** Shows what was understood of the data, then the study. */
function createView(
  { world, terminal }: CommandContext,
  { options, maxTrials }: { readonly options: TuneOptions & SharedOptions; readonly maxTrials: number | null },
): { show(event: TuneTableEvent): void; clear(): void } {
  if (options.json) return { show: () => {}, clear: () => {} };
  const view = createTuneView({ terminal, stderr: world.stderr, clock: systemClock, maxTrials });
  let described: Extract<TuneTableEvent, { kind: 'described' }> | null = null;
  let split: Extract<TuneTableEvent, { kind: 'split' }> | null = null;
  return {
    show(event) {
      if (event.kind === 'described') described = event;
      if (event.kind === 'split') split = event;
      if (event.kind === 'prepared' && described !== null && split !== null) {
        const { rows, findings } = split;
        const { preprocessing } = event;
        const facts = { summary: described.summary, preprocessing, rows, findings, excluded: options.exclude ?? [] };
        terminal.print(dataText(facts, options.verbose === true));
      }
      view.show(event);
    },
    clear: view.clear,
  };
}

/** Says in this command's words what can be done. */
function explainTuning(thrown: unknown): unknown {
  if (!(thrown instanceof AmaasError)) return thrown;
  const { reason, message } = thrown;
  if (reason === 'CANCELLED') {
    return new AmaasError(reason, `${message}\nNothing was deployed. Give the same command again to go on.`);
  }
  if (reason === 'INVALID_CHECKPOINT') {
    const advice = 'Repeat the command the study was begun with, or give another folder with --study.';
    return new AmaasError(reason, `${message}\n${advice}`);
  }
  return explainTraining(thrown);
}
