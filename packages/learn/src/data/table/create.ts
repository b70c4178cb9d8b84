// Tables from what a program already has in hand: objects, or arrays by column name.
import { AmaasError } from '@amaas/core';
import { type Column, type ColumnKind, createColumn, type Table } from './column.ts';

export interface TableFromOptions {
  /** The kind of columns by name, where the cells do not tell (all missing) or mixed cells shall become strings. */
  readonly kinds?: ReadonlyMap<string, ColumnKind>;
}

/**
 * A table from one object a row, as JSON gives them. Columns come in the order in which their names first appear; a
 * name that a row lacks is missing there, as are null, undefined and NaN.
 *
 * Numbers and bigints that fit float64 become 'number', Dates 'timestamp'; a column without any value is 'string'.
 * @throws INVALID_DATA where a column mixes kinds or holds a value that is none (an object, a too large bigint).
 */
export function tableFromRows(
  rows: readonly Readonly<Record<string, unknown>>[],
  options: TableFromOptions = {},
): Table {
  const names = new Set<string>();
  for (const row of rows) for (const name of Object.keys(row)) names.add(name);
  const columns = [...names].map((name) =>
    // Only own properties: a column called "constructor" must not find Object's.
    columnFrom(name, { cells: rows.map((row) => (Object.hasOwn(row, name) ? row[name] : undefined)), options }),
  );
  return { rowCount: rows.length, columns };
}

/**
 * A table from arrays by column name, all of one length; cells as in {@link tableFromRows}.
 * @throws INVALID_DATA on different lengths, mixed kinds or values that are none.
 */
export function tableFromColumns(
  columns: ReadonlyMap<string, ArrayLike<unknown>> | Readonly<Record<string, ArrayLike<unknown>>>,
  options: TableFromOptions = {},
): Table {
  const entries = columns instanceof Map ? [...columns] : Object.entries(columns);
  const rowCount = entries[0]?.[1].length ?? 0;
  for (const [name, cells] of entries) {
    if (cells.length === rowCount) continue;
    throw new AmaasError(
      'INVALID_DATA',
      `tableFromColumns: column "${name}" has ${cells.length} cells, column "${entries[0]?.[0]}" has ${rowCount}`,
    );
  }
  return { rowCount, columns: entries.map(([name, cells]) => columnFrom(name, { cells, options })) };
}

interface CellsOptions {
  readonly cells: ArrayLike<unknown>;
  readonly options: TableFromOptions;
}

function columnFrom(name: string, { cells, options }: CellsOptions): Column {
  const kind = options.kinds?.get(name) ?? inferKind(name, cells);
  const column = createColumn(name, kind, cells.length);
  for (let row = 0; row < cells.length; row++) {
    const cell = cells[row];
    if (isMissing(cell)) continue;
    column.valid[row] = 1;
    if (column.kind === 'string') column.values[row] = cell instanceof Date ? cell.toISOString() : String(cell);
    else column.values[row] = toNumber(cell, { name, row, kind });
  }
  return column;
}

/** An invalid Date counts as missing, as NaN does. */
function isMissing(cell: unknown): boolean {
  return cell === null || cell === undefined || Number.isNaN(cell) || (cell instanceof Date && Number.isNaN(+cell));
}

function inferKind(name: string, cells: ArrayLike<unknown>): ColumnKind {
  let found: { readonly kind: ColumnKind; readonly row: number } | undefined;
  for (let row = 0; row < cells.length; row++) {
    const cell = cells[row];
    if (isMissing(cell)) continue;
    const kind = kindOf(cell);
    if (kind === undefined) refuseCell(name, row, `is ${typeof cell === 'object' ? 'an object' : `a ${typeof cell}`}`);
    if (found === undefined) found = { kind, row };
    else if (found.kind !== kind) {
      throw new AmaasError(
        'INVALID_DATA',
        `table: column "${name}" is ${found.kind} in row ${found.row} and ${kind} in row ${row}; ` +
          'make the cells of one kind, or declare the column as string',
      );
    }
  }
  return found?.kind ?? 'string';
}

function kindOf(cell: unknown): ColumnKind | undefined {
  if (typeof cell === 'number' || typeof cell === 'bigint') return 'number';
  if (typeof cell === 'boolean') return 'boolean';
  if (typeof cell === 'string') return 'string';
  return cell instanceof Date ? 'timestamp' : undefined;
}

function toNumber(
  cell: unknown,
  at: { readonly name: string; readonly row: number; readonly kind: ColumnKind },
): number {
  const value = typeof cell === 'string' || typeof cell === 'object' ? parseCell(cell, at.kind) : Number(cell);
  if (Number.isNaN(value)) refuseCell(at.name, at.row, `is ${JSON.stringify(cell)}, which is no ${at.kind}`);
  if (at.kind === 'boolean' && value !== 0 && value !== 1)
    refuseCell(at.name, at.row, `is ${value}, which is no boolean`);
  if (typeof cell === 'bigint' && BigInt(value) !== cell) {
    refuseCell(at.name, at.row, `is ${cell}, which float64 cannot hold exactly; pass it as a string`);
  }
  return value;
}

/** Text or a Date for a column declared as number, boolean or timestamp. */
function parseCell(cell: unknown, kind: ColumnKind): number {
  if (cell instanceof Date) return kind === 'timestamp' ? +cell : Number.NaN;
  if (typeof cell !== 'string' || cell.trim() === '') return Number.NaN;
  if (kind === 'timestamp') return Date.parse(cell);
  if (kind === 'boolean') return cell.toLowerCase() === 'true' ? 1 : cell.toLowerCase() === 'false' ? 0 : Number.NaN;
  return Number(cell);
}

function refuseCell(name: string, row: number, what: string): never {
  throw new AmaasError('INVALID_DATA', `table: row ${row} of column "${name}" ${what}`);
}
