// Parts of the evaluated rows, by the values of a column, and whether the model is worse on one than chance explains.
import { AmaasError } from '@amaas/core';
import { computeQuantiles, fisherTest, holmAdjust, permutationTest, type Random } from '../statistics/index.ts';

/** Some of the rows, under a name for people. */
export interface Slice {
  readonly name: string;
  /** Row indices, each once. */
  readonly rows: ArrayLike<number>;
}

/** Values beyond that are put together: a table of hundreds of slices is not read, and finds less (Holm). */
const MAX_VALUES = 30;

/**
 * One slice per value of a column, the most frequent first; beyond 30 values the rest becomes one slice.
 * @param values - one per row; null, undefined and NaN are missing
 */
export function slicesByValue(
  column: string,
  values: ArrayLike<string | number | bigint | boolean | null | undefined>,
): readonly Slice[] {
  const rowsOf = new Map<string, number[]>();
  for (let row = 0; row < values.length; row++) {
    const value = values[row];
    const isMissing = value === null || value === undefined || Number.isNaN(value);
    const name = `${column} ${isMissing ? 'is missing' : `= ${value}`}`;
    const known = rowsOf.get(name);
    if (known === undefined) rowsOf.set(name, [row]);
    else known.push(row);
  }
  const byFrequency = [...rowsOf].sort(([, a], [, b]) => b.length - a.length);
  const shown = byFrequency.length > MAX_VALUES ? byFrequency.slice(0, MAX_VALUES - 1) : byFrequency;
  const rest = byFrequency.slice(shown.length).flatMap(([, rows]) => rows);
  const slices = shown.map(([name, rows]) => ({ name, rows: Int32Array.from(rows) }));
  if (rest.length === 0) return slices;
  const name = `${column}: ${byFrequency.length - shown.length} rarer values`;
  return [...slices, { name, rows: Int32Array.from(rest).sort() }];
}

/**
 * Slices of a number column between its quantiles, about equally large; equal values stay together.
 * @param values - one per row; what is not finite makes a slice of its own
 * @param parts - default 4
 */
export function slicesByRange(column: string, values: ArrayLike<number>, parts = 4): readonly Slice[] {
  if (!Number.isSafeInteger(parts) || parts < 1) {
    throw new AmaasError('INVALID_ARGUMENT', `slicesByRange: parts must be a whole number ≥ 1, got ${parts}`);
  }
  const all = Int32Array.from({ length: values.length }, (_, row) => row);
  const missing = all.filter((row) => !Number.isFinite(values[row]));
  const finite = all.filter((row) => Number.isFinite(values[row]));
  const slices: Slice[] = [];
  if (finite.length > 0) {
    const present = Float64Array.from(finite, (row) => values[row] ?? 0);
    const levels = Array.from({ length: parts + 1 }, (_, i) => i / parts);
    const edges = [...new Set(computeQuantiles(present, levels))];
    const [first = 0] = edges;
    const ends = edges.length === 1 ? edges : edges.slice(1);
    ends.forEach((end, i) => {
      const start = i === 0 ? Number.NEGATIVE_INFINITY : (ends[i - 1] ?? first);
      const rows = finite.filter((row) => (values[row] ?? 0) > start && (values[row] ?? 0) <= end);
      const name =
        i === 0 ? `${column} ${short(first)} … ${short(end)}` : `${column} over ${short(start)} … ${short(end)}`;
      if (rows.length > 0) slices.push({ name, rows });
    });
  }
  if (missing.length > 0) slices.push({ name: `${column} is missing`, rows: missing });
  return slices;
}

/** What makes one slice's loss comparable with the other rows'. */
export interface SliceLosses {
  /** Loss of every row; 0 or 1 for a classifier. */
  readonly losses: Float64Array;
  readonly weights: ArrayLike<number> | undefined;
  /** Whether the losses are 0 and 1 only: an exact test exists then. */
  readonly areErrors: boolean;
  readonly random: Random;
  /** p-values below this count as findings. */
  readonly level: number;
}

/** p-values of "no worse than chance", one-sided, corrected for the number of slices. */
export function testSlices(slices: readonly Slice[], options: SliceLosses): readonly number[] {
  return holmAdjust(slices.map((slice) => testSlice(slice, { ...options, slices: slices.length })));
}

function testSlice(
  { name, rows }: Slice,
  { losses, weights, areErrors, random, level, slices }: SliceLosses & { readonly slices: number },
): number {
  if (rows.length === losses.length) return 1; // nothing to compare it with
  if (areErrors && weights === undefined) {
    let failures = 0;
    for (let i = 0; i < rows.length; i++) failures += losses[rows[i] ?? 0] ?? 0;
    const all = losses.reduce((sum, loss) => sum + loss, 0);
    return fisherTest({
      failures,
      trials: rows.length,
      otherFailures: all - failures,
      otherTrials: losses.length - rows.length,
    });
  }
  // Enough draws that a clear case passes Holm's strictest bound five times over.
  const maxDraws = Math.ceil((5 * slices) / level) + 1000;
  return permutationTest({ losses, weights, group: rows, random: random.fork('slice', name), maxDraws });
}

/** @throws INVALID_ARGUMENT when a slice is empty, repeats a row or names one that does not exist. */
export function checkSlices(operation: string, slices: readonly Slice[], rows: number): void {
  for (const slice of slices) {
    if (slice.rows.length === 0) {
      throw new AmaasError('INVALID_ARGUMENT', `${operation}: slice "${slice.name}" has no rows`);
    }
    const seen = new Uint8Array(rows);
    for (let i = 0; i < slice.rows.length; i++) {
      const row = slice.rows[i] ?? -1;
      if (!Number.isInteger(row) || row < 0 || row >= rows || seen[row] === 1) {
        const problem = seen[row] === 1 ? ' twice' : `, which is none of the ${rows} rows`;
        throw new AmaasError('INVALID_ARGUMENT', `${operation}: slice "${slice.name}" names row ${row}${problem}`);
      }
      seen[row] = 1;
    }
  }
}

function short(value: number): string {
  return String(Number(value.toPrecision(4)));
}
