// Training on more rows than memory holds: they come in chunks, epoch by epoch, and a window of them is shuffled at a time.
// The order depends on seed and epoch alone, not on how the rows are cut into chunks, so that a resumed training reads its
// way back to where it stood.
import { AmaasError } from '@amaas/core';
import type { Random } from '../statistics/index.ts';
import { type BatchLayout, type BatchSource, type EpochBatches, leadingAxes, stepFields } from './batches.ts';
import { assertExamples, assertRowTypes, type RowTypes } from './check-examples.ts';
import { countRows, type Examples, joinExamples, rowNumbers, selectExamples, sliceExamples } from './examples.ts';

/** Rows read anew for every epoch. */
export interface ExampleStream extends RowTypes {
  /** Rows of every epoch. */
  readonly rowCount: number;
  /** Rows held in memory and shuffled together; default 8192. */
  readonly bufferRows?: number;
  /** Says which data it is, so that a checkpoint of a training on other data is refused. */
  readonly digest?: string;
  /**
   * All rows of an epoch in chunks of any size, the same rows in the same order for the same epoch; chunks are taken over.
   */
  read(epoch: StreamEpoch): AsyncIterable<Examples> | Iterable<Examples>;
}

export interface StreamEpoch {
  /** 1 at the first. */
  readonly epoch: number;
  /** For the order of chunks; null when rows are to come as they lie. Depends on seed and epoch alone. */
  readonly random: Random | null;
  readonly signal: AbortSignal | undefined;
}

export interface StreamOptions {
  readonly random: Random | null;
  readonly signal: AbortSignal | undefined;
  /** Looks at every chunk before it is used. @throws INVALID_DATA */
  readonly check: (chunk: Examples) => void;
}

export const DEFAULT_BUFFER_ROWS = 8192;

export function isStream<T extends object>(examples: T | ExampleStream): examples is ExampleStream {
  return 'read' in examples;
}

/** @throws INVALID_DATA for counts that are none */
export function assertStream({ rowCount, bufferRows = DEFAULT_BUFFER_ROWS }: ExampleStream): void {
  for (const [name, value] of Object.entries({ rowCount, bufferRows })) {
    if (Number.isSafeInteger(value) && value >= 1) continue;
    throw new AmaasError(
      'INVALID_DATA',
      `fit: the stream's ${name} must be a whole number of at least 1, got ${value}`,
    );
  }
}

/** Batches of a stream. @throws INVALID_DATA from `next` when the stream does not keep what it announced */
export function batchesOfStream(stream: ExampleStream, layout: BatchLayout, options: StreamOptions): BatchSource {
  const stepsPerEpoch = Math.ceil(stream.rowCount / (layout.batchSize * layout.accumulate));
  return { stepsPerEpoch, open: (epoch, fromStep) => openEpoch({ stream, layout, options, epoch, fromStep }) };
}

interface EpochContext {
  readonly stream: ExampleStream;
  readonly layout: BatchLayout;
  readonly options: StreamOptions;
  readonly epoch: number;
  readonly fromStep: number;
}

function openEpoch(context: EpochContext): EpochBatches {
  const { stream, layout, fromStep } = context;
  const rowsPerStep = layout.batchSize * layout.accumulate;
  const windows = readWindows(context);
  let left = stream.rowCount - fromStep * rowsPerStep;
  let skip = fromStep * rowsPerStep;
  let window: Window | null = null;
  let used = 0;
  return {
    async next(count) {
      const parts: Examples[] = [];
      const size = count * rowsPerStep;
      const wanted = Math.min(size, left);
      for (let missing = wanted; missing > 0; ) {
        if (window === null || used === window.rows) {
          const next = await windows.next();
          if (next.done === true) throw new AmaasError('INTERNAL', 'stream: it ended unnoticed');
          window = next.value;
          used = Math.min(skip, window.rows);
          skip -= used;
          continue;
        }
        const taken = Math.min(missing, window.rows - used);
        parts.push(window.take(used, used + taken));
        used += taken;
        missing -= taken;
      }
      left -= wanted;
      // The last step is filled up with its own rows, which count nothing; which ones must not depend on the steps before.
      const lastRows = wanted - (count - 1) * rowsPerStep;
      const rows = Uint32Array.from({ length: size }, (_, row) =>
        row < wanted ? row : wanted - lastRows + ((row - wanted) % lastRows),
      );
      const joined = joinExamples(parts);
      const rowWeights = Float32Array.from(rows, (row, at) => (at < wanted ? (joined.weights?.[row] ?? 1) : 0));
      // Past the last row, so that a stream with more of them than announced is noticed.
      if (left === 0 && window !== null && used === window.rows) await windows.next();
      return stepFields(joined, rows, { rowWeights, leading: leadingAxes(count, layout) });
    },
    async close() {
      await windows.return(undefined);
    },
  };
}

/** Rows that are in memory together, in the order they are used in. */
interface Window {
  readonly rows: number;
  take(from: number, to: number): Examples;
}

async function* readWindows({ stream, options, epoch }: EpochContext): AsyncGenerator<Window, void> {
  const { random, signal } = options;
  const bufferRows = stream.bufferRows ?? DEFAULT_BUFFER_ROWS;
  const shuffle = random?.fork('shuffle', epoch) ?? null;
  let number = 0;
  const windowOf = (parts: readonly Examples[]): Window => {
    const examples = joinExamples(parts);
    const order = rowNumbers(countRows(examples));
    shuffle?.fork('window', number++).shuffle(order);
    return { rows: order.length, take: (from, to) => selectExamples(examples, order.subarray(from, to)) };
  };
  let parts: Examples[] = [];
  let held = 0;
  let total = 0;
  let chunks = 0;
  for await (const chunk of stream.read({ epoch, random: random?.fork('chunks', epoch) ?? null, signal })) {
    if (signal?.aborted) throw new AmaasError('CANCELLED', 'train: cancelled');
    const what = `fit: chunk ${chunks++} of epoch ${epoch}`;
    assertExamples(what, chunk);
    assertRowTypes(what, chunk, stream);
    checkChunk(what, chunk, options);
    const rows = countRows(chunk);
    total += rows;
    if (total > stream.rowCount) throw wrongCount(stream, `at least ${total}`, epoch);
    for (let from = 0; from < rows; ) {
      const to = Math.min(rows, from + bufferRows - held);
      parts.push(sliceExamples(chunk, from, to));
      held += to - from;
      from = to;
      if (held < bufferRows) continue;
      yield windowOf(parts);
      parts = [];
      held = 0;
    }
  }
  if (total !== stream.rowCount) throw wrongCount(stream, String(total), epoch);
  if (held > 0) yield windowOf(parts);
}

function checkChunk(what: string, chunk: Examples, { check }: StreamOptions): void {
  try {
    check(chunk);
  } catch (error) {
    if (error instanceof AmaasError) throw new AmaasError(error.reason, `${what}: ${error.message}`, { cause: error });
    throw error;
  }
}

function wrongCount({ rowCount }: ExampleStream, found: string, epoch: number): AmaasError {
  return new AmaasError(
    'INVALID_DATA',
    `fit: the stream announced ${rowCount} rows and gave ${found} in epoch ${epoch}; it must give the same rows every time`,
  );
}
