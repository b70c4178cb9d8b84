// Datasets, runs and jobs of the management API. Thin: reads the request, calls the one who knows, shows the result.
// A key for some models sees and submits only what is for those, or for none.
import { stat } from 'node:fs/promises';
import { AmaasError } from '@amaas/core';
import { RecordRunRequestSchema, SubmitJobRequestSchema } from '@amaas/protocols/admin';
import { type BlobStore, type Digest, parseDigest, type StoredBlob } from '../../artifacts/index.ts';
import { authorize } from '../../gateway/index.ts';
import { isFinal, JOB_STATES, type JobFilter, type JobRecord, type Jobs } from '../../jobs/index.ts';
import { assertDatasetName, type Registry, RUN_STATES, type RunFilter, type RunRecord } from '../../registry/index.ts';
import { streamBody } from '../body.ts';
import type { Exchange } from '../exchange.ts';
import { mediaType, readJsonBody } from '../json-body.ts';
import { sendEventStream, type ServerSentEvent } from './event-stream.ts';
import { type Action, type Parameters, required, wholeNumber } from './parameters.ts';
import { sendBlob, sendStream } from './send-stream.ts';
import type { TRAINING_ROUTES } from './training-routes.ts';
import { datasetVersionView, datasetViews, jobView, runView } from './training-views.ts';

export interface TrainingParts {
  readonly registry: Registry;
  readonly blobs: BlobStore;
  readonly jobs: Jobs;
  readonly maxDatasetBytes: number;
}

