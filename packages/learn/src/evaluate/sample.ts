// A sample that can be measured again and again under other row weights: how the report gets intervals for every metric.
import { AmaasError } from '@amaas/core';
import {
  type BootstrapEstimate,
  bootstrapIntervals,
  comparisonOf,
  extendEstimate,
  type Interval,
  type PairedComparison,
  type Random,
} from '../statistics/index.ts';
import { weightedMean } from './check-rows.ts';
import { describeMetric, type MetricName } from './metric-names.ts';
import { type MetricResult, orNull } from './report.ts';

/** Rows with predictions, and the metrics they can be measured by. */
export interface MeasuredSample {
  readonly rows: number;
  /** The metrics {@link MeasuredSample.measure} gives, in its order. */
  readonly names: readonly MetricName[];
  /** Weights given with the data. */
  readonly weights: ArrayLike<number> | undefined;
  /** Values of `names` when row i counts `weights[i]` times; NaN where undefined. */
  measure(weights: ArrayLike<number> | undefined): readonly number[];
  /** The same metrics of some of the rows. */
  take(rows: Uint32Array): MeasuredSample;
  /** Intervals that have a better form than the bootstrap's, by name. */
  exactIntervals(confidence: number): ReadonlyMap<MetricName, Interval>;
}

export interface EstimationOptions {
  readonly confidence: number;
  readonly resamples: number;
  readonly random: Random;
}

export interface Estimation {
  readonly results: readonly MetricResult[];
  readonly warnings: readonly string[];
}

/** More rows are not resampled: the intervals come from that many drawn ones and are shrunk to all. */
export const MOST_RESAMPLED_ROWS = 50_000;

/** Values with their intervals. */
export function estimateMetrics(sample: MeasuredSample, options: EstimationOptions): Estimation {
  const estimates = estimateLarge(sample, options);
  const exact = sample.exactIntervals(options.confidence);
  const results = sample.names.map((name, k): MetricResult => {
    const { title, higherIsBetter } = describeMetric(name);
    const value = orNull(estimates[k]?.value ?? Number.NaN);
    const interval = value === null ? null : (exact.get(name) ?? possibleInterval(estimates[k], higherIsBetter));
    return { name, title, higherIsBetter, value, interval };
  });
  return { results, warnings: warnings(results, estimates) };
}

/** The values alone. */
export function measureOnce(
  sample: MeasuredSample,
): readonly { readonly name: MetricName; readonly value: number | null }[] {
  const values = sample.measure(sample.weights);
  return sample.names.map((name, k) => ({ name, value: orNull(values[k] ?? Number.NaN) }));
}

/** Two models' values per row, and the metric their means make. */
export interface PerRowValues {
  readonly first: Float64Array;
  readonly second: Float64Array;
  readonly weights: ArrayLike<number> | undefined;
  /** From the mean over the rows to the metric. */
  readonly metricOfMean: (mean: number) => number;
}

/** First minus second on the same rows, with interval and two-sided p-value. */
export function compareRows(values: PerRowValues, options: EstimationOptions): PairedComparison {
  const [estimate] = estimateLarge(differenceOf(values), options);
  if (estimate === undefined) throw new AmaasError('INTERNAL', 'compareRows: the bootstrap gave no estimate');
  return comparisonOf(estimate);
}

/** What can be resampled, in part where it is too large. */
type Resampled = Pick<MeasuredSample, 'rows' | 'weights' | 'measure'> & { take(rows: Uint32Array): Resampled };

function differenceOf({ first, second, weights, metricOfMean }: PerRowValues): Resampled {
  return {
    rows: first.length,
    weights,
    measure: (under) => [metricOfMean(weightedMean(first, under)) - metricOfMean(weightedMean(second, under))],
    take: (rows) =>
      differenceOf({
        first: takeRows(first, rows),
        second: takeRows(second, rows),
        weights: weights === undefined ? undefined : takeRows(weights, rows),
        metricOfMean,
      }),
  };
}

function estimateLarge(sample: Resampled, options: EstimationOptions): readonly BootstrapEstimate[] {
  const { rows } = sample;
  if (rows <= MOST_RESAMPLED_ROWS) return estimateAll(sample, options);
  const all = Uint32Array.from({ length: rows }, (_, row) => row);
  const drawn = options.random.fork('large').shuffle(all).subarray(0, MOST_RESAMPLED_ROWS).sort();
  const values = sample.measure(sample.weights);
  return estimateAll(sample.take(drawn), options).map((part, k) =>
    extendEstimate(part, { value: values[k] ?? Number.NaN, partRows: drawn.length, rows }),
  );
}

function estimateAll(sample: Resampled, options: EstimationOptions): readonly BootstrapEstimate[] {
  return bootstrapIntervals({
    ...options,
    rows: sample.rows,
    statistics: underWeights(sample.weights, sample.rows, (weights) => sample.measure(weights)),
  });
}

/** The elements at the given rows. */
export function takeRows(values: ArrayLike<number>, rows: ArrayLike<number>): Float64Array {
  return Float64Array.from({ length: rows.length }, (_, i) => values[rows[i] ?? 0] ?? 0);
}

/** `measure` under a resample's counts times the weights given with the data. */
function underWeights<T>(
  given: ArrayLike<number> | undefined,
  rows: number,
  measure: (weights: Float64Array) => T,
): (counts: Float64Array) => T {
  if (given === undefined) return measure;
  const product = new Float64Array(rows);
  return (counts) => {
    for (let row = 0; row < rows; row++) product[row] = (counts[row] ?? 0) * (given[row] ?? 0);
    return measure(product);
  };
}

/** Shrinking from a part to the whole may pass the best value a metric has: 1, or no loss. */
function possibleInterval(estimate: BootstrapEstimate | undefined, higherIsBetter: boolean): Interval | null {
  const interval = estimate?.interval ?? null;
  if (interval === null || !Number.isFinite(interval.lower) || !Number.isFinite(interval.upper)) return null;
  return higherIsBetter
    ? { ...interval, upper: Math.min(1, interval.upper) }
    : { ...interval, lower: Math.max(0, interval.lower) };
}

function warnings(results: readonly MetricResult[], estimates: readonly BootstrapEstimate[]): readonly string[] {
  const flat = results.filter(({ interval }) => interval !== null && interval.lower === interval.upper);
  const often = results.filter(({ interval }, k) => {
    const { undefinedResamples = 0, replicates } = estimates[k] ?? {};
    return (
      interval !== null &&
      replicates !== undefined &&
      undefinedResamples > 0.05 * (replicates.length + undefinedResamples)
    );
  });
  const list = (metrics: readonly MetricResult[]): string => metrics.map(({ title }) => title).join(', ');
  return [
    ...(flat.length === 0
      ? []
      : [
          `No resample changed ${list(flat)}: an interval without width says that the rows are too few or too easy, not that the value is certain.`,
        ]),
    ...(often.length === 0
      ? []
      : [
          `${list(often)}: undefined in more than 5 % of the resamples, because a class is rare; the interval leaves them out.`,
        ]),
  ];
}
