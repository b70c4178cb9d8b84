// Opens the database of a data directory (SQLite) or of a cluster (PostgreSQL), brings its schema up to date and gives
// one way to run a transaction. Which tables mean what is the business of the folders that use it.
import { AsyncLocalStorage } from 'node:async_hooks';
import { mkdir, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Kysely, sql, type Transaction } from 'kysely';
import { explainOpenError, explainWriteError } from './errors.ts';
import { migrate } from './migrate.ts';
import { createPostgresDialect } from './postgres.ts';
import type { DialectName, Schema } from './schema.ts';
import { SqliteFile } from './sqlite.ts';
import { createSqliteDialect } from './sqlite-dialect.ts';

/** An open database; whoever opened it closes it. */
export interface Database {
  /** For single statements. Inside {@link transaction} use what its callback is given instead. */
  readonly db: Kysely<Schema>;
  readonly dialect: DialectName;
  /**
   * Runs `work` in one transaction: all of it happens or nothing. Once the promise resolves, it is on disk.
   * @throws STORAGE_FULL when the disk is full; whatever `work` throws.
   */
  transaction<T>(work: (trx: Transaction<Schema>) => Promise<T>): Promise<T>;
  /** Runs reads that must fit together: they see one state, whatever is committed meanwhile. */
  snapshot<T>(read: (trx: Transaction<Schema>) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

export interface DatabaseOptions {
  /** A postgres:// URL; without it the database is the SQLite file at `path`. */
  readonly url?: string;
  /** File of the SQLite database; folders above it are created. */
  readonly path: string;
}

/** Only `amaas backup` reads while the server writes, and in WAL mode neither waits for the other. */
const BUSY_TIMEOUT_MS = 2_000;

/**
 * Opens the database and migrates it to this amaas's schema.
 * @throws SCHEMA_TOO_NEW (nothing was changed), INVALID_CONFIG when it cannot be opened or is not amaas's.
 */
export async function openDatabase(options: DatabaseOptions): Promise<Database> {
  const scope = new TransactionScope();
  const { db, dialect, where } =
    options.url === undefined ? await openSqlite(options.path, scope) : await openPostgres(options.url);
  try {
    await migrate({ db, dialect, where });
    if (dialect === 'sqlite') {
      // Only after the schema was found to be ours: the journal mode is written into the file.
      await sql`pragma journal_mode = wal`.execute(db);
      await sql`pragma synchronous = full`.execute(db); // WAL's default would lose the last commits in a power cut
    }
  } catch (error) {
    await db.destroy();
    throw explainOpenError(error, where);
  }
  return {
    db,
    dialect,
    transaction: (work) => scope.run((enter) => db.transaction().execute((trx) => enter(() => work(trx)))),
    snapshot: (read) =>
      scope.run((enter) =>
        db
          .transaction()
          .setAccessMode('read only')
          .setIsolationLevel('repeatable read') // for PostgreSQL; SQLite's are always serialised
          .execute((trx) => enter(() => read(trx))),
      ),
    close: () => db.destroy(),
  };
}

interface Opened {
  readonly db: Kysely<Schema>;
  readonly dialect: DialectName;
  readonly where: string;
}

async function openSqlite(path: string, scope: TransactionScope): Promise<Opened> {
  const where = `the database ${path}`;
  try {
    await mkdir(dirname(path), { recursive: true });
    // Created by hand for its mode: the file holds hashes of keys. SQLite gives its companion files the same mode.
    await (await open(path, 'a', 0o600)).close();
    const file = new SqliteFile(path, { busyTimeoutMs: BUSY_TIMEOUT_MS });
    const dialect = createSqliteDialect(file, () => scope.assertOutside());
    return { db: new Kysely<Schema>({ dialect }), dialect: 'sqlite', where };
  } catch (error) {
    throw explainOpenError(error, where);
  }
}

async function openPostgres(url: string): Promise<Opened> {
  const dialect = await createPostgresDialect(url);
  const { host, pathname } = new URL(url);
  return { db: new Kysely<Schema>({ dialect }), dialect: 'postgres', where: `the database ${host}${pathname}` };
}

/** Knows whether the running code is inside a transaction, across awaits. */
class TransactionScope {
  readonly #storage = new AsyncLocalStorage<{ open: boolean }>();

  /** Calls `work`, whose argument marks what it wraps as being inside. */
  async run<T>(work: (enter: (inside: () => Promise<T>) => Promise<T>) => Promise<T>): Promise<T> {
    this.assertOutside();
    const state = { open: false };
    try {
      return await this.#storage.run(state, () =>
        work(async (inside) => {
          state.open = true;
          try {
            return await inside();
          } finally {
            state.open = false;
          }
        }),
      );
    } catch (error) {
      throw explainWriteError(error);
    }
  }

  /** @throws Error where a query would wait for the transaction it is part of. */
  assertOutside(): void {
    if (this.#storage.getStore()?.open) {
      throw new Error('storage: a query inside a transaction must use the transaction it was given');
    }
  }
}
