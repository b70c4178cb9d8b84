// How well tables like this one are learned: k folds, in each of which the whole training is done anew on the other rows,
// its preprocessing, its choice of a candidate and its validation rows included, and judged by its exported graph.
import { AmaasError } from '@amaas/core';
import {
  createTableSource,
  describeTable,
  readCell,
  readTable,
  refuseErrors,
  requireColumn,
  takeRows,
} from '../data/index.ts';
import {
  type EvaluationReport,
  type Fold,
  type FoldMetric,
  type FoldPlan,
  kFold,
  summariseFoldReports,
} from '../evaluate/index.ts';
import { evaluateTableModel, withTableModel } from './evaluate-table.ts';
import { exportTableModel } from './table-model.ts';
import { prepareTable } from './table-preparation.ts';
import { chooseCandidate, type TrainTableOptions } from './train-table.ts';

export interface CrossValidateTableOptions
  extends Omit<TrainTableOptions, 'test' | 'timeBy' | 'checkpoint' | 'checkpointEveryMs' | 'onEvent'> {
  /** Default 10. */
  readonly folds?: number;
  /** After every fold. */
  readonly onFold?: (fold: TableFold) => void;
}

export interface TableFold {
  /** From 0. */
  readonly fold: number;
  /** The candidate that was chosen. */
  readonly candidate: string;
  readonly report: EvaluationReport;
}

export interface CrossValidatedTable {
  readonly folds: readonly TableFold[];
  /** Every metric's mean and standard error over the folds. */
  readonly metrics: readonly FoldMetric[];
}

/**
 * Cross-validates the training of a table.
 * @throws INVALID_DATA with what to do about it, when the table cannot be learned from, or a class has too few rows; CANCELLED;
 *   TRAINING_DIVERGED
 */
export async function crossValidateTable(options: CrossValidateTableOptions): Promise<CrossValidatedTable> {
  const { source, target, executor, seed = 0, signal, folds: count = 10, groupBy } = options;
  const abort = signal === undefined ? {} : { signal };
  const summary = await describeTable(source, {
    target,
    seed,
    ...(options.task === undefined ? {} : { task: options.task }),
    ...(options.types === undefined ? {} : { types: options.types }),
    ...abort,
  });
  refuseErrors('cross-validate', summary.findings);
  const all = await readTable(source, abort);
  const { valid } = requireColumn(all, target);
  const table = takeRows(
    all,
    Uint32Array.from(valid.keys()).filter((row) => valid[row] === 1),
  );
  const cellsOf = (name: string): readonly string[] => {
    const column = requireColumn(table, name);
    return Array.from({ length: table.rowCount }, (_, row) => String(readCell(column, row)));
  };
  const plan: FoldPlan =
    groupBy !== undefined
      ? { kind: 'grouped', groups: cellsOf(groupBy) }
      : summary.target?.task === 'regression'
        ? { kind: 'plain' }
        : { kind: 'stratified', labels: cellsOf(target) };
  const done: TableFold[] = [];
  for (const [fold, rows] of kFold({ rows: table.rowCount, folds: count, seed, plan }).entries()) {
    done.push(await runFold(fold, rows));
  }
  return { folds: done, metrics: summariseFoldReports(done.map(({ report }) => report)) };

  async function runFold(fold: number, { train, test }: Fold): Promise<TableFold> {
    if (signal?.aborted) throw new AmaasError('CANCELLED', 'cross-validate: cancelled');
    const { onFold, ...training } = options;
    const known = createTableSource(takeRows(table, train), { name: source.name });
    const prepared = await prepareTable({ ...training, source: known, test: 0 });
    const { chosen } = await chooseCandidate({ ...training, source: known }, prepared.examples);
    const { preprocessing, description } = prepared;
    const onnx = exportTableModel(preprocessing, description, chosen.model);
    const { report } = await withTableModel(executor, { onnx, description }, (run) =>
      evaluateTableModel({
        run,
        description,
        source: createTableSource(takeRows(table, test), { name: source.name }),
        name: chosen.name,
        seed,
      }),
    );
    const result = { fold, candidate: chosen.name, report };
    onFold?.(result);
    return result;
  }
}