export function createTrainingActions(parts: TrainingParts): Readonly<Record<keyof typeof TRAINING_ROUTES, Action>> {
  const { registry, blobs, jobs } = parts;

  async function visibleRun(exchange: Exchange, parameters: Parameters): Promise<RunRecord> {
    const run = await registry.runs.get(required(parameters, 'run'));
    assertModel(exchange, run.model);
    return run;
  }

  async function visibleJob(exchange: Exchange, parameters: Parameters): Promise<JobRecord> {
    const job = await jobs.get(required(parameters, 'job'));
    assertModel(exchange, job.model);
    return job;
  }

  return {
    async listDatasets(exchange) {
      exchange.sendJson(200, { datasets: datasetViews(await registry.datasets.list()) });
    },
    async getDataset(exchange, parameters) {
      const name = required(parameters, 'dataset');
      const [dataset] = datasetViews(await registry.datasets.versions(name));
      exchange.sendJson(200, dataset);
    },
    async uploadDataset(exchange, parameters) {
      const name = required(parameters, 'dataset');
      const version = wholeNumber(exchange, 'version');
      const fileName = fileNameOf(exchange);
      assertDatasetName(name); // before gigabytes have come
      const blob = await blobs.put(streamBody(exchange.request, parts.maxDatasetBytes), {
        maxBytes: parts.maxDatasetBytes,
        signal: exchange.signal,
      });
      const { record } = await registry.datasets.add({
        name,
        blob,
        mediaType: mediaType(exchange) || 'application/octet-stream',
        ...(version === undefined ? {} : { version }),
        ...(fileName === undefined ? {} : { fileName }),
        createdBy: exchange.principal?.name ?? 'nobody',
      });
      exchange.sendJson(201, datasetVersionView(record));
    },
    async deleteDataset(exchange, parameters) {
      await registry.datasets.delete(required(parameters, 'dataset'), { force: isForced(exchange) });
      exchange.sendEmpty(204);
    },
    async getDatasetVersion(exchange, parameters) {
      const record = await registry.datasets.get(required(parameters, 'dataset'), versionOf(parameters));
      exchange.sendJson(200, datasetVersionView(record));
    },
    async downloadDataset(exchange, parameters) {
      const record = await registry.datasets.get(required(parameters, 'dataset'), versionOf(parameters));
      await sendBlob(exchange, blobs, {
        ...record,
        mediaType: 'application/octet-stream', // never a page in a browser, whatever the uploader called it
        fileName: record.fileName ?? `${record.name}-${record.version}`,
      });
    },
    async deleteDatasetVersion(exchange, parameters) {
      const version = versionOf(parameters);
      await registry.datasets.delete(required(parameters, 'dataset'), { version, force: isForced(exchange) });
      exchange.sendEmpty(204);
    },
    async listRuns(exchange) {
      const runs = await registry.runs.list(runFilter(exchange));
      exchange.sendJson(200, { runs: runs.filter(({ model }) => isVisible(exchange, model)).map(runView) });
    },
    async getRun(exchange, parameters) {
      exchange.sendJson(200, runView(await visibleRun(exchange, parameters)));
    },
    async recordRun(exchange, parameters) {
      const id = required(parameters, 'run');
      const {
        state = 'succeeded',
        version,
        metrics,
        files,
        datasets = [],
        ...start
      } = await readJsonBody(exchange, RecordRunRequestSchema);
      assertModel(exchange, start.model ?? null);
      const stored = await Promise.all(
        (files ?? []).map(async (file) => ({ ...file, ...(await statBlob(blobs, parseDigest(file.digest))) })),
      );
      const createdBy = exchange.principal?.name ?? 'nobody';
      const run = await registry.runs.record(
        { ...start, id, datasets, createdBy },
        {
          state,
          files: stored,
          metrics: new Map(Object.entries(metrics ?? {})),
          ...(version === undefined ? {} : { version }),
        },
      );
      exchange.sendJson(200, runView(run));
    },
    async getRunReport(exchange, parameters) {
      const run = await visibleRun(exchange, parameters);
      const asked = /^\s*application\/json\b/i.test(exchange.header('accept') ?? '') ? 'json' : 'html';
      const named = (end: string) => run.files.find(({ name }) => name === `report.${end}`);
      const file = named(asked) ?? named(asked === 'json' ? 'html' : 'json');
      if (file === undefined) {
        throw new AmaasError('ARTIFACT_NOT_FOUND', `run ${run.id} has no report; its state is ${run.state}`);
      }
      // A report shows what was in the data: as a page it may run its own scripts, reach nobody, and act for nobody.
      exchange.response.setHeader(
        'content-security-policy',
        "sandbox allow-scripts; default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:",
      );
      const type = file.name === 'report.html' ? 'text/html; charset=utf-8' : 'application/json';
      await sendBlob(exchange, blobs, { ...file, mediaType: type });
    },
    async deleteRun(exchange, parameters) {
      const { id } = await visibleRun(exchange, parameters);
      await registry.runs.delete(id);
      exchange.sendEmpty(204);
    },
    async listJobs(exchange) {
      const list = await jobs.list(jobFilter(exchange));
      exchange.sendJson(200, { jobs: list.filter(({ model }) => isVisible(exchange, model)).map(jobView) });
    },
    async submitJob(exchange) {
      const request = await readJsonBody(exchange, SubmitJobRequestSchema);
      assertModel(exchange, jobs.modelOf(request));
      const job = await jobs.submit({ ...request, createdBy: exchange.principal?.name ?? 'nobody' });
      exchange.sendJson(201, jobView(job));
    },
    async getJob(exchange, parameters) {
      exchange.sendJson(200, jobView(await visibleJob(exchange, parameters)));
    },
    async cancelJob(exchange, parameters) {
      const { id } = await visibleJob(exchange, parameters);
      exchange.sendJson(200, jobView(await jobs.cancel(id)));
    },
    async followJob(exchange, parameters) {
      const job = await visibleJob(exchange, parameters);
      const afterId = lastEventId(exchange);
      if (afterId > 0 && isFinal(job.state) && (await hasHeardAll(jobs, job.id, afterId))) {
        exchange.sendEmpty(204); // tells a browser not to come back
        return;
      }
      await sendEventStream(exchange, eventsOf(jobs, job, { afterId, signal: exchange.signal }));
    },
    async getJobLog(exchange, parameters) {
      const { id } = await visibleJob(exchange, parameters);
      const log = await jobs.readLog(id, wholeNumber(exchange, 'tailBytes'));
      await sendStream(exchange, log, { 'content-type': 'text/plain; charset=utf-8' });
    },
  };
}

async function statBlob(blobs: BlobStore, digest: Digest): Promise<StoredBlob> {
  return { digest, sizeBytes: (await stat(await blobs.path(digest))).size };
}

