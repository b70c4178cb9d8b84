// Adds uploaded files and batches of requests. A batch remembers the digest of its input, which so outlives the file.
import type { Kysely } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('files')
    .addColumn('id', 'text', (column) => column.notNull().primaryKey())
    .addColumn('sequence', 'bigint', (column) => column.notNull().unique())
    .addColumn('owner', 'text')
    .addColumn('purpose', 'text', (column) => column.notNull())
    .addColumn('file_name', 'text', (column) => column.notNull())
    .addColumn('digest', 'text', (column) => column.notNull())
    .addColumn('size_bytes', 'bigint', (column) => column.notNull())
    .addColumn('created_at', 'text', (column) => column.notNull())
    .addColumn('expires_at', 'text')
    .execute();
  await db.schema
    .createTable('batches')
    .addColumn('id', 'text', (column) => column.notNull().primaryKey())
    .addColumn('sequence', 'bigint', (column) => column.notNull().unique())
    .addColumn('owner', 'text')
    .addColumn('state', 'text', (column) => column.notNull())
    .addColumn('model', 'text')
    .addColumn('input_file', 'text', (column) => column.notNull())
    .addColumn('input_digest', 'text', (column) => column.notNull())
    .addColumn('input_bytes', 'bigint', (column) => column.notNull())
    .addColumn('output_file', 'text')
    .addColumn('error_file', 'text')
    .addColumn('request', 'text', (column) => column.notNull())
    .addColumn('progress', 'text', (column) => column.notNull())
    .addColumn('created_at', 'text', (column) => column.notNull())
    .addColumn('expires_at', 'text', (column) => column.notNull())
    .execute();
}
