// `train` as a job of the server: uploads the file where it is not there yet, submits, watches, and shows the same report.
import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { AmaasClient } from '@amaas/client';
import { AmaasError } from '@amaas/core';
import { type EvaluationReport, formatReport } from '@amaas/learn/evaluate';
import { type CommandContext, connect, type SharedOptions } from '../command-context.ts';
import { uploadDataset } from '../commands/datasets.ts';
import { pairs } from '../terminal.ts';
import { assertSucceeded, watchJob } from '../watch-job.ts';
import { curlLine, predictLine } from './call-text.ts';
import { nameOfFile } from './data-file.ts';
import { assertMayDeploy } from './deploy-trained.ts';
import { replaceFile } from './durable-file.ts';
import type { TrainingConfiguration } from './messages.ts';

/** A dataset's name, maybe with a version. */
const DATASET = /^[a-z0-9][a-z0-9._-]{0,127}(@[1-9][0-9]*)?$/;

/** What nobody calls a dataset: a mistyped file. */
const FILE_ENDING = /\.(csv|tsv|tab|txt|data|parquet|jsonl|ndjson|json|gz)$/;

/** Whether what the user gave can be a dataset of the server, and no file is there. */
export async function isDatasetName(context: CommandContext, data: string): Promise<boolean> {
  const found = await stat(resolve(context.world.cwd, data)).catch(() => null);
  return found === null && DATASET.test(data) && !FILE_ENDING.test(data);
}

export interface ServerTraining {
  /** A file, or a dataset of the server. */
  readonly data: string;
  /** Left out: the dataset's name. */
  readonly model?: string;
  readonly labels: readonly string[];
  readonly configuration: TrainingConfiguration;
  /** Where the report goes as a page. */
  readonly report?: string;
  readonly command: string;
}

/** What the server's kind `train` shows as its result. */
interface TrainingJobResult {
  readonly model: string;
  readonly version: number;
  readonly run: string;
  readonly example: Readonly<Record<string, string | number | boolean | null>>;
}

export async function trainOnServer(
  context: CommandContext,
  training: ServerTraining,
  options: SharedOptions,
): Promise<void> {
  const { world, terminal } = context;
  const client = await connect(context, options);
  await assertMayDeploy(client, training.model ?? modelNameOf(training.data));
  const dataset = await datasetOf(context, client, training);
  const { settings, reading } = training.configuration;
  const job = await client.jobs.submit({
    kind: 'train',
    configuration: {
      ...settings,
      ...reading,
      dataset,
      ...(training.model === undefined ? {} : { model: training.model }),
      ...(training.labels.length === 0 ? {} : { labels: training.labels }),
    },
  });
  if (!options.json) {
    terminal.print(`job ${job.id} trains on ${dataset}; Ctrl-C ends the watching only, see: ${training.command} jobs`);
  }
  const ended = options.json ? await client.jobs.wait(job.id) : await watchJob(context, client, { id: job.id });
  assertSucceeded(context, ended);
  const result = ended.result as TrainingJobResult; // what the kind `train` gives
  if (training.report !== undefined) {
    await replaceFile(resolve(world.cwd, training.report), await client.runs.report(result.run, 'html'));
  }
  if (options.json) {
    terminal.print(JSON.stringify({ job: job.id, dataset, url: client.url, ...result }, null, 2));
    return;
  }
  // The server's own evaluation, in the form its report has.
  const report = JSON.parse(await client.runs.report(result.run, 'json')) as EvaluationReport;
  terminal.print(`${formatReport(report)}\n${endText(client.url, result, training)}`);
}

/** What the server calls the model where nobody says: the dataset's name, which is the file's. */
function modelNameOf(data: string): string {
  return DATASET.test(data) && !FILE_ENDING.test(data) ? data.replace(/@\d+$/, '') : nameOfFile(data);
}

async function datasetOf(context: CommandContext, client: AmaasClient, training: ServerTraining): Promise<string> {
  const { data, model } = training;
  if (await isDatasetName(context, data)) {
    if (!(await client.isLive())) {
      throw new AmaasError('DATASET_NOT_FOUND', `train: there is no file ${data}, and no server with such a dataset`);
    }
    return data;
  }
  const path = resolve(context.world.cwd, data);
  const { name, version } = await uploadDataset(context, client, {
    path,
    ...(model === undefined ? {} : { name: model }),
  });
  return `${name}@${version}`;
}

function endText(url: string, result: TrainingJobResult, { command, labels, report }: ServerTraining): string {
  const { model, version, run } = result;
  const row = new Map(Object.entries(result.example));
  const labelled = labels.length === 0 ? '' : ` as ${labels.join(', ')}`;
  const page = report ?? `${command} runs report ${run} ${model}.html`;
  return [
    pairs([
      ['served', `${model}@${version}${labelled} at ${url}`],
      ['run', `${run}, see: ${command} runs show ${run}`],
      ['report', page],
    ]),
    '',
    'Ask it with a row it has not seen:',
    `  ${predictLine({ command, model, row })}`,
    `  ${curlLine({ url, model, row, command })}`,
  ].join('\n');
}
