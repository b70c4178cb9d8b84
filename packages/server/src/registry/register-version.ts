// The one transaction that makes a version visible: name, number, row, labels and policy, or nothing at all.
import { AmaasError, assertName, MAX_VERSION } from '@amaas/core';
import type { Transaction } from 'kysely';
import { assertTreeFiles, computeTreeDigest, type Digest } from '../artifacts/index.ts';
import type { Schema } from '../storage/index.ts';
import { fromVersionRow, lockModel, toVersionRow } from './rows.ts';
import { assertPolicy } from './select-versions.ts';
import {
  DEFAULT_POLICY,
  type ModelOwner,
  type RegisteredVersion,
  type VersionRecord,
  type VersionRegistration,
} from './types.ts';

const OWNER_IN_WORDS: Readonly<Record<ModelOwner, string>> = {
  folder: 'the watched models folder',
  api: 'the management API',
  bundled: 'the models that come with amaas',
};

/** Checks what can be checked without the database. @throws INVALID_NAME, INVALID_ARGUMENT */
export function assertRegistration(registration: VersionRegistration): void {
  assertName('model', registration.model);
  for (const label of registration.labels ?? []) assertName('label', label);
  if (registration.policy !== undefined) assertPolicy(registration.policy);
  assertTreeFiles(registration.files);
  if (registration.version !== undefined) assertVersionNumber(registration.model, registration.version);
}

/** @throws INVALID_ARGUMENT */
export function assertVersionNumber(model: string, version: number): void {
  if (!Number.isSafeInteger(version) || version < 1 || version > MAX_VERSION) {
    throw new AmaasError('INVALID_ARGUMENT', `model "${model}": version must be a whole number ≥ 1, got ${version}`);
  }
}

/** @throws NAME_TAKEN */
export function assertOwner(model: string, actual: ModelOwner, wanted: ModelOwner): void {
  if (actual === wanted) return;
  throw new AmaasError(
    'NAME_TAKEN',
    `the name "${model}" belongs to ${OWNER_IN_WORDS[actual]}; ${OWNER_IN_WORDS[wanted]} cannot change it. Choose another name`,
    { details: { model, owner: actual } },
  );
}

/** Runs inside the registry's transaction; `now` is an ISO time. */
export async function writeVersion(
  trx: Transaction<Schema>,
  registration: VersionRegistration,
  now: string,
): Promise<RegisteredVersion> {
  const { model, files } = registration;
  const digest = computeTreeDigest(files);
  const lastVersion = await lockModel(trx, model);
  await claimName(trx, registration, now);
  const existing = await findSame(trx, registration, digest);
  const record = existing ?? {
    model,
    version: registration.version ?? nextVersion(model, lastVersion),
    digest,
    format: registration.format ?? 'onnx',
    sizeBytes: files.reduce((sum, file) => sum + file.sizeBytes, 0),
    signatures: registration.signatures,
    manifest: registration.manifest,
    lineage: registration.lineage ?? {},
    files: files.map(({ path, digest, sizeBytes }) => ({ path, digest, sizeBytes })),
    createdAt: now,
  };
  if (existing === null) {
    await trx.insertInto('versions').values(toVersionRow(record)).execute();
    await trx
      .updateTable('version_counters')
      .set({ last_version: Math.max(lastVersion, record.version) })
      .where('model', '=', model)
      .execute();
  }
  for (const label of registration.labels ?? []) await moveLabel(trx, { model, label, version: record.version }, now);
  return { record, isNew: existing === null };
}

/** Points a label to a version of the same model; the version must exist. */
export async function moveLabel(
  trx: Transaction<Schema>,
  target: { readonly model: string; readonly label: string; readonly version: number },
  now: string,
): Promise<void> {
  const moved = { version: target.version, updated_at: now };
  await trx
    .insertInto('labels')
    .values({ ...target, updated_at: now })
    .onConflict((conflict) => conflict.columns(['model', 'label']).doUpdateSet(moved))
    .execute();
}

async function claimName(trx: Transaction<Schema>, registration: VersionRegistration, now: string): Promise<void> {
  const { model, owner, policy } = registration;
  const known = await trx.selectFrom('models').select('owner').where('name', '=', model).executeTakeFirst();
  if (known === undefined) {
    await trx
      .insertInto('models')
      .values({ name: model, owner, policy: JSON.stringify(policy ?? DEFAULT_POLICY), created_at: now })
      .execute();
    return;
  }
  assertOwner(model, known.owner as ModelOwner, owner); // only ModelOwner is ever written
  if (policy !== undefined) {
    await trx
      .updateTable('models')
      .set({ policy: JSON.stringify(policy) })
      .where('name', '=', model)
      .execute();
  }
}

/**
 * The version this registration repeats. With a number: the one of that number. Without: for the folder and the bundled
 * models, which are registered again at every start, the newest one; the API means a new version each time.
 * @throws VERSION_EXISTS when the number is taken by other contents.
 */
async function findSame(
  trx: Transaction<Schema>,
  registration: VersionRegistration,
  digest: Digest,
): Promise<VersionRecord | null> {
  const { model, version, owner } = registration;
  const ofModel = trx.selectFrom('versions').selectAll().where('model', '=', model);
  if (version === undefined) {
    if (owner === 'api') return null;
    const newest = await ofModel.orderBy('version', 'desc').limit(1).executeTakeFirst();
    return newest?.digest === digest ? fromVersionRow(newest) : null;
  }
  const row = await ofModel.where('version', '=', version).executeTakeFirst();
  if (row === undefined) return null;
  if (row.digest === digest) return fromVersionRow(row);
  throw new AmaasError(
    'VERSION_EXISTS',
    `version ${version} of model "${model}" exists with other contents (${row.digest}, not ${digest}); versions never change. ` +
      'Use a new version number',
    { details: { model, version, existingDigest: row.digest, digest } },
  );
}

function nextVersion(model: string, lastVersion: number): number {
  if (lastVersion < MAX_VERSION) return lastVersion + 1;
  throw new AmaasError('INVALID_ARGUMENT', `model "${model}" has used the greatest version number, ${MAX_VERSION}`);
}
