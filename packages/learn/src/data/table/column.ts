// Columns and tables: plain, structured-clonable values over typed arrays. A cell that is missing is told by the
// mask, never by a magic value. Knows nothing of files or of what a column means.
import { AmaasError } from '@amaas/core';

/** What the cells of a column are; what they mean (category, identifier …) is {@link ColumnType}'s business. */
export type ColumnKind = 'number' | 'boolean' | 'string' | 'timestamp';

export const COLUMN_KINDS: readonly ColumnKind[] = ['number', 'boolean', 'string', 'timestamp'];

interface ColumnBase {
  readonly name: string;
  /** One byte a row: 1 where there is a value, 0 where it is missing. */
  readonly valid: Uint8Array;
}

/** float64 numbers; NaN where missing. */
export interface NumberColumn extends ColumnBase {
  readonly kind: 'number';
  readonly values: Float64Array;
}

/** Milliseconds since 1970-01-01T00:00Z; NaN where missing. */
export interface TimestampColumn extends ColumnBase {
  readonly kind: 'timestamp';
  readonly values: Float64Array;
}

/** 0 or 1; 0 where missing. */
export interface BooleanColumn extends ColumnBase {
  readonly kind: 'boolean';
  readonly values: Uint8Array;
}

/** Text; '' where missing. */
export interface StringColumn extends ColumnBase {
  readonly kind: 'string';
  readonly values: readonly string[];
}

export type Column = NumberColumn | TimestampColumn | BooleanColumn | StringColumn;

/** What is known of a column before its cells are read. */
export interface ColumnField {
  readonly name: string;
  readonly kind: ColumnKind;
  /** Whether every number of the column is a whole one; false for the other kinds. */
  readonly integer: boolean;
}

/** Rows in memory, or one batch of a stream of rows. Every column has `rowCount` cells. */
export interface Table {
  readonly rowCount: number;
  readonly columns: readonly Column[];
}

/** A cell as one value: timestamps as milliseconds, null where missing. */
export type Cell = number | boolean | string | null;

/** The cell of a column at a row; null beyond the end too. */
export function readCell(column: Column, row: number): Cell {
  if (column.valid[row] !== 1) return null;
  const value = column.values[row] ?? null;
  return column.kind === 'boolean' ? value === 1 : value;
}

/** The column of that name, if there is one. */
export function findColumn(table: Table, name: string): Column | undefined {
  return table.columns.find((column) => column.name === name);
}

/**
 * The column of that name.
 * @throws INVALID_DATA naming the columns there are.
 */
export function requireColumn(table: Table, name: string): Column {
  return findColumn(table, name) ?? refuseUnknownColumn('requireColumn', name, table.columns);
}

/** @throws INVALID_DATA always: says which columns there are and which is spelled most alike. */
export function refuseUnknownColumn(
  operation: string,
  name: string,
  columns: readonly { readonly name: string }[],
): never {
  const names = columns.map((column) => column.name);
  const alike = mostAlike(name, names);
  const hint = alike === undefined ? '' : ` Did you mean "${alike}"?`;
  const shown = names.slice(0, 30).map((other) => `"${other}"`);
  const more = names.length > shown.length ? ` and ${names.length - shown.length} more` : '';
  const list = names.length === 0 ? 'there are no columns' : `there are ${shown.join(', ')}${more}`;
  throw new AmaasError('INVALID_DATA', `${operation}: there is no column "${name}"; ${list}.${hint}`);
}

/** The name that is reached by the fewest changes of a letter, if it takes few: up to a third of the letters. */
function mostAlike(name: string, names: readonly string[]): string | undefined {
  const plain = (text: string): string => text.trim().toLowerCase();
  let best: { readonly name: string; readonly changes: number } | undefined;
  for (const other of names.slice(0, 1000)) {
    const changes = countChanges(plain(name), plain(other));
    if (changes < (best?.changes ?? Math.floor(name.trim().length / 3) + 1)) best = { name: other, changes };
  }
  return best?.name;
}

/** Letters put in, left out or replaced to make one text of the other (Levenshtein's distance). */
function countChanges(from: string, to: string): number {
  if (Math.abs(from.length - to.length) > 20 || from.length > 200) return from === to ? 0 : Number.POSITIVE_INFINITY;
  let row = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (let i = 0; i < from.length; i++) {
    const next = [i + 1];
    for (let j = 0; j < to.length; j++) {
      const replaced = (row[j] ?? 0) + (from[i] === to[j] ? 0 : 1);
      next.push(Math.min(replaced, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1));
    }
    row = next;
  }
  return row[to.length] ?? 0;
}

/** An empty column of `rowCount` missing cells to be filled by its creator. */
export type ColumnBuilder =
  | NumberColumn
  | TimestampColumn
  | BooleanColumn
  | (Omit<StringColumn, 'values'> & { readonly values: string[] });

/** A column whose cells are all missing; whoever asked for it fills `values` and `valid` before passing it on. */
export function createColumn(name: string, kind: ColumnKind, rowCount: number): ColumnBuilder {
  const valid = new Uint8Array(rowCount);
  switch (kind) {
    case 'number':
    case 'timestamp':
      return { name, kind, valid, values: new Float64Array(rowCount).fill(Number.NaN) };
    case 'boolean':
      return { name, kind, valid, values: new Uint8Array(rowCount) };
    case 'string':
      return { name, kind, valid, values: new Array<string>(rowCount).fill('') };
    default:
      return kind satisfies never;
  }
}

/** Whether every number of a column is a whole one; false where it has none or is of another kind. */
export function isIntegerColumn(column: Column): boolean {
  if (column.kind !== 'number') return false;
  let seen = false;
  for (let row = 0; row < column.valid.length; row++) {
    if (column.valid[row] !== 1) continue;
    if (!Number.isInteger(column.values[row])) return false;
    seen = true;
  }
  return seen;
}

/** The fields of a table. */
export function fieldsOf(table: Table): readonly ColumnField[] {
  return table.columns.map((column) => ({
    name: column.name,
    kind: column.kind,
    integer: isIntegerColumn(column),
  }));
}
