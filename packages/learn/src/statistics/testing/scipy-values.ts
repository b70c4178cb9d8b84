// Values of SciPy 1.17.1 and NumPy 2.4.6, made once: `sample` is rounded log-normal noise of 30 values, `other` a noisy
// copy with ties. bootstrap: scipy.stats.bootstrap((x,), mean | var (ddof 0), 400,000 resamples, confidence 0.9).
// hist: numpy.histogram(sample, 'auto').
// spearman: of the sample rounded to one digit. wilson: binomtest(k, n).proportion_ci(c, 'wilson').
// mcnemar: binomtest(min, sum).pvalue. fisher: fisher_exact(alternative='greater'). Rows are [arguments…, value].
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface ScipyValues {
  readonly sample: readonly number[];
  readonly other: readonly number[];
  readonly quantiles: Readonly<Record<string, number>>;
  readonly mean: number;
  readonly var: number;
  readonly pvar: number;
  readonly pearson: number;
  readonly spearman: number;
  readonly ranks: readonly number[];
  readonly percentile: readonly [number, number];
  readonly BCa: readonly [number, number];
  readonly percentilevar: readonly [number, number];
  readonly BCavar: readonly [number, number];
  readonly se: number;
  readonly hist: readonly [readonly number[], readonly number[]];
  readonly cdf: readonly (readonly [number, number])[];
  readonly ppf: readonly (readonly [number, number])[];
  readonly wilson: readonly (readonly [number, number, number, number, number])[];
  readonly mcnemar: readonly (readonly [number, number, number])[];
  readonly fisher: readonly (readonly [number, number, number, number, number])[];
  readonly logfact: readonly (readonly [number, number])[];
}

const text = readFileSync(join(import.meta.dirname, 'scipy-values.json'), 'utf8');

export const scipyValues = JSON.parse(text) as ScipyValues; // the file beside was written in this form

/** Whether two numbers agree up to a relative tolerance, as a message or null. */
export function deviation(actual: number, expected: number, tolerance = 1e-12): string | null {
  const far = Math.abs(actual - expected) > tolerance * Math.max(Math.abs(expected), 1e-300);
  return far ? `${actual} is not ${expected} within ${tolerance}` : null;
}
