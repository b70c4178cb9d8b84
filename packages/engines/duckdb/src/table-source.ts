// A typed relation as a DataSource: each reading has a connection of its own, so that several run at once.
import { AmaasError } from '@amaas/core';
import {
  type ColumnBuilder,
  type ColumnField,
  checkOpen,
  checkRead,
  createColumn,
  type DataSource,
  type ReadOptions,
  sliceRows,
  type Table,
} from '@amaas/learn/data';
import type { Chunk, ChunkStream, Connection, Database } from './binding.ts';
import { selectSql } from './cell-sql.ts';
import type { TypedRelation } from './relation.ts';

export interface DuckDbSourceOptions {
  readonly name: string;
  readonly digest: string;
  readonly database: Database;
  /** Frees what belongs to the source besides the database. */
  readonly dispose: () => Promise<void>;
}

export function createDuckDbSource(relation: TypedRelation, options: DuckDbSourceOptions): DataSource {
  return new DuckDbSource(relation, options);
}

class DuckDbSource implements DataSource {
  readonly name: string;
  readonly fields: readonly ColumnField[];
  readonly rowCount: number;
  readonly digest: string;
  readonly findings: TypedRelation['findings'];
  readonly #relation: TypedRelation;
  readonly #options: DuckDbSourceOptions;
  readonly #readings = new Set<Reading>();
  #closing: Promise<void> | undefined;

  constructor(relation: TypedRelation, options: DuckDbSourceOptions) {
    this.#relation = relation;
    this.#options = options;
    this.name = options.name;
    this.digest = options.digest;
    this.fields = relation.columns.map(({ field }) => field);
    this.rowCount = relation.rowCount;
    this.findings = relation.findings;
  }

  async *read(options: ReadOptions = {}): AsyncGenerator<Table> {
    const { columns, batchRows, signal } = checkRead(this, options);
    const check = (): void => checkOpen({ name: this.name, closed: this.#closing !== undefined, signal });
    check();
    const reading = new Reading(this.name, await this.#options.database.connect());
    this.#readings.add(reading);
    const interrupt = (): void => reading.interrupt();
    signal?.addEventListener('abort', interrupt);
    try {
      const typed = columns.flatMap((name) => this.#relation.columns.filter(({ field }) => field.name === name));
      const cells = typed.map(({ start, steps }, i) => ({ name: `x${i}`, start, steps }));
      await reading.start(selectSql(this.#relation.from, cells), check);
      let rows = 0;
      for (;;) {
        check();
        const batch = await reading.nextBatch(
          typed.map(({ field }) => field),
          { batchRows, check },
        );
        if (batch.rowCount > 0) yield batch;
        rows += batch.rowCount;
        if (batch.rowCount < batchRows) break;
      }
      if (rows !== this.rowCount) {
        throw new AmaasError(
          'INVALID_DATA',
          `read ${this.name}: it had ${this.rowCount} rows when it was opened and has ${rows} now; open it again`,
        );
      }
    } finally {
      signal?.removeEventListener('abort', interrupt);
      this.#readings.delete(reading);
      await reading.close();
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await Promise.all([...this.#readings].map((reading) => reading.close()));
    this.#options.database.close();
    await this.#options.dispose();
  }
}

/** One pass over the rows. */
class Reading {
  readonly #name: string;
  readonly #connection: Connection;
  #stream: ChunkStream | undefined;
  #chunk: Chunk | undefined;
  #nextRow = 0;
  /** What DuckDB is doing; the connection must not be closed before it is done. */
  #running: Promise<unknown> = Promise.resolve();
  #isClosed = false;

  constructor(name: string, connection: Connection) {
    this.#name = name;
    this.#connection = connection;
  }

  async start(sql: string, check: () => void): Promise<void> {
    this.#stream = await this.#run(() => this.#connection.stream(sql), check);
  }

  /** The next rows; fewer than asked for at the end. */
  async nextBatch(
    fields: readonly ColumnField[],
    { batchRows, check }: { readonly batchRows: number; readonly check: () => void },
  ): Promise<Table> {
    const columns = fields.map((field) => createColumn(field.name, field.kind, batchRows));
    let filled = 0;
    while (filled < batchRows) {
      if (this.#chunk === undefined || this.#nextRow === this.#chunk.rowCount) {
        const stream = this.#stream;
        this.#chunk = await this.#run(async () => stream?.next(), check);
        this.#nextRow = 0;
        if (this.#chunk === undefined) break;
      }
      const rows = Math.min(batchRows - filled, this.#chunk.rowCount - this.#nextRow);
      copyCells(this.#chunk, columns, { from: this.#nextRow, to: filled, rows });
      this.#nextRow += rows;
      filled += rows;
    }
    const table: Table = { rowCount: batchRows, columns };
    return filled === batchRows ? table : sliceRows(table, 0, filled);
  }

  interrupt(): void {
    if (!this.#isClosed) this.#connection.interrupt();
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#connection.interrupt();
    this.#isClosed = true;
    await this.#running.catch(() => {});
    this.#connection.close();
  }

  async #run<T>(work: () => Promise<T>, check: () => void): Promise<T> {
    check();
    try {
      const running = work();
      this.#running = running;
      return await running;
    } catch (cause) {
      check(); // an interrupted query fails with words of its own
      throw explainFailure(`read ${this.#name}`, cause);
    }
  }
}

function copyCells(
  chunk: Chunk,
  columns: readonly ColumnBuilder[],
  { from, to, rows }: { readonly from: number; readonly to: number; readonly rows: number },
): void {
  for (const [index, column] of columns.entries()) {
    const cells = chunk.column(index);
    for (let i = 0; i < rows; i++) {
      const cell = cells.getItem(from + i);
      if (cell === null || cell === undefined) continue;
      column.valid[to + i] = 1;
      column.values[to + i] = column.kind === 'string' ? String(cell) : Number(cell);
    }
  }
}

/** DuckDB's error in amaas's words: out of memory is told apart, the rest is about the data. */
export function explainFailure(operation: string, cause: unknown): AmaasError {
  if (cause instanceof AmaasError) return cause;
  const text = cause instanceof Error ? cause.message : String(cause);
  const [line = ''] = text.split('\n');
  if (/^Out of Memory/.test(text)) {
    return new AmaasError(
      'MEMORY_LIMIT',
      `${operation}: more memory than memoryLimitBytes allows was needed (${line})`,
      {
        cause,
      },
    );
  }
  const advice = adviceOn(line);
  const what = advice === '' ? line : line.trim().replace(/\.$/, '');
  return new AmaasError('INVALID_DATA', `${operation}: ${what}${advice}`, { cause });
}

/** What to do about the failures that are the file's. */
function adviceOn(line: string): string {
  if (/magic bytes|footer/i.test(line)) {
    return '; it is no whole Parquet file: copy or write it anew, or name it by what it is (.csv, .jsonl)';
  }
  return /malformed json/i.test(line) ? '; JSON lines hold one object a line: correct it, or write the file anew' : '';
}
