// The job kind `fine-tune`: what the server does around the training that runs in a child process. A fine-tuning may take
// several jobs: pausing ends one, resuming begins the next where it stood; run and folder are the same for all of them.
import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AmaasError, type Clock, type Manifest, NAME_RULE, serializeError } from '@amaas/core';
import Type from 'typebox';
import type { Admission } from '../admission/index.ts';
import type { BlobStore, Digest, StoredBlob, TreeFile } from '../artifacts/index.ts';
import type { DataPlane } from '../dataplane/index.ts';
import { defineJobKind, type JobContext, type JobKind, type Json } from '../jobs/index.ts';
import type { Registry, RunFile, VersionRecord } from '../registry/index.ts';
import { noteEvent } from './folder.ts';
import { FINE_TUNING_FILES, type FineTuningInputs, type FineTuningOutcome, TUNED_MODEL_FILE } from './results.ts';
import type { FineTuningRecord, FineTuningStore } from './store.ts';

export const FINE_TUNE = 'fine-tune';

const Configuration = Type.Object(
  { fineTuning: Type.String({ pattern: '^ftjob-[0-9a-f]{16}$' }), model: Type.String({ description: NAME_RULE }) },
  { additionalProperties: false },
);

/** Keeps what a fine-tuning leaves where its owner finds it as a file. */
export interface ResultFiles {
  add(file: {
    readonly owner: string | null;
    readonly purpose: 'fine-tune-results';
    readonly fileName: string;
    readonly blob: StoredBlob;
    readonly expiresAfterSeconds: null;
  }): Promise<{ readonly id: string }>;
}

export interface FineTuningKindParts {
  /** With `datasets` and `runs`. */
  readonly registry: Registry;
  readonly blobs: BlobStore;
  readonly admission: Admission;
  readonly dataPlane: DataPlane;
  /** What a run notes as the version of the code. */
  readonly codeVersion: string;
  /** The module that a job runs in its child process, see `trainFineTuning`. */
  readonly entry: string;
  readonly store: FineTuningStore;
  readonly files: ResultFiles;
  readonly clock: Clock;
  /** Those whose result is being deployed: it is too late to stop them. */
  readonly finishing: Set<string>;
  /** Lets one that was resumed while its job still ended go on. */
  readonly goOn: (id: string) => Promise<void>;
}

export function runIdOfFineTuning(id: string): string {
  return id.replace(/^ftjob-/, 'run_');
}

export function createFineTuningKind(parts: FineTuningKindParts): JobKind {
  const { store, registry, dataPlane, finishing } = parts;
  return defineJobKind({
    kind: FINE_TUNE,
    configuration: Configuration,
    entry: parts.entry,
    modelOf: ({ model }) => model,
    async prepare(configuration) {
      const { intent, job, end, model } = store.get(configuration.fineTuning);
      if (intent === 'run' && job === null && end === null && model === configuration.model) return configuration;
      throw new AmaasError('INVALID_ARGUMENT', `submit job: ${FINE_TUNE} jobs are begun by POST /v1/fine_tuning/jobs`);
    },
    async begin(job): Promise<Json> {
      const record = store.get(job.configuration.fineTuning);
      const isOurs = record.job === null || record.job === job.id;
      if (!isOurs || record.intent !== 'run' || record.end !== null) {
        throw new AmaasError('CANCELLED', `job ${job.id}: ${record.id} is not to be worked on by it`);
      }
      if (record.job === null) await store.update(record.id, { job: job.id });
      const base = await registry.getVersion(record.base.model, record.base.version);
      await startRun(parts, record, job.id);
      return (await inputsOf(parts, record, base)) as unknown as Json; // plain data throughout
    },
    async finish(job, result): Promise<Json> {
      const outcome = result as unknown as FineTuningOutcome; // what `trainFineTuning` returns
      const record = store.get(job.configuration.fineTuning);
      if (record.intent !== 'run' && record.end === null) {
        throw new AmaasError('CANCELLED', `job ${job.id}: ${record.id} was stopped`);
      }
      finishing.add(record.id);
      try {
        const runId = runIdOfFineTuning(record.id);
        const known = await registry.findVersionOfRun(record.model, runId);
        const version = known ?? (await admit(parts, { record, job, outcome }));
        await dataPlane.settle(record.model);
        if (record.end === null) await succeed(parts, { record, job, outcome, version });
        return { model: record.model, version: version.version, run: runId, metrics: outcome.metrics };
      } finally {
        finishing.delete(record.id);
      }
    },
    async abandon(job, error) {
      const record = store.get(job.configuration.fineTuning);
      if (record.job !== job.id || record.end !== null) return;
      const isCancelled = error.code === 'CANCELLED';
      if (record.isPausing && isCancelled && record.intent !== 'cancel') {
        await store.update(record.id, { job: null, isPausing: false });
        if (record.intent === 'run') await parts.goOn(record.id);
        return;
      }
      await endFineTuning(parts, record, { state: isCancelled ? 'cancelled' : 'failed', error });
    },
  });
}

