// What a tagger knows of words: fitted on the tagged sentences of the training part, plain data. Words that were not seen
// are told by how they end and how they are written. sentence-graph.ts computes it; this file knows no graph.
import { AmaasError } from '@amaas/core';
import { checkPattern, replaceInText } from '../graph/index.ts';
import { foldingOf } from './text-features.ts';

/** What a word of a sentence looks like: letters and digits, also joined by one sign inside, or any other visible sign. */
export const SENTENCE_WORD_PATTERN =
  "[\\p{L}\\p{M}\\p{N}_]+([\\-'’.,:][\\p{L}\\p{M}\\p{N}_]+)*|[^\\p{L}\\p{M}\\p{N}_\\p{Z}\\p{C}]";

/** Ways of writing a word, the first that fits; none of them: 0. */
export const WORD_SHAPES: readonly string[] = [
  '\\p{Lu}{2,}',
  "\\p{Lu}[\\p{L}\\p{M}\\p{N}\\-'’.]*",
  '[\\p{N}]+([.,:/][\\p{N}]+)*',
  '[^\\p{L}\\p{N}]+',
  "[\\p{L}\\p{M}]+(['’][\\p{L}\\p{M}]+)*",
];

/** Numbers of words: 0 after the end, 1 for unknown ones, 2 … for these. */
export interface SentenceWords {
  readonly pattern: string;
  /** What follows after so many characters (rounded up to whole 64) is not looked at. */
  readonly maxCharacters: number;
  /** In lower case. */
  readonly words: readonly string[];
  /** That endings are made of, in lower case. */
  readonly characters: readonly string[];
  /** Known endings of one, two, … characters. */
  readonly endings: readonly (readonly string[])[];
}

export interface SentenceWordsOptions {
  /** Times a word or an ending must occur to be known; default 2: of rarer ones is learned what unknown ones are like. */
  readonly minCount?: number;
  /** Characters of the longest endings; default 3. */
  readonly longestEnding?: number;
  /** Default {@link SENTENCE_WORD_PATTERN}. */
  readonly pattern?: string;
  /** Default 4,000. */
  readonly maxCharacters?: number;
}

/**
 * @param sentences - words of each, of the training part alone
 * @throws INVALID_DATA when no word occurs often enough; INVALID_GRAPH for a pattern that is none
 */
export function fitSentenceWords(
  sentences: readonly (readonly string[])[],
  options: SentenceWordsOptions = {},
): SentenceWords {
  const { minCount = 2, longestEnding = 3, pattern = SENTENCE_WORD_PATTERN, maxCharacters = 4000 } = options;
  checkPattern(pattern, 'fitSentenceWords');
  const folding = foldingOf(true);
  const words = new Map<string, number>();
  for (const word of sentences.flat()) add(words, replaceInText(word, folding));
  const characters = new Map<string, number>();
  const endings = Array.from({ length: longestEnding }, () => new Map<string, number>());
  for (const [word, count] of words) {
    const letters = Array.from(word);
    for (const letter of letters) add(characters, letter, count);
    for (const [index, found] of endings.entries()) {
      if (letters.length > index) add(found, letters.slice(-index - 1).join(''), count);
    }
  }
  const kept = (counts: ReadonlyMap<string, number>): readonly string[] =>
    [...counts]
      .filter(([, count]) => count >= minCount)
      .toSorted(([a, left], [b, right]) => right - left || (a < b ? -1 : 1))
      .map(([text]) => text);
  const known = kept(words);
  if (known.length === 0) {
    throw new AmaasError(
      'INVALID_DATA',
      `tagger: no word occurs ${minCount} times in the ${sentences.length} sentences`,
    );
  }
  const letters = [...characters.keys()].toSorted();
  return { pattern, maxCharacters, words: known, characters: letters, endings: endings.map(kept) };
}

/** Numbers of words that {@link SentenceWords} gives, 0 and 1 included. */
export function sentenceWordCodes({ words }: SentenceWords): number {
  return words.length + 2;
}

/** Numbers of parts of words: 0 for none, 1 for unknown endings, the endings length by length, then the shapes. */
export function wordPartCodes({ endings }: SentenceWords): number {
  return 2 + endings.reduce((sum, each) => sum + each.length, 0) + WORD_SHAPES.length;
}

function add(counts: Map<string, number>, key: string, count = 1): void {
  counts.set(key, (counts.get(key) ?? 0) + count);
}
