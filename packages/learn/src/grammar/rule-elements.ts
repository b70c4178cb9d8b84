// A grammar in llama.cpp's language as the elements that llama.cpp makes of it: groups and repetitions become rules of their
// own, written out. Reads what has been found well-formed; knows nothing of what the elements mean together.
// Source: llama.cpp, src/llama-grammar.cpp, llama_grammar_parser.
import { AmaasError } from '@amaas/core';
import { type CodeRange, complementOf, LAST_CODE, MOST_REPETITIONS, unionOf } from './gbnf.ts';

/** Of all rules together; repetitions of long parts take gigabytes otherwise. */
const MOST_ELEMENTS = 500_000;
/** Groups within groups, each a call within a call. */
const MOST_DEPTH = 1000;

export const END = 0;
export const OR = 1;
export const RULE = 2;
export const CHARACTERS = 3;
export const TOKEN = 4;
type Kind = typeof END | typeof OR | typeof RULE | typeof CHARACTERS | typeof TOKEN;

export interface RuleElement {
  readonly kind: Kind;
  /** Of a rule its number, of characters the number of their class. */
  readonly value: number;
  /** Where in the text it stands: copies that a repetition makes have the same. */
  readonly source: number;
}

export interface RuleElements {
  /** Of all rules, one after the other, each ended by its END. */
  readonly elements: readonly RuleElement[];
  /** Where each rule begins. */
  readonly starts: readonly number[];
  /** What each rule is called, or the one that it is a part of. */
  readonly names: readonly string[];
  readonly classes: readonly (readonly CodeRange[])[];
}

/** @throws INVALID_ARGUMENT for what takes too many elements, or cannot be read */
export function readRuleElements(grammar: string): RuleElements {
  return new ElementReader(grammar).read();
}