/** Ends one without a result. */
export async function endFineTuning(
  { store, registry, clock }: Pick<FineTuningKindParts, 'store' | 'registry' | 'clock'>,
  record: FineTuningRecord,
  { state, error }: { readonly state: 'failed' | 'cancelled'; readonly error: AmaasError },
): Promise<void> {
  const paths = store.pathsOf(record.id);
  const atMs = clock.wallTime().getTime();
  const message = state === 'failed' ? `The job failed: ${error.publicMessage}` : 'The job was cancelled';
  const level = state === 'failed' ? 'error' : 'info';
  await noteEvent(paths, atMs, { level, type: 'message', message, data: {} }); // before: who sees the end, sees it
  const said = state === 'failed' ? serializeError(error) : null;
  await store.end(record.id, { state, atMs, trainedTokens: null, resultFiles: [], error: said });
  if (store.get(record.id).end?.state !== state) return; // it had ended otherwise
  try {
    await registry.runs.end(runIdOfFineTuning(record.id), { state, error: serializeError(error) });
  } catch (thrown) {
    // What was cancelled while it waited never began its run.
    if (!(thrown instanceof AmaasError && thrown.reason === 'RUN_NOT_FOUND')) throw thrown;
  }
}

async function startRun(
  { registry, codeVersion }: FineTuningKindParts,
  record: FineTuningRecord,
  job: string,
): Promise<void> {
  const { training, validation, request } = record;
  const uses = [
    { role: 'train', dataset: training.dataset },
    { role: 'validation', dataset: validation?.dataset ?? null },
  ];
  await registry.runs.start({
    id: runIdOfFineTuning(record.id),
    ...{ kind: FINE_TUNE, job, model: record.model, codeVersion, seed: record.seed, parent: record.base },
    configuration: {
      ...{ fineTuning: record.id, ...request.hyperparameters },
      ...{ trainingFile: request.trainingFile, trainingDigest: training.digest },
      ...(validation === null ? {} : { validationFile: request.validationFile, validationDigest: validation.digest }),
    },
    datasets: uses.flatMap(({ role, dataset }) => (dataset === null ? [] : [{ role, ...dataset }])),
    createdBy: record.createdBy,
  });
}

async function inputsOf(
  { store, blobs }: FineTuningKindParts,
  record: FineTuningRecord,
  base: VersionRecord,
): Promise<FineTuningInputs> {
  const { language = {} } = base.manifest;
  const template = templateOf(base);
  const paths = store.pathsOf(record.id);
  return {
    folder: paths.folder,
    modelPath: await blobs.path(modelFileOf(base)),
    label: `${record.base.model}@${record.base.version}`,
    language,
    chatTemplate: template === null ? null : await readFile(await blobs.path(template.digest), 'utf8'),
    training: paths.training,
    validation: record.validation === null ? null : paths.validation,
    hyperparameters: record.request.hyperparameters,
    seed: record.seed,
  };
}

