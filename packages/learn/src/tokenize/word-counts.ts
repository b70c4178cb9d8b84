// How often each word occurs in the texts a tokenizer is trained on, and which characters they are made of. The words
// are cut by the very stages that will cut them later.
import { AmaasError } from '@amaas/core';
import { alignWhole } from './aligned-text.ts';
import { writeByteCharacters } from './byte-characters.ts';
import { JsonNode } from './json-node.ts';
import { readNormalizer } from './normalizers.ts';
import { readPreTokenizer } from './pre-tokenizers.ts';

/** Different words counted at once; beyond, those seen once so far are forgotten: a Map has a limit, and so has memory. */
const MAX_COUNTED = 4_000_000;
/** Longer words are learned from in pieces of this length: work per merge grows with the words' lengths. */
const DEFAULT_MAX_LENGTH = 256;

export interface CountStages {
  readonly normalizer: object | null;
  readonly preTokenizer: object | null;
  /** Units of a word at most; longer ones count in pieces. */
  readonly maxLength?: number;
}

/** Words with their counts, in the order of their first occurrence. @throws INVALID_DATA when there is none. */
export function countWords(
  texts: Iterable<string>,
  { normalizer, preTokenizer, maxLength = DEFAULT_MAX_LENGTH }: CountStages,
): ReadonlyMap<string, number> {
  const normalize = readNormalizer(new JsonNode(normalizer, 'normalizer'));
  const { split, asBytes } = readPreTokenizer(new JsonNode(preTokenizer, 'pre_tokenizer'));
  const counts = new Map<string, number>();
  for (const text of texts) {
    for (const { text: word } of split(normalize(alignWhole(text.toWellFormed())))) {
      for (const piece of cutLong(word, maxLength)) {
        const count = counts.get(piece);
        if (count === undefined && counts.size >= MAX_COUNTED) forgetRare(counts);
        counts.set(piece, (count ?? 0) + 1);
      }
    }
  }
  if (counts.size === 0) throw new AmaasError('INVALID_DATA', 'tokenizer: training expects texts with words, got none');
  if (!asBytes) return counts;
  return new Map([...counts].map(([word, count]) => [writeByteCharacters(word), count]));
}

/** Pieces of at most `maxLength` units, one more where a surrogate pair would be cut apart. */
function* cutLong(word: string, maxLength: number): Iterable<string> {
  if (word.length <= maxLength) {
    yield word;
    return;
  }
  for (let start = 0; start < word.length; ) {
    const end = start + maxLength;
    const cut = (word.codePointAt(end - 1) ?? 0) > 0xffff ? end + 1 : end;
    yield word.slice(start, cut);
    start = cut;
  }
}

/** Takes out what was counted once, or twice where that does not help, and so on. */
export function forgetRare(counts: Map<string, number>): void {
  const target = counts.size / 2;
  for (let least = 2; counts.size > target; least++) {
    for (const [key, count] of counts) if (count < least) counts.delete(key);
  }
}

/**
 * The characters of the words, the most frequent first (equal ones by code point), as many as make up `coverage` of all
 * occurrences.
 */
export function chooseAlphabet(words: ReadonlyMap<string, number>, coverage: number): readonly string[] {
  if (!(coverage > 0 && coverage <= 1)) {
    throw new AmaasError(
      'INVALID_ARGUMENT',
      `tokenizer: characterCoverage expects a share above 0 up to 1, got ${coverage}`,
    );
  }
  const counts = new Map<string, number>();
  let total = 0;
  for (const [word, count] of words) {
    for (const character of word) {
      counts.set(character, (counts.get(character) ?? 0) + count);
      total += count;
    }
  }
  const ordered = [...counts].sort(([a, aCount], [b, bCount]) => bCount - aCount || compareCodePoints(a, b));
  const chosen: string[] = [];
  let covered = 0;
  for (const [character, count] of ordered) {
    if (covered >= total * coverage) break;
    chosen.push(character);
    covered += count;
  }
  return chosen;
}

/** Orders characters by code point. */
export function compareCodePoints(a: string, b: string): number {
  return (a.codePointAt(0) ?? 0) - (b.codePointAt(0) ?? 0);
}

/** @throws INVALID_ARGUMENT when the size is none, or has no room for what must be in the vocabulary. */
export function checkVocabularySize(size: number, needed: number): void {
  if (!Number.isInteger(size) || size < 1 || size > 2 ** 20) {
    throw new AmaasError(
      'INVALID_ARGUMENT',
      `tokenizer: vocabularySize expects a whole number from 1 to ${2 ** 20}, got ${size}`,
    );
  }
  if (size < needed) {
    throw new AmaasError(
      'INVALID_ARGUMENT',
      `tokenizer: vocabularySize ${size} has no room for ${needed} special tokens and characters`,
    );
  }
}

/** @throws INVALID_ARGUMENT for special tokens that are empty or there twice. */
export function checkSpecialTokens(tokens: readonly string[]): void {
  const seen = new Set<string>();
  for (const token of tokens) {
    if (token === '' || seen.has(token)) {
      throw new AmaasError(
        'INVALID_ARGUMENT',
        `tokenizer: special tokens expect different texts, got ${JSON.stringify(token)}`,
      );
    }
    seen.add(token);
  }
}
