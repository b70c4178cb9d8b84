// BLEU with the numbers of sacreBLEU: matched n-grams, brevity penalty, smoothing, signature.
// Source: Papineni et al. (2002); smoothing after Chen and Cherry (2014); Post, "A Call for Clarity in Reporting BLEU
// Scores" (2018).
import { AmaasError } from '@amaas/core';
import { type BleuTokenizer, tokenizeForBleu } from './sacrebleu-tokenizers.ts';
import {
  countRows,
  describeReferences,
  SACREBLEU_VERSION,
  sumCounts,
  type TextMetric,
  type TextRows,
} from './text-metric.ts';

/** What an order without a match counts as: half of the order before (`exp`), a small number (`floor`), one more of each (`add-k`), nothing. */
export type BleuSmoothing = 'exp' | 'floor' | 'add-k' | 'none';

export interface BleuOptions {
  /** Default `13a`, the one published scores use. */
  readonly tokenizer?: BleuTokenizer;
  /** Default false. */
  readonly lowerCase?: boolean;
  /** Default `exp`, as mteval-v13a. */
  readonly smoothing?: BleuSmoothing;
  /** Of `floor` (default 0.1) and `add-k` (default 1); not allowed with the others. */
  readonly smoothingValue?: number;
  /** Longest n-gram, 1 … 16; default 4. */
  readonly maxOrder?: number;
  /** Whether orders that the hypothesis is too short for are left out; default false for corpora and true for sentences. */
  readonly effectiveOrder?: boolean;
}

export interface BleuScore {
  /** 0 … 100. */
  readonly score: number;
  /** Per order from 1, in percent, after smoothing; all 0 where nothing matched. */
  readonly precisions: readonly number[];
  /** Matched n-grams per order. */
  readonly matches: readonly number[];
  /** n-grams of the hypotheses per order. */
  readonly totals: readonly number[];
  readonly brevityPenalty: number;
  readonly hypothesisLength: number;
  /** Of the reference nearest in length, summed. */
  readonly referenceLength: number;
  /** What makes the number comparable, in sacreBLEU's form: `nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|version:2.6.0`. */
  readonly signature: string;
}

type Settings = Required<Omit<BleuOptions, 'smoothingValue'>> & { readonly smoothingValue: number };

/** Orders above have no use and cost memory per segment. */
const MAX_ORDER = 16;

/**
 * BLEU of a corpus.
 * @throws INVALID_DATA without segments or references; INVALID_ARGUMENT on lists of different lengths or options out of range.
 */
export function computeBleu(rows: TextRows, options: BleuOptions = {}): BleuScore {
  const settings = settingsOf(options, false);
  const sums = sumCounts(countRows(metricOf(settings), rows));
  return { ...scoreCounts(sums, settings), signature: signatureOf(describeReferences(rows), settings) };
}

/** BLEU of one sentence, orders it is too short for left out. @throws as {@link computeBleu}. */
export function computeSentenceBleu(
  hypothesis: string,
  references: readonly string[],
  options: BleuOptions = {},
): BleuScore {
  return computeBleu(
    { hypotheses: [hypothesis], references: [references] },
    { ...options, effectiveOrder: options.effectiveOrder ?? true },
  );
}

/** Corpus BLEU for intervals and comparisons. @throws INVALID_ARGUMENT on options out of range. */
export function bleuMetric(options: BleuOptions = {}): TextMetric {
  return metricOf(settingsOf(options, false));
}

function metricOf(settings: Settings): TextMetric {
  return {
    name: 'BLEU',
    higherIsBetter: true,
    countSegment: (hypothesis, references) => countSegment(hypothesis, references, settings),
    scoreOf: (counts) => scoreCounts(counts, settings).score,
  };
}

function settingsOf(options: BleuOptions, effectiveOrder: boolean): Settings {
  const { smoothing = 'exp', smoothingValue, maxOrder = 4 } = options;
  if (!Number.isInteger(maxOrder) || maxOrder < 1 || maxOrder > MAX_ORDER) {
    throw new AmaasError(
      'INVALID_ARGUMENT',
      `BLEU: maxOrder must be a whole number in 1 … ${MAX_ORDER}, got ${maxOrder}`,
    );
  }
  const takesValue = smoothing === 'floor' || smoothing === 'add-k';
  if (smoothingValue !== undefined && !(takesValue && smoothingValue > 0 && Number.isFinite(smoothingValue))) {
    throw new AmaasError(
      'INVALID_ARGUMENT',
      `BLEU: smoothingValue is a number > 0 for "floor" and "add-k", got ${smoothingValue} with "${smoothing}"`,
    );
  }
  return {
    tokenizer: options.tokenizer ?? '13a',
    lowerCase: options.lowerCase ?? false,
    smoothing,
    smoothingValue: smoothingValue ?? (smoothing === 'floor' ? 0.1 : 1),
    maxOrder,
    effectiveOrder: options.effectiveOrder ?? effectiveOrder,
  };
}

