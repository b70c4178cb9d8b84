// The only file that touches node:sqlite. It hides the traps of that module: numbers would be bound as REAL, a Date as
// NULL, and integers beyond 2^53 would throw on reading. Knows nothing of Kysely or of amaas's tables.
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';
import { fromDatabaseInteger } from './integers.ts';

/** A row by column name. */
export type SqliteRow = Record<string, unknown>;

export interface SqliteResult {
  readonly rows: SqliteRow[];
  /** Rows inserted, changed or deleted; 0 for statements that return rows. */
  readonly changes: bigint;
}

export interface SqliteOptions {
  readonly readOnly?: boolean;
  /** How long a statement waits for another process's lock, in milliseconds; it blocks the event loop meanwhile. */
  readonly busyTimeoutMs: number;
}

/** Statements kept prepared; amaas issues far fewer different ones. */
const MAX_PREPARED = 256;

interface Prepared {
  readonly statement: StatementSync;
  readonly returnsRows: boolean;
}

/** One open SQLite file. */
export class SqliteFile {
  readonly #database: DatabaseSync;
  readonly #prepared = new Map<string, Prepared>();

  /** Opens `path`, creating an empty database where there is none (unless `readOnly`). */
  constructor(path: string, options: SqliteOptions) {
    this.#database = new DatabaseSync(path, {
      readOnly: options.readOnly ?? false,
      timeout: options.busyTimeoutMs,
      enableForeignKeyConstraints: true,
      readBigInts: true,
    });
  }

  get inTransaction(): boolean {
    return this.#database.isTransaction;
  }

  /** Runs one statement to its end. Integers come back as numbers where exact, else as bigints. */
  execute(sql: string, parameters: readonly unknown[] = []): SqliteResult {
    const { statement, returnsRows } = this.#prepare(sql);
    const values = parameters.map(toSqliteValue);
    if (returnsRows) return { rows: statement.all(...values).map(fromSqliteRow), changes: 0n };
    return { rows: [], changes: BigInt(statement.run(...values).changes) };
  }

  close(): void {
    this.#prepared.clear();
    this.#database.close();
  }

  #prepare(sql: string): Prepared {
    const known = this.#prepared.get(sql);
    if (known !== undefined) {
      this.#prepared.delete(sql); // moves it to the young end
      this.#prepared.set(sql, known);
      return known;
    }
    const statement = this.#database.prepare(sql);
    const prepared = { statement, returnsRows: statement.columns().length > 0 };
    this.#prepared.set(sql, prepared);
    const [oldest] = this.#prepared.keys();
    if (this.#prepared.size > MAX_PREPARED && oldest !== undefined) this.#prepared.delete(oldest);
    return prepared;
  }
}

function toSqliteValue(value: unknown): SQLInputValue {
  if (value === null || typeof value === 'string' || typeof value === 'bigint' || value instanceof Uint8Array) {
    return value;
  }
  if (typeof value === 'number') {
    if (Number.isSafeInteger(value)) return BigInt(value);
    if (Number.isFinite(value) && !Number.isInteger(value)) return value;
  }
  throw new TypeError(
    `storage: cannot bind ${describe(value)}; expected a string, a finite number (whole ones up to 2^53), a bigint, bytes or null`,
  );
}

function describe(value: unknown): string {
  if (typeof value === 'number') return `the number ${value}`;
  return value instanceof Date ? 'a Date' : `a value of type ${typeof value}`;
}

function fromSqliteRow(row: SqliteRow): SqliteRow {
  for (const column of Object.keys(row)) {
    const value = row[column];
    if (typeof value === 'bigint') row[column] = fromDatabaseInteger(value);
  }
  return row;
}
