// Adds datasets, runs and jobs. Jobs and runs refer to each other by id only: a job's row goes when it is old, its run stays.
import type { Kysely } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('dataset_counters')
    .addColumn('dataset', 'text', (column) => column.notNull().primaryKey())
    .addColumn('last_version', 'bigint', (column) => column.notNull())
    .execute();
  await db.schema
    .createTable('datasets')
    .addColumn('name', 'text', (column) => column.notNull())
    .addColumn('version', 'bigint', (column) => column.notNull())
    .addColumn('digest', 'text', (column) => column.notNull())
    .addColumn('size_bytes', 'bigint', (column) => column.notNull())
    .addColumn('media_type', 'text', (column) => column.notNull())
    .addColumn('file_name', 'text')
    .addColumn('summary', 'text')
    .addColumn('created_at', 'text', (column) => column.notNull())
    .addColumn('created_by', 'text', (column) => column.notNull())
    .addPrimaryKeyConstraint('datasets_pk', ['name', 'version'])
    .execute();
  await db.schema
    .createTable('runs')
    .addColumn('id', 'text', (column) => column.notNull().primaryKey())
    .addColumn('kind', 'text', (column) => column.notNull())
    .addColumn('state', 'text', (column) => column.notNull())
    .addColumn('job', 'text')
    .addColumn('model', 'text')
    .addColumn('version', 'bigint')
    .addColumn('configuration', 'text', (column) => column.notNull())
    .addColumn('code_version', 'text', (column) => column.notNull())
    .addColumn('seed', 'bigint')
    .addColumn('metrics', 'text', (column) => column.notNull())
    .addColumn('parent', 'text')
    .addColumn('files', 'text', (column) => column.notNull())
    .addColumn('error', 'text')
    .addColumn('created_at', 'text', (column) => column.notNull())
    .addColumn('ended_at', 'text')
    .addColumn('created_by', 'text', (column) => column.notNull())
    .execute();
  await db.schema
    .createTable('run_datasets')
    .addColumn('run', 'text', (column) => column.notNull().references('runs.id'))
    .addColumn('role', 'text', (column) => column.notNull())
    .addColumn('dataset', 'text', (column) => column.notNull())
    .addColumn('version', 'bigint', (column) => column.notNull())
    .addColumn('digest', 'text', (column) => column.notNull())
    .addPrimaryKeyConstraint('run_datasets_pk', ['run', 'role'])
    .execute();
  await db.schema.createIndex('run_datasets_dataset').on('run_datasets').columns(['dataset', 'version']).execute();
  await db.schema
    .createTable('jobs')
    .addColumn('id', 'text', (column) => column.notNull().primaryKey())
    .addColumn('sequence', 'bigint', (column) => column.notNull().unique())
    .addColumn('kind', 'text', (column) => column.notNull())
    .addColumn('state', 'text', (column) => column.notNull())
    .addColumn('priority', 'bigint', (column) => column.notNull())
    .addColumn('model', 'text')
    .addColumn('configuration', 'text', (column) => column.notNull())
    .addColumn('attempt', 'bigint', (column) => column.notNull())
    .addColumn('crashes', 'bigint', (column) => column.notNull())
    .addColumn('progress', 'text')
    .addColumn('result', 'text')
    .addColumn('error', 'text')
    .addColumn('created_at', 'text', (column) => column.notNull())
    .addColumn('started_at', 'text')
    .addColumn('ended_at', 'text')
    .addColumn('created_by', 'text', (column) => column.notNull())
    .execute();
}
