// Between table rows and the records of datasets and runs. The JSON in a row was written by this file, which is why it is
// trusted.
import type { SerializedError } from '@amaas/core';
import { parseDigest } from '../artifacts/index.ts';
import type { Schema } from '../storage/index.ts';
import type { DatasetRecord, DatasetUse, RunFile, RunParent, RunRecord, RunState } from './training-types.ts';

export function toDatasetRow(record: DatasetRecord): Schema['datasets'] {
  return {
    name: record.name,
    version: record.version,
    digest: record.digest,
    size_bytes: record.sizeBytes,
    media_type: record.mediaType,
    file_name: record.fileName,
    summary: record.summary === null ? null : JSON.stringify(record.summary),
    created_at: record.createdAt,
    created_by: record.createdBy,
  };
}

export function fromDatasetRow(row: Schema['datasets']): DatasetRecord {
  return {
    name: row.name,
    version: row.version,
    digest: parseDigest(row.digest),
    sizeBytes: row.size_bytes,
    mediaType: row.media_type,
    fileName: row.file_name,
    summary: row.summary === null ? null : JSON.parse(row.summary),
    createdAt: row.created_at,
    createdBy: row.created_by,
  };
}

export function toRunRow(record: RunRecord): Schema['runs'] {
  return {
    id: record.id,
    kind: record.kind,
    state: record.state,
    job: record.job,
    model: record.model,
    version: record.version,
    configuration: JSON.stringify(record.configuration),
    code_version: record.codeVersion,
    seed: record.seed,
    metrics: JSON.stringify([...record.metrics]), // a list, because names come from users and keep their order
    parent: record.parent === null ? null : JSON.stringify(record.parent),
    files: JSON.stringify(record.files),
    error: record.error === null ? null : JSON.stringify(record.error),
    created_at: record.createdAt,
    ended_at: record.endedAt,
    created_by: record.createdBy,
  };
}

export function fromRunRow(row: Schema['runs'], uses: readonly Schema['run_datasets'][]): RunRecord {
  return {
    id: row.id,
    kind: row.kind,
    state: row.state as RunState, // only RunState is ever written
    job: row.job,
    model: row.model,
    version: row.version,
    configuration: JSON.parse(row.configuration) as Record<string, unknown>, // written by toRunRow
    datasets: uses.map(fromUseRow),
    codeVersion: row.code_version,
    seed: row.seed,
    metrics: new Map(JSON.parse(row.metrics) as [string, number][]), // written by toRunRow
    parent: row.parent === null ? null : (JSON.parse(row.parent) as RunParent), // written by toRunRow
    files: parseRunFiles(row.files),
    error: row.error === null ? null : (JSON.parse(row.error) as SerializedError), // written by toRunRow
    createdAt: row.created_at,
    endedAt: row.ended_at,
    createdBy: row.created_by,
  };
}

/** The files of a run's row. */
export function parseRunFiles(json: string): readonly RunFile[] {
  return JSON.parse(json) as RunFile[]; // written by toRunRow
}

function fromUseRow(row: Schema['run_datasets']): DatasetUse {
  return { role: row.role, name: row.dataset, version: row.version, digest: parseDigest(row.digest) };
}
