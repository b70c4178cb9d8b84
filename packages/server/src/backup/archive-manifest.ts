// The first file of a backup: what is in it. Written by createBackup, checked by restoreBackup before anything is unpacked.
import { AmaasError } from '@amaas/core';
import Type, { type Static } from 'typebox';
import { Check, Errors } from 'typebox/value';
import { assertTreePath } from '../artifacts/index.ts';

/** Names of the files in an archive. */
export const MANIFEST_NAME = 'manifest.json';
export const DATABASE_NAME = 'amaas.db';
export const BLOB_PREFIX = 'blobs/';

/** Raised when an older restore could not make sense of a newer archive. */
const FORMAT_VERSION = 1;

/** A hundred bytes per blob, a million blobs; more than that is not a manifest. */
export const MAX_MANIFEST_BYTES = 256 * 1024 * 1024;

const DigestSchema = Type.String({ pattern: '^sha256:[0-9a-f]{64}$' });
const SizeSchema = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });
const StoredSchema = Type.Object({ digest: DigestSchema, sizeBytes: SizeSchema });

const ArchiveManifestSchema = Type.Object({
  format: Type.Literal('amaas-backup'),
  formatVersion: Type.Integer({ minimum: 1 }),
  createdAt: Type.String(),
  /** Last migration step of the database. */
  schemaStep: Type.String(),
  database: StoredSchema,
  /** Every blob of the archive, once. */
  blobs: Type.Array(StoredSchema),
  /** The watched models folder, where it lies in the data directory: paths in it, the contents among the blobs. */
  models: Type.Array(
    Type.Object({ path: Type.String(), digest: DigestSchema, sizeBytes: SizeSchema, mtimeMs: Type.Number() }),
  ),
});

export type ArchiveManifest = Static<typeof ArchiveManifestSchema>;

/** A file of the models folder in an archive. */
export type ArchivedModelFile = ArchiveManifest['models'][number];

export function encodeManifest(manifest: Omit<ArchiveManifest, 'format' | 'formatVersion'>): Uint8Array {
  const complete: ArchiveManifest = { format: 'amaas-backup', formatVersion: FORMAT_VERSION, ...manifest };
  return Buffer.from(`${JSON.stringify(complete, null, 1)}\n`);
}

/** @throws INVALID_ARGUMENT when it is not a manifest this amaas can read, or names unsafe paths. */
export function parseManifest(bytes: Uint8Array): ArchiveManifest {
  let manifest: unknown;
  try {
    manifest = JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch (error) {
    throw new AmaasError('INVALID_ARGUMENT', `restore: ${MANIFEST_NAME} is not JSON`, { cause: error });
  }
  if (!Check(ArchiveManifestSchema, manifest)) {
    const [first] = Errors(ArchiveManifestSchema, manifest);
    const where = first === undefined ? '' : `: ${first.instancePath || 'the whole'} ${first.message}`;
    throw new AmaasError('INVALID_ARGUMENT', `restore: ${MANIFEST_NAME} is not one of an amaas backup${where}`);
  }
  if (manifest.formatVersion > FORMAT_VERSION) {
    throw new AmaasError(
      'INVALID_ARGUMENT',
      `restore: the archive has format ${manifest.formatVersion}; this amaas reads up to ${FORMAT_VERSION}. Use a newer amaas`,
    );
  }
  for (const { path } of manifest.models) assertTreePath(path);
  return manifest;
}
