// A score of whole texts that is not a mean over segments (BLEU, chrF, error rates): each segment gives counts, the counts
// are summed, and the score is computed from the sums. So a bootstrap resample costs sums, not another pass over texts.
import { AmaasError } from '@amaas/core';
import {
  type BootstrapOptions,
  bootstrapInterval,
  comparePaired,
  type Interval,
  type PairedComparison,
} from '../../statistics/index.ts';

/** What a model wrote, and what it should have written. */
export interface TextRows {
  readonly hypotheses: readonly string[];
  /** One list per hypothesis with at least one accepted wording each. */
  readonly references: readonly (readonly string[])[];
}

/** A score computed from counts that add up over segments. */
export interface TextMetric {
  /** As reports show it: `BLEU`, `chrF2++`, `WER`. */
  readonly name: string;
  readonly higherIsBetter: boolean;
  /** Counts of one segment, always as many. */
  countSegment(hypothesis: string, references: readonly string[]): readonly number[];
  /** The score of summed counts; NaN where it is undefined. */
  scoreOf(counts: readonly number[]): number;
}

/** How intervals are made; equal options give equal intervals. */
export type ResamplingOptions = Pick<BootstrapOptions, 'random'> &
  Partial<Pick<BootstrapOptions, 'resamples' | 'confidence'>>;

export interface TextScoreEstimate {
  readonly value: number;
  /** Bootstrap over segments; null where the score is undefined. */
  readonly interval: Interval | null;
}

/**
 * The score of a corpus with a bootstrap interval over its segments.
 * @throws INVALID_DATA without segments or references; INVALID_ARGUMENT on lists of different lengths.
 */
export function estimateTextScore(metric: TextMetric, rows: TextRows, options: ResamplingOptions): TextScoreEstimate {
  const counts = countRows(metric, rows);
  const { value, interval } = bootstrapInterval({
    ...options,
    rows: counts.length,
    statistic: (weights) => metric.scoreOf(sumCounts(counts, weights)),
  });
  return { value, interval };
}

/** Two models' texts for the same segments. */
export interface PairedTextRows {
  readonly first: readonly string[];
  readonly second: readonly string[];
  /** One list per segment with at least one accepted wording each. */
  readonly references: readonly (readonly string[])[];
}

export interface TextScoreComparison extends PairedComparison {
  readonly first: number;
  readonly second: number;
}

/**
 * Two models on the same segments by paired bootstrap: first minus second, with interval and two-sided p-value.
 * The p-value says how often a resampled difference lies beyond zero; sacreBLEU's paired test compares absolute differences
 * with their mean instead, and its p-values are smaller.
 * Source: Koehn, "Statistical Significance Tests for Machine Translation Evaluation" (2004).
 * @throws INVALID_DATA without segments or references; INVALID_ARGUMENT on lists of different lengths.
 */
export function compareTextScores(
  metric: TextMetric,
  { first, second, references }: PairedTextRows,
  options: ResamplingOptions,
): TextScoreComparison {
  const firstCounts = countRows(metric, { hypotheses: first, references });
  const secondCounts = countRows(metric, { hypotheses: second, references });
  const comparison = comparePaired({
    ...options,
    rows: references.length,
    pair: (weights) => [
      metric.scoreOf(sumCounts(firstCounts, weights)),
      metric.scoreOf(sumCounts(secondCounts, weights)),
    ],
  });
  return {
    first: metric.scoreOf(sumCounts(firstCounts)),
    second: metric.scoreOf(sumCounts(secondCounts)),
    ...comparison,
  };
}

/** Counts of every segment, after the rows were checked. */
export function countRows(metric: TextMetric, { hypotheses, references }: TextRows): readonly (readonly number[])[] {
  if (hypotheses.length !== references.length) {
    throw new AmaasError(
      'INVALID_ARGUMENT',
      `${metric.name}: expects references for ${hypotheses.length} hypotheses, got ${references.length}`,
    );
  }
  if (hypotheses.length === 0) throw new AmaasError('INVALID_DATA', `${metric.name}: expects at least one segment`);
  return hypotheses.map((hypothesis, row) => {
    const accepted = references[row] ?? [];
    if (accepted.length === 0) throw new AmaasError('INVALID_DATA', `${metric.name}: segment ${row} has no reference`);
    return metric.countSegment(hypothesis, accepted);
  });
}

/** Sums of the counts when segment i counts `weights[i]` times; once each by default. */
export function sumCounts(rows: readonly (readonly number[])[], weights?: Float64Array): readonly number[] {
  const sums = new Array<number>(rows[0]?.length ?? 0).fill(0);
  rows.forEach((counts, row) => {
    const weight = weights === undefined ? 1 : (weights[row] ?? 0);
    if (weight === 0) return;
    for (let k = 0; k < sums.length; k++) sums[k] = (sums[k] ?? 0) + weight * (counts[k] ?? 0);
  });
  return sums;
}

/** What sacreBLEU's signatures say of the references: how many a segment has, or `var`. */
export function describeReferences({ references }: TextRows): string {
  const counts = new Set(references.map((accepted) => accepted.length));
  return counts.size === 1 ? String(references[0]?.length) : 'var';
}

/** The release of sacreBLEU that these numbers are checked against and whose signatures they carry. */
export const SACREBLEU_VERSION = '2.6.0';
