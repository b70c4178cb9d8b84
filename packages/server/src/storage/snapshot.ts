// A consistent copy of a SQLite database that another process may be writing to, and what is in such a copy.
import { AmaasError } from '@amaas/core';
import { Kysely, sql } from 'kysely';
import { explainOpenError } from './errors.ts';
import { readSchema, type SchemaStep } from './migrate.ts';
import { OPEN_BATCHES, type Schema } from './schema.ts';
import { SqliteFile } from './sqlite.ts';
import { createSqliteDialect } from './sqlite-dialect.ts';

/** How long a copy waits for a checkpoint of the writer, in milliseconds. */
const BUSY_TIMEOUT_MS = 10_000;

/** Writes the database at `path`, as it is at this moment, to the new file `destination`. Only reads `path`. */
export function copyDatabase(path: string, destination: string): void {
  let file: SqliteFile | null = null;
  try {
    file = new SqliteFile(path, { readOnly: true, busyTimeoutMs: BUSY_TIMEOUT_MS });
    file.execute('vacuum into ?', [destination]);
  } catch (error) {
    throw explainOpenError(error, `the database ${path}`);
  } finally {
    file?.close();
  }
}

export interface DatabaseContents {
  readonly schema: SchemaStep;
  /** Per version the JSON of its list of files. */
  readonly versionFiles: readonly string[];
  /** The files of datasets and runs, and those that callers uploaded. */
  readonly otherFiles: readonly { readonly digest: string; readonly sizeBytes: number }[];
}

/** The step that brought datasets and runs; a backup of an older amaas has none. */
const TRAINING_SCHEMA = 3;
/** The step that brought uploaded files and batches. */
const FILES_SCHEMA = 5;

/**
 * Reads a database without changing it, and checks that it is whole.
 * @throws SCHEMA_TOO_NEW, INVALID_CONFIG when it is not amaas's, DIGEST_MISMATCH when it is damaged.
 */
export async function readDatabase(path: string): Promise<DatabaseContents> {
  const where = `the database ${path}`;
  try {
    const file = new SqliteFile(path, { readOnly: true, busyTimeoutMs: BUSY_TIMEOUT_MS });
    const db = new Kysely<Schema>({ dialect: createSqliteDialect(file) });
    try {
      const { rows } = await sql<{ integrity_check: string }>`pragma integrity_check`.execute(db);
      if (rows[0]?.integrity_check !== 'ok') {
        throw new AmaasError('DIGEST_MISMATCH', `storage: ${where} is damaged: ${rows[0]?.integrity_check}`);
      }
      const schema = await readSchema({ db, dialect: 'sqlite', where });
      if (schema.version === 0) throw new AmaasError('INVALID_CONFIG', `storage: ${where} holds no data of amaas`);
      const versions = await db.selectFrom('versions').select('files').execute();
      const otherFiles = [
        ...(schema.version < TRAINING_SCHEMA ? [] : await readTrainingFiles(db)),
        ...(schema.version < FILES_SCHEMA ? [] : await readUploadedFiles(db)),
      ];
      return { schema, versionFiles: versions.map((version) => version.files), otherFiles };
    } finally {
      await db.destroy();
    }
  } catch (error) {
    throw explainOpenError(error, where);
  }
}

async function readTrainingFiles(db: Kysely<Schema>): Promise<DatabaseContents['otherFiles']> {
  const datasets = await db.selectFrom('datasets').select(['digest', 'size_bytes']).execute();
  const runs = await db.selectFrom('runs').select('files').execute();
  return [
    ...datasets.map(({ digest, size_bytes }) => ({ digest, sizeBytes: size_bytes })),
    // written by the registry as a list of files
    ...runs.flatMap(({ files }) => JSON.parse(files) as { readonly digest: string; readonly sizeBytes: number }[]),
  ];
}

async function readUploadedFiles(db: Kysely<Schema>): Promise<DatabaseContents['otherFiles']> {
  const files = await db.selectFrom('files').select(['digest', 'size_bytes']).execute();
  const batches = await db
    .selectFrom('batches')
    .select(['input_digest', 'input_bytes'])
    .where('state', 'in', OPEN_BATCHES)
    .execute();
  return [
    ...files.map(({ digest, size_bytes }) => ({ digest, sizeBytes: size_bytes })),
    ...batches.map(({ input_digest, input_bytes }) => ({ digest: input_digest, sizeBytes: input_bytes })),
  ];
}
