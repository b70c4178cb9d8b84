// Numbers of a report as people read them, alike in the terminal and on the page.
import type { MetricName } from './metric-names.ts';
import type { BaselineComparison, MetricResult } from './report.ts';

/** What stands for a value that is undefined. */
export const NO_VALUE = '–';

/** Metrics in the units of the target, whose size is unknown. */
const IN_TARGET_UNITS: ReadonlySet<MetricName> = new Set<MetricName>([
  'rootMeanSquaredError',
  'meanSquaredError',
  'meanAbsoluteError',
]);

/** A metric's value: four decimals, four digits in the units of the target, per cent for MAPE. */
export function formatMetric(name: MetricName, value: number | null): string {
  if (value === null) return NO_VALUE;
  if (name === 'meanAbsolutePercentageError') return `${formatNumber(value * 100)} %`;
  return IN_TARGET_UNITS.has(name) ? formatNumber(value) : noMinusZero(value.toFixed(4));
}

/** `0.9356 … 0.9449`, or a dash. */
export function formatInterval({ name, interval }: Pick<MetricResult, 'name' | 'interval'>): string {
  if (interval === null) return NO_VALUE;
  return `${formatMetric(name, interval.lower)} … ${formatMetric(name, interval.upper)}`;
}

/** Four significant digits; very large and very small numbers as powers of ten. */
export function formatNumber(value: number): string {
  if (!Number.isFinite(value)) return NO_VALUE;
  if (value === 0) return '0';
  const size = Math.abs(value);
  if (size >= 1e7 || size < 1e-4) return value.toExponential(3).replace('e+', 'e');
  const rounded = Number(value.toPrecision(4));
  return size >= 1e4 ? grouped(rounded) : String(rounded);
}

/** A number of rows, or a sum of weights. */
export function formatCount(count: number): string {
  return grouped(Number(count.toFixed(2)));
}

/** `0.037`, `< 0.001`. */
export function formatPValue(pValue: number | null): string {
  if (pValue === null) return NO_VALUE;
  return pValue < 0.001 ? '< 0.001' : pValue.toFixed(3);
}

/** `95 %` */
export function formatPercent(share: number): string {
  return `${Number((share * 100).toFixed(1))} %`;
}

function grouped(value: number): string {
  const [whole = '', decimals] = String(value).split('.');
  const spaced = whole.replace(/\B(?=(\d{3})+$)/g, ',');
  return decimals === undefined ? spaced : `${spaced}.${decimals}`;
}

function noMinusZero(text: string): string {
  return /^-0\.?0*$/.test(text) ? text.slice(1) : text;
}

/** How a model stands to a baseline: "0.0279 above", and the interval of that distance, negative on the other side. */
export function formatComparison({ metric, difference, interval }: BaselineComparison): {
  readonly distance: string;
  readonly interval: string | null;
} {
  const apart = formatMetric(metric, Math.abs(difference));
  const side = difference > 0 ? `${apart} above` : `${apart} below`;
  const turned =
    interval !== null && difference < 0 ? { ...interval, lower: -interval.upper, upper: -interval.lower } : interval;
  return {
    distance: difference === 0 ? 'equal to' : side,
    interval: turned === null ? null : formatInterval({ name: metric, interval: turned }),
  };
}
