// What storage promises on SQLite and on PostgreSQL alike, and what it promises on SQLite alone.
import assert from 'node:assert/strict';
import { AsyncResource } from 'node:async_hooks';
import { createHash } from 'node:crypto';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { AmaasError } from '@amaas/core';
import { sql } from 'kysely';
import { type Database, openDatabase } from './database.ts';
import { SqliteFile } from './sqlite.ts';
import { createTestDatabase, createTestDirectory, DATABASE_KINDS } from './testing/databases.ts';

/** Runs work in the context this file was loaded in, outside every transaction. */
const outside = AsyncResource.bind((work: () => Promise<unknown>) => work());

const NOW = '2026-01-02T03:04:05.678Z';

for (const { dialect, skip } of DATABASE_KINDS) {
  const open = async (context: TestContext): Promise<Database> => {
    const options = await createTestDatabase(context, dialect);
    const database = await openDatabase(options);
    context.after(() => database.close());
    return database;
  };
  const setting = (database: Database, key: string) =>
    database.db.selectFrom('settings').select('value').where('key', '=', key).executeTakeFirst();

  test(`openDatabase(${dialect}) gives integers back as numbers up to 2^53 and as bigints beyond`, {
    skip,
  }, async (t) => {
    const { db } = await open(t);
    for (const version of [1, 4_294_967_297, Number.MAX_SAFE_INTEGER]) {
      await db
        .insertInto('version_counters')
        .values({ model: `m${version}`, last_version: version })
        .execute();
      const row = await db
        .selectFrom('version_counters')
        .selectAll()
        .where('last_version', '=', version)
        .executeTakeFirstOrThrow();
      assert.deepEqual({ ...row }, { model: `m${version}`, last_version: version });
    }
    const { count } = await db
      .selectFrom('version_counters')
      .select((eb) => eb.fn.countAll().as('count'))
      .executeTakeFirstOrThrow();
    assert.equal(count, 3);
    await sql`insert into version_counters values ('big', ${9_007_199_254_740_993n})`.execute(db);
    const big = await sql<{ v: unknown }>`select last_version as v from version_counters where model = 'big'`.execute(
      db,
    );
    assert.equal(big.rows[0]?.v, 9_007_199_254_740_993n);
  });

  test(`openDatabase(${dialect}) stores text unchanged, whatever is in it`, { skip }, async (t) => {
    const database = await open(t);
    for (const value of ['', '5.0', '007', "it's; drop table settings", '__proto__', '\u{1f600}\n\t"', 'null']) {
      await database.db
        .insertInto('settings')
        .values({ key: `k${value}`, value })
        .execute();
      assert.equal((await setting(database, `k${value}`))?.value, value);
    }
  });

  test(`Database.transaction(${dialect}) commits all of its work, or none when the work throws`, {
    skip,
  }, async (t) => {
    const database = await open(t);
    const result = await database.transaction(async (trx) => {
      await trx.insertInto('settings').values({ key: 'a', value: '1' }).execute();
      await trx.insertInto('settings').values({ key: 'b', value: '2' }).execute();
      return 'done';
    });
    assert.equal(result, 'done');
    await assert.rejects(
      database.transaction(async (trx) => {
        await trx.insertInto('settings').values({ key: 'c', value: '3' }).execute();
        throw new Error('changed my mind');
      }),
      /changed my mind/,
    );
    await assert.rejects(
      database.transaction(async (trx) => {
        await trx.insertInto('settings').values({ key: 'd', value: '4' }).execute();
        await trx.insertInto('settings').values({ key: 'a', value: 'again' }).execute();
      }),
    );
    const rows = await database.db.selectFrom('settings').select('key').orderBy('key').execute();
    assert.deepEqual(
      rows.map((row) => row.key),
      ['a', 'b'],
    );
  });

  test(`Database.transaction(${dialect}) loses no update when transactions and plain queries overlap`, {
    skip,
  }, async (t) => {
    const database = await open(t);
    await database.db.insertInto('version_counters').values({ model: 'm', last_version: 0 }).execute();
    const increment = () =>
      database.transaction(async (trx) => {
        // The no-op update takes the row, as the registry does.
        const { last_version } = await trx
          .updateTable('version_counters')
          .set((eb) => ({ last_version: eb.ref('last_version') }))
          .where('model', '=', 'm')
          .returning('last_version')
          .executeTakeFirstOrThrow();
        await new Promise((resolve) => setImmediate(resolve));
        await trx
          .updateTable('version_counters')
          .set({ last_version: last_version + 3 })
          .execute();
      });
    const read = () => database.db.selectFrom('version_counters').select('last_version').executeTakeFirstOrThrow();
    const seen = await Promise.all(Array.from({ length: 20 }, () => [increment(), read()]).flat());
    for (const row of seen) if (row !== undefined) assert.equal(row.last_version % 3, 0);
    assert.equal((await read()).last_version, 60);
  });

  test(`Database.transaction(${dialect}) shows nobody a half-done transaction`, { skip }, async (t) => {
    const database = await open(t);
    let proceed = () => {};
    const gate = new Promise<void>((resolve) => {
      proceed = resolve;
    });
    const writing = database.transaction(async (trx) => {
      await trx.insertInto('settings').values({ key: 'half', value: '1' }).execute();
      await gate;
      throw new Error('rolled back');
    });
    const reading = setting(database, 'half');
    setImmediate(proceed);
    await assert.rejects(writing, /rolled back/);
    assert.equal(await reading, undefined);
  });

  test(`Database.snapshot(${dialect}) reads one state, whatever is written meanwhile`, { skip }, async (t) => {
    const database = await open(t);
    await database.db.insertInto('settings').values({ key: 'a', value: '1' }).execute();
    let writing: Promise<unknown> | undefined;
    const read = (trx: Database['db']) => trx.selectFrom('settings').select('value').executeTakeFirst();
    const values = await database.snapshot(async (trx) => {
      const first = await read(trx);
      // Escapes the transaction's context, as a request that comes in meanwhile would.
      writing = outside(() => database.db.updateTable('settings').set({ value: '2' }).execute());
      await new Promise((resolve) => setTimeout(resolve, 50));
      return [first?.value, (await read(trx))?.value];
    });
    assert.deepEqual(values, ['1', '1']);
    await writing;
    assert.equal((await read(database.db))?.value, '2');
    if (dialect === 'postgres') {
      await assert.rejects(
        database.snapshot((trx) => trx.updateTable('settings').set({ value: '3' }).execute()),
        /read-only transaction/,
      );
    }
  });

  test(`Database.transaction(${dialect}) refuses a transaction inside a transaction instead of hanging`, {
    skip,
  }, async (t) => {
    const database = await open(t);
    await assert.rejects(
      database.transaction(() => database.transaction(async () => {})),
      /must use the transaction/,
    );
    await database.transaction(async () => {}); // still usable
  });

  test(`openDatabase(${dialect}) keeps its rows when opened again`, { skip }, async (t) => {
    const options = await createTestDatabase(t, dialect);
    const first = await openDatabase(options);
    await first.db.insertInto('settings').values({ key: 'since', value: NOW }).execute();
    await first.close();
    const second = await openDatabase(options);
    const row = await setting(second, 'since');
    await second.close();
    assert.equal(row?.value, NOW);
  });
}

