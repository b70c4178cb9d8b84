// A table's cells as the tensors a served model is sent.
import { createTensor, type DType, type Tensor } from '@amaas/core';
import { type Column, requireColumn, type Table } from '../data/index.ts';
import { rawDType } from './build-features.ts';
import type { Preprocessing } from './column-steps.ts';
import { categoryText } from './fit-preprocessing.ts';

/** Every column that preprocessing takes, by name, [rows]. @throws INVALID_DATA when the table lacks one */
export function rawTensors({ steps }: Preprocessing, table: Table): ReadonlyMap<string, Tensor> {
  return new Map(steps.map((step) => [step.column, columnTensor(rawDType(step), requireColumn(table, step.column))]));
}

/** The cells of a column as a tensor [rows] of strings, bools, float64 or else float32. */
export function columnTensor(dtype: DType, column: Column): Tensor {
  const rows = column.valid.length;
  if (dtype === 'string') {
    const encoder = new TextEncoder();
    return createTensor(
      'string',
      [rows],
      Array.from({ length: rows }, (_, row) => encoder.encode(categoryText(column, row))),
    );
  }
  if (dtype === 'bool') {
    return createTensor(
      'bool',
      [rows],
      Uint8Array.from({ length: rows }, (_, row) => numberAt(column, row)),
    );
  }
  const numbers = Float64Array.from({ length: rows }, (_, row) => numberAt(column, row));
  return dtype === 'float64'
    ? createTensor('float64', [rows], numbers)
    : createTensor('float32', [rows], Float32Array.from(numbers));
}

function numberAt(column: Column, row: number): number {
  return column.valid[row] === 1 ? Number(column.values[row]) : Number.NaN;
}
