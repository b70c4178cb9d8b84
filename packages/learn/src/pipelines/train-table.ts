// From a table to a model: look at the columns, split, fit the preprocessing on the training part, train candidates,
// choose by validation, export one graph, and report on rows none of it has seen, by the exported graph itself.
import { AmaasError, type Clock, type Executor, type Manifest, type NamedTensors, systemClock } from '@amaas/core';
import {
  type ColumnType,
  type DataFinding,
  type DataSource,
  describeTable,
  readTable,
  refuseErrors,
  requireColumn,
  type Split,
  type SplitStrategy,
  splitRows,
  type Table,
  type TableSummary,
  takeRows,
  type TargetTask,
} from '../data/index.ts';
import type { EvaluationReport, TrainingCurve } from '../evaluate/index.ts';
import {
  featureSizes,
  fitPreprocessing,
  type Preprocessing,
  type PreprocessingOptions,
  rawTensors,
} from '../preprocess/index.ts';
import {
  accuracy,
  adamW,
  binaryCrossentropy,
  type CheckpointStore,
  cosineDecay,
  type EpochRecord,
  type Examples,
  type FitProgress,
  fit,
  type Loss,
  meanSquaredError,
  type Metric,
  sparseCategoricalCrossentropy,
  squaredError,
  type TrainedModel,
} from '../train/index.ts';
import { buildTableNetwork, linearOptions, perceptronOptions, type TableModelOptions } from './choose-network.ts';
import { dataFacts, evaluateTable, type RunTableModel, scoreTable, withTableModel } from './evaluate-table.ts';
import { describeTableModel, type TableModelDescription } from './table-description.ts';
import { exportFeatures, exportTableModel, tableManifest } from './table-model.ts';
import { fitTarget, headOf, type TableTarget, targetNumbers, targetTensor } from './table-target.ts';

export interface TrainTableOptions {
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
  /** Trains even where a column tells the target all by itself; default false: such a model shines only in its report. */
  readonly allowLeakage?: boolean;
  readonly preprocessing?: Omit<PreprocessingOptions, 'exclude'>;
  /** Settings of the network; default: chosen from the number of rows. */
  readonly model?: Partial<TableModelOptions>;
  /** Default 0. */
  readonly seed?: string | number;
  readonly checkpoint?: (candidate: string) => CheckpointStore;
  /** Default 5 seconds: what a killed training loses. */
  readonly checkpointEveryMs?: number;
  readonly onEvent?: (event: TrainTableEvent) => void;
  readonly signal?: AbortSignal;
  readonly threads?: number;
  readonly clock?: Clock;
}

/** What happens while a table is learned. */
export type TrainTableEvent =
  | { readonly kind: 'described'; readonly summary: TableSummary }
  | {
      readonly kind: 'split';
      readonly rows: { readonly train: number; readonly validation: number; readonly test: number };
      readonly findings: readonly DataFinding[];
    }
  | { readonly kind: 'prepared'; readonly preprocessing: Preprocessing; readonly task: TargetTask }
  | { readonly kind: 'training'; readonly candidate: string; readonly progress: FitProgress }
  | { readonly kind: 'epoch'; readonly candidate: string; readonly record: EpochRecord }
  | { readonly kind: 'trained'; readonly candidate: string; readonly validationLoss: number; readonly epochs: number }
  | { readonly kind: 'evaluating' };

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
  /** What the model file says about its columns. */
  readonly description: TableModelDescription;
  /** The held-out rows as they were read, and the scores of each that the report was made from. */
  readonly test: { readonly table: Table; readonly scores: Float32Array };
}

const DEFAULT_VALIDATION = 0.15;

const CHECKPOINT_EVERY_MS = 5000;

/** Epochs a candidate may go on without getting better on the validation rows. */
const PATIENCE = { small: 20, large: 5 };

/**
 * Trains a model of a table.
 * @throws INVALID_DATA with what to do about it, when the table cannot be learned from; CANCELLED; TRAINING_DIVERGED
 */
