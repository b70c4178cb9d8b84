// Labelled media in memory and cut into parts: what every training of texts, pictures and sounds begins with.
import { AmaasError } from '@amaas/core';
import {
  type Column,
  countOf,
  type DataFinding,
  type LabelledMedia,
  type MediaFile,
  nameRows,
  type SkippedFile,
  splitRows,
  tableFromColumns,
} from '../data/index.ts';

/** What was read. */
export interface MediaSummary {
  readonly kind: LabelledMedia<unknown>['kind'];
  /** Files of each class, in the order of the model's outputs. */
  readonly classes: readonly { readonly name: string; readonly count: number }[];
  readonly files: number;
  readonly skipped: readonly SkippedFile[];
  /** SHA-256 over names, labels and contents, as hex. */
  readonly digest: string;
}

/** Values with their classes and files; the k-th of each belong together. */
export interface MediaRows<Value> {
  readonly values: readonly Value[];
  /** Places among the class names. */
  readonly labels: Float64Array;
  readonly files: readonly MediaFile[];
}

export interface MediaParts<Value> {
  readonly train: MediaRows<Value>;
  readonly validation: MediaRows<Value>;
  readonly test: MediaRows<Value>;
  readonly findings: readonly DataFinding[];
}

export interface MediaReadingOptions {
  /** What a file that cannot be decoded does; default `fail`. */
  readonly whenCorrupt?: 'fail' | 'skip';
  readonly signal?: AbortSignal;
}

/** Values decoded at once. */
const BATCH = 256;

/** Decodes everything. @throws INVALID_DATA, CANCELLED as {@link LabelledMedia.read} */
export async function readMedia<Value>(
  media: LabelledMedia<Value>,
  options: MediaReadingOptions,
): Promise<{ readonly rows: MediaRows<Value>; readonly summary: MediaSummary }> {
  const abort = options.signal === undefined ? {} : { signal: options.signal };
  const reading = media.read({ batchSize: BATCH, whenCorrupt: options.whenCorrupt ?? 'fail', ...abort });
  const values: Value[] = [];
  const labels: number[] = [];
  const files: MediaFile[] = [];
  for await (const batch of reading) {
    for (const [at, value] of batch.values.entries()) {
      const file = media.files[batch.indices[at] ?? -1];
      if (file === undefined) throw new AmaasError('INTERNAL', `${media.kind}: a value came without its file`);
      values.push(value);
      labels.push(batch.labels[at] ?? 0);
      files.push(file);
    }
  }
  const classes = media.classNames.map((name, place) => ({
    name,
    count: labels.filter((label) => label === place).length,
  }));
  const summary = {
    kind: media.kind,
    classes,
    files: values.length,
    skipped: reading.skipped,
    digest: await media.computeDigest(options.signal),
  };
  return { rows: { values, labels: Float64Array.from(labels), files }, summary };
}

/** @throws INVALID_DATA for less than two classes, or one without files */
export function refuseClasses({ kind, classes }: MediaSummary): void {
  const empty = classes.find(({ count }) => count === 0);
  if (empty !== undefined) {
    throw new AmaasError('INVALID_DATA', `train: there is no ${kind} of class "${empty.name}" that could be read`);
  }
  if (classes.length < 2) {
    const only = classes.map(({ name }) => `"${name}"`).join();
    throw new AmaasError(
      'INVALID_DATA',
      `train: there is but one class, ${only || 'none'}; a model needs at least two to tell apart, a folder each`,
    );
  }
}

export interface MediaSplitOptions<Value> {
  readonly seed: string | number;
  /** Share or number of values held out for the report, or the held-out values themselves. */
  readonly test: number | MediaRows<Value>;
  readonly validation: number;
  /** Files with one answer stay in one part: speakers, patients, films. */
  readonly groupOf?: ((file: MediaFile) => string) | undefined;
}

/** Cuts values into parts, every class alike, or whole groups together. @throws INVALID_DATA when there are too few */
export function splitMedia<Value>(rows: MediaRows<Value>, options: MediaSplitOptions<Value>): MediaParts<Value> {
  const { seed, test, validation, groupOf } = options;
  const split = splitRows(rows.values.length, {
    seed,
    strategy:
      groupOf === undefined
        ? { kind: 'stratified', by: columnOf('class', Array.from(rows.labels, String)) }
        : { kind: 'grouped', by: columnOf('group', rows.files.map(groupOf)) },
    test: typeof test === 'number' ? test : 0,
    validation,
  });
  return {
    train: takeMedia(rows, split.train),
    validation: takeMedia(rows, split.validation),
    test: typeof test === 'number' ? takeMedia(rows, split.test) : test,
    findings: split.findings,
  };
}

/** A warning where held-out values also are among the training values. @param keyOf - equal for equal values */
export function findSharedValues<Value>(
  { train, test }: MediaParts<Value>,
  keyOf: (value: Value) => string,
): readonly DataFinding[] {
  const known = new Set(train.values.map(keyOf));
  const shared = [...test.values.keys()].filter((row) => {
    const value = test.values[row];
    return value !== undefined && known.has(keyOf(value));
  });
  if (shared.length === 0) return [];
  const message =
    `${countOf(shared.length, 'test value')} of ${test.values.length} also ${shared.length === 1 ? 'is' : 'are'} in training ` +
    `(${nameRows(shared)}), which flatters the result; remove duplicates`;
  return [{ severity: 'warning', code: 'duplicate-rows', message, rows: shared.slice(0, 5) }];
}

function columnOf(name: string, cells: readonly string[]): Column {
  const [column] = tableFromColumns({ [name]: cells }).columns;
  if (column === undefined) throw new AmaasError('INTERNAL', 'train: a table without columns');
  return column;
}

function takeMedia<Value>({ values, labels, files }: MediaRows<Value>, rows: Uint32Array): MediaRows<Value> {
  const pick = <T>(from: readonly T[]): T[] => Array.from(rows).flatMap((row) => from.slice(row, row + 1));
  return { values: pick(values), labels: Float64Array.from(rows, (row) => labels[row] ?? 0), files: pick(files) };
}
