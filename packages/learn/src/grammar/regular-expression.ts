// Regular expressions as grammars: the regular part of ECMAScript's syntax. What looks at other places of the text
// (assertions, references) is refused, because a grammar only goes forward.
import { AmaasError } from '@amaas/core';
import {
  characterClass,
  type CodeRange,
  complementOf,
  either,
  LAST_CODE,
  literal,
  MOST_REPETITIONS,
  repeated,
  sequence,
  unionOf,
} from './gbnf.ts';

/** How one of some characters is written; inside a JSON string some have to be escaped. */
export type WriteCharacters = (ranges: readonly CodeRange[]) => string;

/** Characters as they are. */
export const plainCharacters: WriteCharacters = (ranges) => characterClass(ranges);

export interface ParsedExpression {
  readonly body: string;
  /** Whether the text may go on before it, and after it. */
  readonly isOpenBefore: boolean;
  readonly isOpenAfter: boolean;
}

/**
 * @param where - of the expression, for messages
 * @throws INVALID_ARGUMENT naming what of the expression is not regular, or malformed, and where
 */
export function parseExpression(source: string, write: WriteCharacters, where: string): ParsedExpression {
  const parser = new Parser(source, write, where);
  return parser.parse();
}

const DIGITS: readonly CodeRange[] = [[0x30, 0x39]];
const WORDS: readonly CodeRange[] = [
  [0x30, 0x39],
  [0x41, 0x5a],
  [0x5f, 0x5f],
  [0x61, 0x7a],
];
const SPACES: readonly CodeRange[] = [
  [0x09, 0x0d],
  [0x20, 0x20],
  [0xa0, 0xa0],
  [0x1680, 0x1680],
  [0x2000, 0x200a],
  [0x2028, 0x2029],
  [0x202f, 0x202f],
  [0x205f, 0x205f],
  [0x3000, 0x3000],
  [0xfeff, 0xfeff],
];
const LINE_ENDS: readonly CodeRange[] = [
  [0x0a, 0x0a],
  [0x0d, 0x0d],
  [0x2028, 0x2029],
];
const CLASSES: ReadonlyMap<string, readonly CodeRange[]> = new Map([
  ['d', DIGITS],
  ['D', complementOf(DIGITS)],
  ['w', WORDS],
  ['W', complementOf(WORDS)],
  ['s', SPACES],
  ['S', complementOf(SPACES)],
]);
const CONTROLS: ReadonlyMap<string, number> = new Map([
  ['t', 9],
  ['n', 10],
  ['v', 11],
  ['f', 12],
  ['r', 13],
]);
/** Characters that mean themselves after a backslash. */
const SYNTAX = /[\^$\\.*+?()[\]{}|/-]/;

/** Groups within groups: each is a call within a call here, and again in llama.cpp. */
const MOST_DEPTH = 200;

class Parser {
  readonly #characters: readonly string[];
  readonly #write: WriteCharacters;
  readonly #where: string;
  #at = 0;
  #depth = 0;

  constructor(source: string, write: WriteCharacters, where: string) {
    this.#characters = Array.from(source);
    this.#write = write;
    this.#where = where;
  }

  parse(): ParsedExpression {
    const isOpenBefore = !this.#eat('^');
    const body = this.#alternatives(true);
    const isOpenAfter = !this.#eat('$');
    if (this.#peek() !== undefined) throw this.#refuse(this.#peek() === ')' ? 'a ) without its (' : '$ or ^ inside');
    const hasBranches = this.#branches > 1;
    // In ^a|b$ each anchor belongs to one branch alone.
    if (hasBranches && (!isOpenBefore || !isOpenAfter)) throw this.#refuse('| beside ^ or $; use ^(?:…|…)$');
    return { body, isOpenBefore, isOpenAfter };
  }

  #branches = 1;

  #alternatives(isOutermost: boolean): string {
    const branches = [this.#terms()];
    while (this.#eat('|')) branches.push(this.#terms());
    if (isOutermost) this.#branches = branches.length;
    return either(branches);
  }

  #terms(): string {
    const terms: string[] = [];
    for (;;) {
      const next = this.#peek();
      if (next === undefined || next === '|' || next === ')' || next === '$') break;
      terms.push(this.#quantified());
    }
    return terms.length === 0 ? '""' : sequence(terms);
  }

  #quantified(): string {
    const atom = this.#atom();
    const next = this.#peek();
    let range: readonly [number, number];
    if (next === '*') range = [0, Number.POSITIVE_INFINITY];
    else if (next === '+') range = [1, Number.POSITIVE_INFINITY];
    else if (next === '?') range = [0, 1];
    else if (next === '{') return this.#counted(atom);
    else return atom;
    this.#at++;
    return this.#after(repeated(atom, ...range));
  }

  #counted(atom: string): string {
    const rest = this.#characters.slice(this.#at, this.#at + 24).join('');
    const match = /^\{(\d+)(,(\d*))?\}/.exec(rest);
    if (match === null) throw this.#refuse('a { that is no quantifier; write \\{');
    const [text, from = '', comma, to = ''] = match;
    const least = Number(from);
    const most = comma === undefined ? least : to === '' ? Number.POSITIVE_INFINITY : Number(to);
    if (least > most) throw this.#refuse(`the quantifier ${text}`);
    if (least > MOST_REPETITIONS || (most !== Number.POSITIVE_INFINITY && most > MOST_REPETITIONS)) {
      throw this.#refuse(`the quantifier ${text}, more than ${MOST_REPETITIONS} times`);
    }
    this.#at += text.length;
    const body = repeated(atom, least, most);
    return this.#after(body === '' ? '""' : body);
  }

