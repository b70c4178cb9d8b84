// Which n-grams of words and characters stand for a text, and how much each of them says: fitted on the training part,
// plain data. text-graph.ts computes the features from it; this file knows no graph.
import { AmaasError } from '@amaas/core';
import { lowerCaseTable, matchTokens, replaceInText, WORD_PATTERN } from '../graph/index.ts';

/** N-grams of one kind, each a feature: how often it occurs, weighted by how rare it is among the texts. */
export interface NgramBlock {
  readonly unit: 'word' | 'character';
  /** Elements of each n-gram: words or characters (code points), folded as the vectoriser says. */
  readonly grams: readonly (readonly string[])[];
  /** Weight of each: ln((1 + texts) / (1 + texts that have it)) + 1. */
  readonly weights: readonly number[];
}

/** Everything that decides the features of a text. */
export interface TextVectoriser {
  /** What counts as a word; one that `checkPattern` allows. */
  readonly pattern: string;
  /** Whether upper and lower case count as the same. */
  readonly lowerCase: boolean;
  /** What follows after so many characters (rounded up to whole 64) is not looked at. */
  readonly maxCharacters: number;
  /** At least one; their features stand side by side, each block of length 1 per text. */
  readonly blocks: readonly NgramBlock[];
}

export interface NgramOptions {
  /** Elements of the shortest and the longest n-grams. */
  readonly lengths: readonly [shortest: number, longest: number];
  /** The ones in most texts are kept. */
  readonly maxFeatures: number;
}

export interface TextVectoriserOptions {
  /** Default: one and two words, 5,000 of them; null: none. */
  readonly words?: NgramOptions | null;
  /** Default: two to four characters, 10,000 of them; null: none. They bear with misspellings and disguised words. */
  readonly characters?: NgramOptions | null;
  /** Texts that must have an n-gram; default 2: what only one text has cannot be learned from. */
  readonly minTexts?: number;
  /** Default true. */
  readonly lowerCase?: boolean;
  /** Characters looked at; default 20,000: serving a text takes time and memory by its length. */
  readonly maxCharacters?: number;
  /** What counts as a word; default letters, digits and underscores of any script. */
  readonly pattern?: string;
}

export const DEFAULT_WORDS: NgramOptions = { lengths: [1, 2], maxFeatures: 5000 };
export const DEFAULT_CHARACTERS: NgramOptions = { lengths: [2, 4], maxFeatures: 10_000 };

const DEFAULT_MIN_TEXTS = 2;

/** N-grams counted at once; beyond, those seen in one text so far are forgotten: a Map has a limit, and so has memory. */
const MAX_COUNTED = 2_000_000;

/**
 * Finds the n-grams of texts.
 * @param texts - of the training part alone
 * @throws INVALID_DATA when no n-gram occurs in enough texts
 */
export function fitTextVectoriser(texts: readonly string[], options: TextVectoriserOptions = {}): TextVectoriser {
  const found = findTextVectoriser(texts, options);
  if (found !== null) return found;
  throw new AmaasError(
    'INVALID_DATA',
    `text: no word and no piece of one occurs in ${options.minTexts ?? DEFAULT_MIN_TEXTS} of the ${texts.length} texts, ` +
      'so there is nothing to tell them apart by; give more or longer texts',
  );
}

/** As {@link fitTextVectoriser}; null when no n-gram occurs in enough texts. */
export function findTextVectoriser(
  texts: readonly string[],
  options: TextVectoriserOptions = {},
): TextVectoriser | null {
  const { words = DEFAULT_WORDS, characters = DEFAULT_CHARACTERS, minTexts = DEFAULT_MIN_TEXTS } = options;
  const { lowerCase = true, maxCharacters = 20_000, pattern = WORD_PATTERN } = options;
  const blocks = [
    ...(words === null ? [] : [fitBlock('word', texts, { ...words, minTexts, lowerCase, pattern })]),
    ...(characters === null ? [] : [fitBlock('character', texts, { ...characters, minTexts, lowerCase, pattern })]),
  ].filter(({ grams }) => grams.length > 0);
  return blocks.length === 0 ? null : { pattern, lowerCase, maxCharacters, blocks };
}

/** Features of one text. */
export function textFeatureCount({ blocks }: TextVectoriser): number {
  return blocks.reduce((sum, { grams }) => sum + grams.length, 0);
}

/** What fitting and the graph replace before texts are taken apart. */
export function foldingOf(lowerCase: boolean): ReadonlyMap<string, string> {
  return lowerCase ? lowerCaseTable() : new Map();
}

interface BlockOptions extends NgramOptions {
  readonly minTexts: number;
  readonly lowerCase: boolean;
  readonly pattern: string;
}

function fitBlock(unit: NgramBlock['unit'], texts: readonly string[], options: BlockOptions): NgramBlock {
  const {
    lengths: [shortest, longest],
    maxFeatures,
    minTexts,
  } = options;
  if (!(Number.isSafeInteger(shortest) && Number.isSafeInteger(longest) && shortest >= 1 && longest >= shortest)) {
    throw new AmaasError(
      'INVALID_ARGUMENT',
      `text: n-grams have whole lengths of at least 1, the shortest first, got ${shortest} to ${longest}`,
    );
  }
  const counts = new Map<string, Counted>();
  const folding = foldingOf(options.lowerCase);
  for (const text of texts) {
    const folded = replaceInText(text, folding);
    const elements = unit === 'word' ? matchTokens(folded, options.pattern) : Array.from(folded);
    for (const [key, gram] of gramsOf(elements, shortest, longest)) {
      const known = counts.get(key);
      if (known === undefined) counts.set(key, { gram, texts: 1 });
      else known.texts++;
    }
    if (counts.size > MAX_COUNTED) forgetRare(counts);
  }
  const kept = [...counts]
    .filter(([, counted]) => counted.texts >= minTexts)
    // Ties by the n-gram itself, so that the order of the texts does not matter.
    .toSorted(([a, left], [b, right]) => right.texts - left.texts || (a < b ? -1 : 1))
    .slice(0, maxFeatures)
    .map(([, counted]) => counted);
  return {
    unit,
    grams: kept.map(({ gram }) => gram),
    weights: kept.map((counted) => Math.log((1 + texts.length) / (1 + counted.texts)) + 1),
  };
}

interface Counted {
  readonly gram: readonly string[];
  texts: number;
}

/** The different n-grams of one text, by a key that no other n-gram has. */
function gramsOf(
  elements: readonly string[],
  shortest: number,
  longest: number,
): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, readonly string[]>();
  for (let length = shortest; length <= longest; length++) {
    for (let start = 0; start + length <= elements.length; start++) {
      const gram = elements.slice(start, start + length);
      const key = `${length}\u0000${gram.join('\u0000')}`;
      if (!found.has(key)) found.set(key, gram);
    }
  }
  return found;
}

function forgetRare(counts: Map<string, Counted>): void {
  for (const [key, { texts }] of counts) if (texts === 1) counts.delete(key);
}
