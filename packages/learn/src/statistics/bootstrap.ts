// Bootstrap intervals for any statistic that can be computed with row weights: a resample is how often each row was
// drawn, so nothing is copied and a caller may sort once for all resamples.
// Source: Efron and Tibshirani, "An Introduction to the Bootstrap" (1993), chapters 13 and 14.
import { AmaasError } from '@amaas/core';
import { checkConfidence, DEFAULT_CONFIDENCE, type Interval } from './interval.ts';
import { normalCdf, normalQuantile } from './normal-distribution.ts';
import { quantileOfSorted } from './quantile.ts';
import type { Random } from './random.ts';

export interface BootstrapOptions {
  /** How many rows the sample has. */
  readonly rows: number;
  /**
   * The statistics of the sample when row i counts `weights[i]` times; always as many numbers, NaN where undefined.
   * The array is reused: read it, do not keep it.
   */
  readonly statistics: (weights: Float64Array) => ArrayLike<number>;
  readonly random: Random;
  /** Default {@link defaultResamples}. */
  readonly resamples?: number;
  /** Default 0.95. */
  readonly confidence?: number;
  /** Default `bca`: corrected for bias and skewness, and no worse than `percentile` where there is none. */
  readonly method?: 'percentile' | 'bca';
}

/** One statistic with its bootstrap interval. */
export interface BootstrapEstimate {
  /** The statistic of the sample itself; NaN where undefined. */
  readonly value: number;
  /** Null where the statistic is undefined for the sample or for half of the resamples or more. */
  readonly interval: Interval | null;
  /** Standard deviation of the statistic over the resamples. */
  readonly standardError: number;
  /** Resamples in which the statistic was undefined; they are left out. */
  readonly undefinedResamples: number;
  /** The statistic in the resamples where it was defined, ascending. */
  readonly replicates: Float64Array;
}

/** Rows are left out one by one for the acceleration up to this many, in this many blocks above: the estimate is as good and the cost stays bounded. */
const JACKKNIFE_BLOCKS = 200;

/** 1,000 (the ends of a 95 % interval then stand on 25 resamples each), fewer where 2e8 row visits would be passed, never below 200. */
export function defaultResamples(rows: number): number {
  return Math.max(200, Math.min(1000, Math.floor(2e8 / Math.max(1, rows))));
}

/** `replicates[statistic][resample]`, undefined ones as NaN. */
function drawReplicates(options: BootstrapOptions, count: number): readonly Float64Array[] {
  const { rows, statistics, random, resamples = defaultResamples(rows) } = options;
  if (!Number.isSafeInteger(resamples) || resamples < 2) {
    throw new AmaasError('INVALID_ARGUMENT', `bootstrap: resamples must be a whole number ≥ 2, got ${resamples}`);
  }
  const weights = new Float64Array(rows);
  const replicates = Array.from({ length: count }, () => new Float64Array(resamples));
  for (let resample = 0; resample < resamples; resample++) {
    weights.fill(0);
    for (let i = 0; i < rows; i++) {
      // Three times as quick as `integer`; its bias of rows / 2³² is far below what a bootstrap resolves.
      const drawn = Math.floor(random.uniform() * rows);
      weights[drawn] = (weights[drawn] ?? 0) + 1;
    }
    const values = statistics(weights);
    replicates.forEach((replicate, k) => {
      replicate[resample] = values[k] ?? Number.NaN;
    });
  }
  return replicates;
}

/**
 * Confidence intervals for several statistics of one sample from the same resamples.
 * Equal options and an equal state of `random` give equal intervals. Where the corrections of `bca` are undefined (all
 * resamples on one side of the value, or no variation) the interval is the `percentile` one and says so.
 * @throws INVALID_ARGUMENT on rows, resamples or confidence out of range.
 */
export function bootstrapIntervals(options: BootstrapOptions): readonly BootstrapEstimate[] {
  const { rows, statistics, confidence = DEFAULT_CONFIDENCE, method = 'bca' } = options;
  checkConfidence('bootstrap', confidence);
  if (!Number.isSafeInteger(rows) || rows < 1) {
    throw new AmaasError('INVALID_ARGUMENT', `bootstrap: rows must be a whole number ≥ 1, got ${rows}`);
  }
  const values = Array.from(statistics(new Float64Array(rows).fill(1)));
  const drawn = drawReplicates(options, values.length);
  const accelerations =
    method === 'bca' ? jackknifeAccelerations(options, values.length) : values.map(() => Number.NaN);
  return values.map((value, k): BootstrapEstimate => {
    const all = drawn[k] ?? new Float64Array();
    const replicates = all.filter((replicate) => !Number.isNaN(replicate)).sort();
    const undefinedResamples = all.length - replicates.length;
    const standardError = standardDeviation(replicates);
    if (Number.isNaN(value) || undefinedResamples * 2 >= all.length) {
      return { value, interval: null, standardError, undefinedResamples, replicates };
    }
    const acceleration = accelerations[k] ?? Number.NaN;
    const interval = intervalOf(replicates, { value, acceleration, confidence });
    return { value, interval, standardError, undefinedResamples, replicates };
  });
}

