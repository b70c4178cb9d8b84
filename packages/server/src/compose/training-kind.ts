// The job kind `train`: what the server does around the training that runs in a child process: pins the dataset, starts
// and ends the run, and admits what came of it as the next version of the model.
import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { AmaasError, serializeError } from '@amaas/core';
import type { StoredBlob } from '../artifacts/index.ts';
import { defineJobKind, type JobContext, type JobKind, type Json } from '../jobs/index.ts';
import type { RunFile, VersionRecord } from '../registry/index.ts';
import type { JobKindParts } from './job-kinds.ts';
import {
  readDatasetReference,
  settingsOf,
  type TrainingConfiguration,
  TrainingConfigurationSchema,
} from './training-configuration.ts';
import type { TrainingInputs, TrainingOutcome } from './training-job.ts';

const ENTRY = join(import.meta.dirname, `training-job${extname(import.meta.filename)}`);

/** What is served; the rest is the run's report. */
const MODEL_FILES = ['model.onnx', 'amaas.json', 'example.json'] as const;
const REPORT_FILES = [
  ['report.html', 'text/html'],
  ['report.json', 'application/json'],
] as const;

export function createTrainingKinds(parts: JobKindParts): readonly JobKind[] {
  const { registry, blobs, dataPlane, codeVersion } = parts;
  return [
    defineJobKind({
      kind: 'train',
      configuration: TrainingConfigurationSchema,
      entry: ENTRY,
      modelOf: (configuration) => configuration.model ?? readDatasetReference(configuration.dataset).name,
      async prepare(configuration) {
        if (configuration.groupBy !== undefined && configuration.timeBy !== undefined) {
          throw new AmaasError('INVALID_ARGUMENT', 'train: rows are split by groupBy or by timeBy, not by both');
        }
        const { name, version } = readDatasetReference(configuration.dataset);
        const dataset = await registry.datasets.get(name, version);
        const model = configuration.model ?? name;
        await registry.assertOwner(model, 'api');
        return { ...configuration, model, dataset: `${name}@${dataset.version}` };
      },
      async begin(job): Promise<Json> {
        const { configuration } = job;
        const { name, version } = readDatasetReference(configuration.dataset);
        const dataset = await registry.datasets.get(name, version);
        await registry.runs.start({
          id: job.runId,
          kind: job.kind,
          job: job.id,
          model: modelOf(configuration),
          configuration,
          datasets: [{ role: 'train', name, version: dataset.version }],
          codeVersion,
          seed: configuration.seed ?? 0,
          createdBy: job.createdBy,
        });
        const inputs: TrainingInputs = {
          path: await registry.datasets.path(dataset),
          fileName: `${name}@${dataset.version}${endingOf(dataset.fileName)}`,
        };
        return { ...inputs };
      },
      async finish(job, result): Promise<Json> {
        const outcome = result as unknown as TrainingOutcome; // what training-job returns
        const model = modelOf(job.configuration);
        const known = await registry.findVersionOfRun(model, job.runId);
        const version = known ?? (await admit(parts, job, outcome));
        await dataPlane.settle(model);
        await keepSummary(parts, job);
        await registry.runs.end(job.runId, {
          state: 'succeeded',
          version: version.version,
          metrics: new Map(Object.entries(outcome.metrics)),
          files: await storeReports(job.directory, (path) => blobs.put(createReadStream(path))),
        });
        const { metrics, candidate, rows, example, scores } = outcome;
        return {
          model,
          version: version.version,
          run: job.runId,
          metrics,
          candidate: candidate.name,
          rows,
          example,
          scores,
        };
      },
      async abandon(job, error) {
        const state = error.code === 'CANCELLED' ? 'cancelled' : 'failed';
        try {
          await registry.runs.end(job.runId, { state, error: serializeError(error) });
        } catch (thrown) {
          // A job that was cancelled while it waited never began its run.
          if (!(thrown instanceof AmaasError && thrown.reason === 'RUN_NOT_FOUND')) throw thrown;
        }
      },
    }),
  ];
}

/** `prepare` has put it there. */
function modelOf({ model, dataset }: TrainingConfiguration): string {
  return model ?? readDatasetReference(dataset).name;
}

/** `.csv.gz` of what the uploader called the file: the reader is told the format by it. */
function endingOf(fileName: string | null): string {
  return /(\.(csv|tsv|tab|txt|data|parquet|jsonl|ndjson|json))?(\.gz)?$/i.exec(fileName ?? '')?.[0] ?? '';
}

async function admit(
  { registry, blobs, admission }: JobKindParts,
  job: JobContext<TrainingConfiguration>,
  outcome: TrainingOutcome,
): Promise<VersionRecord> {
  const { configuration, runId, directory, createdBy } = job;
  const { name, version } = readDatasetReference(configuration.dataset);
  const { digest } = await registry.datasets.get(name, version);
  const files = await Promise.all(
    MODEL_FILES.map(async (path) => ({ path, ...(await blobs.put(createReadStream(join(directory, path)))) })),
  );
  return admission.admit({
    model: modelOf(configuration),
    owner: 'api',
    files,
    labels: configuration.labels ?? [],
    lineage: {
      run: runId,
      datasetDigest: digest,
      configuration: { ...settingsOf(configuration), ...outcome.facts },
      seed: configuration.seed ?? 0,
      metrics: outcome.metrics,
      source: configuration.dataset,
      deployedBy: createdBy,
    },
    retryRejected: true,
    signal: job.signal,
  });
}

async function storeReports(
  directory: string,
  store: (path: string) => Promise<StoredBlob>,
): Promise<readonly RunFile[]> {
  return Promise.all(
    REPORT_FILES.map(async ([name, mediaType]) => ({ name, mediaType, ...(await store(join(directory, name))) })),
  );
}

/** What was found out about the columns stays with the dataset, unless that has gone meanwhile. */
async function keepSummary({ registry }: JobKindParts, job: JobContext<TrainingConfiguration>): Promise<void> {
  const { name, version = 1 } = readDatasetReference(job.configuration.dataset);
  const summary: unknown = JSON.parse(await readFile(join(job.directory, 'summary.json'), 'utf8'));
  try {
    await registry.datasets.setSummary(name, version, summary);
  } catch (thrown) {
    if (!(thrown instanceof AmaasError && thrown.reason === 'DATASET_NOT_FOUND')) throw thrown;
    job.log(`the dataset ${job.configuration.dataset} was deleted while it was learned from`);
  }
}
