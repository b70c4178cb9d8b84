// The linear model that candidates must beat, trained for the comparison, and rows as models take them for measuring how
// fast they are.
import type { Executor, NamedTensors } from '@amaas/core';
import { type DataSource, readCell, requireColumn, type Table, type TargetTask, takeRows } from '../data/index.ts';
import { columnTensor } from '../preprocess/index.ts';
import { namedCandidate, trainTableCandidate } from './table-candidate.ts';
import type { TableModelDescription } from './table-description.ts';
import { exportTableModel } from './table-model.ts';
import { prepareTable } from './table-preparation.ts';

export interface LinearBaselineOptions {
  /** All its rows are learned from; a part of them says when to stop. */
  readonly source: DataSource;
  readonly target: string;
  readonly task: TargetTask;
  readonly executor: Executor;
  readonly exclude?: readonly string[];
  readonly seed?: string | number;
  readonly signal?: AbortSignal;
}

export interface LinearBaseline {
  readonly onnx: Uint8Array;
  readonly description: TableModelDescription;
  /** The answers of the rows it learned from. */
  readonly known: readonly (string | number)[];
}

/** @throws INVALID_DATA, INVALID_CONFIG, CANCELLED as a training */
export async function trainLinearBaseline(options: LinearBaselineOptions): Promise<LinearBaseline> {
  const { executor, seed = 0, signal } = options;
  // What leaks in a model that is compared may leak in its baseline.
  const prepared = await prepareTable({ ...options, test: 0, allowLeakage: true });
  const { preprocessing, description, examples, training, target } = prepared;
  const { model } = await trainTableCandidate(namedCandidate(training.rowCount, { hidden: [] }), {
    examples,
    executor,
    seed,
    ...(signal === undefined ? {} : { signal }),
  });
  const column = requireColumn(training, target.column);
  const known = Array.from(column.valid, (_, row) => {
    const cell = readCell(column, row);
    return target.task === 'regression' ? Number(cell) : String(cell);
  });
  return { onnx: exportTableModel(preprocessing, description, model), description, known };
}

/** The first rows of a file as a model takes them: each by itself, and together. */
export interface SampleRows {
  readonly single: readonly NamedTensors[];
  readonly batch: NamedTensors;
  readonly batchRows: number;
}

/** @param source - read with the model's kinds of columns */
export async function readSampleRows(
  source: DataSource,
  description: TableModelDescription,
  { singleRows, batchRows }: { readonly singleRows: number; readonly batchRows: number },
): Promise<SampleRows> {
  const columns = description.columns.map(({ name }) => name);
  for await (const table of source.read({ columns, batchRows })) {
    const single = Array.from({ length: Math.min(singleRows, table.rowCount) }, (_, row) =>
      inputsOf(description, takeRows(table, [row])),
    );
    return { single, batch: inputsOf(description, table), batchRows: table.rowCount };
  }
  return { single: [], batch: new Map(), batchRows: 0 };
}

function inputsOf({ columns }: TableModelDescription, table: Table): NamedTensors {
  return new Map(columns.map(({ name, dtype }) => [name, columnTensor(dtype, requireColumn(table, name))]));
}