const SIMPLE_ESCAPES: ReadonlyMap<string, number> = new Map([
  ['t', 9],
  ['n', 10],
  ['r', 13],
]);
const HEX_DIGITS: ReadonlyMap<string, number> = new Map([
  ['x', 2],
  ['u', 4],
  ['U', 8],
]);
const REPETITION = /\{\s*(\d+)\s*(,)?\s*(\d+)?\s*\}/y;
const NAME = /[A-Za-z0-9-]+/y;
const SPACE = /(?:\s|#[^\n\r]*)+/y;
const TOKEN_NAME = /!?<[^>]*>/y;

class ElementReader {
  readonly #text: string;
  #at = 0;
  #count = 0;
  readonly #rules: (readonly RuleElement[])[] = [];
  readonly #names: string[] = [];
  readonly #numbers = new Map<string, number>();
  readonly #classes: (readonly CodeRange[])[] = [];
  readonly #classNumbers = new Map<string, number>();

  constructor(text: string) {
    this.#text = text;
  }

  read(): RuleElements {
    this.#space();
    while (this.#at < this.#text.length) {
      const name = this.#match(NAME)?.[0];
      this.#space();
      if (name === undefined || !this.#text.startsWith('::=', this.#at)) throw this.#unreadable();
      this.#at += 3;
      this.#space();
      this.#alternatives(name, this.#numberOf(name), 0);
    }
    const starts: number[] = [];
    const elements: RuleElement[] = [];
    for (const [number, rule] of this.#rules.entries()) {
      if (rule.length === 0) throw refused(`the rule "${this.#names[number]}" is used and not defined`);
      starts.push(elements.length);
      for (const element of rule) elements.push(element);
    }
    return { elements, starts, names: this.#names, classes: this.#classes };
  }

  #alternatives(name: string, number: number, depth: number): void {
    if (depth > MOST_DEPTH) throw refused(`groups are nested more than ${MOST_DEPTH} deep`);
    const rule: RuleElement[] = [];
    for (;;) {
      this.#sequence(rule, name, depth);
      if (this.#text[this.#at] !== '|') break;
      rule.push({ kind: OR, value: 0, source: this.#at++ });
      this.#space();
    }
    rule.push({ kind: END, value: 0, source: this.#at });
    this.#set(number, rule);
  }

  #sequence(rule: RuleElement[], name: string, depth: number): void {
    let last = rule.length;
    for (;;) {
      const source = this.#at;
      const next = this.#text[source];
      if (next === undefined || next === '|' || next === ')') return;
      if (next === '*' || next === '+' || next === '?' || next === '{') {
        this.#repeat(rule, { from: last, name, ...this.#repetition(next) });
      } else {
        last = rule.length;
        if (next === '"') this.#literal(rule);
        else if (next === '[') this.#class(rule);
        else if (next === '.') this.#characters(rule, [[0, LAST_CODE]], this.#at++);
        else if (next === '(') {
          this.#at++;
          this.#space();
          const inner = this.#newRule(name);
          this.#alternatives(name, inner, depth + 1);
          if (this.#text[this.#at] !== ')') throw this.#unreadable();
          this.#at++;
          rule.push({ kind: RULE, value: inner, source });
        } else if (this.#match(TOKEN_NAME) !== null) rule.push({ kind: TOKEN, value: 0, source });
        else {
          const used = this.#match(NAME)?.[0];
          if (used === undefined) throw this.#unreadable();
          this.#space();
          if (this.#text.startsWith('::=', this.#at)) {
            this.#at = source; // the next rule begins
            return;
          }
          rule.push({ kind: RULE, value: this.#numberOf(used), source });
        }
      }
      this.#space();
    }
  }

  #repetition(sign: string): { readonly least: number; readonly most: number } {
    const any = Number.POSITIVE_INFINITY;
    if (sign !== '{') {
      this.#at++;
      return { least: sign === '+' ? 1 : 0, most: sign === '?' ? 1 : any };
    }
    const match = this.#match(REPETITION);
    if (match === null) throw this.#unreadable();
    const least = Number(match[1]);
    const most = match[2] === undefined ? least : match[3] === undefined ? any : Number(match[3]);
    if (least > MOST_REPETITIONS || (most !== any && most > MOST_REPETITIONS) || most < least) {
      throw refused(`${match[0]} is no repetition of at most ${MOST_REPETITIONS}`);
    }
    return { least, most };
  }

  /** What llama.cpp writes for `S{least,most}`: S so many times, and rules `S S' |` for those that may follow. */
  #repeat(
    rule: RuleElement[],
    asked: { readonly from: number; readonly name: string; readonly least: number; readonly most: number },
  ): void {
    const { from, name, least, most } = asked;
    const source = this.#at - 1;
    const part = rule.slice(from);
    const isOpen = most === Number.POSITIVE_INFINITY;
    this.#grow(part.length * (least + (isOpen ? 1 : most - least)));
    if (least === 0) rule.length = from;
    for (let copy = 1; copy < least; copy++) for (const element of part) rule.push(element);
    let more: RuleElement | null = null;
    for (let left = isOpen ? 1 : most - least; left > 0; left--) {
      const value = this.#newRule(name);
      const self: RuleElement = { kind: RULE, value, source };
      const rest = isOpen ? self : more;
      const or: RuleElement = { kind: OR, value: 0, source };
      this.#set(value, [...part, ...(rest === null ? [] : [rest]), or, { kind: END, value: 0, source }]);
      more = self;
    }
    if (more !== null) rule.push(more);
  }

  #literal(rule: RuleElement[]): void {
    this.#at++;
    while (this.#text[this.#at] !== '"') {
      const source = this.#at;
      const code = this.#code();
      this.#characters(rule, [[code, code]], source);
    }
    this.#at++;
  }

  #class(rule: RuleElement[]): void {
    const source = this.#at++;
    const isOther = this.#text[this.#at] === '^';
    if (isOther) this.#at++;
    const ranges: CodeRange[] = [];
    while (this.#text[this.#at] !== ']') {
      const from = this.#code();
      let to = from;
      if (this.#text[this.#at] === '-' && this.#text[this.#at + 1] !== ']') {
        this.#at++;
        to = this.#code();
      }
      if (from <= to) ranges.push([from, to]);
    }
    const isEmpty = this.#at === source + (isOther ? 2 : 1);
    this.#at++;
    // llama.cpp makes no element of an empty class.
    if (!isEmpty) this.#characters(rule, isOther ? complementOf(ranges) : unionOf(ranges), source);
  }

  #code(): number {
    const code = this.#text.codePointAt(this.#at);
    if (code === undefined) throw this.#unreadable();
    this.#at += code > 0xffff ? 2 : 1;
    if (code !== 0x5c) return code;
    const letter = this.#text[this.#at++] ?? '';
    const digits = HEX_DIGITS.get(letter);
    if (digits === undefined) return SIMPLE_ESCAPES.get(letter) ?? letter.charCodeAt(0);
    const hex = this.#text.slice(this.#at, this.#at + digits);
    this.#at += digits;
    return Number.parseInt(hex, 16);
  }

  #characters(rule: RuleElement[], ranges: readonly CodeRange[], source: number): void {
    const key = ranges.join();
    let value = this.#classNumbers.get(key);
    if (value === undefined) {
      value = this.#classes.push(ranges) - 1;
      this.#classNumbers.set(key, value);
    }
    rule.push({ kind: CHARACTERS, value, source });
  }

  #numberOf(name: string): number {
    const known = this.#numbers.get(name);
    if (known !== undefined) return known;
    const number = this.#newRule(name);
    this.#numbers.set(name, number);
    return number;
  }

  #newRule(name: string): number {
    this.#names.push(name);
    return this.#rules.push([]) - 1;
  }

  #set(number: number, rule: readonly RuleElement[]): void {
    this.#grow(rule.length);
    this.#rules[number] = rule;
  }

  #grow(elements: number): void {
    this.#count += elements;
    if (this.#count > MOST_ELEMENTS) {
      throw refused(`written out, its repetitions take more than ${MOST_ELEMENTS} elements`);
    }
  }

  #space(): void {
    this.#match(SPACE);
  }

  #match(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.#text);
    if (match !== null) this.#at += match[0].length;
    return match;
  }

  #unreadable(): AmaasError {
    return refused(`${JSON.stringify(this.#text.slice(this.#at, this.#at + 20))} cannot be read`);
  }
}

function refused(what: string): AmaasError {
  return new AmaasError('INVALID_ARGUMENT', `grammar: ${what}`);
}