function modelFileOf({ model, version, files, lineage }: VersionRecord): Digest {
  const found = files.find(({ path }) => path === lineage.languageModel?.file);
  if (found !== undefined) return found.digest;
  throw new AmaasError('INVALID_MODEL', `fine-tune: "${model}@${version}" is no language model`);
}

/** The file with the template that its manifest names. */
function templateOf({ files, manifest }: VersionRecord): TreeFile | null {
  return files.find(({ path }) => path === manifest.language?.chatTemplate) ?? null;
}

interface Finished {
  readonly record: FineTuningRecord;
  readonly job: JobContext;
  readonly outcome: FineTuningOutcome;
}

async function admit(
  { registry, blobs, admission }: FineTuningKindParts,
  { record, job, outcome }: Finished,
): Promise<VersionRecord> {
  const base = await registry.getVersion(record.base.model, record.base.version);
  const stored = await blobs.put(createReadStream(join(job.directory, TUNED_MODEL_FILE)));
  const template = templateOf(base);
  const { training, request } = record;
  return admission.admit({
    model: record.model,
    owner: 'api',
    files: [{ path: TUNED_MODEL_FILE, ...stored }, ...(template === null ? [] : [template])],
    manifest: manifestOf(base, record),
    lineage: {
      parent: record.base,
      run: runIdOfFineTuning(record.id),
      datasetDigest: training.digest,
      configuration: { ...request.hyperparameters, ...outcome.plan, quantization: outcome.quantization },
      seed: record.seed,
      metrics: outcome.metrics,
      source: request.trainingFile,
      deployedBy: record.createdBy,
    },
    retryRejected: true,
    signal: job.signal,
  });
}

/** As the base is run and asked; its adapters do not fit other weights. */
function manifestOf({ manifest }: VersionRecord, record: FineTuningRecord): Manifest {
  const { language = {}, limits, licence, task } = manifest;
  const { adapters: _, ...kept } = language;
  return {
    ...(task === undefined ? {} : { task }),
    ...(limits === undefined ? {} : { limits }),
    ...(licence === undefined ? {} : { licence }),
    description: `${record.base.model}@${record.base.version}, fine-tuned by ${record.id}`,
    language: kept,
  };
}

async function succeed(
  parts: FineTuningKindParts,
  { record, job, outcome, version }: Finished & { readonly version: VersionRecord },
): Promise<void> {
  const { registry, blobs, store, files, clock } = parts;
  const paths = store.pathsOf(record.id);
  const kept: RunFile[] = [];
  for (const [name, mediaType] of FINE_TUNING_FILES) {
    if (name.startsWith('adapter') && record.request.hyperparameters.lora === null) continue;
    kept.push({ name, mediaType, ...(await blobs.put(createReadStream(join(job.directory, name)))) });
  }
  const metrics = new Map(Object.entries(outcome.metrics));
  const end = { state: 'succeeded', version: version.version, metrics, files: kept } as const;
  await registry.runs.end(runIdOfFineTuning(record.id), end);
  const [csv] = kept;
  const { owner } = record;
  const resultFiles =
    csv === undefined
      ? []
      : [
          await files.add({
            ...{ owner, purpose: 'fine-tune-results', fileName: `${record.model}.csv`, expiresAfterSeconds: null },
            blob: { digest: csv.digest, sizeBytes: csv.sizeBytes },
          }),
        ].map(({ id }) => id);
  const atMs = clock.wallTime().getTime();
  const { trainedTokens } = outcome;
  const message = `The job has succeeded: ask "${record.model}"`;
  await noteEvent(paths, atMs, { level: 'info', type: 'message', message, data: { model: record.model } });
  await store.end(record.id, { state: 'succeeded', atMs, trainedTokens, resultFiles, error: null });
}
