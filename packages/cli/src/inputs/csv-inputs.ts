// Rows of a CSV file as the inputs of a model: all columns as one [rows, columns] tensor, or one input per column.
import { type InputValue, type Scalar, tensorsFromValues } from '@amaas/client';
import { AmaasError, type DType, type NamedTensors, type TensorSpec } from '@amaas/core';
import { type CsvTable, parseCsv } from '../csv.ts';

/**
 * Makes inputs of a CSV text.
 *
 * A model with one input gets all columns in their order; one whose input is a vector gets, of several columns, that of
 * its name. A model with several gets, for each required input, the column of the same name, shaped [rows] or [rows, 1]
 * as it declares; other columns are left out, and an empty cell is a missing value (NaN, no text).
 * @throws INVALID_ARGUMENT naming what does not fit
 */
export function inputsFromCsv(model: string, specs: readonly TensorSpec[], text: string): NamedTensors {
  const table = parseCsv(text);
  if (table.rows.length === 0) throw new AmaasError('INVALID_ARGUMENT', 'csv: there are no rows');
  const [only] = specs;
  const values: Record<string, InputValue> = Object.create(null);
  const isVectorAmongOthers = only?.shape?.length === 1 && (table.rows[0]?.length ?? 0) > 1;
  if (specs.length === 1 && only !== undefined && !isVectorAmongOthers) values[only.name] = wholeTable(only, table);
  else for (const spec of specs) addColumn(values, spec, table);
  return tensorsFromValues(model, specs, values);
}

function wholeTable(spec: TensorSpec, table: CsvTable): InputValue {
  const columns = table.rows[0]?.length ?? 0;
  const expected = spec.shape?.[1];
  if (spec.shape?.length === 2 && typeof expected === 'number' && expected !== columns) {
    const names = table.header === null ? '' : ` (${table.header.join(', ')})`;
    throw new AmaasError(
      'INVALID_ARGUMENT',
      `csv: input "${spec.name}" takes ${expected} columns, the file has ${columns}${names}; leave out what is no feature`,
    );
  }
  const cells = table.rows.flatMap((row, line) =>
    row.map((cell, column) => readCell(cell, spec.dtype, place(table, line, column))),
  );
  const isVector = spec.shape?.length === 1 && columns === 1;
  return { shape: isVector ? [table.rows.length] : [table.rows.length, columns], data: cells };
}

function addColumn(values: Record<string, InputValue>, spec: TensorSpec, table: CsvTable): void {
  const column = table.header?.indexOf(spec.name) ?? -1;
  if (column === -1) {
    if (spec.optional) return;
    const has = table.header === null ? 'no header line' : `the columns ${table.header.join(', ')}`;
    throw new AmaasError(
      'INVALID_ARGUMENT',
      `csv: input "${spec.name}" needs a column of that name; the file has ${has}`,
    );
  }
  const data = table.rows.map((row, line) => {
    const cell = row[column] ?? '';
    const isMissing = cell.trim() === '' && spec.dtype.startsWith('float');
    return isMissing ? null : readCell(cell, spec.dtype, place(table, line, column));
  });
  values[spec.name] = { shape: spec.shape?.length === 1 ? [data.length] : [data.length, 1], data };
}

function place(table: CsvTable, row: number, column: number): string {
  return `row ${row + 1}, column ${table.header?.[column] ?? column + 1}`;
}

function readCell(cell: string, dtype: DType, where: string): Scalar {
  const text = cell.trim();
  if (dtype === 'string') return text; // as the trainer's reader: files align cells with blanks
  if (dtype === 'bool' && /^(true|false)$/i.test(text)) return text.toLowerCase() === 'true';
  if ((dtype === 'int64' || dtype === 'uint64') && /^[+-]?\d+$/.test(text)) return BigInt(text);
  const value = Number(text);
  // An empty cell would count as 0. In a table of one input a missing value has to be decided on, not guessed.
  if (text === '' || (Number.isNaN(value) && text.toLowerCase() !== 'nan')) {
    throw new AmaasError(
      'INVALID_ARGUMENT',
      `csv: ${where}: expected a number (${dtype}), got ${JSON.stringify(cell)}`,
    );
  }
  return value;
}
