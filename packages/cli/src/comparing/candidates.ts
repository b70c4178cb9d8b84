// The candidates of a comparison: each evaluated on the file as `eval` does, and measured, those on this machine in a
// fresh process, those of a server by asking it.
import { readFile, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { AmaasError, parseModelReference } from '@amaas/core';
import type { DataSource } from '@amaas/learn/data';
import {
  type EvaluatedCandidate,
  evaluateTableModel,
  type LinearBaseline,
  readSampleRows,
  type RunTableModel,
  type SampleRows,
  scoresOutput,
  type TableModelDescription,
  tableModelKinds,
  trainLinearBaseline,
  withTableModel,
} from '@amaas/learn/pipelines';
import { type CommandContext, connect, type SharedOptions } from '../command-context.ts';
import { type FoundModel, findModel } from '../training/find-model.ts';
import type { TableReading } from '../training/messages.ts';
import { importInstalled, openSource } from '../training/open-source.ts';
import { measureModel } from './measure-model.ts';
import type { RunTimes } from './measurement.ts';
import { timeRuns } from './time-runs.ts';

/** Rows of a batch: what a server joins at most by default is less, what a nightly job sends is more. */
const BATCH_ROWS = 256;
/** Different rows, so that no cache answers. */
const SINGLE_ROWS = 64;

export interface ComparisonData {
  /** Absolute, or a pattern. */
  readonly path: string;
  readonly reading: TableReading;
  readonly target: string;
  readonly signal: AbortSignal;
}

/** What a candidate costs to run; null where it cannot be seen. */
export interface CandidateCosts {
  readonly modelBytes: number | null;
  readonly memoryBytes: number | null;
  readonly single: RunTimes;
  readonly batch: RunTimes;
  /** Where it was measured. */
  readonly where: string;
}

export interface MeasuredCandidate extends EvaluatedCandidate {
  readonly description: TableModelDescription;
  readonly costs: CandidateCosts;
}

/** @throws as `findModel` and an evaluation do */
export async function measureCandidate(
  context: CommandContext,
  { given, data }: { readonly given: string; readonly data: ComparisonData },
  options: SharedOptions,
): Promise<MeasuredCandidate> {
  const found = await findModel(context, given, options);
  const onnx = await readLocal(resolve(context.world.cwd, given));
  const { candidate, sample } = await found.use((run) => evaluate(found, { run, data, isBaseline: false }));
  const costs =
    onnx === null
      ? await measureServed(context, { found, sample }, options)
      : await measureLocal({ onnx, description: found.description }, { sample, signal: data.signal });
  return { ...candidate, description: found.description, costs };
}

/** A linear model of another file, and the answers it learned from. */
export async function measureLinear(
  { path, reading }: Pick<ComparisonData, 'path' | 'reading'>,
  { data, models }: { readonly data: ComparisonData; readonly models: readonly TableModelDescription[] },
): Promise<{ readonly candidate: MeasuredCandidate; readonly known: LinearBaseline['known'] }> {
  const { signal, target } = data;
  const { createOrtNodeExecutor } = await importInstalled(() => import('@amaas/engine-ort-node'));
  const executor = await createOrtNodeExecutor();
  const [first] = models;
  if (first === undefined) throw new AmaasError('INTERNAL', 'compare: there is no model');
  // What no candidate may see, the baseline may not either.
  const seen = new Set([target, ...models.flatMap(({ columns }) => columns.map(({ name }) => name))]);
  const ownKinds = [...kindsFor(first, target)].filter(([name]) => name === target);
  const source = await openSource(path, { ...reading, kinds: [...ownKinds, ...(reading.kinds ?? [])] }, signal);
  const baseline = await closing(source, () =>
    trainLinearBaseline({
      source,
      target,
      task: first.target.task,
      executor,
      exclude: source.fields.map(({ name }) => name).filter((name) => !seen.has(name)),
      signal,
    }),
  );
  const { candidate, sample } = await withTableModel(executor, baseline, (run) =>
    evaluate({ name: 'linear', description: baseline.description }, { run, data, isBaseline: true }),
  );
  const costs = await measureLocal(baseline, { sample, signal });
  const { description, known } = baseline;
  return { candidate: { ...candidate, description, costs }, known };
}

interface Evaluated {
  readonly candidate: EvaluatedCandidate;
  readonly sample: SampleRows;
}

/** As `eval` does: the columns are read as what they were when the model was trained. */
async function evaluate(
  { name, description }: Pick<FoundModel, 'name' | 'description'>,
  {
    run,
    data,
    isBaseline,
  }: { readonly run: RunTableModel; readonly data: ComparisonData; readonly isBaseline: boolean },
): Promise<Evaluated> {
  const { target, reading, path, signal } = data;
  const kinds = [...kindsFor(description, target), ...(reading.kinds ?? [])];
  const source = await openSource(path, { ...reading, kinds }, signal);
  return closing(source, async () => {
    const evaluated = await evaluateTableModel({ run, description, source, name, target, signal });
    const sample = await readSampleRows(source, description, { singleRows: SINGLE_ROWS, batchRows: BATCH_ROWS });
    return { candidate: { name, isBaseline, target: description.target, evaluated }, sample };
  });
}

function kindsFor(description: TableModelDescription, target: string) {
  return tableModelKinds({ ...description, target: { ...description.target, column: target } });
}

async function closing<Result>(source: DataSource, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } finally {
    await source.close();
  }
}

async function measureLocal(
  { onnx, description }: { readonly onnx: Uint8Array; readonly description: TableModelDescription },
  { sample, signal }: { readonly sample: SampleRows; readonly signal: AbortSignal },
): Promise<CandidateCosts> {
  const task = { onnx, output: scoresOutput(description), sample };
  const { single, batch, memoryBytes, runtime } = await measureModel(task, signal);
  return { modelBytes: onnx.byteLength, memoryBytes, single, batch, where: `${runtime}, one thread` };
}

/** What a caller waits for, the way over the network included; the server's CPU time is not seen from here. */
async function measureServed(
  context: CommandContext,
  { found, sample }: { readonly found: FoundModel; readonly sample: SampleRows },
  options: SharedOptions,
): Promise<CandidateCosts> {
  const client = await connect(context, options);
  const { model, version } = parseModelReference(found.name);
  const detail = version === undefined ? null : await client.models.getVersion(model, version);
  const times = (rows: number, inputs: SampleRows['single']): Promise<RunTimes> =>
    found.use((run) =>
      timeRuns({ rows, run: (index) => run(inputs[index % inputs.length] ?? sample.batch), cpuMicros: null }),
    );
  return {
    modelBytes: detail?.files.find(({ path }) => path === 'model.onnx')?.sizeBytes ?? null,
    memoryBytes: detail?.serving?.memoryBytes ?? null,
    single: await times(1, sample.single),
    batch: await times(sample.batchRows, [sample.batch]),
    where: `over HTTP from ${client.url}`,
  };
}

/** The model of a file or folder; null where there is none: a served name. */
async function readLocal(path: string): Promise<Uint8Array | null> {
  const found = await stat(path).catch(() => null);
  if (found === null) return null;
  return readFile(found.isDirectory() ? join(path, 'model.onnx') : path);
}