/** The job as it is, what happened to it and what happens, and the job as it ended. */
async function* eventsOf(
  jobs: Jobs,
  job: JobRecord,
  { afterId, signal }: { readonly afterId: number; readonly signal: AbortSignal },
): AsyncGenerator<ServerSentEvent> {
  yield { id: null, type: 'job', data: jobView(job) };
  for await (const { id, type, at, data } of jobs.follow(job.id, afterId, signal)) {
    yield { id, type, data: { at, ...(typeof data === 'object' && !Array.isArray(data) ? data : { value: data }) } };
  }
  const ended = await jobs.get(job.id);
  // Else the server stops: who follows comes back, and goes on where it was.
  if (isFinal(ended.state)) yield { id: null, type: 'end', data: jobView(ended) };
}

async function hasHeardAll(jobs: Jobs, id: string, afterId: number): Promise<boolean> {
  for await (const _ of jobs.follow(id, afterId, new AbortController().signal)) return false;
  return true;
}

/** @throws MALFORMED_REQUEST for a header that is no id of ours. */
function lastEventId(exchange: Exchange): number {
  const text = exchange.header('last-event-id') ?? '0';
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new AmaasError(
    'MALFORMED_REQUEST',
    `Last-Event-ID must be a whole number, got ${JSON.stringify(text.slice(0, 40))}`,
  );
}

function isVisible(exchange: Exchange, model: string | null): boolean {
  return model === null || (exchange.principal?.allowsModel(model) ?? false);
}

/** @throws FORBIDDEN for a model the key does not cover. */
function assertModel({ principal }: Exchange, model: string | null): void {
  if (principal !== null && model !== null) authorize(principal, { scope: 'deploy', model });
}

/** @throws DATASET_NOT_FOUND for what no version can be called. */
function versionOf(parameters: Parameters): number {
  const text = required(parameters, 'version');
  const version = /^\d{1,16}$/.test(text) ? Number(text) : 0;
  if (Number.isSafeInteger(version) && version >= 1) return version;
  throw new AmaasError(
    'DATASET_NOT_FOUND',
    `dataset "${required(parameters, 'dataset').slice(0, 140)}": version must be a whole number ≥ 1, got ${JSON.stringify(text.slice(0, 40))}`,
  );
}

function isForced(exchange: Exchange): boolean {
  const text = exchange.query.get('force');
  if (text === null || text === 'false') return false;
  if (text === 'true') return true;
  throw new AmaasError('MALFORMED_REQUEST', `force must be true or false, got ${JSON.stringify(text.slice(0, 40))}`);
}

/** The name of the uploaded file without folders, as far as it is shown again. */
function fileNameOf(exchange: Exchange): string | undefined {
  const given = exchange.query.get('fileName');
  if (given === null) return undefined;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  if (given === '' || given.length > 255 || /[/\\\u0000-\u001f\u007f]/.test(given) || !given.isWellFormed()) {
    const shown = JSON.stringify(given.slice(0, 80));
    throw new AmaasError('INVALID_ARGUMENT', `fileName must be 1 to 255 characters without folders, got ${shown}`);
  }
  return given;
}

function runFilter(exchange: Exchange): RunFilter {
  const { query } = exchange;
  const limit = wholeNumber(exchange, 'limit');
  const texts = ['kind', 'job', 'model', 'dataset', 'before'] as const;
  return {
    ...Object.fromEntries(texts.flatMap((name) => (query.has(name) ? [[name, query.get(name)]] : []))),
    ...stateFilter(exchange, RUN_STATES),
    ...(limit === undefined ? {} : { limit }),
  };
}

function jobFilter(exchange: Exchange): JobFilter {
  const { query } = exchange;
  const limit = wholeNumber(exchange, 'limit');
  return {
    ...Object.fromEntries(
      (['kind', 'before'] as const).flatMap((name) => (query.has(name) ? [[name, query.get(name)]] : [])),
    ),
    ...stateFilter(exchange, JOB_STATES),
    ...(limit === undefined ? {} : { limit }),
  };
}

function stateFilter<State extends string>(exchange: Exchange, states: readonly State[]): { readonly state?: State } {
  const text = exchange.query.get('state');
  if (text === null) return {};
  const state = states.find((known) => known === text);
  if (state !== undefined) return { state };
  throw new AmaasError(
    'MALFORMED_REQUEST',
    `state must be one of ${states.join(', ')}, got ${JSON.stringify(text.slice(0, 40))}`,
  );
}
