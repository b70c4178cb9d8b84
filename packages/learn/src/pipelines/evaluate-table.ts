// The report of a table model on rows it has not seen, by running the very graph that is served on their raw columns.
// How the graph is run is the caller's: by an executor, or by a server that has the model.
import { AmaasError, type Executor, type NamedTensors, type Tensor } from '@amaas/core';
import {
  type ColumnKind,
  type DataSource,
  findColumn,
  readCell,
  readTable,
  refuseUnknownColumn,
  requireColumn,
  type Table,
  takeRows,
} from '../data/index.ts';
import {
  type EvaluationReport,
  evaluateClassifier,
  evaluateRegressor,
  type Fact,
  type ModelDescription,
  type Slice,
  slicesByRange,
  slicesByValue,
  type TrainingDescription,
} from '../evaluate/index.ts';
import { columnTensor } from '../preprocess/index.ts';
import type { TableModelDescription } from './table-description.ts';
import { PROBABILITIES_OUTPUT, VALUE_OUTPUT } from './table-model.ts';
import { targetNumbers } from './table-target.ts';

/** Columns whose values make slices: enough to find what the model does badly, few enough to read. */
const MAX_SLICED_COLUMNS = 6;
/** Rows run at once. */
const RUN_ROWS = 1024;

/** Runs a table model on raw columns [rows] and gives its scores: `probabilities` [rows, classes] or `value` [rows]. */
export type RunTableModel = (inputs: NamedTensors) => Promise<Tensor | undefined>;

export interface TableEvaluation {
  readonly run: RunTableModel;
  readonly description: TableModelDescription;
  /** Evaluated rows, each with a target. */
  readonly test: Table;
  /** Rows it was trained on, from which the baselines without any skill are made; default the evaluated ones. */
  readonly training?: Table;
  readonly seed: string | number;
  /** Scores of other models for the same rows. */
  readonly baselines?: readonly { readonly name: string; readonly scores: Float32Array }[];
  readonly data: { readonly name: string; readonly facts: readonly Fact[] };
  readonly model: ModelDescription;
  readonly history?: TrainingDescription;
  /** For the reader to mind. */
  readonly warnings?: readonly string[];
}

export interface EvaluatedTable {
  readonly report: EvaluationReport;
  /** Of every evaluated row, as {@link RunTableModel} gives them. */
  readonly scores: Float32Array;
  /** Of every evaluated row: the index of its class among the model's, or the number itself. */
  readonly truth: Float64Array;
}

/** @throws INVALID_DATA when the rows lack a column, or hold a class that the model does not know */
export async function evaluateTable(evaluation: TableEvaluation): Promise<EvaluatedTable> {
  const { description, test, training } = evaluation;
  const { target } = description;
  const scores = await scoreTable(evaluation.run, description, test);
  const truth = targetNumbers(target, requireColumn(test, target.column));
  const known = training === undefined ? undefined : targetNumbers(target, requireColumn(training, target.column));
  const others = evaluation.baselines ?? [];
  const common = {
    seed: evaluation.seed,
    slices: sliceTable(test, description),
    data: evaluation.data,
    model: evaluation.model,
    ...(evaluation.warnings === undefined ? {} : { warnings: evaluation.warnings }),
    ...(evaluation.history === undefined ? {} : { training: evaluation.history }),
  };
  if (target.task === 'regression') {
    const report = evaluateRegressor({
      ...common,
      targets: truth,
      predictions: scores,
      ...(known === undefined ? {} : { trainingTargets: known }),
      baselines: others.map(({ name, scores: predictions }) => ({ name, predictions })),
    });
    return { report, scores, truth };
  }
  const report = evaluateClassifier({
    ...common,
    labels: truth,
    classNames: target.classes,
    scores,
    ...(known === undefined ? {} : { trainingLabels: known }),
    baselines: others,
  });
  return { report, scores, truth };
}

/** Scores of every row of a table. */
export async function scoreTable(
  run: RunTableModel,
  { target, columns }: TableModelDescription,
  table: Table,
): Promise<Float32Array> {
  const width = target.task === 'regression' ? 1 : target.classes.length;
  const raw = new Map(columns.map(({ name, dtype }) => [name, columnTensor(dtype, requireColumn(table, name))]));
  const scores = new Float32Array(table.rowCount * width);
  for (let start = 0; start < table.rowCount; start += RUN_ROWS) {
    const rows = new Map([...raw].map(([name, tensor]) => [name, sliceRows(tensor, start, start + RUN_ROWS)]));
    const result = await run(rows);
    const expected = Math.min(RUN_ROWS, table.rowCount - start) * width;
    if (result?.dtype !== 'float32' || result.data.length !== expected) {
      const got = result === undefined ? 'nothing' : `${result.dtype} [${result.shape}]`;
      throw new AmaasError('INVALID_MODEL', `evaluate: expected ${expected} float32 scores from the model, got ${got}`);
    }
    scores.set(result.data, start * width);
  }
  return scores;
}

