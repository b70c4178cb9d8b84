// How good a tagger is on sentences it has not seen: by words, by tags, by spans where tags write spans, and beside it the
// tag that each word had most often in training.
import {
  type ClassScores,
  computeClassScores,
  computeConfusionMatrix,
  computeSpanScores,
  type SpanScores,
} from '../evaluate/index.ts';
import { bootstrapInterval, createRandom, type Interval } from '../statistics/index.ts';
import type { TaggedSentence } from './tagged-sentences.ts';

/** Shares are of words, 0 … 1. */
export interface TaggerReport {
  readonly sentences: number;
  readonly words: number;
  /** Words with the right tag; its interval is by sentences. */
  readonly accuracy: number;
  readonly interval: Interval | null;
  /** The same for each word's most frequent tag in training, and for unknown words the most frequent of all. */
  readonly baselineAccuracy: number;
  /** Words that are in no sentence of training or validation, as they are written; accuracies are NaN without any. */
  readonly unknown: { readonly words: number; readonly accuracy: number; readonly baselineAccuracy: number };
  /** By name; tags that neither were expected nor given are left out. */
  readonly tags: readonly (ClassScores & { readonly tag: string })[];
  /** Where all tags are `O` or begin with B-, I-, E- or S-, and some do. */
  readonly spans: SpanScores | null;
}

export interface TaggerOutcome {
  /** Of training and validation. */
  readonly training: readonly TaggedSentence[];
  /** Held out. */
  readonly sentences: readonly TaggedSentence[];
  /** Of the held-out sentences. */
  readonly predictions: readonly (readonly string[])[];
  readonly seed: string | number;
}

export function evaluateTagger({ training, sentences, predictions, seed }: TaggerOutcome): TaggerReport {
  const baseline = sentences.map(mostFrequentTags(training));
  const known = new Set(training.flatMap(({ words }) => words));
  const rights = sentences.map(({ tags }, row) => countEqual(tags, predictions[row] ?? []));
  const sizes = sentences.map(({ tags }) => tags.length);
  const shareOf = (weights: Float64Array | null): number => weighted(rights, weights) / weighted(sizes, weights);
  const { value, interval } = bootstrapInterval({
    rows: sentences.length,
    random: createRandom(seed).fork('tagger report'),
    statistic: shareOf,
  });
  const expected = sentences.flatMap(({ tags }) => tags);
  const isUnknown = sentences.flatMap(({ words }) => words.map((word) => !known.has(word)));
  const unknownShare = (given: readonly string[]): number => {
    const rows = [...isUnknown.keys()].filter((row) => isUnknown[row]);
    return rows.filter((row) => given[row] === expected[row]).length / rows.length;
  };
  return {
    sentences: sentences.length,
    words: expected.length,
    accuracy: value,
    interval,
    baselineAccuracy: countEqual(expected, baseline.flat()) / expected.length,
    unknown: {
      words: isUnknown.filter(Boolean).length,
      accuracy: unknownShare(predictions.flat()),
      baselineAccuracy: unknownShare(baseline.flat()),
    },
    tags: scoresByTag(expected, predictions.flat()),
    spans: writeSpans([...expected, ...predictions.flat()])
      ? computeSpanScores({ targets: sentences.map(({ tags }) => tags), predictions })
      : null,
  };
}

/** The report for people. */
export function formatTaggerReport(report: TaggerReport): string {
  const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
  const { sentences, words, accuracy, interval, baselineAccuracy, unknown, tags, spans } = report;
  const bounds = interval === null ? '' : ` (95 %: ${(100 * interval.lower).toFixed(1)} … ${percent(interval.upper)})`;
  const widest = Math.max(...tags.map(({ tag }) => tag.length));
  return [
    `${words} words of ${sentences} held-out sentences: ${percent(accuracy)} right${bounds}`,
    `each word's most frequent tag: ${percent(baselineAccuracy)}`,
    ...(unknown.words === 0
      ? []
      : [
          `${unknown.words} words not seen in training: ${percent(unknown.accuracy)}, most frequent tag: ${percent(unknown.baselineAccuracy)}`,
        ]),
    ...(spans === null ? [] : [`spans: F1 ${percent(spans.micro.f1)}`]),
    ...tags.map(
      ({ tag, support, precision, recall, f1 }) =>
        `${tag.padEnd(widest)} ${String(support).padStart(6)} words, precision ${precision.toFixed(2)}, recall ${recall.toFixed(2)}, F1 ${f1.toFixed(2)}`,
    ),
  ].join('\n');
}

function mostFrequentTags(training: readonly TaggedSentence[]): (sentence: TaggedSentence) => readonly string[] {
  const byWord = new Map<string, Map<string, number>>();
  const overall = new Map<string, number>();
  for (const { words, tags } of training) {
    for (const [at, word] of words.entries()) {
      const tag = tags[at] ?? '';
      const own = byWord.get(word) ?? new Map<string, number>();
      byWord.set(word, own.set(tag, (own.get(tag) ?? 0) + 1));
      overall.set(tag, (overall.get(tag) ?? 0) + 1);
    }
  }
  const most = (counts: ReadonlyMap<string, number>): string =>
    [...counts].reduce(
      (best, next) => (next[1] > best[1] || (next[1] === best[1] && next[0] < best[0]) ? next : best),
      ['', 0],
    )[0];
  const fallback = most(overall);
  return ({ words }) => words.map((word) => most(byWord.get(word) ?? new Map([[fallback, 1]])));
}

function scoresByTag(expected: readonly string[], given: readonly string[]): TaggerReport['tags'] {
  const names = [...new Set([...expected, ...given])].toSorted((a, b) => (a < b ? -1 : 1));
  const places = new Map(names.map((name, place) => [name, place]));
  const numbersOf = (tags: readonly string[]): readonly number[] => tags.map((tag) => places.get(tag) ?? 0);
  const matrix = computeConfusionMatrix({
    labels: numbersOf(expected),
    predictions: numbersOf(given),
    classes: names.length,
  });
  return computeClassScores(matrix).map((scores, place) => ({ tag: names[place] ?? '', ...scores }));
}

function writeSpans(tags: readonly string[]): boolean {
  return tags.every((tag) => tag === 'O' || /^[BIES]-/.test(tag)) && tags.some((tag) => tag !== 'O');
}

function countEqual(a: readonly string[], b: readonly string[]): number {
  return a.filter((tag, at) => tag === b[at]).length;
}

function weighted(counts: readonly number[], weights: Float64Array | null): number {
  return counts.reduce((sum, count, row) => sum + count * (weights?.[row] ?? 1), 0);
}
