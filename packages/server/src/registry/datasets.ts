// Datasets: files under a name and a number, immutable like the versions of models. Knows nothing of what is in them.
import { AmaasError, type Clock, isName, MAX_VERSION, NAME_RULE } from '@amaas/core';
import type { Transaction } from 'kysely';
import type { BlobStore } from '../artifacts/index.ts';
import type { Database, Schema } from '../storage/index.ts';
import { fromDatasetRow, toDatasetRow } from './training-rows.ts';
import type { DatasetRecord, DatasetRegistration } from './training-types.ts';

export interface TrainingParts {
  readonly database: Database;
  readonly blobs: BlobStore;
  readonly clock: Pick<Clock, 'wallTime'>;
}

export interface AddedDataset {
  readonly record: DatasetRecord;
  /** False when the very same version was there already. */
  readonly isNew: boolean;
}

export class Datasets {
  readonly #parts: TrainingParts;

  constructor(parts: TrainingParts) {
    this.#parts = parts;
  }

  /**
   * Registers a file; on disk when it resolves. Without a number it becomes the next version, unless the newest one has
   * these very contents: so an upload may be repeated.
   * @throws INVALID_NAME, INVALID_ARGUMENT, ARTIFACT_NOT_FOUND when the file is not in the store, DATASET_EXISTS when the
   *   version has other contents, STORAGE_FULL.
   */
  async add(registration: DatasetRegistration): Promise<AddedDataset> {
    const { name, blob, version } = registration;
    assertDatasetName(name);
    if (version !== undefined && !(Number.isSafeInteger(version) && version >= 1 && version <= MAX_VERSION)) {
      throw new AmaasError('INVALID_ARGUMENT', `dataset "${name}": version must be a whole number ≥ 1, got ${version}`);
    }
    if (!(await this.#parts.blobs.touch(blob.digest))) {
      throw new AmaasError('ARTIFACT_NOT_FOUND', `register dataset "${name}": ${blob.digest} is not in the store`);
    }
    const createdAt = this.#parts.clock.wallTime().toISOString();
    return this.#parts.database.transaction((trx) => insert(trx, registration, createdAt));
  }

  /** All versions of all datasets, by name and number. */
  async list(): Promise<readonly DatasetRecord[]> {
    const query = this.#parts.database.db.selectFrom('datasets').selectAll().orderBy('name').orderBy('version');
    return (await query.execute()).map(fromDatasetRow);
  }

  /** All versions of a dataset, ascending. @throws DATASET_NOT_FOUND */
  async versions(name: string): Promise<readonly DatasetRecord[]> {
    const records = isName(name) ? await loadVersions(this.#parts.database.db, name) : [];
    if (records.length === 0) throw datasetNotFound(name);
    return records;
  }

  /** One version, without a number the newest. @throws DATASET_NOT_FOUND */
  async get(name: string, version?: number): Promise<DatasetRecord> {
    return pick(await this.versions(name), name, version);
  }

  /** Absolute path of a read-only file with the contents. @throws ARTIFACT_NOT_FOUND */
  path(record: DatasetRecord): Promise<string> {
    return this.#parts.blobs.path(record.digest);
  }

  /** Keeps what was found out about the columns, over what was known before. @throws DATASET_NOT_FOUND */
  async setSummary(name: string, version: number, summary: unknown): Promise<void> {
    const { version: known } = await this.get(name, version);
    await this.#parts.database.transaction((trx) =>
      trx
        .updateTable('datasets')
        .set({ summary: JSON.stringify(summary) })
        .where('name', '=', name)
        .where('version', '=', known)
        .execute(),
    );
  }

  /**
   * Removes a version, or without a number all of them; the contents go with the next collection. With `force` also while
   * runs refer to it: they keep its digest.
   * @throws DATASET_NOT_FOUND, DATASET_IN_USE
   */
  async delete(
    name: string,
    options: { readonly version?: number | undefined; readonly force?: boolean } = {},
  ): Promise<void> {
    const { version, force = false } = options;
    if (!isName(name)) throw datasetNotFound(name);
    await this.#parts.database.transaction(async (trx) => {
      await lockDataset(trx, name);
      const known = await loadVersions(trx, name);
      if (version === undefined && known.length === 0) throw datasetNotFound(name);
      if (version !== undefined) pick(known, name, version);
      if (!force) await assertUnused(trx, name, version);
      let removal = trx.deleteFrom('datasets').where('name', '=', name);
      if (version !== undefined) removal = removal.where('version', '=', version);
      await removal.execute();
    });
  }
}

