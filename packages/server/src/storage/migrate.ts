// Brings a database to the schema this amaas knows, and refuses one that is ahead of it before touching anything.
import { AmaasError } from '@amaas/core';
import { type Kysely, sql } from 'kysely';
import { Migrator } from 'kysely/migration';
import { MIGRATIONS } from './migrations/index.ts';
import type { DialectName, Schema } from './schema.ts';

/** Holds the names of the steps a database has run. */
const STEPS_TABLE = 'amaas_migrations';

/** Holds the row that Kysely locks while migrating. */
const LOCK_TABLE = 'amaas_migrations_lock';

const KNOWN_STEPS = Object.keys(MIGRATIONS).sort();

/** The last step this amaas knows, such as `0002-verdicts`. */
export const LATEST_STEP = KNOWN_STEPS.at(-1) ?? '';

/** The number of the schema this amaas writes. */
export const SCHEMA_VERSION = stepNumber(LATEST_STEP);

/** A database and how messages call it. */
export interface MigrationTarget {
  readonly db: Kysely<Schema>;
  readonly dialect: DialectName;
  readonly where: string;
}

/** The last migration step a database has run, and the number in front of its name. */
export interface SchemaStep {
  readonly version: number;
  readonly step: string;
}

/**
 * Which schema a database has; version 0 for an empty one. Reads only.
 * @throws SCHEMA_TOO_NEW when a newer amaas wrote it, INVALID_CONFIG when it holds a schema amaas never had.
 */
export async function readSchema(target: MigrationTarget): Promise<SchemaStep> {
  const { db, where } = target;
  const schema = await currentSchema(target);
  const tables = await db.introspection.getTables({ withInternalKyselyTables: true });
  const exists = tables.some(
    (table) => table.name === STEPS_TABLE && (schema === undefined || table.schema === schema),
  );
  const nothing: SchemaStep = { version: 0, step: '' };
  if (!exists) return nothing;
  const { rows } = await sql<{ name: string }>`select name from ${sql.table(STEPS_TABLE)} order by name`.execute(db);
  const last = rows.at(-1)?.name;
  if (last === undefined) return nothing;
  assertSchemaKnown(last, where);
  const foreign = rows.find((row) => !KNOWN_STEPS.includes(row.name));
  if (foreign !== undefined) {
    throw new AmaasError(
      'INVALID_CONFIG',
      `storage: ${where} has run the unknown migration step "${foreign.name}"; expected steps of amaas (${KNOWN_STEPS.join(', ')})`,
    );
  }
  return { version: stepNumber(last), step: last };
}

/**
 * Runs the steps that are missing, all in one transaction; `to` stops at an older step (for tests of migrations).
 * @throws SCHEMA_TOO_NEW, INVALID_CONFIG as {@link readSchema}.
 */
export async function migrate(target: MigrationTarget, to: string = LATEST_STEP): Promise<void> {
  await readSchema(target);
  const schema = await currentSchema(target);
  const migrator = new Migrator({
    db: target.db,
    provider: { getMigrations: async () => ({ ...MIGRATIONS }) },
    migrationTableName: STEPS_TABLE,
    migrationLockTableName: LOCK_TABLE,
    ...(schema === undefined ? {} : { migrationTableSchema: schema }),
  });
  const { error } = await migrator.migrateTo(to);
  if (error !== undefined) throw error;
}

/** @throws SCHEMA_TOO_NEW when `lastStep` is beyond what this amaas knows; `where` has it. */
export function assertSchemaKnown(lastStep: string, where: string): void {
  if (stepNumber(lastStep) <= SCHEMA_VERSION) return;
  throw new AmaasError(
    'SCHEMA_TOO_NEW',
    `storage: ${where} has schema ${stepNumber(lastStep)} (${lastStep}), written by a newer amaas; this one knows schemas up to ` +
      `${SCHEMA_VERSION} (${LATEST_STEP}). Start the newer amaas, or restore a backup made before the update`,
    { details: { found: stepNumber(lastStep), known: SCHEMA_VERSION } },
  );
}

function stepNumber(step: string): number {
  return Number.parseInt(step, 10) || 0;
}

/** The PostgreSQL schema unqualified names go to: without it Kysely would take another schema's tables for ours. */
async function currentSchema({ db, dialect }: MigrationTarget): Promise<string | undefined> {
  if (dialect === 'sqlite') return undefined;
  const { rows } = await sql<{ schema: string }>`select current_schema() as schema`.execute(db);
  return rows[0]?.schema;
}