export async function trainTable(options: TrainTableOptions): Promise<TrainedTable> {
  const { source, executor, seed = 0, signal } = options;
  const abort = signal === undefined ? {} : { signal };
  const summary = await describeTable(source, {
    target: options.target,
    seed,
    ...(options.task === undefined ? {} : { task: options.task }),
    ...(options.types === undefined ? {} : { types: options.types }),
    ...abort,
  });
  options.onEvent?.({ kind: 'described', summary });
  refuseErrors('train', summary.findings);
  if (options.allowLeakage !== true) refuseLeakage(summary.findings, options.exclude);
  const table = await readTable(source, abort);
  const split = await splitTable(table, summary, options);
  options.onEvent?.({
    kind: 'split',
    rows: { train: split.train.length, validation: split.validation.length, test: split.test.length },
    findings: split.findings,
  });

  const training = takeRows(table, split.train);
  const preprocessing = fitPreprocessing(training, summary.columns, {
    ...options.preprocessing,
    exclude: [options.target, ...(options.exclude ?? []), ...(options.groupBy === undefined ? [] : [options.groupBy])],
  });
  if (summary.target === undefined) throw new AmaasError('INTERNAL', 'train: the target was not described');
  const target = fitTarget(summary.target, requireColumn(training, options.target));
  options.onEvent?.({ kind: 'prepared', preprocessing, task: target.task });

  const description = describeTableModel(preprocessing, target, training);
  const parts = await prepareParts({ table, split, preprocessing, target, executor });
  const chosen = await chooseCandidate(options, { preprocessing, target, parts });
  const onnx = exportTableModel(preprocessing, description, chosen.model);
  options.onEvent?.({ kind: 'evaluating' });
  const test = takeRows(table, split.test);
  const baselines: { name: string; scores: Float32Array }[] = [];
  if (chosen.baseline !== null) {
    const { name, model } = chosen.baseline;
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
          { label: 'Rows for training', value: split.train.length },
          { label: 'Rows for validation', value: split.validation.length },
          { label: 'Epochs', value: chosen.history.length },
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
    description,
    test: { table: test, scores },
  };
}

/** @throws INVALID_DATA when a column that would be learned from tells the target all by itself */
function refuseLeakage(findings: readonly DataFinding[], excluded: readonly string[] = []): void {
  const leaks = findings.filter(
    ({ code, column }) => code === 'leakage' && column !== undefined && !excluded.includes(column),
  );
  if (leaks.length === 0) return;
  throw new AmaasError('INVALID_DATA', `train: ${leaks.map(({ message }) => message).join('\n')}`, {
    details: { findings: leaks },
  });
}

async function splitTable(table: Table, summary: TableSummary, options: TrainTableOptions): Promise<Split> {
  const target = requireColumn(table, options.target);
  const rows = Uint32Array.from({ length: table.rowCount }, (_, row) => row).filter((row) => target.valid[row] === 1);
  const split = splitRows(table.rowCount, {
    seed: options.seed ?? 0,
    strategy: strategyOf(table, summary, options),
    test: options.test ?? 0.2,
    validation: options.validation ?? DEFAULT_VALIDATION,
    rows,
  });
  return split;
}

