// Precision, recall and F1 of spans found in sequences (names, phrases): a span counts as found only where type, start
// and end are right. Source: CoNLL-2000's conlleval; averages as in seqeval.
import { AmaasError } from '@amaas/core';
import { extractSpans, type Span, type TagScheme } from './spans.ts';

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
  const counts = new Map<string, { support: number; predicted: number; correct: number }>();
  const countsOf = (type: string): { support: number; predicted: number; correct: number } => {
    const counted = counts.get(type) ?? { support: 0, predicted: 0, correct: 0 };
    counts.set(type, counted);
    return counted;
  };
  let [tags, rightTags] = [0, 0];
  targets.forEach((row, index) => {
    const guesses = predictions[index] ?? [];
    const expected = new Set<string>();
    for (const span of extractSpans(row, scheme)) {
      countsOf(span.type).support++;
      expected.add(keyOf(span));
    }
    for (const span of extractSpans(guesses, scheme)) {
      const counted = countsOf(span.type);
      counted.predicted++;
      if (expected.has(keyOf(span))) counted.correct++;
    }
    tags += row.length;
    row.forEach((tag, position) => {
      if (tag === guesses[position]) rightTags++;
    });
  });
  const types = Array.from(counts, ([type, counted]) => ({ type, ...counted, ...scoresOf(counted) })).sort((a, b) =>
    a.type < b.type ? -1 : 1,
  );
  const sum = (key: 'support' | 'predicted' | 'correct'): number =>
    types.reduce((total, scores) => total + scores[key], 0);
  return {
    micro: scoresOf({ support: sum('support'), predicted: sum('predicted'), correct: sum('correct') }),
    macro: meanOf(types, () => 1),
    weighted: meanOf(types, ({ support }) => support),
    types,
    tagAccuracy: rightTags / tags,
  };
}

/** Places and type of a span within its sequence; the numbers come first, so that no type can imitate another span. */
function keyOf({ type, start, end }: Span): string {
  return `${start} ${end} ${type}`;
}

function scoresOf(counts: { support: number; predicted: number; correct: number }): PrecisionRecall {
  const { support, predicted, correct } = counts;
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
