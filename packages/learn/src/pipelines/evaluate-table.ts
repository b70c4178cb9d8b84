// The report of a table model on rows it has not seen, by running the very graph that will be served on their raw columns.
import { AmaasError, type Executor, type Tensor } from '@amaas/core';
import { findColumn, readCell, requireColumn, type Table, type TableSummary } from '../data/index.ts';
import {
  type EvaluationReport,
  evaluateClassifier,
  evaluateRegressor,
  type Fact,
  type ModelDescription,
  type Slice,
  slicesByRange,
  slicesByValue,
  type TrainingCurve,
} from '../evaluate/index.ts';
import { type Preprocessing, rawTensors } from '../preprocess/index.ts';
import { PROBABILITIES_OUTPUT, VALUE_OUTPUT } from './table-model.ts';
import { type TableTarget, targetNumbers } from './table-target.ts';

/** Columns whose values make slices: enough to find what the model does badly, few enough to read. */
const MAX_SLICED_COLUMNS = 6;
/** Rows run at once. */
const RUN_ROWS = 1024;

export interface TableEvaluation {
  readonly executor: Executor;
  /** The exported model. */
  readonly onnx: Uint8Array;
  readonly preprocessing: Preprocessing;
  readonly target: TableTarget;
  readonly test: Table;
  readonly training: Table;
  readonly summary: TableSummary;
  readonly seed: string | number;
  /** Other exported models of the same columns. */
  readonly baselines: readonly { readonly name: string; readonly onnx: Uint8Array }[];
  readonly model: ModelDescription;
  readonly facts: readonly Fact[];
  readonly curves: readonly TrainingCurve[];
}

export async function evaluateTable(evaluation: TableEvaluation): Promise<EvaluationReport> {
  const { target, test, training, preprocessing, summary } = evaluation;
  const predict = (onnx: Uint8Array): Promise<Float32Array> => predictTable({ ...evaluation, onnx });
  const scores = await predict(evaluation.onnx);
  const others: { name: string; scores: Float32Array }[] = [];
  for (const { name, onnx } of evaluation.baselines) others.push({ name, scores: await predict(onnx) });
  const truth = targetNumbers(target, requireColumn(test, target.column));
  const known = targetNumbers(target, requireColumn(training, target.column));
  const common = {
    seed: evaluation.seed,
    slices: sliceTable(test, preprocessing),
    data: {
      name: summary.name,
      facts: [
        { label: 'Rows', value: summary.rowCount },
        { label: 'Columns used', value: preprocessing.steps.length },
        ...(summary.digest === undefined ? [] : [{ label: 'Digest', value: summary.digest }]),
      ],
    },
    model: evaluation.model,
    training: { facts: evaluation.facts, curves: evaluation.curves },
  };
  if (target.task === 'regression') {
    return evaluateRegressor({
      ...common,
      targets: truth,
      predictions: scores,
      trainingTargets: known,
      baselines: others.map(({ name, scores: predictions }) => ({ name, predictions })),
    });
  }
  return evaluateClassifier({
    ...common,
    labels: truth,
    classNames: target.classes,
    scores,
    trainingLabels: known,
    baselines: others,
  });
}

/** Probabilities [rows, classes] or values [rows] of a model's exported graph. */
export async function predictTable(context: {
  readonly executor: Executor;
  readonly onnx: Uint8Array;
  readonly preprocessing: Preprocessing;
  readonly target: TableTarget;
  readonly test: Table;
}): Promise<Float32Array> {
  const { executor, preprocessing, target, test } = context;
  const output = target.task === 'regression' ? VALUE_OUTPUT : PROBABILITIES_OUTPUT;
  const width = target.task === 'regression' ? 1 : target.classes.length;
  const compiled = await executor.compile(context.onnx);
  try {
    const raw = rawTensors(preprocessing, test);
    const scores = new Float32Array(test.rowCount * width);
    for (let start = 0; start < test.rowCount; start += RUN_ROWS) {
      const rows = new Map([...raw].map(([name, tensor]) => [name, sliceRows(tensor, start, start + RUN_ROWS)]));
      const result = (await compiled.run(rows, [output])).get(output);
      if (result?.dtype !== 'float32')
        throw new AmaasError('INTERNAL', `evaluate: ${output} came back as ${result?.dtype}`);
      scores.set(result.data, start * width);
    }
    return scores;
  } finally {
    await compiled.dispose();
  }
}

function sliceRows(tensor: Tensor, start: number, end: number): Tensor {
  const data = tensor.data.slice(start, end);
  // Slicing keeps the kind of array; the shape follows its length, columns being of rank 1.
  return { dtype: tensor.dtype, shape: [data.length], data } as Tensor;
}

function sliceTable(test: Table, { steps }: Preprocessing): readonly Slice[] {
  return steps.slice(0, MAX_SLICED_COLUMNS).flatMap((step) => {
    const column = findColumn(test, step.column);
    if (column === undefined || step.kind === 'datetime') return [];
    if (step.kind === 'numeric' && column.kind === 'number') return slicesByRange(step.column, column.values);
    return slicesByValue(
      step.column,
      Array.from(column.valid, (_, row) => readCell(column, row)),
    );
  });
}
