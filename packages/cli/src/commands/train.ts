// `amaas train`: from a file or folder to a served model: reads, trains, evaluates on what was held out, deploys, and says
// how to ask it. Folders of pictures and recordings are train-folder's.
import { stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { assertName, systemClock } from '@amaas/core';
import { formatReport } from '@amaas/learn/evaluate';
import type { TrainTableEvent } from '@amaas/learn/pipelines';
import type { Command } from 'commander';
import { type CommandContext, optionsOf, show, UsageError } from '../command-context.ts';
import { withCancelOnSignal } from '../training/cancel-on-signal.ts';
import { dataText } from '../training/data-text.ts';
import { deployTrained, findServer, metricsOf } from '../training/deploy-trained.ts';
import type { TrainingConfiguration } from '../training/messages.ts';
import { assertThere, nameOfFile } from '../training/data-file.ts';
import { commandName, endText } from '../training/end-text.ts';
import { explainTraining } from '../training/explain.ts';
import { addLanguageOptions, type LanguageFlags, refuseLanguageFlags } from '../training/language-flags.ts';
import { addMediaOptions, refuseMediaFlags } from '../training/media-flags.ts';
import { groupByData } from '../training/option-groups.ts';
import { createProgressView } from '../training/progress-view.ts';
import { runTraining } from '../training/run-training.ts';
import { isDatasetName, trainOnServer } from '../training/train-on-server.ts';
import { addTableOptions, readTrainFlags } from '../training/train-flags.ts';
import { type TrainLanguageOptions, trainLanguage } from '../training/train-language.ts';
import { type TrainFolderOptions, trainFolder } from '../training/train-folder.ts';
import { trainSpeechFolder } from '../training/train-speech.ts';
import { type TrainWordVectorsOptions, trainWordVectors } from '../training/train-word-vectors.ts';
import { addWordVectorOptions, refuseWordVectorFlags, type WordVectorFlags } from '../training/word-vector-flags.ts';
import { whereTrained, writeTrained } from '../training/write-trained.ts';

export function registerTrain(program: Command, context: CommandContext): void {
  const command = program
    .command('train <data>')
    .description(
      'learn a model of a table (CSV, Parquet, JSON lines), or of a folder of pictures or WAV recordings with a folder per class; report on what was held out, and serve it. With --task language-model: learn to write, of text files. With --task word-vectors: learn vectors of the words of text files. With --task speech: learn to write what is said, of WAV recordings with transcripts',
    )
    .option('--target <column>', 'the column to predict, which a table needs; the classes of a folder are its folders');
  const tasks = ['language-model', 'speech', 'word-vectors'];
  groupByData(addWordVectorOptions(addLanguageOptions(addMediaOptions(addTableOptions(command, tasks)))))
    .option('--name <name>', 'name of the model (default: that of the data); a new version is made when it exists')
    .option('--label <label...>', 'labels that move to the new version, such as production')
    .option('--out <folder>', 'where model, manifest and report are written (default: ./trained/<name>)')
    .option('--report <file>', 'where to write the report as a page, besides the folder')
    .option('--predictions <file>', 'where to write the held-out rows or files with answers and scores, as JSON lines')
    .option('--no-deploy', 'only write the folder')
    .option(
      '--server',
      'train a table as a job of the server, which the file is uploaded to; so it is for a dataset of it',
    )
    .option('--resume', 'go on where the same command was interrupted')
    .option('--verbose', 'show every column and all that was noticed')
    .addHelpText(
      'after',
      `
What is not said is found out: how the file is written, what the columns hold, what to predict, which network,
whether pictures have colours and of which size they are. Of a folder --group-by is a regular expression for the
paths of its files: files with the same first parentheses, such as those of one speaker, stay in one part. --test may
be a folder.

Example:
  $ amaas train heart.csv --target target
  $ amaas train letters/                                    a folder per class: letters/a/1.png, letters/b/1.png, …
  $ amaas train photos/train --test photos/test --size 96x96 --label production
  $ amaas train spoken/ --group-by '_([a-z]+)_'             spoken/yes/1_anna_3.wav, spoken/no/1_ben_1.wav, …
  $ amaas train titanic.csv --target survived --exclude alive --label production
  $ amaas train heart@2 --target target                     a dataset of the server, trained there
  $ amaas train houses.parquet --target price --time-by sold_at --hidden 128,64 --no-deploy --out ./houses
  $ amaas train talks/ --task speech                        talks/1.wav beside talks/1.txt, …, or talks/transcripts.csv
  $ amaas train stories.txt --task language-model --steps 2000 --prompt 'Once upon a time'
  $ amaas train stories.txt --task word-vectors --subwords`,
    )
    .action(async (data: string, _options: unknown, self: Command) => {
      const { task } = optionsOf<{ readonly task?: string }>(self);
      if (task !== 'language-model') refuseLanguageFlags(optionsOf<LanguageFlags>(self));
      if (task !== 'word-vectors') refuseWordVectorFlags(optionsOf<WordVectorFlags>(self));
      switch (task) {
        case 'language-model':
          return trainLanguage(context, data, optionsOf<TrainLanguageOptions>(self));
        case 'word-vectors':
          return trainWordVectors(context, data, optionsOf<TrainWordVectorsOptions>(self));
        case 'speech':
          return trainSpeechFolder(context, data, optionsOf<TrainFolderOptions>(self));
        default:
          return train(context, data, optionsOf<TrainFolderOptions>(self));
      }
    });
}

async function train(context: CommandContext, data: string, options: TrainFolderOptions): Promise<void> {
  const { world, terminal } = context;
  const path = resolve(world.cwd, data);
  const found = await stat(path).catch(() => null);
  if (found?.isDirectory()) return trainFolder(context, { data, path }, options);
  refuseMediaFlags(options, data);
  if (options.target === undefined) {
    if (!(await isDatasetName(context, data))) await assertThere(path, data);
    const absent = found === null ? `there is no file or folder ${data}; for a dataset of the server ` : '';
    throw new UsageError(`${absent}give --target <column>: which column of ${data} is to be predicted`);
  }
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
  const report = formatReport(result.report);
  const page = await writeTrained(context, result, { folder: out, checkpoints, options, report });

  const handover = { model, labels, result, configuration };
  const deployed = client === null ? null : await deployTrained(context, client, handover);
  const facts = {
    ...whereTrained({ model, deployed, url: client?.url ?? null, folder: out, report: page }),
    candidate: result.candidate,
    rows: result.data.rows,
    datasetDigest: result.data.digest,
    metrics: metricsOf(result),
    example: Object.fromEntries(result.example.row),
  };
  show(context, options, facts, () => endText(context, { facts, result, labels }));
}

/** @throws UsageError for options that say something about files that are not made here */
function assertNoLocalOptions(options: TrainFolderOptions): void {
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
  options: TrainFolderOptions,
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
