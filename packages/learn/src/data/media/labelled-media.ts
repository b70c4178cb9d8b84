// The port of labelled media: files that are read and decoded one by one, in batches, in any order, again every epoch.
// Where the bytes come from (a disk, an archive, a browser's file list) is the adapter's business; what they become is the
// decoder's. Holds no file in memory beyond the batch under way.
import { AmaasError } from '@amaas/core';

/** One file and its class. */
export interface MediaFile {
  /** Its path below the source, with forward slashes; names it in messages and in the digest. */
  readonly name: string;
  readonly label: string;
  read(signal?: AbortSignal): Promise<Uint8Array>;
}

/** Bytes to a value. @throws an AmaasError with the code INVALID_ARGUMENT or OUT_OF_RANGE for a file that is no such medium */
export type MediaDecoder<Value> = (bytes: Uint8Array, name: string, signal?: AbortSignal) => Promise<Value> | Value;

export interface MediaBatch<Value> {
  readonly values: readonly Value[];
  /** Class of each value, as its place in {@link LabelledMedia.classNames}. */
  readonly labels: Int32Array;
  /** Place of each value's file in {@link LabelledMedia.files}. */
  readonly indices: Int32Array;
}

export interface MediaReadOptions {
  /** Values per batch, ≥ 1; the last batch may have fewer. */
  readonly batchSize: number;
  /** Files to read, by their place, in this order; default all, in theirs. */
  readonly order?: ArrayLike<number>;
  /** What a file that cannot be decoded does; default `fail`, so that nothing is left out unasked. */
  readonly whenCorrupt?: 'fail' | 'skip';
  /** Files read and decoded at once; default 4, as many as Node has threads for it. */
  readonly parallel?: number;
  readonly signal?: AbortSignal;
}

/** A file that was left out, and why. */
export interface SkippedFile {
  readonly name: string;
  readonly message: string;
}

/** One pass over files: iterate it once; {@link MediaReading.skipped} grows meanwhile. */
export interface MediaReading<Value> extends AsyncIterable<MediaBatch<Value>> {
  readonly skipped: readonly SkippedFile[];
}

export interface LabelledMedia<Value> {
  readonly kind: 'image' | 'audio' | 'text';
  /** Sorted: as numbers where all are whole numbers, else by code unit, so the same on every machine. */
  readonly classNames: readonly string[];
  /** Sorted by name. */
  readonly files: readonly MediaFile[];
  /** Class of each file, as its place in `classNames`. */
  readonly labels: Int32Array;
  /** Decodes one file. @throws INVALID_DATA naming a file that cannot be decoded, CANCELLED, and what reading throws */
  load(index: number, signal?: AbortSignal): Promise<Value>;
  /**
   * Streams files in batches. Few more files than one batch holds are in memory at a time.
   * @throws from the iteration: INVALID_DATA for a corrupt file unless such are skipped, and when nothing is left; CANCELLED.
   */
  read(options: MediaReadOptions): MediaReading<Value>;
  /** SHA-256 over names, labels and contents of all files, as hex: what a training run is told apart by. */
  computeDigest(signal?: AbortSignal): Promise<string>;
}

export interface LabelledMediaParts<Value> {
  readonly kind: LabelledMedia<Value>['kind'];
  readonly files: readonly MediaFile[];
  readonly decode: MediaDecoder<Value>;
  /** Order of the classes where it means something; default sorted. */
  readonly classNames?: readonly string[];
}

const DEFAULT_PARALLEL = 4;

/**
 * Labelled media of these files.
 * @throws INVALID_DATA when there are none, two have one name, or a label is not among given class names.
 */
export function createLabelledMedia<Value>(parts: LabelledMediaParts<Value>): LabelledMedia<Value> {
  const { kind, decode } = parts;
  const files = parts.files.toSorted((a, b) => compareText(a.name, b.name));
  if (files.length === 0) throw new AmaasError('INVALID_DATA', `${kind}: there are no files to learn from`);
  const twice = files.find((file, at) => file.name === files[at + 1]?.name);
  if (twice !== undefined) throw new AmaasError('INVALID_DATA', `${kind}: there are two files "${twice.name}"`);
  const classNames = parts.classNames ?? sortClassNames(files.map((file) => file.label));
  const places = new Map(classNames.map((name, place) => [name, place]));
  const labels = Int32Array.from(files, ({ name, label }) => {
    const place = places.get(label);
    if (place !== undefined) return place;
    throw new AmaasError('INVALID_DATA', `${kind}: "${name}" is of class "${label}", which is not among the classes`);
  });
  const load = async (index: number, signal?: AbortSignal): Promise<Value> => {
    const file = files[index];
    if (file === undefined)
      throw new AmaasError('INVALID_DATA', `${kind}: there is no file ${index}; there are ${files.length}`);
    throwIfAborted(kind, signal);
    const bytes = await file.read(signal);
    try {
      return await decode(bytes, file.name, signal);
    } catch (thrown) {
      throw corruption(kind, file.name, thrown);
    }
  };
  return {
    kind,
    classNames,
    files,
    labels,
    load,
    read: (options) => readBatches({ kind, labels, load, files }, options),
    computeDigest: (signal) => computeDigest(kind, files, signal),
  };
}

/** Class names without doubles: in numeric order where all are whole numbers, else by code unit. */
export function sortClassNames(labels: Iterable<string>): readonly string[] {
  const names = [...new Set(labels)];
  const areNumbers = names.every((name) => /^(0|[1-9][0-9]{0,14})$/.test(name));
  return names.sort(areNumbers ? (a, b) => Number(a) - Number(b) : compareText);
}

