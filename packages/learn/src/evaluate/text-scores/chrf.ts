// chrF, chrF+ and chrF++ with the numbers of sacreBLEU: F-scores of character n-grams, and of words where asked.
// Source: Popović (2015, 2017), as sacreBLEU computes them.
import { AmaasError } from '@amaas/core';
import { countNgrams } from './bleu.ts';
import { splitAtWhitespace } from './sacrebleu-tokenizers.ts';
import {
  countRows,
  describeReferences,
  SACREBLEU_VERSION,
  sumCounts,
  type TextMetric,
  type TextRows,
} from './text-metric.ts';

export interface ChrfOptions {
  /** Longest n-gram of characters, 1 … 16; default 6. */
  readonly characterOrder?: number;
  /** Longest n-gram of words, 0 … 16; default 0 (chrF); 2 is chrF++. */
  readonly wordOrder?: number;
  /** How much more recall counts than precision, > 0; default 2. */
  readonly beta?: number;
  /** Default false. */
  readonly lowerCase?: boolean;
  /** Whether spaces are characters; default false. */
  readonly whitespace?: boolean;
  /** Mean of the orders' F-scores, orders too long for the text counting as almost 0 (chrF++.py, NLTK); default false: they are left out. */
  readonly epsilonSmoothing?: boolean;
}

export interface ChrfScore {
  /** 0 … 100. */
  readonly score: number;
  /** `chrF2`, `chrF2++`: the digit is beta, a plus per word order. */
  readonly name: string;
  /** In sacreBLEU's form: `nrefs:1|case:mixed|eff:yes|nc:6|nw:0|space:no|version:2.6.0`. */
  readonly signature: string;
}

type Settings = Required<ChrfOptions>;

/** Orders above have no use and cost memory per segment. */
const MAX_ORDER = 16;
const EPSILON = 1e-16;
const PUNCTUATION: ReadonlySet<string> = new Set('!"#$%&\'()*+,-./:;<=>?@[\\]^_`{|}~');

/**
 * chrF of a corpus.
 * @throws INVALID_DATA without segments or references; INVALID_ARGUMENT on lists of different lengths or options out of range.
 */
export function computeChrf(rows: TextRows, options: ChrfOptions = {}): ChrfScore {
  const settings = settingsOf(options);
  const score = scoreCounts(sumCounts(countRows(metricOf(settings), rows)), settings);
  return { score, name: nameOf(settings), signature: signatureOf(describeReferences(rows), settings) };
}

/** chrF of one sentence. @throws as {@link computeChrf}. */
export function computeSentenceChrf(
  hypothesis: string,
  references: readonly string[],
  options: ChrfOptions = {},
): ChrfScore {
  return computeChrf({ hypotheses: [hypothesis], references: [references] }, options);
}

/** Corpus chrF for intervals and comparisons. @throws INVALID_ARGUMENT on options out of range. */
export function chrfMetric(options: ChrfOptions = {}): TextMetric {
  return metricOf(settingsOf(options));
}

function metricOf(settings: Settings): TextMetric {
  return {
    name: nameOf(settings),
    higherIsBetter: true,
    countSegment: (hypothesis, references) => countSegment(hypothesis, references, settings),
    scoreOf: (counts) => scoreCounts(counts, settings),
  };
}

function settingsOf(options: ChrfOptions): Settings {
  const { characterOrder = 6, wordOrder = 0, beta = 2 } = options;
  for (const [name, value, least] of [
    ['characterOrder', characterOrder, 1],
    ['wordOrder', wordOrder, 0],
  ] as const) {
    if (!Number.isInteger(value) || value < least || value > MAX_ORDER) {
      throw new AmaasError(
        'INVALID_ARGUMENT',
        `chrF: ${name} must be a whole number in ${least} … ${MAX_ORDER}, got ${value}`,
      );
    }
  }
  if (!(beta > 0 && Number.isFinite(beta))) {
    throw new AmaasError('INVALID_ARGUMENT', `chrF: beta must be a number > 0, got ${beta}`);
  }
  return {
    characterOrder,
    wordOrder,
    beta,
    lowerCase: options.lowerCase ?? false,
    whitespace: options.whitespace ?? false,
    epsilonSmoothing: options.epsilonSmoothing ?? false,
  };
}

