// From tokens to text that may be sent: whole characters only, and nothing that may yet turn out to be a stop text. Tokens
// come out with the text they have brought.
import type { GeneratedToken } from '@amaas/core';

/** Text of tokens, special ones left out; bytes that form no character become U+FFFD. */
export type Detokenize = (tokens: readonly number[]) => string;

export interface AnswerTextOptions {
  readonly detokenize: Detokenize;
  /** The token before the answer: some vocabularies drop the space before the first token of all. */
  readonly before: number | null;
  readonly stop: readonly string[];
}

export interface AnswerPart {
  readonly text: string;
  readonly tokens: readonly GeneratedToken[];
  /** The stop text that came; the answer is over. */
  readonly stopText: string | null;
}

/** A character has at most four bytes, and a token at least one of them. */
const MOST_TOKENS_OF_CHARACTER = 4;
const BROKEN = '\u{FFFD}';

export class AnswerText {
  readonly #options: AnswerTextOptions;
  /** The last token whose text was whole. */
  #before: number | null;
  /** Tokens whose bytes do not make whole characters yet. */
  #unfinished: number[] = [];
  /** Text that is not sent yet. */
  #held = '';
  /** Characters sent, and those of all text so far. */
  #sentEnd = 0;
  #textEnd = 0;
  #tokens: { readonly token: GeneratedToken; readonly end: number }[] = [];

  constructor(options: AnswerTextOptions) {
    this.#options = options;
    const { before, detokenize } = options;
    // After a special token the first word begins as at the beginning of a text.
    this.#before = before !== null && isWhole(detokenize([before])) && detokenize([before]) !== '' ? before : null;
  }

  /** Takes the next token. @param token - what is to be said of it; null: nothing */
  push(id: number, token: GeneratedToken | null = null): AnswerPart {
    this.#unfinished.push(id);
    const text = this.#textOf(this.#unfinished);
    if (isWhole(text) || this.#unfinished.length > MOST_TOKENS_OF_CHARACTER) this.#accept(text, id);
    if (token !== null) this.#tokens.push({ token, end: this.#textEnd + (this.#unfinished.length > 0 ? 1 : 0) });
    return this.#release(false);
  }

  /** Everything that is still held; the answer is over. */
  finish(): AnswerPart {
    const last = this.#unfinished.at(-1);
    if (last !== undefined) this.#accept(this.#textOf(this.#unfinished), last);
    return this.#release(true);
  }

  #accept(text: string, last: number): void {
    this.#held += text;
    this.#textEnd += text.length;
    this.#unfinished = [];
    this.#before = last;
  }

  #textOf(tokens: readonly number[]): string {
    const { detokenize } = this.#options;
    if (this.#before === null) return detokenize(tokens);
    return detokenize([this.#before, ...tokens]).slice(detokenize([this.#before]).length);
  }

  #release(isEnd: boolean): AnswerPart {
    const { stop } = this.#options;
    const found = findStop(this.#held, stop);
    if (found !== null) {
      const text = this.#held.slice(0, found.at);
      this.#held = '';
      return { text, tokens: this.#takeTokens(this.#sentEnd + text.length), stopText: found.text };
    }
    const keep = isEnd ? 0 : possibleStop(this.#held, stop);
    const text = this.#held.slice(0, this.#held.length - keep);
    this.#held = this.#held.slice(this.#held.length - keep);
    this.#sentEnd += text.length;
    return { text, tokens: this.#takeTokens(isEnd ? Number.POSITIVE_INFINITY : this.#sentEnd), stopText: null };
  }

  #takeTokens(end: number): readonly GeneratedToken[] {
    const taken = this.#tokens.filter((each) => each.end <= end);
    this.#tokens = this.#tokens.filter((each) => each.end > end);
    return taken.map(({ token }) => token);
  }
}

function isWhole(text: string): boolean {
  return !text.endsWith(BROKEN);
}

/** The stop text that is complete first. */
function findStop(text: string, stop: readonly string[]): { readonly at: number; readonly text: string } | null {
  let first: { readonly at: number; readonly text: string } | null = null;
  for (const each of stop) {
    const at = text.indexOf(each);
    if (at >= 0 && (first === null || at + each.length < first.at + first.text.length)) first = { at, text: each };
  }
  return first;
}

/** Characters at the end that a stop text may begin with. */
function possibleStop(text: string, stop: readonly string[]): number {
  let most = 0;
  for (const each of stop) {
    for (let length = Math.min(text.length, each.length - 1); length > most; length--) {
      if (text.endsWith(each.slice(0, length))) most = length;
    }
  }
  return most;
}