/** @throws INVALID_NAME */
export function assertDatasetName(name: string): void {
  if (isName(name)) return;
  const shown = JSON.stringify(name.slice(0, 140));
  throw new AmaasError('INVALID_NAME', `dataset name ${shown} is not allowed: expected ${NAME_RULE}`);
}

/** Makes this transaction the only one that changes the dataset; gives the greatest number it ever had, 0 for a new name. */
export async function lockDataset(trx: Transaction<Schema>, dataset: string): Promise<number> {
  await trx
    .insertInto('dataset_counters')
    .values({ dataset, last_version: 0 })
    .onConflict((conflict) => conflict.column('dataset').doNothing())
    .execute();
  // Writing the row takes its lock on PostgreSQL, as lockModel does.
  const { last_version } = await trx
    .updateTable('dataset_counters')
    .set((eb) => ({ last_version: eb.ref('last_version') }))
    .where('dataset', '=', dataset)
    .returning('last_version')
    .executeTakeFirstOrThrow();
  return last_version;
}

/** The versions of a dataset, ascending; none for an unknown name. */
export async function loadVersions(
  db: Pick<Transaction<Schema>, 'selectFrom'>,
  name: string,
): Promise<DatasetRecord[]> {
  const query = db.selectFrom('datasets').selectAll().where('name', '=', name).orderBy('version');
  return (await query.execute()).map(fromDatasetRow);
}

/** One of a dataset's versions, without a number the newest. @throws DATASET_NOT_FOUND */
export function pick(versions: readonly DatasetRecord[], name: string, version: number | undefined): DatasetRecord {
  const found = version === undefined ? versions.at(-1) : versions.find((record) => record.version === version);
  if (found !== undefined) return found;
  if (versions.length === 0) throw datasetNotFound(name);
  const known = versions.slice(-10).map((record) => record.version);
  throw new AmaasError(
    'DATASET_NOT_FOUND',
    `dataset "${name}" has no version ${version}; its versions are ${versions.length > 10 ? '…, ' : ''}${known.join(', ')}`,
    { details: { dataset: name, version } },
  );
}

async function insert(
  trx: Transaction<Schema>,
  registration: DatasetRegistration,
  createdAt: string,
): Promise<AddedDataset> {
  const { name, blob, mediaType, fileName = null, createdBy } = registration;
  const lastVersion = await lockDataset(trx, name);
  const known = await loadVersions(trx, name);
  const same =
    registration.version === undefined ? known.at(-1) : known.find((each) => each.version === registration.version);
  if (same !== undefined && same.digest === blob.digest) return { record: same, isNew: false };
  if (same !== undefined && registration.version !== undefined) {
    throw new AmaasError(
      'DATASET_EXISTS',
      `version ${same.version} of dataset "${name}" exists with other contents (${same.digest}, not ${blob.digest}); ` +
        'versions never change: upload it without a number, as the next one',
      { details: { dataset: name, version: same.version } },
    );
  }
  const version = registration.version ?? lastVersion + 1;
  if (version > MAX_VERSION) {
    throw new AmaasError('INVALID_ARGUMENT', `dataset "${name}" has the greatest version number there is already`);
  }
  const record: DatasetRecord = {
    name,
    version,
    digest: blob.digest,
    sizeBytes: blob.sizeBytes,
    mediaType,
    fileName,
    summary: null,
    createdAt,
    createdBy,
  };
  await trx.insertInto('datasets').values(toDatasetRow(record)).execute();
  await trx
    .updateTable('dataset_counters')
    .set({ last_version: Math.max(version, lastVersion) })
    .where('dataset', '=', name)
    .execute();
  return { record, isNew: true };
}

async function assertUnused(trx: Transaction<Schema>, name: string, version: number | undefined): Promise<void> {
  let query = trx.selectFrom('run_datasets').select('run').distinct().where('dataset', '=', name).orderBy('run');
  if (version !== undefined) query = query.where('version', '=', version);
  const runs = (await query.limit(11).execute()).map(({ run }) => run);
  if (runs.length === 0) return;
  const what = version === undefined ? `dataset "${name}"` : `version ${version} of dataset "${name}"`;
  const shown = `${runs.slice(0, 10).join(', ')}${runs.length > 10 ? ', …' : ''}`;
  throw new AmaasError(
    'DATASET_IN_USE',
    `${what} was read by ${runs.length === 1 ? 'the run' : 'the runs'} ${shown}, which could not be repeated without it; force the deletion if that is meant`,
    { details: { dataset: name, runs: runs.slice(0, 10) } },
  );
}

function datasetNotFound(name: string): AmaasError {
  return new AmaasError('DATASET_NOT_FOUND', `there is no dataset ${JSON.stringify(name.slice(0, 140))}`, {
    details: { dataset: name.slice(0, 140) },
  });
}