/** {@link bootstrapIntervals} for one statistic. */
export function bootstrapInterval(
  options: Omit<BootstrapOptions, 'statistics'> & { readonly statistic: (weights: Float64Array) => number },
): BootstrapEstimate {
  const { statistic, ...rest } = options;
  const [estimate] = bootstrapIntervals({ ...rest, statistics: (weights) => [statistic(weights)] });
  if (estimate === undefined) throw new AmaasError('INTERNAL', 'bootstrap: one statistic gave no estimate');
  return estimate;
}

/**
 * The estimate for a whole sample from that of a random part of it: what the whole has as its value, with deviations
 * shrunk as the square root of the number of rows. For samples so large that resampling all of them would take minutes.
 * Source: Politis and Romano (1994) on subsampling; it needs a statistic whose error falls with that root.
 */
export function extendEstimate(
  part: BootstrapEstimate,
  { value, partRows, rows }: { readonly value: number; readonly partRows: number; readonly rows: number },
): BootstrapEstimate {
  const factor = Math.sqrt(partRows / rows);
  const extend = (replicate: number): number => value + (replicate - part.value) * factor;
  const { interval } = part;
  return {
    value,
    interval:
      interval === null || Number.isNaN(value)
        ? null
        : { ...interval, lower: extend(interval.lower), upper: extend(interval.upper) },
    standardError: part.standardError * factor,
    undefinedResamples: part.undefinedResamples,
    replicates: part.replicates.map(extend),
  };
}

function intervalOf(
  sorted: Float64Array,
  { value, acceleration, confidence }: { value: number; acceleration: number; confidence: number },
): Interval {
  const tail = (1 - confidence) / 2;
  let [low, high] = [tail, 1 - tail];
  const bias = normalQuantile(shareBelow(sorted, value));
  // A stronger skew than that would turn the correction's direction round.
  const bounded = Math.abs(acceleration) * (Math.abs(bias) + normalQuantile(1 - tail)) < 1;
  const corrected = sorted[0] !== sorted.at(-1) && Number.isFinite(bias) && bounded;
  if (corrected) {
    const shift = (level: number): number => {
      const sum = bias + normalQuantile(level);
      return normalCdf(bias + sum / (1 - acceleration * sum));
    };
    [low, high] = [shift(low), shift(high)];
  }
  return {
    lower: quantileOfSorted(sorted, low),
    upper: quantileOfSorted(sorted, high),
    confidence,
    method: corrected ? 'bca' : 'percentile',
  };
}

/** Share of the resamples below `value`, those equal to it counting half. */
function shareBelow(sorted: Float64Array, value: number): number {
  let below = 0;
  for (const replicate of sorted) below += replicate < value ? 1 : replicate === value ? 0.5 : 0;
  return below / sorted.length;
}

/** One sixth of the skewness of the values with one block of rows left out, per statistic; NaN without variation. */
function jackknifeAccelerations({ rows, statistics, random }: BootstrapOptions, count: number): readonly number[] {
  const blocks = Math.min(rows, JACKKNIFE_BLOCKS);
  // Blocks of neighbouring rows would be wrong for sorted data.
  const order = random.fork('jackknife').shuffle(Uint32Array.from({ length: rows }, (_, row) => row));
  const weights = new Float64Array(rows).fill(1);
  const leftOut: number[][] = Array.from({ length: count }, () => []);
  for (let block = 0; block < blocks; block++) {
    const members = order.subarray(Math.floor((block * rows) / blocks), Math.floor(((block + 1) * rows) / blocks));
    for (const row of members) weights[row] = 0;
    const values = statistics(weights);
    for (let k = 0; k < count; k++) {
      const value = values[k] ?? Number.NaN;
      if (!Number.isNaN(value)) leftOut[k]?.push(value);
    }
    for (const row of members) weights[row] = 1;
  }
  return leftOut.map((values) => {
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    let squares = 0;
    let cubes = 0;
    for (const value of values) {
      squares += (mean - value) ** 2;
      cubes += (mean - value) ** 3;
    }
    return cubes / (6 * squares ** 1.5);
  });
}

function standardDeviation(values: Float64Array): number {
  if (values.length < 2) return Number.NaN;
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1));
}
