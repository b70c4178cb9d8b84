// Hands a trained model over to the running server: is there one, may it, and then the version with its lineage.
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
  const known = (await client.models.list()).find(({ name }) => name === model);
  if (known !== undefined && known.owner !== 'api') {
    throw new AmaasError(
      'NAME_TAKEN',
      `train: the model "${model}" of ${client.url} comes from its models folder or with amaas; choose another --name`,
    );
  }
  return client;
}

export interface Handover {
  readonly model: string;
  readonly labels: readonly string[];
  readonly result: TrainingResult;
  readonly configuration: TrainingConfiguration;
}

/** Deploys the files as the next version. */
export function deployTrained(
  { terminal }: CommandContext,
  client: AmaasClient,
  { model, labels, result, configuration }: Handover,
): Promise<VersionDetail> {
  const files = [...result.files].map(([path, content]) => ({ path, content: new Uint8Array(content) }));
  const work = client.deploy({ name: model, files, labels, lineage: lineageOf(result, configuration) });
  return withSpinner(terminal, 'the server loads and tries the model', work);
}

/** Everything needed to do it again, and what came of it. */
function lineageOf(result: TrainingResult, { settings, reading }: TrainingConfiguration): Record<string, unknown> {
  const { data, candidate, description } = result;
  return {
    source: data.name,
    ...(data.digest === null ? {} : { datasetDigest: data.digest }),
    configuration: {
      kind: 'train',
      ...settings,
      ...reading,
      rows: data.rows,
      candidate,
      codeVersion: packageJson.version,
      table: description,
    },
    seed: settings.seed ?? 0,
    metrics: metricsOf(result),
  };
}

/** Of the report, by name; those that are defined. */
export function metricsOf({ report }: Pick<TrainingResult, 'report'>): Record<string, number> {
  return Object.fromEntries(report.metrics.flatMap(({ name, value }) => (value === null ? [] : [[name, value]])));
}