type Ngrams = readonly ReadonlyMap<string, number>[];

/** Per order: n-grams of the hypothesis, of the reference, in both; against the reference that scores best. */
function countSegment(hypothesis: string, references: readonly string[], settings: Settings): readonly number[] {
  const ngrams = ngramsOf(hypothesis, settings);
  let best: readonly number[] = [];
  let bestScore = -1;
  for (const reference of references) {
    const counts = matchCounts(ngrams, ngramsOf(reference, settings));
    const score = scoreCounts(counts, settings);
    if (score > bestScore) [best, bestScore] = [counts, score];
  }
  return best;
}

/** n-grams by order: those of characters, then those of words. */
function ngramsOf(text: string, { characterOrder, wordOrder, lowerCase, whitespace }: Settings): Ngrams {
  const line = lowerCase ? text.toLowerCase() : text;
  const characters = Array.from(whitespace ? line : splitAtWhitespace(line).join(''));
  const words = wordOrder === 0 ? [] : separatePunctuation(line);
  return [
    // Joined by spaces like words: n-grams of one order stay as different as they were.
    ...Array.from({ length: characterOrder }, (_, n) => countNgrams(characters, n + 1)),
    ...Array.from({ length: wordOrder }, (_, n) => countNgrams(words, n + 1)),
  ];
}

/** Words with one punctuation mark taken off: the last, or else the first. */
function separatePunctuation(line: string): readonly string[] {
  return splitAtWhitespace(line).flatMap((word) => {
    if (Array.from(word).length === 1) return [word];
    if (PUNCTUATION.has(word.at(-1) ?? '')) return [word.slice(0, -1), word.slice(-1)];
    if (PUNCTUATION.has(word.at(0) ?? '')) return [word.slice(0, 1), word.slice(1)];
    return [word];
  });
}

function matchCounts(hypothesis: Ngrams, reference: Ngrams): readonly number[] {
  return hypothesis.flatMap((ngrams, order) => {
    const accepted = reference[order] ?? new Map<string, number>();
    let total = 0;
    let matched = 0;
    for (const [ngram, count] of ngrams) {
      total += count;
      matched += Math.min(count, accepted.get(ngram) ?? 0);
    }
    let expected = 0;
    for (const count of accepted.values()) expected += count;
    // Nothing could be hit in a reference without n-grams of this order.
    return [accepted.size === 0 ? 0 : total, expected, matched];
  });
}

function scoreCounts(counts: readonly number[], { beta, epsilonSmoothing }: Settings): number {
  const factor = beta ** 2;
  const orders = counts.length / 3;
  let [sum, precisions, recalls, effectiveOrders] = [0, 0, 0, 0];
  for (let order = 0; order < orders; order++) {
    const [total = 0, expected = 0, matched = 0] = counts.slice(3 * order, 3 * order + 3);
    const precision = total > 0 ? matched / total : EPSILON;
    const recall = expected > 0 ? matched / expected : EPSILON;
    const denominator = factor * precision + recall;
    sum += denominator > 0 ? ((1 + factor) * precision * recall) / denominator : EPSILON;
    // Then the reference has n-grams of this order too.
    if (total > 0) {
      precisions += precision;
      recalls += recall;
      effectiveOrders++;
    }
  }
  if (epsilonSmoothing) return (100 * sum) / orders;
  if (precisions + recalls === 0) return 0;
  const precision = precisions / effectiveOrders;
  const recall = recalls / effectiveOrders;
  return (100 * (1 + factor) * precision * recall) / (factor * precision + recall);
}

function nameOf({ beta, wordOrder }: Settings): string {
  return `chrF${beta}${'+'.repeat(wordOrder)}`;
}

function signatureOf(references: string, settings: Settings): string {
  return [
    `nrefs:${references}`,
    `case:${settings.lowerCase ? 'lc' : 'mixed'}`,
    `eff:${settings.epsilonSmoothing ? 'no' : 'yes'}`,
    `nc:${settings.characterOrder}`,
    `nw:${settings.wordOrder}`,
    `space:${settings.whitespace ? 'yes' : 'no'}`,
    `version:${SACREBLEU_VERSION}`,
  ].join('|');
}
