// Counts of values in bins of equal width.
import { AmaasError } from '@amaas/core';
import { quantileOfSorted } from './quantile.ts';

export interface Histogram {
  /** One more than bins, ascending; a bin holds its lower edge but not its upper one, the last bin holds both. */
  readonly edges: readonly number[];
  readonly counts: readonly number[];
  /** Values below the first or above the last edge. */
  readonly outside: number;
  /** NaN and infinities. */
  readonly notFinite: number;
}

export interface HistogramOptions {
  /** Default: by the data, see {@link suggestBins}. */
  readonly bins?: number;
  /** Lowest and highest edge; default: the smallest and largest finite value. */
  readonly range?: readonly [number, number];
}

/** More bins than that cannot be told apart in a plot. */
const MAX_BINS = 100;

/**
 * Counts values in bins.
 * @throws INVALID_ARGUMENT when bins is not a whole number ≥ 1 or the range does not ascend; INVALID_DATA when no
 * value is finite and no range is given.
 */
export function computeHistogram(values: ArrayLike<number>, options: HistogramOptions = {}): Histogram {
  const finite = Float64Array.from(values).filter(Number.isFinite).sort();
  const [lowest, highest] = options.range ?? [finite[0], finite.at(-1)];
  if (lowest === undefined || highest === undefined) {
    throw new AmaasError('INVALID_DATA', 'histogram: expects at least one finite value, got none');
  }
  if (!Number.isFinite(lowest) || !Number.isFinite(highest) || lowest > highest) {
    throw new AmaasError('INVALID_ARGUMENT', `histogram: range must ascend, got ${lowest} … ${highest}`);
  }
  const bins = options.bins ?? suggestBins(finite);
  if (!Number.isSafeInteger(bins) || bins < 1) {
    throw new AmaasError('INVALID_ARGUMENT', `histogram: bins must be a whole number ≥ 1, got ${bins}`);
  }
  // One repeated value gets a bin around it, half a unit to each side.
  const [low, high] = lowest < highest ? [lowest, highest] : [lowest - 0.5, highest + 0.5];
  const edges = Array.from({ length: bins + 1 }, (_, i) => (i === bins ? high : low + ((high - low) * i) / bins));
  const counts = new Array<number>(bins).fill(0);
  let outside = 0;
  for (const value of finite) {
    if (value < low || value > high) outside++;
    else {
      const bin = binOf(value, edges);
      counts[bin] = (counts[bin] ?? 0) + 1;
    }
  }
  return { edges, counts, outside, notFinite: values.length - finite.length };
}

/**
 * Bins for an ascending sample of finite values: the more of what Freedman–Diaconis and Sturges ask for, at most 100.
 * Source: NumPy's rule `auto`.
 */
export function suggestBins(sorted: ArrayLike<number>): number {
  const rows = sorted.length;
  if (rows === 0) return 1;
  const width = (sorted[rows - 1] ?? 0) - (sorted[0] ?? 0);
  const spread = quantileOfSorted(sorted, 0.75) - quantileOfSorted(sorted, 0.25);
  const freedmanWidth = (2 * spread) / Math.cbrt(rows);
  const sturgesWidth = width / (Math.log2(rows) + 1);
  const binWidth = freedmanWidth > 0 ? Math.min(freedmanWidth, sturgesWidth) : sturgesWidth;
  return binWidth > 0 ? Math.min(MAX_BINS, Math.ceil(width / binWidth)) : 1;
}

function binOf(value: number, edges: readonly number[]): number {
  const bins = edges.length - 1;
  const low = edges[0] ?? 0;
  const high = edges[bins] ?? 0;
  let bin = Math.min(bins - 1, Math.floor(((value - low) / (high - low)) * bins));
  // The division rounds; the edges decide.
  if (value < (edges[bin] ?? low)) bin--;
  else if (bin < bins - 1 && value >= (edges[bin + 1] ?? high)) bin++;
  return bin;
}
