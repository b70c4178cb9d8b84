// How the management API shows datasets, runs and jobs.
import { AmaasError, type SerializedError } from '@amaas/core';
import type { Dataset, DatasetVersion, Failure, Job, Run } from '@amaas/protocols/admin';
import type { JobRecord } from '../../jobs/index.ts';
import type { DatasetRecord, RunRecord } from '../../registry/index.ts';

export function datasetVersionView(record: DatasetRecord): DatasetVersion {
  return { ...record };
}

export function datasetViews(records: readonly DatasetRecord[]): Dataset[] {
  const byName = Map.groupBy(records, ({ name }) => name);
  return [...byName].map(([name, versions]) => ({ name, versions: versions.map(datasetVersionView) }));
}

export function runView(record: RunRecord): Run {
  return {
    ...record,
    configuration: { ...record.configuration },
    datasets: record.datasets.map((use) => ({ ...use })),
    metrics: Object.fromEntries(record.metrics), // own properties, whatever they are called
    parent: record.parent === null ? null : { ...record.parent },
    files: record.files.map((file) => ({ ...file })),
    error: failureView(record.error),
  };
}

export function jobView({ sequence: _, ...record }: JobRecord): Job {
  return {
    ...record,
    configuration: { ...record.configuration },
    // The schema describes the same values; only `readonly` differs.
    progress: record.progress as Job['progress'],
    error: failureView(record.error),
  };
}

function failureView(error: SerializedError | null): Failure | null {
  if (error === null) return null;
  const { reason, message, details } = error;
  return { code: new AmaasError(reason, message).code, reason, message, details: { ...details } };
}