/** Hypothesis length, reference length, matches per order, totals per order. */
function countSegment(hypothesis: string, references: readonly string[], settings: Settings): readonly number[] {
  const { tokenizer, lowerCase, maxOrder } = settings;
  const wordsOf = (text: string): readonly string[] =>
    tokenizeForBleu(lowerCase ? text.toLowerCase() : text, tokenizer);
  const words = wordsOf(hypothesis);
  const accepted = references.map(wordsOf);
  const matches = new Array<number>(maxOrder).fill(0);
  const totals = new Array<number>(maxOrder).fill(0);
  for (let order = 1; order <= maxOrder; order++) {
    // A word repeated in one reference counts as often as in the reference that has it most.
    const allowed = new Map<string, number>();
    for (const reference of accepted) {
      for (const [ngram, count] of countNgrams(reference, order)) {
        allowed.set(ngram, Math.max(allowed.get(ngram) ?? 0, count));
      }
    }
    for (const [ngram, count] of countNgrams(words, order)) {
      totals[order - 1] = (totals[order - 1] ?? 0) + count;
      matches[order - 1] = (matches[order - 1] ?? 0) + Math.min(count, allowed.get(ngram) ?? 0);
    }
  }
  return [words.length, nearestLength(words.length, accepted), ...matches, ...totals];
}

/** How often each n-gram occurs. Words hold no whitespace, so joining them by a space keeps n-grams apart. */
export function countNgrams(words: readonly string[], order: number): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (let i = 0; i + order <= words.length; i++) {
    const ngram = order === 1 ? (words[i] ?? '') : words.slice(i, i + order).join(' ');
    counts.set(ngram, (counts.get(ngram) ?? 0) + 1);
  }
  return counts;
}

function nearestLength(length: number, references: readonly (readonly string[])[]): number {
  let nearest = references[0]?.length ?? 0;
  for (const { length: candidate } of references) {
    const gain = Math.abs(length - nearest) - Math.abs(length - candidate);
    if (gain > 0 || (gain === 0 && candidate < nearest)) nearest = candidate;
  }
  return nearest;
}

function scoreCounts(counts: readonly number[], settings: Settings): Omit<BleuScore, 'signature'> {
  const { smoothing, smoothingValue, maxOrder, effectiveOrder } = settings;
  const [hypothesisLength = 0, referenceLength = 0] = counts;
  const matches = counts.slice(2, 2 + maxOrder);
  const totals = counts.slice(2 + maxOrder);
  let brevityPenalty = 1;
  if (hypothesisLength < referenceLength) {
    brevityPenalty = hypothesisLength > 0 ? Math.exp(1 - referenceLength / hypothesisLength) : 0;
  }
  const precisions = new Array<number>(maxOrder).fill(0);
  const parts = { precisions, matches, totals, brevityPenalty, hypothesisLength, referenceLength };
  if (matches.every((count) => count === 0)) return { ...parts, score: 0 };
  let orders = maxOrder;
  let halvings = 1;
  for (let order = 1; order <= maxOrder; order++) {
    const added = smoothing === 'add-k' && order > 1 ? smoothingValue : 0;
    const matched = (matches[order - 1] ?? 0) + added;
    const total = (totals[order - 1] ?? 0) + added;
    if (total === 0) break;
    if (effectiveOrder) orders = order;
    let numerator = matched;
    if (matched === 0 && smoothing === 'exp') {
      halvings *= 2;
      numerator = 1 / halvings;
    } else if (matched === 0 && smoothing === 'floor') numerator = smoothingValue;
    precisions[order - 1] = (100 * numerator) / total;
  }
  const logs = precisions.slice(0, orders).reduce((sum, precision) => sum + Math.log(precision), 0);
  return { ...parts, score: brevityPenalty * Math.exp(logs / orders) };
}

function signatureOf(references: string, settings: Settings): string {
  const { smoothing, smoothingValue } = settings;
  const value = smoothing === 'floor' || smoothing === 'add-k' ? `[${smoothingValue.toFixed(2)}]` : '';
  return [
    `nrefs:${references}`,
    `case:${settings.lowerCase ? 'lc' : 'mixed'}`,
    `eff:${settings.effectiveOrder ? 'yes' : 'no'}`,
    `tok:${settings.tokenizer}`,
    `smooth:${smoothing}${value}`,
    `version:${SACREBLEU_VERSION}`,
  ].join('|');
}
