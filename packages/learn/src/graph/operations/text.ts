// Operations on text, for preparing inputs inside the graph that is served. They have no derivatives. What each does to
// one text is written down in text-rules.ts.
//
// Text is cut into characters (code points) and changed by tables that are part of the graph, never by the locale of the
// machine: ONNX's StringNormalizer depends on it and fails to load where the locale is missing.
import { AmaasError } from '@amaas/core';
import { broadcastShapes } from '../shape.ts';
import { applyOne, defineOperation, type Operation, type Value } from '../value.ts';
import { labelEncoder } from './categories.ts';
import { cast, equal, where } from './comparison.ts';
import { constantStrings } from './constants.ts';
import { scan } from './scan.ts';
import { transpose } from './shaping.ts';
import { checkPattern, lowerCaseTable, matchesText, NUMBER_PATTERN, WORD_PATTERN } from './text-rules.ts';

export interface SplitOptions {
  /** The size of the new axis is only known when the graph runs; this is its name. Give different ones to different texts. */
  readonly count?: string;
}

export interface SplitWordsOptions extends SplitOptions {
  /** What a word looks like; the longest match counts. Default: {@link WORD_PATTERN}. */
  readonly pattern?: string;
}

/**
 * The characters (code points) of every text, filled up with empty texts.
 * @param x - [N] or [N, M], N > 0
 * @returns [...x.shape, count], count being the length of the longest text, 0 if all are empty
 */
export function splitCharacters(x: Value, { count = 'characters' }: SplitOptions = {}): Value {
  return applyOne(tokenizer(count), [x], { separators: [''], tokenexp: undefined, ...TOKENIZER_DEFAULTS });
}

/**
 * The parts of every text that match a pattern, filled up with empty texts.
 * @param x - [N] or [N, M], N > 0
 * @returns [...x.shape, count], count being the greatest number of parts, 0 if there are none
 * @throws INVALID_GRAPH for patterns that {@link checkPattern} refuses, or that match the empty text.
 */
export function splitWords(x: Value, { pattern = WORD_PATTERN, count = 'words' }: SplitWordsOptions = {}): Value {
  checkPattern(pattern, 'splitWords');
  if (matchesText('', pattern)) {
    throw new AmaasError('INVALID_GRAPH', `splitWords: the pattern ${pattern} matches the empty text`);
  }
  return applyOne(tokenizer(count), [x], { separators: undefined, tokenexp: pattern, ...TOKENIZER_DEFAULTS });
}

interface TokenizerAttributes {
  readonly [name: string]: string | number | readonly string[] | undefined;
  readonly separators: readonly string[] | undefined;
  readonly tokenexp: string | undefined;
  readonly pad_value: string;
  readonly mark: number;
  readonly mincharnum: number;
}

const TOKENIZER_DEFAULTS = { pad_value: '', mark: 0, mincharnum: 1 } as const;

/** Source: microsoft/onnxruntime, docs/ContribOperators.md, com.microsoft.Tokenizer */
function tokenizer(count: string): Operation<TokenizerAttributes> {
  return defineOperation<TokenizerAttributes>({
    name: 'Tokenizer',
    domain: 'com.microsoft',
    attributes: {
      separators: { kind: 'strings' },
      tokenexp: { kind: 'string' },
      pad_value: { kind: 'string' },
      mark: { kind: 'int' },
      mincharnum: { kind: 'int' },
    },
    infer([x]) {
      const { shape } = expectText(x, 'Tokenizer');
      if (shape.length !== 1 && shape.length !== 2) {
        throw new AmaasError('INVALID_GRAPH', `Tokenizer: expected text of rank 1 or 2, got rank ${shape.length}`);
      }
      return [{ dtype: 'string', shape: [...shape, count] }];
    },
  });
}

const STRING_CONCAT = defineOperation({
  name: 'StringConcat',
  attributes: {},
  infer([a, b]) {
    const shape = broadcastShapes(
      expectText(a, 'StringConcat').shape,
      expectText(b, 'StringConcat').shape,
      'StringConcat',
    );
    return [{ dtype: 'string', shape }];
  },
});

/** Every text of `a` with that of `b` behind it; both broadcast. */
export function concatStrings(a: Value, b: Value): Value {
  return applyOne(STRING_CONCAT, [a, b], {});
}

const REGEX_FULL_MATCH = defineOperation<{ readonly pattern: string }>({
  name: 'RegexFullMatch',
  attributes: { pattern: { kind: 'string' } },
  infer: ([x]) => [{ dtype: 'bool', shape: expectText(x, 'RegexFullMatch').shape }],
});

/** Whether all of a text matches (bool). @throws INVALID_GRAPH for patterns that {@link checkPattern} refuses. */
export function matchesPattern(x: Value, pattern: string): Value {
  checkPattern(pattern, 'matchesPattern');
  return applyOne(REGEX_FULL_MATCH, [x], { pattern });
}

/** A character no text should hold (Unicode keeps it for such uses); it stands for the end of a text here. */
const END = '\uFDD0';

/**
 * Texts with characters (code points) replaced, each by any text. Takes as many steps as the longest text has characters.
 * @param x - [N] or [N, M], N > 0
 */
export function replaceCharacters(x: Value, table: ReadonlyMap<string, string>): Value {
  const end = constantStrings([], [END]);
  const empty = constantStrings([], ['']);
  // With an end there is always a character: a loop without steps is not possible.
  const characters = splitCharacters(concatStrings(x, end));
  const found = labelEncoder(characters, new Map([...table, [END, '']]), { to: 'string', fallback: END });
  const replaced = where(equal(found, end), characters, found);
  const rank = x.shape.length;
  const steps = transpose(replaced, [rank, ...x.shape.keys()]);
  const start = labelEncoder(x, new Map([['', '']]), { to: 'string', fallback: '' });
  const { states } = scan([start], [steps], ([text = start], [character = start]) => ({
    // ONNX Runtime's StringConcat must not write a loop's state: from the fourth step on it appends to what was there.
    states: [where(equal(character, empty), text, concatStrings(text, character))],
    outputs: [],
  }));
  return states[0] ?? x;
}

/** Texts in lower case, whatever the script and the machine's locale. As {@link replaceCharacters} */
export function lowerCase(x: Value): Value {
  return replaceCharacters(x, lowerCaseTable());
}

/** Numbers written as text (`-1.5`, ` 2e3 `), NaN where a text is none. Decimal commas can be replaced before. */
export function parseNumber(x: Value, to: 'float32' | 'float64' = 'float32'): Value {
  return cast(where(matchesPattern(x, NUMBER_PATTERN), x, constantStrings([], ['nan'])), to);
}

function expectText(x: Value | undefined, operation: string): Value {
  if (x?.dtype !== 'string') {
    throw new AmaasError('INVALID_GRAPH', `${operation}: expected text, got ${x?.dtype ?? 'nothing'}`);
  }
  return x;
}
