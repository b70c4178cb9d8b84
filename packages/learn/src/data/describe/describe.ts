// One look at all rows of a source: counts exactly, takes a sample for what would need all rows at once, and says what
// is wrong. Nothing here changes the data.
import { createRandom, quantileOfSorted } from '../../statistics/index.ts';
import type { DataFinding } from '../findings.ts';
import { limitsOfSorted, sortFinite } from '../outliers.ts';
import type { DataSource } from '../source.ts';
import {
  type Column,
  concatTables,
  createColumn,
  findColumn,
  refuseUnknownColumn,
  type Table,
  takeRows,
} from '../table/index.ts';
import { ColumnCounts, cellText } from './column-counts.ts';
import { checkColumns } from './column-findings.ts';
import { inferColumnType, meanTextLength } from './column-type.ts';
import type { ColumnSummary, ColumnType, NumberSummary, TableSummary, TargetTask } from './summary.ts';
import { describeTarget } from './target.ts';

export interface DescribeOptions {
  /** The column to predict; adds the checks of the target and of leakage into the features. */
  readonly target?: string;
  /** What to predict; inferred from the target when left out. */
  readonly task?: TargetTask;
  /** Overrules what columns were taken for, by name. */
  readonly types?: ReadonlyMap<string, ColumnType>;
  /** Decides which rows are sampled where not all are; default 0. */
  readonly seed?: string | number;
  /** Rows for quartiles and leakage; default 100,000, fewer for very many columns, so that they fit into memory. */
  readonly sampleRows?: number;
  /** Different values from which a categorical column is too wide for one-hot; default 1,000. */
  readonly manyCategories?: number;
  readonly signal?: AbortSignal;
}

const TOP_VALUES = 10;
const MAX_SAMPLE_ROWS = 100_000;
/** Cells of the sample, about 128 MB of numbers. */
const MAX_SAMPLE_CELLS = 2 ** 24;
/** Different values remembered, over all columns; the most that is of use in one column. */
const MAX_DISTINCT_TOTAL = 2_000_000;
const MAX_DISTINCT = 100_000;

/**
 * Kinds, counts, ranges, frequent values and everything suspicious in a source, read once.
 * @throws INVALID_DATA where `target` is no column; CANCELLED after `signal` aborts.
 */
export async function describeTable(source: DataSource, options: DescribeOptions = {}): Promise<TableSummary> {
  const { target } = options;
  if (target !== undefined && !source.fields.some((field) => field.name === target)) {
    refuseUnknownColumn(`describe ${source.name}`, target, source.fields);
  }
  const { counts, sample } = await readCounts(source, options);
  const columns = counts.map((count, index) => {
    // The sample has the source's columns in the source's order.
    const cells = sample.columns[index] ?? createColumn(count.field.name, count.field.kind, 0);
    return summarizeColumn(count, { cells, givenType: options.types?.get(count.field.name) });
  });
  const targetCounts = counts.find((count) => count.field.name === target);
  const targetView = targetCounts && describeTarget(targetCounts, options.task);
  const findings: DataFinding[] = [
    ...source.findings,
    ...checkColumns({
      source,
      counts,
      columns,
      sample,
      target: targetView && {
        task: targetView.summary.task,
        column: findColumn(sample, targetView.summary.name),
        name: targetView.summary.name,
      },
      manyCategories: options.manyCategories ?? 1000,
    }),
    ...(targetView?.findings ?? []),
  ];
  return {
    name: source.name,
    rowCount: source.rowCount,
    digest: source.digest,
    sampledRows: sample.rowCount,
    columns,
    ...(targetView === undefined ? {} : { target: targetView.summary }),
    findings,
  };
}

interface Counted {
  readonly counts: readonly ColumnCounts[];
  readonly sample: Table;
}

async function readCounts(source: DataSource, options: DescribeOptions): Promise<Counted> {
  const width = Math.max(1, source.fields.length);
  const distinctLimit = Math.max(1000, Math.min(MAX_DISTINCT, Math.floor(MAX_DISTINCT_TOTAL / width)));
  const counts = source.fields.map((field) => new ColumnCounts(field, distinctLimit));
  const most = Math.max(1000, Math.min(MAX_SAMPLE_ROWS, Math.floor(MAX_SAMPLE_CELLS / width)));
  const isSampled = createRowSampler(source.rowCount, {
    sampleRows: options.sampleRows ?? most,
    seed: options.seed ?? 0,
  });
  const sampled: Table[] = [];
  let row = 0;
  for await (const batch of source.read(options.signal === undefined ? {} : { signal: options.signal })) {
    batch.columns.forEach((column, index) => {
      counts[index]?.add(column);
    });
    const rows: number[] = [];
    for (let i = 0; i < batch.rowCount; i++) if (isSampled(row + i)) rows.push(i);
    sampled.push(rows.length === batch.rowCount ? batch : takeRows(batch, rows));
    row += batch.rowCount;
  }
  return { counts, sample: concatTables(sampled) };
}

/**
 * Chooses exactly `sampleRows` of the rows, asked for in order, every set of rows equally likely.
 * Source: Knuth, TAOCP volume 2, 3.4.2, algorithm S (selection sampling).
 */
function createRowSampler(
  rowCount: number,
  { sampleRows, seed }: { readonly sampleRows: number; readonly seed: string | number },
): (row: number) => boolean {
  if (rowCount <= sampleRows) return () => true;
  const random = createRandom(seed).fork('describe');
  let left = sampleRows;
  return (row) => {
    const isTaken = random.uniform() * (rowCount - row) < left;
    if (isTaken) left--;
    return isTaken;
  };
}

function summarizeColumn(
  counts: ColumnCounts,
  { cells, givenType }: { readonly cells: Column; readonly givenType: ColumnType | undefined },
): ColumnSummary {
  const { field } = counts;
  const type = givenType ?? inferColumnType(counts, cells);
  const numbers = summarizeNumbers(counts, cells);
  return {
    name: field.name,
    kind: field.kind,
    type,
    integer: field.integer,
    missingCount: counts.missingCount,
    distinctCount: counts.distinctCount,
    distinctIsExact: counts.distinctIsExact,
    topValues: counts.topValues(TOP_VALUES).map(([cell, count]) => ({ value: cellText(cell, field), count })),
    ...(numbers === undefined ? {} : { numbers }),
    ...(field.kind === 'string' ? { meanLength: meanTextLength(cells) } : {}),
  };
}

function summarizeNumbers({ moments }: ColumnCounts, cells: Column): NumberSummary | undefined {
  const sorted = sortFinite(cells);
  if (sorted.length === 0) return undefined;
  const { low, high } = limitsOfSorted(sorted, { kind: 'iqr', factor: 3 });
  return {
    min: moments.minimum,
    max: moments.maximum,
    mean: moments.mean,
    stdDev: moments.sampleStdDev,
    quartiles: [quantileOfSorted(sorted, 0.25), quantileOfSorted(sorted, 0.5), quantileOfSorted(sorted, 0.75)],
    outliers: { count: sorted.filter((value) => value < low || value > high).length, low, high },
  };
}
