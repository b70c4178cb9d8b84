// The port behind which tables come from: memory here, files of a Node adapter, anything that streams batches.
// A source can be read any number of times, several readers at once, always in the same row order.
import { AmaasError } from '@amaas/core';
import type { DataFinding } from './findings.ts';
import {
  type ColumnField,
  concatTables,
  createColumn,
  fieldsOf,
  refuseUnknownColumn,
  selectColumns,
  sliceRows,
  type Table,
  takeRows,
} from './table/index.ts';

export interface ReadOptions {
  /** These columns in this order; all in the source's order when left out. */
  readonly columns?: readonly string[];
  /** Rows of a batch, 1 … 1,048,576; default {@link DEFAULT_BATCH_ROWS}. Every batch but the last has exactly as many. */
  readonly batchRows?: number;
  readonly signal?: AbortSignal;
}

/** Large enough to hide the cost of a batch, small enough that a hundred columns stay below 10 MB. */
export const DEFAULT_BATCH_ROWS = 8192;

const MAX_BATCH_ROWS = 2 ** 20;

/** A table that need not fit into memory. Whoever opened it closes it. */
export interface DataSource {
  /** What messages call it: a file's name. */
  readonly name: string;
  readonly fields: readonly ColumnField[];
  readonly rowCount: number;
  /** "sha256:" and 64 hex digits of the bytes it was read from; undefined where there are none (memory). */
  readonly digest: string | undefined;
  /** How it was read and what was noticed on the way. */
  readonly findings: readonly DataFinding[];
  /**
   * The rows in order, batch by batch; leaving the loop early frees what the reading held.
   * @throws INVALID_DATA on an unknown column or a closed source; INVALID_ARGUMENT on `batchRows` out of range;
   * CANCELLED after `signal` aborts. All at the first batch asked for, not at the call.
   */
  read(options?: ReadOptions): AsyncIterable<Table>;
  /** Ends running reads; safe to call twice. */
  close(): Promise<void>;
}

export interface TableSourceOptions {
  readonly name?: string;
  readonly digest?: string;
  readonly findings?: readonly DataFinding[];
}

/** A table in memory as a source. */
export function createTableSource(table: Table, options: TableSourceOptions = {}): DataSource {
  const name = options.name ?? 'table';
  let closed = false;
  return {
    name,
    fields: fieldsOf(table),
    rowCount: table.rowCount,
    digest: options.digest,
    findings: options.findings ?? [],
    async *read(readOptions = {}) {
      const { columns, batchRows, signal } = checkRead({ name, fields: table.columns }, readOptions);
      const chosen = selectColumns(table, columns);
      for (let row = 0; row < chosen.rowCount; row += batchRows) {
        checkOpen({ name, closed, signal });
        yield sliceRows(chosen, row, row + batchRows);
      }
    },
    async close() {
      closed = true;
    },
  };
}

/** Resolved {@link ReadOptions}. */
export interface CheckedRead {
  readonly columns: readonly string[];
  readonly batchRows: number;
  readonly signal: AbortSignal | undefined;
}

/** The common checks of every implementation of {@link DataSource.read}. @throws as described there. */
export function checkRead(
  source: { readonly name: string; readonly fields: readonly { readonly name: string }[] },
  { columns, batchRows = DEFAULT_BATCH_ROWS, signal }: ReadOptions,
): CheckedRead {
  if (!(Number.isInteger(batchRows) && batchRows >= 1 && batchRows <= MAX_BATCH_ROWS)) {
    throw new AmaasError('INVALID_ARGUMENT', `read: batchRows must be 1 … ${MAX_BATCH_ROWS}, got ${batchRows}`);
  }
  for (const name of columns ?? []) {
    if (!source.fields.some((field) => field.name === name)) {
      refuseUnknownColumn(`read ${source.name}`, name, source.fields);
    }
  }
  return { columns: columns ?? source.fields.map((field) => field.name), batchRows, signal };
}

/** To be called before each batch. @throws INVALID_DATA once closed; CANCELLED once aborted. */
export function checkOpen(state: {
  readonly name: string;
  readonly closed: boolean;
  readonly signal: AbortSignal | undefined;
}): void {
  if (state.signal?.aborted) throw new AmaasError('CANCELLED', `read ${state.name}: the caller went away`);
  if (state.closed) throw new AmaasError('INVALID_DATA', `read ${state.name}: the source was closed`);
}

/** The whole source in memory; for data known to fit. */
export async function readTable(source: DataSource, options: ReadOptions = {}): Promise<Table> {
  const batches: Table[] = [];
  for await (const batch of source.read(options)) batches.push(batch);
  if (batches.length > 0) return concatTables(batches);
  // No batch came, so no batch told the columns' kinds.
  const { columns } = checkRead(source, options);
  return selectColumns(emptyTable(source.fields), columns);
}

/**
 * These rows of a source, in the order asked for, reading it once and holding only them.
 * @throws INVALID_ARGUMENT on a row the source does not have.
 */
export async function readRows(source: DataSource, rows: ArrayLike<number>, options: ReadOptions = {}): Promise<Table> {
  const wanted = Uint32Array.from(rows);
  const order = Uint32Array.from(wanted, (_, index) => index).sort((a, b) => (wanted[a] ?? 0) - (wanted[b] ?? 0));
  const last = wanted[order.at(-1) ?? 0] ?? 0;
  if (wanted.length > 0 && last >= source.rowCount) {
    throw new AmaasError('INVALID_ARGUMENT', `readRows: row ${last} of ${source.name}, which has ${source.rowCount}`);
  }
  const parts: Table[] = [];
  let firstRow = 0;
  let next = 0;
  for await (const batch of source.read(options)) {
    const inBatch: number[] = [];
    for (; next < order.length; next++) {
      const row = wanted[order[next] ?? 0] ?? 0;
      if (row >= firstRow + batch.rowCount) break;
      inBatch.push(row - firstRow);
    }
    if (inBatch.length > 0) parts.push(takeRows(batch, inBatch));
    if (next === order.length) break;
    firstRow += batch.rowCount;
  }
  if (parts.length === 0) return selectColumns(emptyTable(source.fields), checkRead(source, options).columns);
  const positions = new Uint32Array(order.length);
  order.forEach((original, position) => {
    positions[original] = position;
  });
  return takeRows(concatTables(parts), positions);
}

function emptyTable(fields: readonly ColumnField[]): Table {
  return {
    rowCount: 0,
    columns: fields.map((field) => createColumn(field.name, field.kind, 0)),
  };
}
