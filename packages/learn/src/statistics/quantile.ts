// Quantiles of samples by linear interpolation between order statistics.
// Source: Hyndman and Fan, "Sample Quantiles in Statistical Packages" (1996), type 7; NumPy's default.
import { AmaasError } from '@amaas/core';

/**
 * The quantile of an ascending sample.
 * @param level - 0 … 1
 * @throws INVALID_DATA on an empty sample; INVALID_ARGUMENT on a level outside 0 … 1.
 */
export function quantileOfSorted(sorted: ArrayLike<number>, level: number): number {
  if (sorted.length === 0) throw new AmaasError('INVALID_DATA', 'quantile: expects at least one value, got none');
  if (!(level >= 0 && level <= 1)) {
    throw new AmaasError('INVALID_ARGUMENT', `quantile: level must lie in 0 … 1, got ${level}`);
  }
  const position = level * (sorted.length - 1);
  const below = Math.floor(position);
  const low = sorted[below] ?? Number.NaN;
  const high = sorted[below + 1] ?? low;
  const share = position - below;
  // Equal neighbours are given back as they are: infinity − infinity would be NaN.
  return low === high ? low : low + share * (high - low);
}

/**
 * Quantiles of a sample in any order; the sample is left as it is.
 * @param levels - each 0 … 1
 * @throws INVALID_DATA when the sample is empty or holds NaN; INVALID_ARGUMENT on a level outside 0 … 1.
 */
export function computeQuantiles(values: ArrayLike<number>, levels: readonly number[]): readonly number[] {
  const sorted = Float64Array.from(values).sort();
  // Sorting puts NaN last.
  if (Number.isNaN(sorted.at(-1) ?? 0)) throw new AmaasError('INVALID_DATA', 'quantile: the values contain NaN');
  return levels.map((level) => quantileOfSorted(sorted, level));
}

/** The 0.5 quantile. @throws INVALID_DATA when the sample is empty or holds NaN. */
export function computeMedian(values: ArrayLike<number>): number {
  const [median = Number.NaN] = computeQuantiles(values, [0.5]);
  return median;
}
