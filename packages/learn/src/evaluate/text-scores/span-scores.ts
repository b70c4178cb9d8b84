// Precision, recall and F1 of spans found in sequences (names, phrases): a span counts as found only where type, start
// and end are right. Source: CoNLL-2000's conlleval; averages as in seqeval.
import { AmaasError } from '@amaas/core';
import { bootstrapInterval, type Interval } from '../../statistics/index.ts';
import { extractSpans, type Span, type TagScheme } from './spans.ts';
import type { ResamplingOptions } from './text-metric.ts';

/** Tags of every sequence, expected and predicted. */
export interface TaggedRows {
  readonly targets: readonly (readonly string[])[];
  readonly predictions: readonly (readonly string[])[];
}

/** 0 where undefined, as in seqeval. */
export interface PrecisionRecall {
  readonly precision: number;
  readonly recall: number;
  readonly f1: number;
}

export interface SpanTypeScores extends PrecisionRecall {
  /** Empty for tags without a type. */
  readonly type: string;
  /** Spans expected. */
  readonly support: number;
  /** Spans predicted. */
  readonly predicted: number;
  /** Spans in both. */
  readonly correct: number;
}

export interface SpanScores {
  /** Of all spans together: what is usually reported. */
  readonly micro: PrecisionRecall;
  /** Plain mean over types. */
  readonly macro: PrecisionRecall;
  /** Mean over types by their support. */
  readonly weighted: PrecisionRecall;
  /** Every type expected or predicted, by name. */
  readonly types: readonly SpanTypeScores[];
  /** Share of tags that are right, 0 … 1; NaN without tags. */
  readonly tagAccuracy: number;
}

/**
 * Scores of predicted spans.
 * @param scheme - default `lenient`, what conlleval and seqeval do unless told otherwise
 * @throws INVALID_DATA without sequences or on a tag the scheme does not have; INVALID_ARGUMENT on different lengths.
 */
export function computeSpanScores({ targets, predictions }: TaggedRows, scheme: TagScheme = 'lenient'): SpanScores {
  checkRows({ targets, predictions });
  const counts = new Map<string, SpanCounts>();
  let [tags, rightTags] = [0, 0];
  targets.forEach((row, index) => {
    const guesses = predictions[index] ?? [];
    countSpans(row, guesses, { scheme, counts });
    tags += row.length;
    row.forEach((tag, position) => {
      if (tag === guesses[position]) rightTags++;
    });
  });
  const types = Array.from(counts, ([type, counted]) => ({ type, ...counted, ...scoresOf(counted) })).sort((a, b) =>
    a.type < b.type ? -1 : 1,
  );
  return {
    micro: scoresOf(sumSpans(types)),
    macro: meanOf(types, () => 1),
    weighted: meanOf(types, ({ support }) => support),
    types,
    tagAccuracy: rightTags / tags,
  };
}

export interface SpanF1Estimate {
  /** Micro-averaged F1. */
  readonly value: number;
  /** Bootstrap over sequences; null where it is undefined. */
  readonly interval: Interval | null;
}

/** Micro-averaged F1 with a bootstrap interval over the sequences. @throws as {@link computeSpanScores}. */
export function estimateSpanF1(
  rows: TaggedRows,
  options: ResamplingOptions & { readonly scheme?: TagScheme },
): SpanF1Estimate {
  checkRows(rows);
  const { scheme = 'lenient', ...resampling } = options;
  const perRow = rows.targets.map((row, index) => {
    const counts = new Map<string, SpanCounts>();
    countSpans(row, rows.predictions[index] ?? [], { scheme, counts });
    return sumSpans([...counts.values()]);
  });
  const { value, interval } = bootstrapInterval({
    ...resampling,
    rows: perRow.length,
    statistic: (weights) => scoresOf(sumSpans(perRow, weights)).f1,
  });
  return { value, interval };
}

interface SpanCounts {
  support: number;
  predicted: number;
  correct: number;
}

/** Adds one sequence's spans to the counts of their types. */
function countSpans(
  targets: readonly string[],
  predictions: readonly string[],
  { scheme, counts }: { readonly scheme: TagScheme; readonly counts: Map<string, SpanCounts> },
): void {
  const countsOf = (type: string): SpanCounts => {
    const counted = counts.get(type) ?? { support: 0, predicted: 0, correct: 0 };
    counts.set(type, counted);
    return counted;
  };
  const expected = new Set<string>();
  for (const span of extractSpans(targets, scheme)) {
    countsOf(span.type).support++;
    expected.add(keyOf(span));
  }
  for (const span of extractSpans(predictions, scheme)) {
    const counted = countsOf(span.type);
    counted.predicted++;
    if (expected.has(keyOf(span))) counted.correct++;
  }
}

function sumSpans(counts: readonly SpanCounts[], weights?: Float64Array): SpanCounts {
  const sums: SpanCounts = { support: 0, predicted: 0, correct: 0 };
  counts.forEach(({ support, predicted, correct }, row) => {
    const weight = weights === undefined ? 1 : (weights[row] ?? 0);
    sums.support += weight * support;
    sums.predicted += weight * predicted;
    sums.correct += weight * correct;
  });
  return sums;
}

/** Places and type of a span within its sequence; the numbers come first, so that no type can imitate another span. */
function keyOf({ type, start, end }: Span): string {
  return `${start} ${end} ${type}`;
}

function scoresOf({ support, predicted, correct }: SpanCounts): PrecisionRecall {
  const precision = predicted === 0 ? 0 : correct / predicted;
  const recall = support === 0 ? 0 : correct / support;
  return { precision, recall, f1: correct === 0 ? 0 : (2 * precision * recall) / (precision + recall) };
}

function meanOf(types: readonly SpanTypeScores[], weightOf: (scores: SpanTypeScores) => number): PrecisionRecall {
  const total = types.reduce((sum, scores) => sum + weightOf(scores), 0);
  const mean = (key: keyof PrecisionRecall): number =>
    total === 0 ? 0 : types.reduce((sum, scores) => sum + weightOf(scores) * scores[key], 0) / total;
  return { precision: mean('precision'), recall: mean('recall'), f1: mean('f1') };
}

function checkRows({ targets, predictions }: TaggedRows): void {
  if (targets.length === 0)
    throw new AmaasError('INVALID_DATA', 'span scores: expects at least one sequence, got none');
  if (targets.length !== predictions.length) {
    throw new AmaasError(
      'INVALID_ARGUMENT',
      `span scores: expects predictions for ${targets.length} sequences, got ${predictions.length}`,
    );
  }
  targets.forEach((row, index) => {
    const predicted = predictions[index]?.length ?? 0;
    if (row.length !== predicted) {
      throw new AmaasError(
        'INVALID_ARGUMENT',
        `span scores: sequence ${index} has ${row.length} tags, its prediction ${predicted}`,
      );
    }
  });
}
