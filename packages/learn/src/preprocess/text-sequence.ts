// Texts as numbered words in their order, for networks that read: fitted on the training part, plain data.
import { AmaasError } from '@amaas/core';
import { matchTokens, replaceInText, WORD_PATTERN } from '../graph/index.ts';
import { foldingOf } from './text-features.ts';

/** The words a network knows and how many it reads. Numbers: 0 after the end, 1 for other words, 2 … for these. */
export interface WordSequence {
  readonly pattern: string;
  readonly lowerCase: boolean;
  /** What follows after so many characters (rounded up to whole 64) is not looked at. */
  readonly maxCharacters: number;
  readonly words: readonly string[];
  /** Words read of each text; shorter ones are filled up with 0. */
  readonly length: number;
}

export interface WordSequenceOptions {
  /** The most frequent words are kept; default 20,000. */
  readonly maxWords?: number;
  /** Texts that must have a word; default 2. */
  readonly minTexts?: number;
  /** Words read at most; default 200. Less where the training texts are all shorter. */
  readonly maxLength?: number;
  /** Words read at least, filled up: what the network's widest window needs; default 8. */
  readonly minLength?: number;
  /** Default true. */
  readonly lowerCase?: boolean;
  readonly pattern?: string;
}

/** @param texts - of the training part alone @throws INVALID_DATA when no word occurs in enough texts */
export function fitWordSequence(texts: readonly string[], options: WordSequenceOptions = {}): WordSequence {
  const { maxWords = 20_000, minTexts = 2, maxLength = 200, minLength = 8, lowerCase = true } = options;
  const pattern = options.pattern ?? WORD_PATTERN;
  const counts = new Map<string, number>();
  let longest = minLength;
  const folding = foldingOf(lowerCase);
  for (const text of texts) {
    const words = matchTokens(replaceInText(text, folding), pattern);
    longest = Math.max(longest, words.length);
    for (const word of new Set(words)) counts.set(word, (counts.get(word) ?? 0) + 1);
  }
  const kept = [...counts]
    .filter(([, count]) => count >= minTexts)
    .toSorted(([a, left], [b, right]) => right - left || (a < b ? -1 : 1))
    .slice(0, maxWords);
  if (kept.length === 0) {
    throw new AmaasError('INVALID_DATA', `text: no word occurs in ${minTexts} of the ${texts.length} texts`);
  }
  return {
    pattern,
    lowerCase,
    words: kept.map(([word]) => word),
    length: Math.min(longest, maxLength),
    maxCharacters: CHARACTERS_PER_WORD * maxLength,
  };
}

/** More than any language's words have on average, blanks included. */
const CHARACTERS_PER_WORD = 20;

/** Numbers that {@link WordSequence} gives, 0 and 1 included. */
export function wordCodes({ words }: WordSequence): number {
  return words.length + 2;
}
