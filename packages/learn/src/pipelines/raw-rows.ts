// Rows as callers of a served table model write them: a value by column name, null where it is missing.
import { type Cell, readCell, requireColumn, type Table } from '../data/index.ts';
import type { TableModelDescription } from './table-description.ts';

/** One row of a table, as far as a model takes it. Times are epoch milliseconds; booleans of a text column are text. */
export function rawRow({ columns }: TableModelDescription, table: Table, row: number): ReadonlyMap<string, Cell> {
  return new Map(
    columns.map(({ name, dtype }) => {
      const cell = readCell(requireColumn(table, name), row);
      return [name, cell === null || dtype !== 'string' ? cell : String(cell)];
    }),
  );
}

const DATATYPES = { float32: 'FP32', float64: 'FP64', string: 'BYTES', bool: 'BOOL' } as const;

/** Rows as a request of the Open Inference Protocol, plain JSON. */
export function inferRequest(
  { columns }: TableModelDescription,
  rows: readonly ReadonlyMap<string, Cell>[],
): { readonly inputs: readonly object[] } {
  return {
    inputs: columns.map(({ name, dtype }) => ({
      name,
      shape: [rows.length],
      datatype: DATATYPES[dtype],
      data: rows.map((row) => row.get(name) ?? null),
    })),
  };
}
