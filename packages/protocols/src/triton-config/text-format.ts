// Protobuf's text format, as people write it in config.pbtxt: fields with or without a colon, nested messages, lists,
// joined strings, comments. Knows no schema: what a field means is decided elsewhere.
// Source: protobuf.dev, "Text Format Language Specification".
import { AmaasError } from '@amaas/core';

/** A value and the line it stands on, counted from 1. */
export type TextValue = { readonly line: number } & (
  | { readonly kind: 'message'; readonly fields: TextMessage }
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'number'; readonly value: number }
  /** An enum's name, `true`, `false`. */
  | { readonly kind: 'word'; readonly word: string }
);

/** All values of each field, in order; a list counts as its elements. */
export type TextMessage = ReadonlyMap<string, readonly TextValue[]>;

/** Deeper than any configuration; protobuf's own parser stops at 100. */
const MAX_DEPTH = 32;

/** Configurations take a few kilobytes; the bound keeps the patterns below away from their engine's stack limit. */
const MAX_CHARACTERS = 2 ** 20;

/** The error of every malformed configuration. */
export function invalidConfig(line: number, what: string): AmaasError {
  return new AmaasError('INVALID_CONFIG', `config.pbtxt line ${line}: ${what}`);
}

/** Reads a text-format message. @throws INVALID_CONFIG with the line where it went wrong. */
export function parseTextFormat(text: string): TextMessage {
  if (text.length > MAX_CHARACTERS) {
    throw invalidConfig(1, `the file has ${text.length} characters, at most ${MAX_CHARACTERS} are read`);
  }
  return new TextFormatParser(text).parse();
}

type TokenKind = 'word' | 'number' | 'text' | 'symbol' | 'end';

interface Token {
  readonly kind: TokenKind;
  /** As written; of a text what it stands for. */
  readonly text: string;
  readonly line: number;
}