test('Database(sqlite) refuses a query beside the transaction it is called from instead of hanging', async (t) => {
  const database = await openDatabase(await createTestDatabase(t, 'sqlite'));
  t.after(() => database.close());
  await assert.rejects(
    database.transaction(async () => {
      await database.db.selectFrom('settings').selectAll().execute();
    }),
    /must use the transaction/,
  );
});

test('openDatabase(sqlite) refuses to bind what SQLite would store as something else', async (t) => {
  const { db, close } = await openDatabase(await createTestDatabase(t, 'sqlite'));
  t.after(() => close());
  for (const value of [new Date(), undefined, true, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 60, {}]) {
    await assert.rejects(sql`insert into settings values ('k', ${value})`.execute(db), /cannot bind/);
  }
  await sql`insert into settings values ('five', ${5})`.execute(db);
  const { rows } = await sql<{ value: string }>`select value from settings`.execute(db);
  assert.deepEqual(
    rows.map((row) => row.value),
    ['5'], // a number bound as REAL would read '5.0'
  );
});

test('openDatabase(sqlite) writes ahead, syncs every commit, checks foreign keys and keeps the file private', async (t) => {
  const options = await createTestDatabase(t, 'sqlite');
  const { db, close } = await openDatabase(options);
  t.after(() => close());
  const pragma = async (name: string) => Object.values((await sql.raw(`pragma ${name}`).execute(db)).rows[0] ?? {})[0];
  assert.equal(await pragma('journal_mode'), 'wal');
  assert.equal(await pragma('synchronous'), 2);
  assert.equal(await pragma('foreign_keys'), 1);
  assert.equal(await pragma('busy_timeout'), 2000);
  assert.equal((await stat(options.path)).mode & 0o777, 0o600);
});

