// From a file to rows that can be learned from: described, split, preprocessed by what the training part alone shows, as
// features computed by the graph that will be served. The test part stays closed until the report is made.
import { AmaasError, type Executor } from '@amaas/core';
import {
  type ColumnType,
  type DataFinding,
  type DataSource,
  createTableSource,
  describeTable,
  findSharedRows,
  refuseErrors,
  refuseUnknownColumn,
  requireColumn,
  type Split,
  type SplitStrategy,
  splitRows,
  type Table,
  type TableSummary,
  takeRows,
  type TargetTask,
} from '../data/index.ts';
import {
  type FeatureSizes,
  featureSizes,
  fitPreprocessing,
  type Preprocessing,
  type PreprocessingOptions,
} from '../preprocess/index.ts';
import type { Examples } from '../train/index.ts';
import { describeTableModel, type TableModelDescription } from './table-description.ts';
import { exportFeatures } from './table-model.ts';
import { findStreamedRows, readSample, type StreamedRows } from './table-sample.ts';
import { examplesOf, type FeatureContext } from './table-stream.ts';
import { fitTarget, type TableTarget } from './table-target.ts';

export interface PrepareTableOptions {
  readonly source: DataSource;
  /** The column to predict. */
  readonly target: string;
  readonly executor: Executor;
  /** Inferred from the target when left out. */
  readonly task?: TargetTask;
  /** Columns to leave out. */
  readonly exclude?: readonly string[];
  /** Overrules what columns were taken for. */
  readonly types?: ReadonlyMap<string, ColumnType>;
  /** Share or number of rows held out for the report; default 0.2. */
  readonly test?: number;
  /** Share or number of rows held out to choose and to stop by; default 0.15. */
  readonly validation?: number;
  /** A column whose equal values stay in one part. */
  readonly groupBy?: string;
  /** A column of times: the newest rows are the test part. */
  readonly timeBy?: string;
  /** Columns whose kind a person has settled: text in them is meant. */
  readonly declared?: readonly string[];
  /** Rows held in memory; default what makes 16,777,216 cells. Of larger tables a random part is; networks learn from all rows. */
  readonly maxRowsInMemory?: number;
  /** Trains even where a column tells the target all by itself; default false: such a model shines only in its report. */
  readonly allowLeakage?: boolean;
  readonly preprocessing?: Omit<PreprocessingOptions, 'exclude'>;
  /** Default 0. */
  readonly seed?: string | number;
  readonly onEvent?: (event: PrepareTableEvent) => void;
  readonly signal?: AbortSignal;
}

export type PrepareTableEvent =
  | { readonly kind: 'described'; readonly summary: TableSummary }
  | {
      readonly kind: 'split';
      readonly rows: { readonly train: number; readonly validation: number; readonly test: number };
      readonly findings: readonly DataFinding[];
    }
  | { readonly kind: 'prepared'; readonly preprocessing: Preprocessing; readonly task: TargetTask };

/** What candidates learn from; plain data, so that it can be handed to other threads. */
export interface TableExamples {
  readonly sizes: FeatureSizes;
  readonly target: TableTarget;
  readonly training: Examples;
  readonly validation: Examples;
}

export interface PreparedTable {
  readonly summary: TableSummary;
  readonly split: Split;
  /** Warnings about the data as it was learned from. */
  readonly findings: readonly DataFinding[];
  readonly preprocessing: Preprocessing;
  readonly target: TableTarget;
  readonly description: TableModelDescription;
  /** Rows of the training part as they were read. */
  readonly training: Table;
  readonly examples: TableExamples;
  /** What may be learned from where the table is more than memory holds; `training` is part of it. */
  readonly streamed: StreamedRows | null;
  readonly heldOut: HeldOutRows;
}

/** The test part. It can be taken once: what has judged one model must not choose another. */
export class HeldOutRows {
  #table: Table | null;
  readonly #rows: Uint32Array;

  constructor(table: Table, rows: Uint32Array) {
    this.#table = table;
    this.#rows = rows;
  }