const SKIPPED = /(?:[ \t\r\f\v\uFEFF]+|#[^\n]*)+/y;
const WORD = /[A-Za-z_][A-Za-z0-9_]*/y;
const NUMBER = /(?:0[xX][0-9a-fA-F]+|(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?[fF]?)(?![A-Za-z0-9_.])/y;
const TEXT = /"[^"\\\n]*(?:\\[^\n][^"\\\n]*)*"|'[^'\\\n]*(?:\\[^\n][^'\\\n]*)*'/y;
const CLOSING: Readonly<Record<string, string>> = { '{': '}', '<': '>' };

class TextFormatParser {
  readonly #text: string;
  #position = 0;
  #line = 1;
  #token: Token;

  constructor(text: string) {
    this.#text = text;
    this.#token = this.#scan();
  }

  parse(): TextMessage {
    return this.#message('', 1);
  }

  /** Fields up to the closing symbol (`''`: to the end). */
  #message(closing: string, depth: number): TextMessage {
    if (depth > MAX_DEPTH) throw invalidConfig(this.#token.line, `messages nest deeper than ${MAX_DEPTH}`);
    const fields = new Map<string, TextValue[]>();
    for (;;) {
      if (closing === '' ? this.#token.kind === 'end' : this.#takeSymbol(closing)) return fields;
      const name = this.#take('word', `a field name${closing === '' ? '' : ` or "${closing}"`}`).text;
      const values = fields.get(name) ?? [];
      fields.set(name, values);
      const hasColon = this.#takeSymbol(':');
      if (!hasColon && !['{', '<', '['].includes(this.#symbol())) throw this.#unexpected(`":" after ${name}`);
      if (this.#takeSymbol('[')) this.#list(values, depth);
      else values.push(this.#value(depth));
      if (!this.#takeSymbol(',')) this.#takeSymbol(';');
    }
  }

  #list(values: TextValue[], depth: number): void {
    if (this.#takeSymbol(']')) return;
    do values.push(this.#value(depth));
    while (this.#takeSymbol(','));
    if (!this.#takeSymbol(']')) throw this.#unexpected('"," or "]"');
  }

  #value(depth: number): TextValue {
    const { line } = this.#token;
    const closing = CLOSING[this.#symbol()];
    if (closing !== undefined) {
      this.#next();
      return { kind: 'message', fields: this.#message(closing, depth + 1), line };
    }
    if (this.#token.kind === 'text') {
      let text = '';
      while (this.#token.kind === 'text') text += this.#next().text;
      return { kind: 'text', text, line };
    }
    const sign = this.#takeSymbol('-') ? -1 : 1;
    if (this.#token.kind === 'number') return { kind: 'number', value: sign * toNumber(this.#next().text), line };
    const word = this.#take('word', sign === -1 ? 'a number' : 'a value').text;
    const special = { inf: Number.POSITIVE_INFINITY, infinity: Number.POSITIVE_INFINITY, nan: Number.NaN };
    if (sign === 1) return { kind: 'word', word, line };
    const value = word === 'inf' || word === 'infinity' || word === 'nan' ? special[word] : undefined;
    if (value === undefined) throw invalidConfig(line, `expected a number after "-", got ${word}`);
    return { kind: 'number', value: -value, line };
  }

  #symbol(): string {
    return this.#token.kind === 'symbol' ? this.#token.text : '';
  }

  #takeSymbol(symbol: string): boolean {
    if (this.#symbol() !== symbol) return false;
    this.#next();
    return true;
  }

  #take(kind: TokenKind, expected: string): Token {
    if (this.#token.kind !== kind) throw this.#unexpected(expected);
    return this.#next();
  }

  #unexpected(expected: string): AmaasError {
    const { kind, text, line } = this.#token;
    return invalidConfig(
      line,
      `expected ${expected}, got ${kind === 'end' ? 'the end' : JSON.stringify(text.slice(0, 40))}`,
    );
  }

  /** Returns the current token and moves on. */
  #next(): Token {
    const token = this.#token;
    this.#token = this.#scan();
    return token;
  }

  #scan(): Token {
    for (;;) {
      this.#match(SKIPPED);
      if (this.#text[this.#position] !== '\n') break;
      this.#position++;
      this.#line++;
    }
    const line = this.#line;
    if (this.#position >= this.#text.length) return { kind: 'end', text: '', line };
    const word = this.#match(WORD);
    if (word !== null) return { kind: 'word', text: word, line };
    const number = this.#match(NUMBER);
    if (number !== null) return { kind: 'number', text: number, line };
    const quoted = this.#match(TEXT);
    if (quoted !== null) return { kind: 'text', text: unescapeText(quoted, line), line };
    const symbol = this.#text.charAt(this.#position);
    if ('{}<>[]:,;-'.includes(symbol)) {
      this.#position++;
      return { kind: 'symbol', text: symbol, line };
    }
    const here = this.#text.slice(this.#position, this.#position + 20).split('\n', 1)[0] ?? '';
    throw invalidConfig(line, `cannot read ${JSON.stringify(here)}`);
  }

  #match(pattern: RegExp): string | null {
    pattern.lastIndex = this.#position;
    const match = pattern.exec(this.#text);
    if (match === null) return null;
    this.#position += match[0].length;
    return match[0];
  }
}

function toNumber(literal: string): number {
  if (/^0[xX]/.test(literal)) return Number(literal);
  if (/^0[0-7]+$/.test(literal)) return Number.parseInt(literal, 8);
  return Number(literal.replace(/[fF]$/, ''));
}

const ESCAPES: Readonly<Record<string, number>> = {
  a: 7,
  b: 8,
  t: 9,
  n: 10,
  v: 11,
  f: 12,
  r: 13,
  '?': 63,
  '\\': 92,
  "'": 39,
  '"': 34,
};

/** What a quoted text stands for. `\x` and octal escapes are bytes of its UTF-8 form, so it is put together as bytes. */
function unescapeText(quoted: string, line: number): string {
  const utf8 = new TextEncoder();
  const bytes: number[] = [];
  const inner = quoted.slice(1, -1);
  const piece = /\\(?:x([0-9a-fA-F]{1,2})|([0-7]{1,3})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.))|[^\\]+/gsu;
  for (const [whole, hex, octal, short, long, letter] of inner.matchAll(piece)) {
    const code = short ?? long;
    if (hex !== undefined) bytes.push(Number.parseInt(hex, 16));
    else if (octal !== undefined) bytes.push(Number.parseInt(octal, 8) & 0xff);
    else if (code !== undefined) {
      const point = Number.parseInt(code, 16);
      if (point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff)) {
        throw invalidConfig(line, `code ${code} is no Unicode character`);
      }
      bytes.push(...utf8.encode(String.fromCodePoint(point)));
    } else if (letter !== undefined) {
      const byte = ESCAPES[letter];
      if (byte === undefined) throw invalidConfig(line, `unknown escape \\${letter}`);
      bytes.push(byte);
    } else {
      for (const byte of utf8.encode(whole)) bytes.push(byte);
    }
  }
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Uint8Array.from(bytes));
  } catch {
    throw invalidConfig(line, 'a text is not valid UTF-8');
  }
}
