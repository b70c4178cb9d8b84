// Tables with more rows than memory should hold: a random part of the rows is read, and of all others those may be
// streamed to a training that no held-out row has anything in common with.
import { AmaasError } from '@amaas/core';
import {
  type DataFinding,
  type DataSource,
  readCell,
  readRows,
  readTable,
  requireColumn,
  type Split,
  type Table,
} from '../data/index.ts';
import { createRandom } from '../statistics/index.ts';

/** Cells of a table held in memory by default: about 2 GB while a training runs. */
const CELLS_IN_MEMORY = 2 ** 24;

export interface SampleOptions {
  /** Rows held in memory; default what makes 16,777,216 cells. */
  readonly maxRowsInMemory?: number;
  readonly seed?: string | number;
  readonly signal?: AbortSignal;
}

export interface SampledTable {
  readonly table: Table;
  /** The source's number of every row, ascending; null when the table is all of the source. */
  readonly rows: Uint32Array | null;
  readonly findings: readonly DataFinding[];
}

/** All rows of the source, or as many as may be held. @throws INVALID_ARGUMENT on a limit that is no number of rows */
export async function readSample(source: DataSource, options: SampleOptions): Promise<SampledTable> {
  const { seed = 0, signal } = options;
  const abort = signal === undefined ? {} : { signal };
  const { maxRowsInMemory: limit = Math.ceil(CELLS_IN_MEMORY / Math.max(1, source.fields.length)) } = options;
  if (!Number.isSafeInteger(limit) || limit < 1) {
    throw new AmaasError('INVALID_ARGUMENT', `train: maxRowsInMemory must be a whole number from 1, got ${limit}`);
  }
  if (source.rowCount <= limit) return { table: await readTable(source, abort), rows: null, findings: [] };
  const rows = drawRows(source.rowCount, limit, seed);
  const [all, some] = [source.rowCount, limit].map((count) => count.toLocaleString('en-US'));
  const message =
    `${source.name} has ${all} rows, of which a random ${some} are held in memory: what is made of the columns, ` +
    'validation and the report go by those; raise maxRowsInMemory where memory allows';
  return {
    table: await readRows(source, rows, abort),
    rows,
    findings: [{ severity: 'info', code: 'sampled', message }],
  };
}

/** So many of the numbers below `count`, each equally likely, ascending. Source: Knuth, selection sampling. */
function drawRows(count: number, wanted: number, seed: string | number): Uint32Array {
  const random = createRandom(seed).fork('rows in memory');
  const rows = new Uint32Array(wanted);
  for (let row = 0, taken = 0; taken < wanted; row++) {
    if (random.uniform() * (count - row) < wanted - taken) rows[taken++] = row;
  }
  return rows;
}

/** The rows that may be learned from, in the order in which they lie. */
export interface StreamedRows {
  readonly rowCount: number;
  /** Positions in a batch of the source. @param firstRow - the source's number of the batch's first row */
  keep(batch: Table, firstRow: number): Uint32Array;
}

export interface StreamedRowsOptions {
  readonly source: DataSource;
  readonly sample: SampledTable;
  readonly split: Split;
  readonly target: string;
  readonly groupBy: string | undefined;
  readonly timeBy: string | undefined;
  readonly signal: AbortSignal | undefined;
}

/**
 * All rows but the held-out ones, those without a target, those of a held-out group, and those as new as the oldest
 * held-out one. Reads the source once to count them. Null when the table is all of the source.
 */
export async function findStreamedRows(options: StreamedRowsOptions): Promise<StreamedRows | null> {
  const { source, sample, target, groupBy, timeBy, signal } = options;
  if (sample.rows === null) return null;
  const isHeldOut = heldOutRows(options, sample.rows);
  const keep = (batch: Table, firstRow: number): Uint32Array => {
    const { valid } = requireColumn(batch, target);
    const isOut = isHeldOut(batch, firstRow);
    return Uint32Array.from({ length: batch.rowCount }, (_, row) => row).filter(
      (row) => valid[row] === 1 && !isOut(row),
    );
  };
  const columns = [...new Set([target, groupBy, timeBy])].filter((name) => name !== undefined);
  let rowCount = 0;
  let firstRow = 0;
  for await (const batch of source.read({ columns, ...(signal === undefined ? {} : { signal }) })) {
    rowCount += keep(batch, firstRow).length;
    firstRow += batch.rowCount;
  }
  return { rowCount, keep };
}

/** Whether a row of a batch must not be learned from. */
type HeldOutTest = (batch: Table, firstRow: number) => (row: number) => boolean;

function heldOutRows({ sample, split, groupBy, timeBy }: StreamedRowsOptions, rows: Uint32Array): HeldOutTest {
  const held = [...split.validation, ...split.test];
  if (timeBy !== undefined) {
    const { values } = requireColumn(sample.table, timeBy);
    const oldest = held.reduce((least, row) => Math.min(least, Number(values[row])), Number.POSITIVE_INFINITY);
    return (batch) => {
      const own = requireColumn(batch, timeBy);
      return (row) => own.valid[row] !== 1 || Number(own.values[row]) >= oldest;
    };
  }
  const numbers = new Set(held.map((row) => rows[row]));
  if (groupBy === undefined) return (_, firstRow) => (row) => numbers.has(firstRow + row);
  const column = requireColumn(sample.table, groupBy);
  const groups = new Set(held.map((row) => readCell(column, row)));
  groups.delete(null); // a row without a group stands alone
  return (batch, firstRow) => {
    const own = requireColumn(batch, groupBy);
    return (row) => numbers.has(firstRow + row) || groups.has(readCell(own, row));
  };
}