test('openDatabase(sqlite) says which file it cannot open and why', async (t) => {
  const directory = await createTestDirectory(t);
  const path = join(directory, 'notes.db');
  await writeFile(path, 'these are only notes, but long enough to be looked at as a database header '.repeat(20));
  await assert.rejects(openDatabase({ path }), (error) => {
    assert(error instanceof AmaasError);
    assert.equal(error.reason, 'INVALID_CONFIG');
    assert.match(error.message, /notes\.db: file is not a database/);
    return true;
  });
  assert.match(await readFile(path, 'utf8'), /^these are only notes/);
  await assert.rejects(openDatabase({ path: directory }), /cannot open the database .*EISDIR/);
});

test('openDatabase(sqlite) refuses a newer schema, naming both versions, and leaves the file as it was', async (t) => {
  const options = await createTestDatabase(t, 'sqlite');
  await (await openDatabase(options)).close();
  const file = new SqliteFile(options.path, { busyTimeoutMs: 0 });
  file.execute('pragma journal_mode = delete'); // so that a changed journal mode would show
  file.execute(`insert into amaas_migrations values ('0009-future', '2031-01-01T00:00:00.000Z')`);
  file.close();
  const before = createHash('sha256')
    .update(await readFile(options.path))
    .digest('hex');
  await assert.rejects(openDatabase(options), (error) => {
    assert(error instanceof AmaasError);
    assert.equal(error.reason, 'SCHEMA_TOO_NEW');
    assert.match(error.message, /schema 9 \(0009-future\).*up to 6 \(0006-fine-tunings\)/);
    return true;
  });
  assert.equal(
    createHash('sha256')
      .update(await readFile(options.path))
      .digest('hex'),
    before,
  );
});

test('openDatabase(postgres) refuses a newer schema', { skip: DATABASE_KINDS[1]?.skip ?? false }, async (t) => {
  const options = await createTestDatabase(t, 'postgres');
  const database = await openDatabase(options);
  await sql`insert into amaas_migrations values ('0007-future', '2031-01-01T00:00:00.000Z')`.execute(database.db);
  await database.close();
  await assert.rejects(openDatabase(options), /schema 7 \(0007-future\).*up to 6 \(0006-fine-tunings\)/);
});

test('openDatabase refuses a URL it does not know without showing its password', async () => {
  for (const url of ['mysql://root:geheim@host/db', 'geheim', '']) {
    await assert.rejects(openDatabase({ url, path: 'unused' }), (error) => {
      assert(error instanceof AmaasError);
      assert.equal(error.reason, 'INVALID_CONFIG');
      assert.doesNotMatch(error.message, /geheim/);
      return true;
    });
  }
  await assert.rejects(
    openDatabase({ url: 'postgres://u:geheim@127.0.0.1:1/db', path: 'unused' }),
    /cannot connect to PostgreSQL at 127\.0\.0\.1:1\/db: .*ECONNREFUSED/,
  );
});

test('openDatabase(postgres) outlives the loss of its idle connections', {
  skip: DATABASE_KINDS[1]?.skip ?? false,
}, async (t) => {
  const options = await createTestDatabase(t, 'postgres');
  const database = await openDatabase(options);
  const other = await openDatabase(options);
  t.after(() => Promise.all([database.close(), other.close()]));
  await sql`select pg_terminate_backend(pid) from pg_stat_activity
            where datname = current_database() and pid <> pg_backend_pid()`.execute(other.db);
  await new Promise((resolve) => setTimeout(resolve, 100));
  await database.db.insertInto('settings').values({ key: 'alive', value: 'yes' }).execute();
});