  /** @throws INTERNAL when they were taken before */
  take(): Table {
    if (this.#table === null) throw new AmaasError('INTERNAL', 'the held-out rows were taken before');
    const rows = takeRows(this.#table, this.#rows);
    this.#table = null;
    return rows;
  }
}

const DEFAULT_VALIDATION = 0.15;

/** Some rows are equal by chance where columns have few values; from this share of the held-out ones on it is told. */
const MANY_REPEATED = 0.05;

/** @throws INVALID_DATA with what to do about it, when the table cannot be learned from; CANCELLED */
export async function prepareTable(options: PrepareTableOptions): Promise<PreparedTable> {
  const { source, executor, seed = 0, signal } = options;
  const abort = signal === undefined ? {} : { signal };
  for (const name of [...(options.exclude ?? []), options.groupBy, options.timeBy]) {
    if (name === undefined || source.fields.some((field) => field.name === name)) continue;
    refuseUnknownColumn(`train on ${source.name}`, name, source.fields);
  }
  const summary = await describeTable(source, {
    target: options.target,
    seed,
    ...(options.task === undefined ? {} : { task: options.task }),
    ...(options.types === undefined ? {} : { types: options.types }),
    ...abort,
  });
  options.onEvent?.({ kind: 'described', summary });
  refuseFindings(summary.findings, options);
  const sample = await readSample(source, options);
  const { table } = sample;
  const split = splitTable(table, summary, options);
  const findings = [...sample.findings, ...split.findings, ...(await findRepeatedRows(table, split, options))];
  const { groupBy, timeBy } = options;
  const streamed = await findStreamedRows({ source, sample, split, target: options.target, groupBy, timeBy, signal });
  options.onEvent?.({
    kind: 'split',
    rows: {
      train: streamed?.rowCount ?? split.train.length,
      validation: split.validation.length,
      test: split.test.length,
    },
    findings,
  });

  const training = takeRows(table, split.train);
  const preprocessing = fitPreprocessing(training, summary.columns, {
    ...options.preprocessing,
    exclude: [options.target, ...(options.exclude ?? []), ...(options.groupBy === undefined ? [] : [options.groupBy])],
  });
  if (summary.target === undefined) throw new AmaasError('INTERNAL', 'train: the target was not described');
  const target = fitTarget(summary.target, requireColumn(training, options.target));
  options.onEvent?.({ kind: 'prepared', preprocessing, task: target.task });
  const validation = takeRows(table, split.validation);
  return {
    summary,
    split,
    findings: [...summary.findings, ...findings].filter((finding) => isWorthMinding(finding, preprocessing)),
    preprocessing,
    target,
    description: describeTableModel({ preprocessing, target }, training, source.digest),
    training,
    examples: await prepareExamples({ training, validation }, { preprocessing, target, executor, signal }),
    streamed,
    heldOut: new HeldOutRows(table, split.test),
  };
}

/** @throws INVALID_DATA when something forbids training, or a column that would be learned from tells the target by itself */
function refuseFindings(findings: readonly DataFinding[], options: PrepareTableOptions): void {
  const { exclude = [], declared = [], allowLeakage = false } = options;
  const used = findings.filter(({ column }) => column === undefined || !exclude.includes(column));
  refuseErrors(
    'train',
    used.filter(
      ({ code, column }) => !(code === 'numbers-as-text' && column !== undefined && declared.includes(column)),
    ),
  );
  const leaks = allowLeakage ? [] : used.filter(({ code }) => code === 'leakage');
  if (leaks.length === 0) return;
  throw new AmaasError('INVALID_DATA', `train: ${leaks.map(({ message }) => message).join('\n')}`, {
    details: { findings: leaks },
  });
}

/** Held-out rows that a training row equals in target and features: of those a model knows the answer. */
async function findRepeatedRows(
  table: Table,
  split: Split,
  { exclude = [], signal }: PrepareTableOptions,
): Promise<readonly DataFinding[]> {
  const columns = table.columns.map(({ name }) => name).filter((name) => !exclude.includes(name));
  const options = { columns, ...(signal === undefined ? {} : { signal }) };
  const { rows, findings } = await findSharedRows(createTableSource(table), split, options);
  const held = split.validation.length + split.test.length;
  return rows.length > MANY_REPEATED * held ? findings : [];
}

/** What is left out of the features does no harm. */
function isWorthMinding({ severity, code, column }: DataFinding, { steps }: Preprocessing): boolean {
  if (code === 'sampled') return true;
  return severity === 'warning' && (column === undefined || steps.some((step) => step.column === column));
}

function splitTable(table: Table, summary: TableSummary, options: PrepareTableOptions): Split {
  const target = requireColumn(table, options.target);
  const rows = Uint32Array.from({ length: table.rowCount }, (_, row) => row).filter((row) => target.valid[row] === 1);
  return splitRows(table.rowCount, {
    seed: options.seed ?? 0,
    strategy: strategyOf(table, summary, options),
    test: options.test ?? 0.2,
    validation: options.validation ?? DEFAULT_VALIDATION,
    rows,
  });
}

function strategyOf(
  table: Table,
  summary: TableSummary,
  { groupBy, timeBy, target }: PrepareTableOptions,
): SplitStrategy {
  if (groupBy !== undefined && timeBy !== undefined) {
    throw new AmaasError('INVALID_ARGUMENT', 'train: the rows can be split by groups or by time, not by both');
  }
  if (groupBy !== undefined) return { kind: 'grouped', by: requireColumn(table, groupBy) };
  if (timeBy !== undefined) return { kind: 'time', by: requireColumn(table, timeBy) };
  return summary.target?.task === 'regression'
    ? { kind: 'random' }
    : { kind: 'stratified', by: requireColumn(table, target) };
}

/** Features of the parts that are learned from, computed by the graph that will be served. */
async function prepareExamples(
  parts: { readonly training: Table; readonly validation: Table },
  context: FeatureContext & { readonly executor: Executor },
): Promise<TableExamples> {
  const { preprocessing, target, executor } = context;
  const features = await executor.compile(exportFeatures(preprocessing));
  try {
    return {
      sizes: featureSizes(preprocessing),
      target,
      training: await examplesOf(features, parts.training, context),
      validation: await examplesOf(features, parts.validation, context),
    };
  } finally {
    await features.dispose();
  }
}