/** Name of the output that holds the scores. */
export function scoresOutput({ target }: TableModelDescription): string {
  return target.task === 'regression' ? VALUE_OUTPUT : PROBABILITIES_OUTPUT;
}

/** Lets `work` run an exported model on an executor. */
export async function withTableModel<Result>(
  executor: Executor,
  model: { readonly onnx: Uint8Array; readonly description: TableModelDescription },
  work: (run: RunTableModel) => Promise<Result>,
): Promise<Result> {
  const output = scoresOutput(model.description);
  const compiled = await executor.compile(model.onnx);
  try {
    return await work(async (inputs) => (await compiled.run(inputs, [output])).get(output));
  } finally {
    await compiled.dispose();
  }
}

export interface TableModelEvaluation {
  readonly run: RunTableModel;
  readonly description: TableModelDescription;
  /** Read with the model's kinds of columns: {@link tableModelKinds}. */
  readonly source: DataSource;
  /** Shown in the report. */
  readonly name: string;
  /** Default: the column it was trained to predict. */
  readonly target?: string;
  readonly seed?: string | number;
  readonly signal?: AbortSignal;
}

/**
 * Evaluates a trained table model on the rows of another file that have a target.
 * @throws INVALID_DATA when the file lacks a column of the model, has no row with a target, or classes unknown to the model
 */
export async function evaluateTableModel(evaluation: TableModelEvaluation): Promise<EvaluatedTable> {
  const { run, source, name, signal, seed = 0 } = evaluation;
  const column = evaluation.target ?? evaluation.description.target.column;
  const description = { ...evaluation.description, target: { ...evaluation.description.target, column } };
  const needed = [column, ...description.columns.map((each) => each.name)];
  const absent = needed.find((each) => !source.fields.some((field) => field.name === each));
  if (absent !== undefined) refuseUnknownColumn(`evaluate on ${source.name}`, absent, source.fields);
  const table = await readTable(source, signal === undefined ? {} : { signal });
  const { valid } = requireColumn(table, column);
  const rows = Uint32Array.from({ length: table.rowCount }, (_, row) => row).filter((row) => valid[row] === 1);
  if (rows.length === 0) {
    const what = table.rowCount === 0 ? 'there are no rows' : `no row has a value in "${column}"`;
    throw new AmaasError('INVALID_DATA', `evaluate on ${source.name}: ${what}; give rows with known answers`);
  }
  return evaluateTable({
    run,
    description,
    test: takeRows(table, rows),
    seed,
    data: { name: source.name, facts: dataFacts(source, description, rows.length) },
    model: { name },
    warnings: warnOfKnownRows(source, description),
  });
}

function warnOfKnownRows(source: DataSource, { dataDigest }: TableModelDescription): readonly string[] {
  return source.digest !== undefined && source.digest === dataDigest
    ? [`${source.name} is the very file the model was trained on: most of its rows are not new to the model.`]
    : [];
}

/** Kinds to read the columns of another file as, so that its cells mean what they meant in training. */
export function tableModelKinds({ columns, target }: TableModelDescription): ReadonlyMap<string, ColumnKind> {
  const kinds = new Map(columns.map(({ name, kind }) => [name, kind] as const));
  return target.task === 'regression' ? kinds.set(target.column, 'number') : kinds;
}

/** What a report says about the data. */
export function dataFacts(
  { digest, rowCount }: Pick<DataSource, 'digest' | 'rowCount'>,
  { columns, target }: TableModelDescription,
  evaluatedRows: number,
): readonly Fact[] {
  return [
    { label: 'Target', value: target.column },
    { label: 'Rows', value: rowCount },
    ...(evaluatedRows === rowCount ? [] : [{ label: 'Rows evaluated', value: evaluatedRows }]),
    { label: 'Columns used', value: columns.length },
    ...(digest === undefined ? [] : [{ label: 'Digest', value: digest }]),
  ];
}

function sliceRows(tensor: Tensor, start: number, end: number): Tensor {
  const data = tensor.data.slice(start, end);
  // Slicing keeps the kind of array; the shape follows its length, columns being of rank 1.
  return { dtype: tensor.dtype, shape: [data.length], data } as Tensor;
}

function sliceTable(test: Table, { columns }: TableModelDescription): readonly Slice[] {
  const ofRole = (wanted: string) => columns.filter(({ role }) => role === wanted);
  // Categories first: they are what people group by, and ranges of a number say less.
  return [...ofRole('categorical'), ...ofRole('numeric')].slice(0, MAX_SLICED_COLUMNS).flatMap(({ name, role }) => {
    const column = findColumn(test, name);
    if (column === undefined) return [];
    if (role === 'numeric' && column.kind === 'number') return slicesByRange(name, column.values);
    return slicesByValue(
      name,
      Array.from(column.valid, (_, row) => readCell(column, row)),
    );
  });
}
