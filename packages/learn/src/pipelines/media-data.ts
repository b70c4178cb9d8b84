// Labelled media in memory and cut into parts: what every training of texts, pictures and sounds begins with.
import { AmaasError } from '@amaas/core';
import {
  type Column,
  countOf,
  type DataFinding,
  type LabelledMedia,
  type MediaFile,
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
  /** Greatest share of the files that may be skipped, but always one; default all of them. */
  readonly maxSkippedShare?: number;
  /** Hears after every batch how many files have been read, of how many. */
  readonly onRead?: (files: number, total: number) => void;
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
    options.onRead?.(values.length + reading.skipped.length, media.files.length);
  }
  refuseSkipped(media, reading.skipped, options.maxSkippedShare ?? 1);
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

/** Files named in one message. */
const MAX_NAMED = 3;

function refuseSkipped(
  { kind, files }: LabelledMedia<unknown>,
  skipped: readonly SkippedFile[],
  maxShare: number,
): void {
  if (skipped.length <= Math.max(1, Math.floor(files.length * maxShare))) return;
  const named = skipped.slice(0, MAX_NAMED).map(({ message }) => `  ${message}`);
  const more = skipped.length > named.length ? [`  and ${skipped.length - named.length} more`] : [];
  throw new AmaasError(
    'INVALID_DATA',
    [
      `train: ${skipped.length} of ${files.length} ${kind} files cannot be read, too many to leave them out:`,
      ...named,
      ...more,
      'Replace or remove them.',
    ].join('\n'),
    { details: { skipped } },
  );
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
  const groups = groupOf === undefined ? null : rows.files.map(groupOf);
  const sizes = { test: typeof test === 'number' ? test : 0, validation };
  if (groups === null) refuseFewValues(rows, sizes);
  else refuseFewGroups(groups, sizes);
  const split = splitRows(rows.values.length, {
    seed,
    strategy:
      groups === null
        ? { kind: 'stratified', by: columnOf('class', Array.from(rows.labels, String)) }
        : { kind: 'grouped', by: columnOf('group', groups) },
    ...sizes,
  });
  return {
    train: takeMedia(rows, split.train),
    validation: takeMedia(rows, split.validation),
    test: typeof test === 'number' ? takeMedia(rows, split.test) : test,
    // Of small classes the training says more: it knows their names.
    findings: split.findings.filter(({ code }) => code !== 'rare-class'),
  };
}

interface HeldOutSizes {
  readonly test: number;
  readonly validation: number;
}

/** A part that is asked for needs at least one value of every class. */
function refuseFewValues({ values, labels }: MediaRows<unknown>, sizes: HeldOutSizes): void {
  const classes = new Set(labels).size;
  const held = Object.values(sizes).filter((size) => size > 0);
  const rowsOf = (size: number): number => (size < 1 ? Math.ceil(size * values.length) : size);
  const left = values.length - held.reduce((sum, size) => sum + rowsOf(size), 0);
  if (Math.min(left, ...held.map(rowsOf)) >= classes) return;
  const parts = held.length + 1;
  const advice =
    values.length < parts * classes
      ? `every class needs ${parts} or more`
      : `add files, or hold out at least ${classes} for each of validation and test`;
  throw new AmaasError(
    'INVALID_DATA',
    `train: ${countOf(values.length, 'file')} of ${classes} classes do not give ${parts} parts (to train, to validate and to ` +
      `test) with at least one file of each class; ${advice}`,
    { details: { files: values.length, classes } },
  );
}

function refuseFewGroups(groups: readonly string[], sizes: HeldOutSizes): void {
  const parts = 1 + Object.values(sizes).filter((size) => size > 0).length;
  const names = [...new Set(groups)];
  if (names.length >= parts) return;
  throw new AmaasError(
    'INVALID_DATA',
    `train: the files are of ${countOf(names.length, 'group')} (${names.join(', ')}), and every part needs at least one ` +
      `of its own; ${parts} are needed, so group by something else`,
  );
}

/**
 * Warnings of classes that a part lacks; what training lacks cannot be learned.
 * @throws INVALID_DATA for a class without training values
 */
export function checkClasses(parts: MediaParts<unknown>, classes: readonly string[]): readonly DataFinding[] {
  const lackingIn = (part: 'train' | 'test'): readonly string[] => {
    const there = new Set(parts[part].labels);
    return classes.filter((_, place) => !there.has(place));
  };
  const unlearned = lackingIn('train');
  if (unlearned.length > 0) {
    throw new AmaasError(
      'INVALID_DATA',
      `train: all files of ${namesOf(unlearned)} are held out, so there is none to learn from; ` +
        'add files, hold out fewer, or group by something else',
    );
  }
  const untested = lackingIn('test');
  if (untested.length === 0) return [];
  const message = `no file of ${namesOf(untested)} is held out, so the report says nothing about ${
    untested.length === 1 ? 'it' : 'them'
  }; add files`;
  return [{ severity: 'warning', code: 'rare-class', message }];
}

function namesOf(classes: readonly string[]): string {
  return `${classes.length === 1 ? 'class' : 'classes'} ${listNames(classes.map((name) => `"${name}"`))}`;
}

function listNames(names: readonly string[]): string {
  const more = names.length > MAX_NAMED ? ` and ${names.length - MAX_NAMED} more` : '';
  return names.slice(0, MAX_NAMED).join(', ') + more;
}

/**
 * Media to be tested with, their classes in the order of a model's.
 * @throws INVALID_DATA for a class that is not among them, and as {@link readMedia}
 */
export async function readTestMedia<Value>(
  test: LabelledMedia<Value>,
  classes: readonly string[],
  options: MediaReadingOptions,
): Promise<{ readonly rows: MediaRows<Value>; readonly summary: MediaSummary }> {
  const places = test.classNames.map((name) => classes.indexOf(name));
  const unknown = test.classNames.find((_, place) => places[place] === -1);
  if (unknown !== undefined) {
    throw new AmaasError(
      'INVALID_DATA',
      `test: there are files of class "${unknown}", which the model does not know: there are ${listNames(classes.map((name) => `"${name}"`))}`,
    );
  }
  const { rows, summary } = await readMedia(test, options);
  return { rows: { ...rows, labels: rows.labels.map((label) => places[label] ?? 0) }, summary };
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
    `(${listNames(shared.flatMap((row) => test.files.slice(row, row + 1)).map(({ name }) => name))}), ` +
    'which flatters the result; remove duplicates';
  return [{ severity: 'warning', code: 'duplicate-rows', message, rows: shared.slice(0, 5) }];
}

/** Equal for equal bytes, and by 64 bits of hash for hardly any others. */
export function keyOfBytes(bytes: Uint8Array): string {
  let first = 0x811c9dc5;
  let second = 0x9747b28c;
  for (const byte of bytes) {
    // Two FNV-1a hashes from different starts, of different primes, else they would differ by a constant.
    first = Math.imul(first ^ byte, 0x01000193);
    second = Math.imul(second ^ byte, 0x5bd1e995);
    second ^= second >>> 13;
  }
  return `${bytes.length} ${first >>> 0} ${second >>> 0}`;
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
