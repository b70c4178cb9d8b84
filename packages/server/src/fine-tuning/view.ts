// A fine-tuning as callers are shown it: its record, and how far its job has come.
import { AmaasError, deserializeError, type SerializedError } from '@amaas/core';
import type { DescribedFineTuning, FineTuningStatus } from '@amaas/protocols/fine-tuning';
import type { JobRecord, Jobs } from '../jobs/index.ts';
import { type LineProblem, sayProblem } from './training-file.ts';
import type { FineTuningPlan } from './folder.ts';
import type { FineTuningRecord } from './store.ts';

/** @param plan - null where nothing has been chosen yet */
export async function describeFineTuning(
  record: FineTuningRecord,
  plan: FineTuningPlan | null,
  jobs: Pick<Jobs, 'get'>,
): Promise<DescribedFineTuning> {
  const { end, request } = record;
  const job = end === null && record.job !== null ? await findJob(jobs, record.job) : null;
  const status = statusOf(record, job);
  const { hyperparameters } = request;
  const chosen =
    plan === null
      ? hyperparameters
      : {
          ...hyperparameters,
          ...{ epochs: plan.epochs, batchSize: plan.batchSize, learningRateMultiplier: plan.learningRateMultiplier },
        };
  return {
    ...{ id: record.id, request: { ...request, hyperparameters: chosen }, seed: record.seed, status },
    fineTunedModel: end?.state === 'succeeded' ? record.model : null,
    createdAtMs: record.createdAtMs,
    finishedAtMs: end?.atMs ?? null,
    estimatedFinishMs: status === 'running' ? finishOf(job) : null,
    error: end === null || end.error === null ? null : describeError(end.error),
    trainedTokens: end?.trainedTokens ?? null,
    resultFiles: end?.resultFiles ?? [],
  };
}

function statusOf({ end, intent }: FineTuningRecord, job: JobRecord | null): FineTuningStatus {
  if (end !== null) return end.state;
  if (intent !== 'run') return intent === 'pause' ? 'paused' : 'cancelled';
  if (job === null || job.state === 'queued' || job.state === 'interrupted') return 'queued';
  const phase = job.progress?.phase ?? 'validate';
  return phase === 'validate' ? 'validating_files' : 'running';
}

function finishOf(job: JobRecord | null): number | null {
  const detail = job?.progress?.detail ?? null;
  const isFound = typeof detail === 'object' && detail !== null && 'finishesAtMs' in detail;
  return isFound && typeof detail.finishesAtMs === 'number' ? detail.finishesAtMs : null;
}

/** Every line that is wrong, which is more than the message of an error holds. */
function describeError(error: SerializedError): NonNullable<DescribedFineTuning['error']> {
  const { param, problems, field } = error.details;
  const message = deserializeError(error).publicMessage;
  if (error.reason !== 'INVALID_DATA' || typeof param !== 'string') {
    return { code: error.reason.toLowerCase(), message, param: typeof field === 'string' ? field : null };
  }
  const lines = Array.isArray(problems) ? (problems as readonly LineProblem[]).map(sayProblem) : []; // fine-tuning-file's
  const first = message.split(': line ', 1)[0] ?? message;
  return { code: `invalid_${param}`, message: lines.length === 0 ? message : [first, ...lines].join('\n'), param };
}

/** Null for one that is too old to be known. */
export async function findJob(jobs: Pick<Jobs, 'get'>, id: string): Promise<JobRecord | null> {
  try {
    return await jobs.get(id);
  } catch (thrown) {
    if (thrown instanceof AmaasError && thrown.reason === 'JOB_NOT_FOUND') return null;
    throw thrown;
  }
}
