// Rules of llama.cpp's grammar language being put together. An expression is text that can stand anywhere in a rule.
// Source: llama.cpp, grammars/README.md.
import { AmaasError } from '@amaas/core';

/** Characters of all rules together; llama.cpp expands repetitions, and a model's every token is held against the result. */
const MOST_CHARACTERS = 200_000;
/** Of one element; llama.cpp writes it out so many times. */
export const MOST_REPETITIONS = 2000;

export class GbnfRules {
  readonly #rules = new Map<string, string>();
  #characters = 0;

  /** The rule of a name that says what it means, made on first use. @returns how to refer to it */
  shared(name: string, make: () => string): string {
    if (!this.#rules.has(name)) {
      this.#rules.set(name, ''); // it may refer to itself
      this.#set(name, make());
    }
    return name;
  }

  /** A rule of its own. @returns how to refer to it */
  add(hint: string, body: string): string {
    return this.own(hint, () => body);
  }

  /** A rule of its own that may refer to itself. @returns how to refer to it */
  own(hint: string, make: (name: string) => string): string {
    let name = hint.replace(/[^A-Za-z0-9]+/g, '-').replace(/^-+|-+$/g, '') || 'rule';
    for (let number = 2; this.#rules.has(name); number++) name = `${name.replace(/-\d+$/, '')}-${number}`;
    this.#rules.set(name, '');
    this.#set(name, make(name));
    return name;
  }

  /** The whole grammar. @param root - what an answer is */
  toString(root: string): string {
    return [`root ::= ${root}`, ...[...this.#rules].map(([name, body]) => `${name} ::= ${body}`)].join('\n');
  }

  #set(name: string, body: string): void {
    this.#rules.set(name, body);
    this.#characters += name.length + body.length;
    if (this.#characters > MOST_CHARACTERS) {
      throw new AmaasError('INVALID_ARGUMENT', `grammar: the rules take more than ${MOST_CHARACTERS} characters`);
    }
  }
}

/** Exactly this text. */
export function literal(text: string): string {
  return text === '' ? '""' : `"${Array.from(text, quoted).join('')}"`;
}

function quoted(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  if (character === '"' || character === '\\') return `\\${character}`;
  return code < 0x20 || code === 0x7f ? escaped(code) : character;
}

function escaped(code: number): string {
  return `\\x${code.toString(16).padStart(2, '0').toUpperCase()}`;
}

export function sequence(parts: readonly string[]): string {
  return parts.filter((part) => part !== '').join(' ');
}

export function either(parts: readonly string[]): string {
  return parts.length === 1 ? (parts[0] ?? '') : `(${parts.join(' | ')})`;
}

export function optional(part: string): string {
  return `(${part})?`;
}

/** @param most - Infinity: any number */
export function repeated(part: string, least: number, most: number): string {
  if (least > MOST_REPETITIONS || (most !== Number.POSITIVE_INFINITY && most > MOST_REPETITIONS)) {
    throw new AmaasError('INVALID_ARGUMENT', `grammar: at most ${MOST_REPETITIONS} repetitions can be asked for`);
  }
  if (most === 0) return '';
  if (least === 1 && most === 1) return part;
  if (most === Number.POSITIVE_INFINITY)
    return least === 0 ? `(${part})*` : least === 1 ? `(${part})+` : `(${part}){${least},}`;
  if (least === 0 && most === 1) return optional(part);
  return least === most ? `(${part}){${least}}` : `(${part}){${least},${most}}`;
}

/** Code points from … to, both included. */
export type CodeRange = readonly [from: number, to: number];

export const LAST_CODE = 0x10ffff;

/** One of the characters. @param ranges - at least one */
export function characterClass(ranges: readonly CodeRange[]): string {
  return `[${ranges.map(([from, to]) => (from === to ? inClass(from) : `${inClass(from)}-${inClass(to)}`)).join('')}]`;
}

function inClass(code: number): string {
  const character = String.fromCodePoint(code);
  if (/[\\\]^-]/.test(character)) return `\\x${code.toString(16).toUpperCase()}`;
  if (code > 0x20 && code < 0x7f) return character;
  if (code <= 0xff) return escaped(code);
  return code <= 0xffff ? `\\u${code.toString(16).padStart(4, '0')}` : `\\U${code.toString(16).padStart(8, '0')}`;
}

/** Ranges sorted, without overlaps. */
export function unionOf(ranges: readonly CodeRange[]): readonly CodeRange[] {
  const joined: [number, number][] = [];
  for (const [from, to] of ranges.toSorted(([a], [b]) => a - b)) {
    const last = joined.at(-1);
    if (last !== undefined && from <= last[1] + 1) last[1] = Math.max(last[1], to);
    else joined.push([from, to]);
  }
  return joined;
}

/** Everything else. */
export function complementOf(ranges: readonly CodeRange[]): readonly CodeRange[] {
  const others: [number, number][] = [];
  let next = 0;
  for (const [from, to] of unionOf(ranges)) {
    if (from > next) others.push([next, from - 1]);
    next = to + 1;
  }
  if (next <= LAST_CODE) others.push([next, LAST_CODE]);
  return others;
}

export function intersectionOf(left: readonly CodeRange[], right: readonly CodeRange[]): readonly CodeRange[] {
  return complementOf([...complementOf(left), ...complementOf(right)]);
}
