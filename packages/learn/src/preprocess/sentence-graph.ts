// Sentences as numbered words and parts of words, as a graph: the same nodes prepare the training sentences and stand in the
// served model.
import {
  concat,
  cast,
  cumSum,
  add,
  equal,
  greater,
  labelEncoder,
  matchesPattern,
  mul,
  reduceSum,
  replaceCharacters,
  scalar,
  splitCharacters,
  splitWords,
  unsqueeze,
  type Value,
  where,
} from '../graph/index.ts';
import { type SentenceWords, WORD_SHAPES, wordPartCodes } from './sentence-words.ts';
import { foldingOf } from './text-features.ts';

/** The words of sentences; T is one more than the longest sentence has words. */
export interface WordValues {
  /** string [N, T], as they are written, '' after the end. */
  readonly words: Value;
  /** int64 [N, T], as {@link SentenceWords} says. */
  readonly ids: Value;
  /** int64 [N, T, parts]: endings of one, two, … characters, and the shape. */
  readonly parts: Value;
}

/** @param texts - string [N], N > 0 */
export function buildSentenceWords(texts: Value, sentence: SentenceWords, name = 'sentence'): WordValues {
  const { pattern, maxCharacters } = sentence;
  const split = (folding: ReadonlyMap<string, string>): Value => {
    const parts = splitWords(replaceCharacters(texts, folding, { maxCharacters }), { pattern, count: `${name} words` });
    return concat([parts, unsqueeze(blanks(texts), 1)], 1);
  };
  const words = split(new Map());
  const folded = split(foldingOf(true));
  const table = new Map([['', 0], ...sentence.words.map((word, index) => [word, index + 2] as const)]);
  const ids = labelEncoder(folded, table, { to: 'int64', fallback: 1 });
  const parts = [...endingNumbers(folded, sentence, name), shapeNumbers(words, sentence)];
  return {
    words,
    ids,
    parts: concat(
      parts.map((part) => unsqueeze(part, 2)),
      2,
    ),
  };
}

/** Numbers of the endings of words, [N, T] each. An ending is looked up by the numbers of its characters as one number. */
function endingNumbers(words: Value, { characters, endings }: SentenceWords, name: string): readonly Value[] {
  const found = splitCharacters(words, { count: `${name} characters` });
  const all = concat([found, unsqueeze(blanks(words), 2)], 2);
  const numbers = new Map([['', 0], ...characters.map((letter, index) => [letter, index + 2] as const)]);
  const codes = labelEncoder(all, numbers, { to: 'int64', fallback: 1 });
  const fromEnd = cumSum(cast(greater(codes, 0), 'int64'), 2, { reverse: true });
  const base = characters.length + 2;
  let first = 2;
  let key: Value | null = null;
  return endings.map((known, index) => {
    const code = reduceSum(mul(codes, cast(equal(fromEnd, index + 1), 'int64')), { axes: [2] });
    const shifted = mul(code, base ** index);
    key = key === null ? shifted : add(key, shifted);
    const table = new Map(known.map((ending, at) => [keyOf(ending, { numbers, base }), first + at] as const));
    first += known.length;
    const looked = table.size === 0 ? scalar('int64', 1) : labelEncoder(key, table, { to: 'int64', fallback: 1 });
    return where(greater(code, 0), looked, 0);
  });
}

function keyOf(
  ending: string,
  { numbers, base }: { readonly numbers: ReadonlyMap<string, number>; readonly base: number },
): number {
  return Array.from(ending)
    .toReversed()
    .reduce((sum, letter, index) => sum + (numbers.get(letter) ?? 1) * base ** index, 0);
}

function shapeNumbers(words: Value, sentence: SentenceWords): Value {
  const first = wordPartCodes(sentence) - WORD_SHAPES.length;
  const none = scalar('int64', 0);
  const shape = WORD_SHAPES.reduceRight<Value>(
    (other, pattern, index) => where(matchesPattern(words, pattern), scalar('int64', first + index), other),
    none,
  );
  return shape;
}

/** Empty texts of the same shape. */
function blanks(like: Value): Value {
  return labelEncoder(like, new Map([['', '']]), { to: 'string', fallback: '' });
}
