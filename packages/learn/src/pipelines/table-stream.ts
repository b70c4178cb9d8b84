// The rows of a table that memory does not hold, as a training reads them: anew for every epoch, features by the graph
// that will be served.
import type { CompiledModel, Executor } from '@amaas/core';
import { type DataSource, requireColumn, sliceRows, type Table, takeRows } from '../data/index.ts';
import { type Preprocessing, rawTensors } from '../preprocess/index.ts';
import { type Examples, type ExampleStream, rowType } from '../train/index.ts';
import { runRows } from './run-rows.ts';
import { exportFeatures } from './table-model.ts';
import type { StreamedRows } from './table-sample.ts';
import { type TableTarget, targetNumbers, targetTensor } from './table-target.ts';

/** Rows shuffled together: of more than one batch of the source, in case it is sorted. */
const BUFFER_ROWS = 2 ** 16;

export interface FeatureContext {
  readonly preprocessing: Preprocessing;
  readonly target: TableTarget;
  readonly signal: AbortSignal | undefined;
}

/** Rows as they were read, as what networks learn from. @param features - what {@link exportFeatures} gave, compiled */
export async function examplesOf(features: CompiledModel, part: Table, context: FeatureContext): Promise<Examples> {
  const { preprocessing, target, signal } = context;
  const inputs = await runRows(features, {
    rows: part.rowCount,
    feeds: (start, end) => rawTensors(preprocessing, sliceRows(part, start, end)),
    signal,
  });
  return { inputs, target: targetTensor(target, targetNumbers(target, requireColumn(part, target.column))) };
}

export interface TableStreamOptions {
  readonly source: DataSource;
  readonly rows: StreamedRows;
  readonly preprocessing: Preprocessing;
  readonly target: TableTarget;
  /** Some of the same rows, for their types. */
  readonly examples: Examples;
  readonly executor: Executor;
}

/** A stream that holds a compiled graph until it is closed. */
export async function openTableStream(
  options: TableStreamOptions,
): Promise<{ readonly stream: ExampleStream; close(): Promise<void> }> {
  const { source, rows, preprocessing, target, examples, executor } = options;
  const features = await executor.compile(exportFeatures(preprocessing));
  const stream: ExampleStream = {
    rowCount: rows.rowCount,
    bufferRows: BUFFER_ROWS,
    inputs: new Map([...examples.inputs].map(([name, tensor]) => [name, rowType(tensor)])),
    target: rowType(examples.target),
    ...(source.digest === undefined ? {} : { digest: source.digest }),
    async *read({ signal }) {
      let firstRow = 0;
      for await (const batch of source.read(signal === undefined ? {} : { signal })) {
        const part = takeRows(batch, rows.keep(batch, firstRow));
        firstRow += batch.rowCount;
        if (part.rowCount > 0) yield await examplesOf(features, part, { preprocessing, target, signal });
      }
    },
  };
  return { stream, close: () => features.dispose() };
}
