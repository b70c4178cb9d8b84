// Two models on the same rows: how far apart they are, and whether that may be chance.
import { type BootstrapEstimate, type BootstrapOptions, bootstrapInterval } from './bootstrap.ts';
import type { Interval } from './interval.ts';

export interface PairedComparison {
  /** First minus second. */
  readonly difference: number;
  readonly interval: Interval | null;
  /** Two-sided: how often a resampled difference lies on the other side of zero, doubled; never 0. NaN where undefined. */
  readonly pValue: number;
}

export interface PairedOptions extends Omit<BootstrapOptions, 'statistics'> {
  /** The first and the second model's value when row i counts `weights[i]` times. */
  readonly pair: (weights: Float64Array) => readonly [number, number];
}

/**
 * Compares two models by bootstrapping the rows, the same rows for both.
 * @throws INVALID_ARGUMENT on rows, resamples or confidence out of range.
 */
export function comparePaired({ pair, ...options }: PairedOptions): PairedComparison {
  return comparisonOf(
    bootstrapInterval({
      ...options,
      statistic: (weights) => {
        const [first, second] = pair(weights);
        return first - second;
      },
    }),
  );
}

/** The comparison that the bootstrap estimate of a difference makes. */
export function comparisonOf({ value, interval, replicates }: BootstrapEstimate): PairedComparison {
  let atMostZero = 0;
  let atLeastZero = 0;
  for (const replicate of replicates) {
    if (replicate <= 0) atMostZero++;
    if (replicate >= 0) atLeastZero++;
  }
  const oneSided = (1 + Math.min(atMostZero, atLeastZero)) / (1 + replicates.length);
  return { difference: value, interval, pValue: interval === null ? Number.NaN : Math.min(1, 2 * oneSided) };
}
