// What the operations on text do to one text, in JavaScript: used to fit vocabularies, and by the reference evaluator.
// ONNX Runtime gives the same results; where its rules differ from JavaScript's, the difference is refused here.
import { AmaasError } from '@amaas/core';

/** Letters with their marks, digits and underscores, of any script. */
export const WORD_PATTERN = '[\\p{L}\\p{M}\\p{N}_]+';

/** Numbers as text that `parseNumber` takes; exponents have at most two digits, so that none overflows on the way. */
export const NUMBER_PATTERN =
  '[\\t\\n\\r ]*[+-]?([0-9]{1,60}(\\.[0-9]{0,60})?|\\.[0-9]{1,60})([eE][+-]?[0-9]{1,2})?[\\t\\n\\r ]*';

/**
 * Checks a regular expression for use in a graph: one that JavaScript and RE2, which ONNX Runtime has, read alike.
 * @throws INVALID_GRAPH for look-around, back-references, lazy quantifiers, `\s`, `.` and property names longer than two
 *   letters, all of which mean different things or nothing in one of them.
 */
export function checkPattern(pattern: string, operation: string): void {
  const withoutEscapes = pattern.replaceAll(/\\[^pP]/g, '').replaceAll(/\[[^\]]*\]/g, 'x');
  const wrong = [
    { found: /\(\?(?![i-]*:)/.exec(pattern)?.[0], what: 'look-around and flags for all that follows' },
    { found: /\\[1-9kbBsSdDwWvu]/.exec(pattern)?.[0], what: 'back-references and abbreviations of classes' },
    { found: /\\[pP]\{(?![A-Z][a-z]?\})/.exec(pattern)?.[0], what: 'properties other than general categories' },
    { found: /[*+?}]\?/.exec(withoutEscapes)?.[0], what: 'lazy quantifiers' },
    { found: /\./.exec(withoutEscapes)?.[0], what: 'the full stop; write the class of characters that is meant' },
  ].find(({ found }) => found !== undefined);
  if (wrong !== undefined) {
    throw new AmaasError(
      'INVALID_GRAPH',
      `${operation}: the pattern ${pattern} holds ${wrong.found}; not allowed are ${wrong.what}`,
    );
  }
  try {
    new RegExp(pattern, 'u');
  } catch (cause) {
    throw new AmaasError('INVALID_GRAPH', `${operation}: ${pattern} is not a regular expression`, { cause });
  }
}

/** Whether all of a text matches. @param pattern - as {@link checkPattern} allows */
export function matchesText(text: string, pattern: string): boolean {
  return new RegExp(`^(?:${pattern})$`, 'u').test(text);
}

/** The parts of a text that match, from left to right, each as long as possible. @param pattern - as {@link checkPattern} allows */
export function matchTokens(text: string, pattern: string): readonly string[] {
  const anywhere = new RegExp(pattern, 'gu');
  // Only with several repetitions or alternatives can what JavaScript finds first be shorter than the longest match.
  const bare = pattern.replaceAll(/\\[pP]\{[A-Z][a-z]?\}|\\./g, 'x').replaceAll(/\[[^\]]*\]/g, 'x');
  const hasChoices = bare.includes('|') || (bare.match(/[*+?{]/g) ?? []).length > 1;
  const tokens: string[] = [];
  for (let match = anywhere.exec(text); match !== null; match = anywhere.exec(text)) {
    const token = hasChoices ? longestMatch(text, match.index, pattern) : match[0];
    if (token !== '') tokens.push(token);
    anywhere.lastIndex = match.index + Math.max(token.length, 1);
  }
  return tokens;
}

function longestMatch(text: string, start: number, pattern: string): string {
  const whole = new RegExp(`(?:${pattern})$`, 'uy');
  for (let end = text.length; end > start; end--) {
    whole.lastIndex = start;
    const candidate = text.slice(0, end);
    if (whole.test(candidate)) return candidate.slice(start);
  }
  return '';
}

/** Every character that has a lower case, with it: each by itself, so that a Σ at the end of a word becomes σ. */
export function lowerCaseTable(): ReadonlyMap<string, string> {
  const table = new Map<string, string>();
  // No letter of two cases lies beyond.
  for (let code = 0; code < 0x1f000; code++) {
    const character = String.fromCodePoint(code);
    const lower = character.toLowerCase();
    if (lower !== character) table.set(character, lower);
  }
  return table;
}

/** A text with characters (code points) replaced. */
export function replaceInText(text: string, table: ReadonlyMap<string, string>): string {
  return Array.from(text, (character) => table.get(character) ?? character).join('');
}

/** The number a text is, or NaN. */
export function numberOfText(text: string): number {
  return matchesText(text, NUMBER_PATTERN) ? Number(text) : Number.NaN;
}

/** MurmurHash3 (x86, 32 bits) of a text's UTF-8. Source: A. Appleby, smhasher, MurmurHash3.cpp */
export function murmurHash3(text: string, seed: number): number {
  const bytes = new TextEncoder().encode(text);
  const view = new DataView(bytes.buffer);
  const whole = bytes.length - (bytes.length % 4);
  let hash = seed | 0;
  for (let at = 0; at < whole; at += 4) {
    hash = Math.imul(rotate(hash ^ scramble(view.getUint32(at, true)), 13), 5) + 0xe6546b64;
  }
  let tail = 0;
  for (let at = bytes.length - 1; at >= whole; at--) tail = (tail << 8) | (bytes[at] ?? 0);
  if (whole < bytes.length) hash ^= scramble(tail);
  hash ^= bytes.length;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

function scramble(block: number): number {
  return Math.imul(rotate(Math.imul(block, 0xcc9e2d51), 15), 0x1b873593);
}

function rotate(x: number, bits: number): number {
  return (x << bits) | (x >>> (32 - bits));
}