interface Source<Value> {
  readonly kind: string;
  readonly files: readonly MediaFile[];
  readonly labels: Int32Array;
  readonly load: (index: number, signal?: AbortSignal) => Promise<Value>;
}

function readBatches<Value>(source: Source<Value>, options: MediaReadOptions): MediaReading<Value> {
  const { batchSize, parallel = DEFAULT_PARALLEL } = options;
  for (const [name, value] of Object.entries({ batchSize, parallel })) {
    if (!Number.isSafeInteger(value) || value < 1)
      throw new AmaasError('INVALID_DATA', `${source.kind}: ${name} must be a whole number ≥ 1, got ${value}`);
  }
  const { order } = options;
  for (let at = 0; at < (order?.length ?? 0); at++) {
    const index = order?.[at] ?? -1;
    if (source.files[index] === undefined)
      throw new AmaasError(
        'INVALID_DATA',
        `${source.kind}: there is no file ${index}; there are ${source.files.length}`,
      );
  }
  const skipped: SkippedFile[] = [];
  return { skipped, [Symbol.asyncIterator]: () => iterate(source, { ...options, parallel }, skipped) };
}

async function* iterate<Value>(
  source: Source<Value>,
  options: MediaReadOptions & { readonly parallel: number },
  skipped: SkippedFile[],
): AsyncGenerator<MediaBatch<Value>> {
  const { batchSize, whenCorrupt = 'fail' } = options;
  let values: Value[] = [];
  let indices: number[] = [];
  let total = 0;
  const batch = (): MediaBatch<Value> => {
    const full = {
      values,
      indices: Int32Array.from(indices),
      labels: Int32Array.from(indices, (at) => source.labels[at] ?? 0),
    };
    values = [];
    indices = [];
    return full;
  };
  for await (const { index, result } of loadInOrder(source, options)) {
    if (!result.isCorrupt) {
      values.push(result.value);
      indices.push(index);
      total++;
      if (values.length === batchSize) yield batch();
    } else if (whenCorrupt === 'fail') throw result.error;
    else skipped.push({ name: source.files[index]?.name ?? '', message: result.error.message });
  }
  if (values.length > 0) yield batch();
  if (total === 0 && skipped.length > 0) {
    throw new AmaasError(
      'INVALID_DATA',
      `${source.kind}: none of ${skipped.length} files could be read; the first: ${skipped[0]?.message}`,
    );
  }
}

type Loaded<Value> =
  | { readonly isCorrupt: false; readonly value: Value }
  | { readonly isCorrupt: true; readonly error: AmaasError };

/** Loads ahead, a few at once, and gives the results in order. What is under way when the caller stops is awaited. */
async function* loadInOrder<Value>(
  source: Source<Value>,
  options: MediaReadOptions & { readonly parallel: number },
): AsyncGenerator<{ readonly index: number; readonly result: Loaded<Value> }> {
  const { signal, parallel } = options;
  const order = options.order ?? Array.from(source.files.keys());
  const underWay: { readonly index: number; readonly loading: Promise<Loaded<Value>> }[] = [];
  let next = 0;
  try {
    for (;;) {
      for (; underWay.length < parallel && next < order.length; next++) {
        const index = order[next] ?? -1;
        const loading = source.load(index, signal).then<Loaded<Value>, Loaded<Value>>(
          (value) => ({ isCorrupt: false, value }),
          (error: unknown) => {
            if (error instanceof AmaasError && isCorruption(error)) return { isCorrupt: true, error };
            throw error;
          },
        );
        loading.catch(() => {}); // awaited below, in its turn
        underWay.push({ index, loading });
      }
      const first = underWay.shift();
      if (first === undefined) return;
      const result = await first.loading;
      throwIfAborted(source.kind, signal);
      yield { index: first.index, result };
    }
  } finally {
    await Promise.allSettled(underWay.map(({ loading }) => loading));
  }
}

/** Whether an error says that a file's contents are at fault, rather than the machine or the caller. */
function isCorruption(error: AmaasError): boolean {
  return error.code === 'INVALID_ARGUMENT' || error.code === 'OUT_OF_RANGE';
}

/** A decoder's complaint as INVALID_DATA that names the file; anything else unchanged. */
function corruption(kind: string, name: string, thrown: unknown): unknown {
  if (!(thrown instanceof AmaasError) || !isCorruption(thrown)) return thrown;
  const message = thrown.message.includes(name) ? thrown.message : `${kind}: ${name}: ${thrown.message}`;
  return new AmaasError('INVALID_DATA', message, { cause: thrown, details: { file: name } });
}

function throwIfAborted(kind: string, signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new AmaasError('CANCELLED', `${kind}: reading was called off`);
}

/** By UTF-16 code unit: no locale decides the order. */
function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

async function computeDigest(kind: string, files: readonly MediaFile[], signal?: AbortSignal): Promise<string> {
  const lines: string[] = [];
  for (const { name, label, read } of files) {
    throwIfAborted(kind, signal);
    lines.push(JSON.stringify([name, label, await sha256(await read(signal))]));
  }
  return sha256(new TextEncoder().encode(lines.join('\n')));
}

async function sha256(bytes: Uint8Array): Promise<string> {
  // The platform's types want a plain buffer behind the bytes; a shared one is read all the same.
  const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes as Uint8Array<ArrayBuffer>));
  return Array.from(hash, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
