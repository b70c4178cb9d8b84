// Limits beyond which a number counts as an outlier, fitted on the training part alone, and what is done with such
// values. Clipping inside the served model is the preprocessing's business; it takes these limits.
import { AmaasError } from '@amaas/core';
import { quantileOfSorted } from '../statistics/index.ts';
import { type Column, createColumn, requireColumn, type Table } from './table/index.ts';

/**
 * How limits are found:
 * 'iqr': quartiles ∓ `factor` (default 1.5, Tukey's fence) × their distance;
 * 'robust-z': median ∓ `factor` (default 3.5, Iglewicz and Hoaglin) × 1.4826 × median absolute deviation;
 * 'quantile': the `share` (default 0.01) and 1 − `share` quantiles, which makes clipping to them winsorising.
 */
export type OutlierRule =
  | { readonly kind: 'iqr'; readonly factor?: number }
  | { readonly kind: 'robust-z'; readonly factor?: number }
  | { readonly kind: 'quantile'; readonly share?: number };

export interface OutlierLimits {
  readonly column: string;
  /** Smaller values are outliers; −Infinity where the column sets no limit. */
  readonly low: number;
  readonly high: number;
}

/**
 * 'keep' leaves outliers alone, 'clip' moves them to the limit, 'missing' takes their value away, 'drop' drops their
 * rows (from a training part only: a served row cannot be dropped).
 */
export type OutlierPolicy = 'keep' | 'clip' | 'missing' | 'drop';

/** Scales the median absolute deviation to the standard deviation of a normal distribution. */
const MAD_TO_STD_DEV = 1.4826;

/**
 * Limits of every column named, from its finite values. Columns whose middle half is one and the same value get no
 * limits from 'iqr' and 'robust-z': there, every other value would be an outlier.
 * @param table - the training part
 * @throws INVALID_DATA where a column is missing or has no numbers; INVALID_ARGUMENT on a factor or share out of range.
 */
export function fitOutlierLimits(
  table: Table,
  columns: readonly string[],
  rule: OutlierRule = { kind: 'iqr' },
): readonly OutlierLimits[] {
  return columns.map((name) => {
    const column = requireColumn(table, name);
    if (column.kind !== 'number') {
      throw new AmaasError('INVALID_DATA', `fitOutlierLimits: column "${name}" holds ${column.kind}s, not numbers`);
    }
    const sorted = sortFinite(column);
    if (sorted.length === 0) throw new AmaasError('INVALID_DATA', `fitOutlierLimits: column "${name}" has no value`);
    return { column: name, ...limitsOfSorted(sorted, rule) };
  });
}

/** The finite numbers of a column, ascending. */
export function sortFinite(column: Column): Float64Array {
  if (column.kind !== 'number' && column.kind !== 'timestamp') return new Float64Array(0);
  return column.values.filter((value, row) => column.valid[row] === 1 && Number.isFinite(value)).sort();
}

/** The limits of an ascending sample of at least one value. @throws INVALID_ARGUMENT as {@link fitOutlierLimits}. */
export function limitsOfSorted(
  sorted: Float64Array,
  rule: OutlierRule,
): { readonly low: number; readonly high: number } {
  switch (rule.kind) {
    case 'iqr': {
      const factor = checkFactor(rule.factor ?? 1.5);
      const first = quantileOfSorted(sorted, 0.25);
      const third = quantileOfSorted(sorted, 0.75);
      return around(first, third, factor * (third - first));
    }
    case 'robust-z': {
      const factor = checkFactor(rule.factor ?? 3.5);
      const median = quantileOfSorted(sorted, 0.5);
      const deviations = sorted.map((value) => Math.abs(value - median)).sort();
      return around(median, median, factor * MAD_TO_STD_DEV * quantileOfSorted(deviations, 0.5));
    }
    case 'quantile': {
      const share = rule.share ?? 0.01;
      if (!(share > 0 && share < 0.5)) {
        throw new AmaasError('INVALID_ARGUMENT', `fitOutlierLimits: share must lie between 0 and 0.5, got ${share}`);
      }
      return { low: quantileOfSorted(sorted, share), high: quantileOfSorted(sorted, 1 - share) };
    }
    default:
      return rule satisfies never;
  }
}

function around(low: number, high: number, distance: number): { readonly low: number; readonly high: number } {
  if (distance === 0) return { low: Number.NEGATIVE_INFINITY, high: Number.POSITIVE_INFINITY };
  return { low: low - distance, high: high + distance };
}

function checkFactor(factor: number): number {
  if (factor > 0 && Number.isFinite(factor)) return factor;
  throw new AmaasError('INVALID_ARGUMENT', `fitOutlierLimits: factor must be above 0, got ${factor}`);
}

/** Rows with a value outside the limits of some column, ascending. */
export function findOutlierRows(table: Table, limits: readonly OutlierLimits[]): Uint32Array {
  const columns = limits.map((limit) => ({ ...limit, cells: requireColumn(table, limit.column) }));
  const rows: number[] = [];
  for (let row = 0; row < table.rowCount; row++) {
    if (columns.some(({ cells, low, high }) => isOutside(cells, row, { low, high }))) rows.push(row);
  }
  return Uint32Array.from(rows);
}

/**
 * The table with 'clip' or 'missing' done to the columns that have limits; 'keep' gives it back as it is. For 'drop',
 * leave out {@link findOutlierRows}.
 */
export function treatOutliers(
  table: Table,
  limits: readonly OutlierLimits[],
  policy: Exclude<OutlierPolicy, 'drop'>,
): Table {
  if (policy === 'keep') return table;
  const byName = new Map(limits.map((limit) => [limit.column, limit]));
  const columns = table.columns.map((column) => {
    const limit = byName.get(column.name);
    if (limit === undefined || column.kind !== 'number') return column;
    const treated = createColumn(column.name, 'number', table.rowCount);
    for (let row = 0; row < table.rowCount; row++) {
      const value = column.values[row] ?? Number.NaN;
      if (column.valid[row] !== 1 || (policy === 'missing' && isOutside(column, row, limit))) continue;
      treated.valid[row] = 1;
      treated.values[row] = Math.min(Math.max(value, limit.low), limit.high);
    }
    return treated;
  });
  return { rowCount: table.rowCount, columns };
}

function isOutside(
  column: Column,
  row: number,
  { low, high }: { readonly low: number; readonly high: number },
): boolean {
  const value = column.values[row];
  return column.valid[row] === 1 && typeof value === 'number' && (value < low || value > high);
}
