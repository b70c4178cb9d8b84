// Between table rows and the registry's records. The JSON in a row was written by this file, which is why it is trusted.
import type { Manifest, Signature } from '@amaas/core';
import type { Transaction } from 'kysely';
import { parseDigest, type TreeFile } from '../artifacts/index.ts';
import type { Schema } from '../storage/index.ts';
import type { Lineage, ModelOwner, ModelRecord, VersionPolicy, VersionRecord } from './types.ts';

type VersionRow = Schema['versions'];

export function toVersionRow(record: VersionRecord): VersionRow {
  return {
    model: record.model,
    version: record.version,
    digest: record.digest,
    format: record.format,
    size_bytes: record.sizeBytes,
    signatures: JSON.stringify([...record.signatures]), // a list, because names come from users and keep their order
    manifest: JSON.stringify(record.manifest),
    lineage: JSON.stringify(record.lineage),
    files: JSON.stringify(record.files),
    created_at: record.createdAt,
  };
}

export function fromVersionRow(row: VersionRow): VersionRecord {
  if (row.format !== 'onnx' && row.format !== 'gguf')
    throw new TypeError(`registry: version format ${row.format} is not known`);
  return {
    model: row.model,
    version: row.version,
    digest: parseDigest(row.digest),
    format: row.format,
    sizeBytes: row.size_bytes,
    signatures: new Map(JSON.parse(row.signatures) as [string, Signature][]), // written by toVersionRow
    manifest: JSON.parse(row.manifest) as Manifest, // written by toVersionRow
    lineage: JSON.parse(row.lineage) as Lineage, // written by toVersionRow
    files: JSON.parse(row.files) as TreeFile[], // written by toVersionRow
    createdAt: row.created_at,
  };
}

/** All models with their versions and labels, by name; `only` restricts to one. */
export async function loadModels(trx: Transaction<Schema>, only?: string): Promise<ModelRecord[]> {
  let models = trx.selectFrom('models').selectAll().orderBy('name');
  let versions = trx.selectFrom('versions').selectAll().orderBy('version');
  let labels = trx.selectFrom('labels').selectAll().orderBy('label');
  if (only !== undefined) {
    models = models.where('name', '=', only);
    versions = versions.where('model', '=', only);
    labels = labels.where('model', '=', only);
  }
  const versionsByModel = Map.groupBy((await versions.execute()).map(fromVersionRow), (version) => version.model);
  const labelsByModel = Map.groupBy(await labels.execute(), (label) => label.model);
  return (await models.execute()).map((row) => ({
    name: row.name,
    owner: row.owner as ModelOwner, // only ModelOwner is ever written
    policy: JSON.parse(row.policy) as VersionPolicy, // only VersionPolicy is ever written
    labels: new Map(labelsByModel.get(row.name)?.map(({ label, version }) => [label, version])),
    versions: versionsByModel.get(row.name) ?? [],
    createdAt: row.created_at,
  }));
}

/**
 * Makes this transaction the only one that changes the model until it ends, and gives the greatest version number the
 * name ever had (0 for a new name). The row exists for every name ever used, so there is always something to lock.
 */
export async function lockModel(trx: Transaction<Schema>, model: string): Promise<number> {
  await trx
    .insertInto('version_counters')
    .values({ model, last_version: 0 })
    .onConflict((conflict) => conflict.column('model').doNothing())
    .execute();
  // Writing the row takes its lock on PostgreSQL; SQLite has no `for update` and one writer anyway.
  const { last_version } = await trx
    .updateTable('version_counters')
    .set((eb) => ({ last_version: eb.ref('last_version') }))
    .where('model', '=', model)
    .returning('last_version')
    .executeTakeFirstOrThrow();
  return last_version;
}
