// Word vectors against people's ratings of how similar pairs of words are: rank correlation of cosines with ratings.
// Source: Finkelstein et al. (2002) for WordSim-353; the evaluation is the usual one.
import { AmaasError } from '@amaas/core';
import { bootstrapInterval, type Interval, pearsonCorrelation, spearmanCorrelation } from '../../statistics/index.ts';
import { splitAtWhitespace } from './sacrebleu-tokenizers.ts';
import type { ResamplingOptions } from './text-metric.ts';
import { cosineOf, type LookupOptions, normalizeVectors, type WordVectors } from './word-vectors.ts';

export interface RatedPair {
  readonly first: string;
  readonly second: string;
  /** Larger is more similar; the scale does not matter. */
  readonly rating: number;
}

export interface WordSimilarityScores {
  /** Spearman's ρ over the pairs covered, ties by mean ranks; NaN below two pairs or without variation. */
  readonly spearman: number;
  readonly pearson: number;
  /** Pairs of which both words have a vector. */
  readonly covered: number;
  readonly pairs: number;
  /** Of Spearman's ρ, by bootstrap over the pairs; null unless asked for, or undefined. */
  readonly interval: Interval | null;
}

/**
 * Reads pairs, one per line: two words and a number, apart by whitespace. Empty lines and lines that begin with # are left out.
 * @throws INVALID_DATA on any other line.
 */
export function parseRatedPairs(text: string): readonly RatedPair[] {
  return text.split('\n').flatMap((line, index) => {
    const [first = '', second, rating, ...rest] = splitAtWhitespace(line);
    if (first === '' || first.startsWith('#')) return [];
    const value = Number(rating ?? Number.NaN);
    if (second === undefined || !Number.isFinite(value) || rest.length > 0) {
      throw new AmaasError(
        'INVALID_DATA',
        `word pairs: line ${index + 1} is ${JSON.stringify(line.slice(0, 80))}, expected two words and a number`,
      );
    }
    return [{ first, second, rating: value }];
  });
}

/** How words are looked up, and whether an interval is wanted. */
export interface WordSimilarityOptions extends LookupOptions {
  readonly resampling?: ResamplingOptions;
}

/**
 * Correlation of cosines with ratings over the pairs whose words are known.
 * @throws INVALID_DATA without words or pairs, or on vectors that are not finite; INVALID_ARGUMENT where the array does not
 *   fit the words.
 */
export function evaluateWordSimilarity(
  vectors: WordVectors,
  pairs: readonly RatedPair[],
  options: WordSimilarityOptions = {},
): WordSimilarityScores {
  if (pairs.length === 0) throw new AmaasError('INVALID_DATA', 'word similarity: expects at least one pair, got none');
  const units = normalizeVectors('word similarity', vectors, options);
  const cosines: number[] = [];
  const ratings: number[] = [];
  for (const { first, second, rating } of pairs) {
    const [a, b] = [units.indexOf(first), units.indexOf(second)];
    if (a === undefined || b === undefined) continue;
    cosines.push(cosineOf(units, a, b));
    ratings.push(rating);
  }
  const counts = { covered: cosines.length, pairs: pairs.length };
  if (cosines.length < 2) return { spearman: Number.NaN, pearson: Number.NaN, ...counts, interval: null };
  return {
    spearman: spearmanCorrelation(cosines, ratings),
    pearson: pearsonCorrelation(cosines, ratings),
    ...counts,
    interval: options.resampling === undefined ? null : intervalOf([cosines, ratings], options.resampling),
  };
}

function intervalOf([cosines, ratings]: readonly [number[], number[]], options: ResamplingOptions): Interval | null {
  return bootstrapInterval({
    ...options,
    rows: cosines.length,
    statistic: (weights) => {
      const drawn = Array.from(weights).flatMap((weight, row) => new Array<number>(weight).fill(row));
      if (drawn.length < 2) return Number.NaN;
      return spearmanCorrelation(
        drawn.map((row) => cosines[row] ?? 0),
        drawn.map((row) => ratings[row] ?? 0),
      );
    },
  }).interval;
}
