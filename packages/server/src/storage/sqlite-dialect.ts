// Kysely on one SqliteFile. There is one connection, so whoever holds it holds the database: transactions run one after
// another and plain queries wait while one is open.
import {
  CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  type Kysely,
  type QueryResult,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
  type TransactionSettings,
} from 'kysely';
import type { SqliteFile } from './sqlite.ts';

/**
 * A Kysely dialect over an open file, which Kysely's `destroy()` closes.
 * `beforeAcquire` runs before each wait for the connection and may throw: that is how a query which would wait for its
 * own transaction is refused instead of hanging for ever.
 */
export function createSqliteDialect(file: SqliteFile, beforeAcquire: () => void = () => {}): Dialect {
  return {
    createAdapter: () => new TransactionalSqliteAdapter(),
    createDriver: () => new SqliteDriver(file, beforeAcquire),
    createIntrospector: (db: Kysely<unknown>) => new SqliteIntrospector(db),
    createQueryCompiler: () => new SqliteQueryCompiler(),
  };
}

class TransactionalSqliteAdapter extends SqliteAdapter {
  /** SQLite rolls tables back like rows; the migrations change no pragma, which is what it could not roll back. */
  override get supportsTransactionalDdl(): boolean {
    return true;
  }

  /** Turns Kysely's own mutex off; the driver below has one that can refuse. */
  override get supportsMultipleConnections(): boolean {
    return true;
  }
}

class SqliteDriver implements Driver {
  readonly #file: SqliteFile;
  readonly #connection: SqliteConnection;
  readonly #beforeAcquire: () => void;
  readonly #waiting: (() => void)[] = [];
  #held = false;

  constructor(file: SqliteFile, beforeAcquire: () => void) {
    this.#file = file;
    this.#connection = new SqliteConnection(file);
    this.#beforeAcquire = beforeAcquire;
  }

  async init(): Promise<void> {}

  async acquireConnection(): Promise<DatabaseConnection> {
    this.#beforeAcquire();
    if (this.#held) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.#held = true;
    return this.#connection;
  }

  async releaseConnection(): Promise<void> {
    const next = this.#waiting.shift();
    if (next === undefined) this.#held = false;
    else next(); // handed on while still held, so that nobody can step in between
  }

  async beginTransaction(connection: DatabaseConnection, settings: TransactionSettings): Promise<void> {
    // A deferred transaction that writes late can fail without waiting when another process wrote meanwhile.
    const begin = settings.accessMode === 'read only' ? 'begin' : 'begin immediate';
    await connection.executeQuery(CompiledQuery.raw(begin));
  }

  async commitTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw('commit'));
  }

  async rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    // A full disk makes SQLite roll back by itself; a second rollback would hide the error that says so.
    if (this.#file.inTransaction) await connection.executeQuery(CompiledQuery.raw('rollback'));
  }

  async destroy(): Promise<void> {
    this.#file.close();
  }
}

class SqliteConnection implements DatabaseConnection {
  readonly #file: SqliteFile;

  constructor(file: SqliteFile) {
    this.#file = file;
  }

  async executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    const { rows, changes } = this.#file.execute(query.sql, query.parameters);
    return { rows: rows as R[], numAffectedRows: changes }; // Kysely derives R from the columns selected
  }

  // biome-ignore lint/correctness/useYield: it refuses before it has anything to give
  async *streamQuery<R>(): AsyncIterableIterator<QueryResult<R>> {
    // A stream would hold the only connection, and a query made while reading it would wait for ever.
    throw new Error('storage: SQLite queries are not streamed; read pages with limit instead');
  }
}
