// Hands a trained model over to the running server: is there one, may it, then the version with its lineage, and the run
// with its report.
import { randomBytes } from 'node:crypto';
import type { AmaasClient, VersionDetail } from '@amaas/client';
import { AmaasError } from '@amaas/core';
import packageJson from '../../package.json' with { type: 'json' };
import { type CommandContext, connect, type SharedOptions } from '../command-context.ts';
import { withSpinner } from '../terminal.ts';
import type { TrainingConfiguration, TrainingResult } from './messages.ts';

/**
 * The server the model will go to, or null where none runs and none was named. Asked before the training, because hours
 * later is too late to learn that the key is wrong.
 * @throws TRANSPORT_FAILED when a server was named that does not answer, and what it refuses the key with; NAME_TAKEN
 */
export async function findServer(
  context: CommandContext,
  options: SharedOptions,
  model: string,
): Promise<AmaasClient | null> {
  const client = await connect(context, options);
  const isNamed = options.url !== undefined || Boolean(context.world.environment['AMAAS_URL']);
  if (!isNamed && !(await client.isLive())) return null;
  await assertMayDeploy(client, model);
  return client;
}

/** Asked before the work, not after it. @throws NAME_TAKEN, FORBIDDEN, INVALID_KEY */
export async function assertMayDeploy(client: AmaasClient, model: string): Promise<void> {
  const known = (await client.models.list()).find(({ name }) => name === model);
  if (known !== undefined && known.owner !== 'api') {
    throw new AmaasError(
      'NAME_TAKEN',
      `train: the model "${model}" of ${client.url} comes from its models folder or with amaas; choose another --name`,
    );
  }
  await client.checkDeploy(model);
}

export interface Handover {
  readonly model: string;
  readonly labels: readonly string[];
  readonly result: TrainingResult;
  readonly configuration: TrainingConfiguration;
}

/** What is served; the report belongs to the run. */
const MODEL_FILES: ReadonlySet<string> = new Set(['model.onnx', 'amaas.json', 'example.json', 'tokenizer.json']);

const REPORT_TYPES: ReadonlyMap<string, string> = new Map([
  ['report.html', 'text/html'],
  ['report.json', 'application/json'],
]);

/** Deploys the model of a table as the next version and records the run that made it. */
export async function deployTrained(
  context: CommandContext,
  client: AmaasClient,
  { model, labels, result, configuration }: Handover,
): Promise<Deployed> {
  return deployFiles(context, client, {
    model,
    labels,
    result,
    seed: configuration.settings.seed ?? 0,
    configuration: configurationOf(result, configuration),
  });
}

/** What a training measured, whatever its report holds besides. */
export interface MeasuredResult {
  readonly report: { readonly metrics: readonly { readonly name: string; readonly value: number | null }[] };
}

export interface FilesHandover {
  readonly model: string;
  readonly labels: readonly string[];
  readonly result: Pick<TrainingResult, 'files' | 'data'> & MeasuredResult;
  readonly seed: number;
  /** Everything needed to do it again, and what was decided on the way. */
  readonly configuration: Readonly<Record<string, unknown>>;
}

export interface Deployed {
  readonly version: VersionDetail;
  readonly run: string;
  /** How to ask this very version: by the name, or name@version where the name means another, labelled `production`. */
  readonly reference: string;
}

/** Deploys the files of a training, whatever it learned, and records its run. */
export async function deployFiles(
  { terminal }: CommandContext,
  client: AmaasClient,
  { model, labels, result, seed, configuration }: FilesHandover,
): Promise<Deployed> {
  const run = `run_${randomBytes(8).toString('hex')}`;
  const files = [...result.files].map(([path, content]) => ({ path, content: new Uint8Array(content) }));
  const { data } = result;
  const facts = { configuration, seed, metrics: metricsOf(result) };
  const version = await withSpinner(
    terminal,
    'the server loads and tries the model',
    client.deploy({
      name: model,
      files: files.filter(({ path }) => MODEL_FILES.has(path)),
      labels,
      lineage: {
        ...facts,
        run,
        source: data.name,
        ...(data.digest === null ? {} : { datasetDigest: data.digest }),
      },
    }),
  );
  await client.runs.record(run, {
    ...facts,
    kind: 'train',
    model,
    version: version.version,
    codeVersion: packageJson.version,
    files: files.flatMap(({ path, content }) => {
      const mediaType = REPORT_TYPES.get(path);
      return mediaType === undefined ? [] : [{ name: path, mediaType, content }];
    }),
  });
  const { labels: moved } = await client.models.get(model);
  const usual = moved['production'] ?? version.version;
  return { version, run, reference: usual === version.version ? model : `${model}@${version.version}` };
}

function configurationOf(
  { data, candidate, description }: TrainingResult,
  { settings, reading }: TrainingConfiguration,
): Record<string, unknown> {
  return {
    ...settings,
    ...reading,
    source: data.name,
    datasetDigest: data.digest,
    rows: data.rows,
    candidate,
    table: description,
  };
}

/** Of the report, by name; those that are defined. */
export function metricsOf({ report }: MeasuredResult): Record<string, number> {
  return Object.fromEntries(report.metrics.flatMap(({ name, value }) => (value === null ? [] : [[name, value]])));
}