function strategyOf(
  table: Table,
  summary: TableSummary,
  { groupBy, timeBy, target }: TrainTableOptions,
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

interface Parts {
  readonly training: Examples;
  readonly validation: Examples;
}

/** Features of the parts, computed by the graph that will be served. */
async function prepareParts(context: {
  readonly table: Table;
  readonly split: Split;
  readonly preprocessing: Preprocessing;
  readonly target: TableTarget;
  readonly executor: Executor;
}): Promise<Parts> {
  const { table, split, preprocessing, target, executor } = context;
  const features = await executor.compile(exportFeatures(preprocessing));
  try {
    const prepare = async (rows: Uint32Array): Promise<Examples> => {
      const part = takeRows(table, rows);
      const inputs: NamedTensors = await features.run(rawTensors(preprocessing, part));
      return { inputs, target: targetTensor(target, targetNumbers(target, requireColumn(part, target.column))) };
    };
    return { training: await prepare(split.train), validation: await prepare(split.validation) };
  } finally {
    await features.dispose();
  }
}

interface Candidate {
  readonly name: string;
  readonly options: TableModelOptions;
  readonly model: TrainedModel;
  readonly history: readonly EpochRecord[];
  readonly validationLoss: number;
}

/** Trains the linear model and the perceptron (or the one asked for) and takes the better on the validation rows. */
async function chooseCandidate(
  options: TrainTableOptions,
  context: { readonly preprocessing: Preprocessing; readonly target: TableTarget; readonly parts: Parts },
): Promise<Candidate & { readonly baseline: Pick<Candidate, 'name' | 'model'> | null }> {
  const rows = context.parts.training.target.shape[0] ?? 1;
  const settings = { ...perceptronOptions(rows), ...options.model };
  const isLinear = settings.hidden.length === 0;
  const { epochs } = options.model ?? {};
  // What was asked of a network is not meant for the linear model beside it, its length apart.
  const plain = { ...linearOptions(rows), ...(isLinear ? options.model : epochs === undefined ? {} : { epochs }) };
  const linear = await trainCandidate('linear', plain, { ...context, options });
  if (isLinear) return { ...linear, baseline: null };
  const deep = await trainCandidate('perceptron', settings, { ...context, options });
  const better = deep.validationLoss < linear.validationLoss ? deep : linear;
  return { ...better, baseline: better === deep ? linear : deep };
}

async function trainCandidate(
  name: string,
  settings: TableModelOptions,
  {
    preprocessing,
    target,
    parts,
    options,
  }: {
    readonly preprocessing: Preprocessing;
    readonly target: TableTarget;
    readonly parts: Parts;
    readonly options: TrainTableOptions;
  },
): Promise<Candidate> {
  const rows = parts.training.target.shape[0] ?? 1;
  const steps = Math.ceil(rows / settings.batchSize) * settings.epochs;
  const small = rows < 2000;
  const checkpoint =
    options.checkpoint === undefined
      ? {}
      : {
          checkpoint: {
            store: options.checkpoint(name),
            everyMs: options.checkpointEveryMs ?? CHECKPOINT_EVERY_MS,
          },
        };
  const { model, history, epoch } = await fit(
    buildTableNetwork(featureSizes(preprocessing), headOf(target), settings),
    parts.training,
    {
      executor: options.executor,
      loss: lossOf(target),
      metrics: [metricOf(target)],
      optimizer: adamW({
        learningRate: cosineDecay(settings.learningRate, steps, { warmupSteps: Math.min(100, Math.floor(steps / 20)) }),
        weightDecay: settings.weightDecay,
      }),
      epochs: settings.epochs,
      batchSize: settings.batchSize,
      validation: parts.validation,
      earlyStopping: { patience: small ? PATIENCE.small : PATIENCE.large },
      clipNorm: 5,
      seed: `${options.seed ?? 0} ${name}`,
      onProgress: (progress) => options.onEvent?.({ kind: 'training', candidate: name, progress }),
      onEpoch: (record) => options.onEvent?.({ kind: 'epoch', candidate: name, record }),
      ...checkpoint,
      ...(options.signal === undefined ? {} : { signal: options.signal }),
      ...(options.threads === undefined ? {} : { threads: options.threads }),
      clock: options.clock ?? systemClock,
    },
  );
  const validationLoss = history[epoch - 1]?.values['validation loss'] ?? Number.POSITIVE_INFINITY;
  options.onEvent?.({ kind: 'trained', candidate: name, validationLoss, epochs: history.length });
  return { name, options: settings, model, history, validationLoss };
}

function lossOf({ task }: TableTarget): Loss {
  if (task === 'binary') return binaryCrossentropy();
  return task === 'multiclass' ? sparseCategoricalCrossentropy() : meanSquaredError;
}

function metricOf({ task }: TableTarget): Metric {
  return task === 'regression' ? squaredError : accuracy;
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
