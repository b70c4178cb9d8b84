// Tables cut and joined by rows and columns; the cells are copied, so that a result never changes with its source.
import { AmaasError } from '@amaas/core';
import { type Column, createColumn, requireColumn, type Table } from './column.ts';

/**
 * The rows of these indices, in their order; an index may come twice.
 * @throws INVALID_ARGUMENT on an index outside the table.
 */
export function takeRows(table: Table, rows: ArrayLike<number>): Table {
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i] ?? -1;
    if (!(Number.isInteger(row) && row >= 0 && row < table.rowCount)) {
      throw new AmaasError('INVALID_ARGUMENT', `takeRows: row ${row} is outside a table of ${table.rowCount} rows`);
    }
  }
  return { rowCount: rows.length, columns: table.columns.map((column) => takeCells(column, rows)) };
}

/** The rows from `start` up to before `end`, cut at the table's end. */
export function sliceRows(table: Table, start: number, end: number): Table {
  const columns = table.columns.map((column): Column => {
    const valid = column.valid.slice(start, end);
    // One branch a kind, because TypeScript cannot see that a column's slice is of the column's own kind.
    switch (column.kind) {
      case 'number':
        return { name: column.name, kind: 'number', valid, values: column.values.slice(start, end) };
      case 'timestamp':
        return { name: column.name, kind: 'timestamp', valid, values: column.values.slice(start, end) };
      case 'boolean':
        return { name: column.name, kind: 'boolean', valid, values: column.values.slice(start, end) };
      case 'string':
        return { name: column.name, kind: 'string', valid, values: column.values.slice(start, end) };
      default:
        return column satisfies never;
    }
  });
  return { rowCount: Math.max(0, Math.min(end, table.rowCount) - start), columns };
}

/** These columns, in this order. @throws INVALID_DATA where one is missing. */
export function selectColumns(table: Table, names: readonly string[]): Table {
  return { rowCount: table.rowCount, columns: names.map((name) => requireColumn(table, name)) };
}

/**
 * The tables one below the other.
 * @throws INVALID_DATA where their columns differ in name, order or kind.
 */
export function concatTables(tables: readonly Table[]): Table {
  const [first] = tables;
  if (first === undefined) return { rowCount: 0, columns: [] };
  const rowCount = tables.reduce((sum, table) => sum + table.rowCount, 0);
  const columns = first.columns.map((column, index) => {
    const joined = createColumn(column.name, column.kind, rowCount);
    let row = 0;
    for (const table of tables) {
      const part = table.columns[index];
      if (part?.name !== column.name || part.kind !== column.kind || table.columns.length !== first.columns.length) {
        throw new AmaasError('INVALID_DATA', `concatTables: the tables differ in column ${index} ("${column.name}")`);
      }
      joined.valid.set(part.valid, row);
      if (part.kind === 'string')
        for (let i = 0; i < table.rowCount; i++) joined.values[row + i] = part.values[i] ?? '';
      else if (joined.kind !== 'string') joined.values.set(part.values, row);
      row += table.rowCount;
    }
    return joined;
  });
  return { rowCount, columns };
}

function takeCells(column: Column, rows: ArrayLike<number>): Column {
  const taken = createColumn(column.name, column.kind, rows.length);
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i] ?? 0;
    taken.valid[i] = column.valid[row] ?? 0;
    const value = column.values[row];
    if (value !== undefined) taken.values[i] = value;
  }
  return taken;
}
