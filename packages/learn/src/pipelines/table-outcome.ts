// What comes of the training of a table: the chosen candidate as the model that is served, and its report on the rows
// that nothing has seen, by the exported graph itself, beside the candidates that were not chosen.
import type { Executor, Manifest } from '@amaas/core';
import type { DataSource, Split, Table, TableSummary } from '../data/index.ts';
import type { EvaluationReport, TrainingCurve } from '../evaluate/index.ts';
import type { Preprocessing } from '../preprocess/index.ts';
import type { EpochRecord, TrainedModel } from '../train/index.ts';
import type { TableModelOptions } from './choose-network.ts';
import { dataFacts, evaluateTable, type RunTableModel, scoreTable, withTableModel } from './evaluate-table.ts';
import type { TableCandidate } from './table-candidate.ts';
import type { TableModelDescription } from './table-description.ts';
import { exportTableModel, tableManifest } from './table-model.ts';
import type { PreparedTable } from './table-preparation.ts';
import type { TableTarget } from './table-target.ts';

export interface TrainedTable {
  /** The served model. */
  readonly onnx: Uint8Array;
  readonly manifest: Manifest;
  readonly report: EvaluationReport;
  readonly summary: TableSummary;
  readonly preprocessing: Preprocessing;
  readonly target: TableTarget;
  /** The chosen candidate and its settings. */
  readonly candidate: { readonly name: string; readonly options: TableModelOptions };
  readonly history: readonly EpochRecord[];
  readonly split: Split;
  /** Rows learned from, all of them where the table was streamed, and rows held out. */
  readonly rows: { readonly train: number; readonly validation: number; readonly test: number };
  /** What the model file says about its columns. */
  readonly description: TableModelDescription;
  /** The held-out rows as they were read, and the scores of each that the report was made from. */
  readonly test: { readonly table: Table; readonly scores: Float32Array };
}

export interface TableOutcome {
  readonly source: DataSource;
  readonly executor: Executor;
  readonly seed: string | number;
  readonly chosen: TableCandidate;
  /** Others that the report shows on the same rows; their names are told apart. */
  readonly others: readonly Pick<TableCandidate, 'name' | 'model'>[];
}

/** Opens the held-out rows and evaluates, once. */
export async function finishTable(
  prepared: PreparedTable,
  { source, executor, seed, chosen, others }: TableOutcome,
): Promise<TrainedTable> {
  const { summary, preprocessing, target, split, streamed, description, training } = prepared;
  const onnx = exportTableModel(preprocessing, description, chosen.model);
  const test = prepared.heldOut.take();
  const rows = {
    train: streamed?.rowCount ?? split.train.length,
    validation: split.validation.length,
    test: test.rowCount,
  };
  const baselines: { name: string; scores: Float32Array }[] = [];
  for (const { name, model } of others) {
    const other = { onnx: exportTableModel(preprocessing, description, model), description };
    const scores = await withTableModel(executor, other, (run) => scoreTable(run, description, test));
    baselines.push({ name, scores });
  }
  const evaluate = (run: RunTableModel) =>
    evaluateTable({
      run,
      description,
      test,
      training,
      seed,
      warnings: prepared.findings.map(({ message }) => message),
      baselines,
      data: { name: summary.name, facts: dataFacts(source, description, test.rowCount) },
      model: {
        name: chosen.name,
        facts: [
          { label: 'Parameters', value: countNumbers(chosen.model) },
          { label: 'Hidden layers', value: chosen.options.hidden.join(' → ') || 'none' },
        ],
      },
      history: {
        facts: [
          { label: 'Seed', value: String(seed) },
          { label: 'Rows for training', value: rows.train },
          { label: 'Rows for validation', value: split.validation.length },
          { label: 'Epochs', value: chosen.history.length },
          ...(chosen.epoch === chosen.history.length ? [] : [{ label: 'Best epoch, kept', value: chosen.epoch }]),
        ],
        curves: lossCurves(chosen.history),
      },
    });
  const { report, scores } = await withTableModel(executor, { onnx, description }, evaluate);
  return {
    onnx,
    manifest: tableManifest(target),
    report,
    summary,
    preprocessing,
    target,
    candidate: { name: chosen.name, options: chosen.options },
    history: chosen.history,
    split,
    rows,
    description,
    test: { table: test, scores },
  };
}

function countNumbers({ weights }: TrainedModel): number {
  return [...weights.values()].reduce((sum, { data }) => sum + data.length, 0);
}

/** The losses of every epoch as lines of the report's plot. */
export function lossCurves(history: readonly EpochRecord[]): readonly TrainingCurve[] {
  const curve = (part: string, key: string): TrainingCurve => ({
    quantity: 'loss',
    part,
    unit: 'epoch',
    points: history.map(({ epoch, values }) => [epoch, values[key] ?? null] as const),
  });
  const validated = history.some(({ values }) => values['validation loss'] !== undefined);
  return [curve('training', 'loss'), ...(validated ? [curve('validation', 'validation loss')] : [])];
}