  /** Greedy or lazy make no difference to which texts match; possessive is no ECMAScript. */
  #after(body: string): string {
    this.#eat('?');
    if (/[*+?{]/.test(this.#peek() ?? '')) throw this.#refuse('two quantifiers in a row');
    return body;
  }

  #atom(): string {
    const next = this.#peek();
    switch (next) {
      case '(':
        return this.#group();
      case '[':
        return this.#class();
      case '.':
        this.#at++;
        return this.#write(complementOf(LINE_ENDS));
      case '\\':
        return this.#escape();
      case '^':
        throw this.#refuse('^ inside');
      case '*':
      case '+':
      case '?':
      case '{':
        throw this.#refuse(`a ${next} with nothing to repeat`);
      case ']':
      case '}':
        throw this.#refuse(`a ${next} without its beginning; write \\${next}`);
      default: {
        this.#at++;
        const code = next?.codePointAt(0) ?? 0;
        return this.#write([[code, code]]);
      }
    }
  }

  #group(): string {
    this.#at++;
    if (this.#eat('?')) {
      if (!this.#eat(':')) {
        const named = /^<[A-Za-z_$][\w$]*>/.exec(this.#characters.slice(this.#at, this.#at + 80).join(''));
        if (named === null) throw this.#refuse('an assertion or a group with flags');
        this.#at += named[0].length;
      }
    }
    if (++this.#depth > MOST_DEPTH) throw this.#refuse(`groups nested more than ${MOST_DEPTH} deep`);
    const body = this.#alternatives(false);
    this.#depth--;
    if (!this.#eat(')')) throw this.#refuse('a ( without its ), or $ inside');
    return `(${body})`;
  }

  #class(): string {
    this.#at++;
    const isOther = this.#eat('^');
    const ranges: CodeRange[] = [];
    for (;;) {
      const next = this.#peek();
      if (next === undefined) throw this.#refuse('a [ without its ]');
      if (this.#eat(']')) break;
      const from = this.#classMember();
      if (this.#peek() === '-' && this.#characters[this.#at + 1] !== ']' && typeof from === 'number') {
        this.#at++;
        const to = this.#classMember();
        if (typeof to !== 'number' || to < from) throw this.#refuse('a range of characters that goes backwards');
        ranges.push([from, to]);
      } else if (typeof from === 'number') ranges.push([from, from]);
      else ranges.push(...from);
    }
    const chosen = isOther ? complementOf(ranges) : unionOf(ranges);
    if (chosen.length === 0) throw this.#refuse('a class without any character');
    return this.#write(chosen);
  }

  #classMember(): number | readonly CodeRange[] {
    const next = this.#characters[this.#at++] ?? '';
    if (next !== '\\') return next.codePointAt(0) ?? 0;
    if (this.#peek() === 'b') {
      this.#at++;
      return 8;
    }
    return this.#escaped();
  }

  #escape(): string {
    this.#at++;
    const meant = this.#escaped();
    return this.#write(typeof meant === 'number' ? [[meant, meant]] : meant);
  }

  /** What follows a backslash. */
  #escaped(): number | readonly CodeRange[] {
    const next = this.#characters[this.#at++];
    if (next === undefined) throw this.#refuse('a \\ at the end');
    const ranges = CLASSES.get(next);
    if (ranges !== undefined) return ranges;
    const control = CONTROLS.get(next);
    if (control !== undefined) return control;
    if (SYNTAX.test(next)) return next.codePointAt(0) ?? 0;
    const rest = this.#characters.slice(this.#at, this.#at + 8).join('');
    const digits = next === 'x' ? /^[0-9A-Fa-f]{2}/ : next === 'u' ? /^[0-9A-Fa-f]{4}|^\{[0-9A-Fa-f]{1,6}\}/ : null;
    const match = digits?.exec(rest);
    if (!match) throw this.#refuse(`the escape \\${next}`);
    const code = Number.parseInt(match[0].replace(/[{}]/g, ''), 16);
    if (code > LAST_CODE || (code >= 0xd800 && code <= 0xdfff)) throw this.#refuse(`the escape \\${next}${match[0]}`);
    this.#at += match[0].length;
    return code;
  }

  #peek(): string | undefined {
    return this.#characters[this.#at];
  }

  #eat(character: string): boolean {
    if (this.#peek() !== character) return false;
    this.#at++;
    return true;
  }

  #refuse(what: string): AmaasError {
    const source = this.#characters.join('');
    return new AmaasError(
      'INVALID_ARGUMENT',
      `${this.#where}: the regular expression ${JSON.stringify(source)} has ${what} (at ${this.#at}), which is not supported`,
    );
  }
}

/** A grammar of the texts that the whole expression matches. @throws INVALID_ARGUMENT as {@link parseExpression} */
export function grammarOfExpression(source: string): string {
  return `root ::= ${bodyOfExpression(source)}`;
}

/** Texts that the whole expression matches, as a part of a grammar. @throws INVALID_ARGUMENT as {@link parseExpression} */
export function bodyOfExpression(source: string): string {
  const { body } = parseExpression(source, plainCharacters, 'regex');
  return `(${body === '""' ? literal('') : body})`;
}
