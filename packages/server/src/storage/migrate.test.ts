// A database of each older schema comes through to the newest one with its rows.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Kysely, sql } from 'kysely';
import { openDatabase } from './database.ts';
import { LATEST_STEP, migrate, readSchema, SCHEMA_VERSION } from './migrate.ts';
import { MIGRATIONS } from './migrations/index.ts';
import { createPostgresDialect } from './postgres.ts';
import type { Schema } from './schema.ts';
import { SqliteFile } from './sqlite.ts';
import { createSqliteDialect } from './sqlite-dialect.ts';
import { createTestDatabase, DATABASE_KINDS } from './testing/databases.ts';

const SINCE = '2025-05-06T07:08:09.123Z';

for (const { dialect, skip } of DATABASE_KINDS) {
  test(`migrate(${dialect}) takes a database of schema 1 to the newest without loss`, { skip }, async (t) => {
    const options = await createTestDatabase(t, dialect);
    const old = new Kysely<Schema>({
      dialect:
        options.url === undefined
          ? createSqliteDialect(new SqliteFile(options.path, { busyTimeoutMs: 0 }))
          : await createPostgresDialect(options.url),
    });
    const target = { db: old, dialect, where: 'the test database' };
    assert.equal((await readSchema(target)).version, 0);
    await migrate(target, '0001-models');
    assert.equal((await readSchema(target)).version, 1);
    const model = { name: 'resnet', owner: 'api', policy: '{"kind":"all"}', created_at: SINCE };
    const version = {
      model: 'resnet',
      version: 7,
      digest: `sha256:${'ab'.repeat(32)}`,
      format: 'onnx',
      size_bytes: 5_000_000_000,
      signatures: '[]',
      manifest: '{"task":"ünïcode"}',
      lineage: '{}',
      files: '[]',
      created_at: SINCE,
    };
    const label = { model: 'resnet', label: 'production', version: 7, updated_at: SINCE };
    const key = {
      id: 'k1',
      name: 'admin',
      hash: 'h',
      prefix: 'amaas_1',
      scopes: '["admin"]',
      models: '["*"]',
      created_at: SINCE,
      expires_at: null,
      revoked_at: null,
    };
    await old.insertInto('models').values(model).execute();
    await old.insertInto('versions').values(version).execute();
    await old.insertInto('labels').values(label).execute();
    await old.insertInto('keys').values(key).execute();
    await old.insertInto('version_counters').values({ model: 'resnet', last_version: 9 }).execute();
    await old.insertInto('settings').values({ key: 'a', value: 'b' }).execute();
    await old.destroy();

    const database = await openDatabase(options);
    t.after(() => database.close());
    assert.equal((await readSchema({ db: database.db, dialect, where: '' })).version, SCHEMA_VERSION);
    const all = async (table: keyof Schema) =>
      (await database.db.selectFrom(table).selectAll().execute()).map((row) => ({ ...row }));
    assert.deepEqual(await all('models'), [model]);
    assert.deepEqual(await all('versions'), [version]);
    assert.deepEqual(await all('labels'), [label]);
    assert.deepEqual(await all('keys'), [key]);
    assert.deepEqual(await all('version_counters'), [{ model: 'resnet', last_version: 9 }]);
    assert.deepEqual(await all('settings'), [{ key: 'a', value: 'b' }]);
    for (const table of ['verdicts', 'datasets', 'runs', 'jobs'] as const) assert.deepEqual(await all(table), []);
  });

  test(`migrate(${dialect}) leaves nothing of a step that fails half-way`, { skip }, async (t) => {
    const options = await createTestDatabase(t, dialect);
    const database = await openDatabase(options);
    t.after(() => database.close());
    const target = { db: database.db, dialect, where: '' };
    const newest = [
      'fine_tunings',
      'batches',
      'files',
      'responses',
      'run_datasets',
      'runs',
      'jobs',
      'datasets',
      'dataset_counters',
      'verdicts',
    ] as const;
    const first = ['labels', 'versions', 'models', 'version_counters', 'keys', 'settings'] as const;
    for (const table of [...newest, ...first]) {
      await database.db.schema.dropTable(table).execute();
    }
    await sql`delete from amaas_migrations`.execute(database.db);
    await sql`create table settings (in_the_way text)`.execute(database.db); // the last table step 1 creates
    await assert.rejects(migrate(target), /settings.*already exists/);
    assert.equal((await readSchema(target)).version, 0);
    const tables = (await database.db.introspection.getTables()).map((table) => table.name);
    assert.deepEqual(
      tables.filter((name) => !name.startsWith('amaas_')),
      ['settings'],
    );
  });
}

test('openDatabase(postgres) migrates once when two open the new database at the same time', {
  skip: DATABASE_KINDS[1]?.skip ?? false,
}, async (t) => {
  const options = await createTestDatabase(t, 'postgres');
  const databases = await Promise.all([openDatabase(options), openDatabase(options)]);
  t.after(() => Promise.all(databases.map((database) => database.close())));
  const { rows } = await sql<{ name: string }>`select name from amaas_migrations`.execute(databases[0].db);
  assert.equal(rows.length, Object.keys(MIGRATIONS).length);
});

test('MIGRATIONS are numbered without gaps, so that the last number is the schema version', () => {
  const names = Object.keys(MIGRATIONS).sort();
  names.forEach((name, index) => {
    assert.match(name, new RegExp(`^${String(index + 1).padStart(4, '0')}-[a-z-]+$`));
  });
  assert.equal(names.at(-1), LATEST_STEP);
  assert.equal(names.length, SCHEMA_VERSION);
});

test('migrate refuses a database with steps that amaas never had', async (t) => {
  const options = await createTestDatabase(t, 'sqlite');
  const database = await openDatabase(options);
  await sql`insert into amaas_migrations values ('0001-other', ${SINCE})`.execute(database.db);
  await database.close();
  await assert.rejects(openDatabase(options), /unknown migration step "0001-other"/);
});
