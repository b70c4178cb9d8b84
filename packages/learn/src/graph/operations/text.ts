// Operations on text, for preparing inputs inside the graph that is served. They have no derivatives. What each does to
// one text is written down in text-rules.ts.
//
// Text is cut into characters (code points) and changed by tables that are part of the graph, never by the locale of the
// machine: ONNX's StringNormalizer depends on it and fails to load where the locale is missing.
import { AmaasError, formatShape } from '@amaas/core';
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
/** Texts are changed in pieces of this many characters: building a text one character at a time is quadratic in its length. */
const PIECE = 64;

export interface ReplaceOptions {
  /**
   * Only so many characters of a text are kept, rounded up to pieces of 64; default all. The time taken grows a little
   * faster than the longest text (1 MB: about two seconds), so that what strangers send is better bounded.
   */
  readonly maxCharacters?: number;
}

/**
 * Texts with characters (code points) replaced, each by any text.
 * @param x - [N], N > 0
 */
export function replaceCharacters(
  x: Value,
  table: ReadonlyMap<string, string>,
  { maxCharacters = Number.POSITIVE_INFINITY }: ReplaceOptions = {},
): Value {
  if (expectText(x, 'replaceCharacters').shape.length !== 1) {
    throw new AmaasError('INVALID_GRAPH', `replaceCharacters: expected texts [N], got ${formatShape(x.shape)}`);
  }
  const end = constantStrings([], [END]);
  // With an end there is always a character: neither loops without steps nor tokens of no texts are possible.
  const all = splitWords(concatStrings(x, end), { pattern: `[\\p{L}\\P{L}]{1,${PIECE}}`, count: 'pieces' });
  const pieces = maxCharacters === Number.POSITIVE_INFINITY ? all : firstOf(all, Math.ceil(maxCharacters / PIECE));
  const characters = splitCharacters(pieces);
  const found = labelEncoder(characters, new Map([...table, [END, '']]), { to: 'string', fallback: END });
  const replaced = where(equal(found, end), characters, found);
  const changed = joinTexts(pieces, transpose(replaced, [2, 0, 1]));
  return joinTexts(x, transpose(changed));
}

/** Texts along the first axis, one behind the other. @param like - any texts of the result's shape */
function joinTexts(like: Value, parts: Value): Value {
  const empty = constantStrings([], ['']);
  const start = labelEncoder(like, new Map([['', '']]), { to: 'string', fallback: '' });
  const { states } = scan([start], [parts], ([text = start], [part = start]) => ({
    // Not StringConcat alone: it must not write a loop's state, to which ONNX Runtime appends from the fourth step on.
    states: [where(equal(part, empty), text, concatStrings(text, part))],
    outputs: [],
  }));
  return states[0] ?? start;
}

const SLICE = defineOperation<{ readonly [name: string]: readonly number[] }>({
  name: 'Slice',
  attributes: {
    starts: { kind: 'ints', asInput: true },
    ends: { kind: 'ints', asInput: true },
    axes: { kind: 'ints', asInput: true },
    steps: { kind: 'ints', asInput: true },
  },
  infer([x], { ends }) {
    const { dtype, shape } = expectText(x, 'Slice');
    return [{ dtype, shape: [...shape.slice(0, -1), `${shape.at(-1)}<=${ends?.[0]}`] }];
  },
});

/** The first elements of the last axis, or all if there are fewer. */
function firstOf(x: Value, count: number): Value {
  return applyOne(SLICE, [x], { starts: [0], ends: [count], axes: [x.shape.length - 1], steps: [1] });
}

/** Texts in lower case, whatever the script and the machine's locale; see {@link replaceCharacters}. To be used before splitting. */
export function lowerCase(x: Value, options: ReplaceOptions = {}): Value {
  return replaceCharacters(x, lowerCaseTable(), options);
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
