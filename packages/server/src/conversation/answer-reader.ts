// Reads the text of an answer as it comes: what is thought, what is text, what is a call of a tool. What could still become
// one or the other is held back; what turns out to be neither comes out as text. Every character goes one way only.
import type { GeneratedToken, GenerationEvent } from '@amaas/core';
import type { AnswerPart, AnswerReader } from '../dataplane/index.ts';
import type { CallFormat } from './call-formats.ts';
import { CallObject } from './call-object.ts';

export const THOUGHT_OPENING = '<think>';
export const THOUGHT_CLOSING = '</think>';

export interface ReadCalls {
  readonly format: CallFormat;
  /** Names of the tools there are: an object that names another is no call. */
  readonly names: ReadonlySet<string>;
  /** Whether the text that begins calls is a token, which has no text in answers. */
  readonly hidesOpening: boolean;
  /** Whether the answer can be nothing but calls. */
  readonly isForced: boolean;
}

export interface ReaderOptions {
  /** `open`: the answer begins inside a thought; `possible`: it may begin with one. */
  readonly thought: 'open' | 'possible' | 'none';
  /** Null: no tools. */
  readonly calls: ReadCalls | null;
  readonly newCallId: () => string;
}

interface Attempt {
  readonly object: CallObject;
  /** What of the held text is text after all, should this be no call. */
  readonly fallback: number;
  /** The next character of the held text. */
  at: number;
  /** Whether the bracket of a list has to come first. */
  wantsList: boolean;
  isInList: boolean;
  isCertain: boolean;
}

type State = 'begin' | 'thought' | 'answer' | 'call' | 'after-call';

export class ConversationReader implements AnswerReader {
  readonly #options: ReaderOptions;
  #state: State;
  #held = '';
  /** Characters of the whole answer before what is held. */
  #taken = 0;
  #received = 0;
  #tokens: { readonly token: GeneratedToken; readonly end: number }[] = [];
  /** Whether space is left out before the next character: it stands beside a tag. */
  #skipsSpace: boolean;
  /** Whether the answer has no text yet. */
  #isAtStart = true;
  #attempt: Attempt | null = null;
  #calls = 0;
  #parts: AnswerPart[] = [];

  constructor(options: ReaderOptions) {
    this.#options = options;
    this.#state = options.thought === 'open' ? 'thought' : options.thought === 'possible' ? 'begin' : 'answer';
    this.#skipsSpace = options.thought === 'open';
  }

  read({ text, tokens }: Extract<GenerationEvent, { type: 'text' }>): readonly AnswerPart[] {
    let end = this.#received;
    this.#received += text.length;
    for (const token of tokens) {
      end = Math.min(end + token.text.length, this.#received);
      this.#tokens.push({ token, end });
    }
    this.#held += text;
    return this.#advance(false);
  }

  finish(): readonly AnswerPart[] {
    const parts = this.#advance(true);
    // Where nothing but calls can come, what is left of one that was cut off is no text.
    return this.#options.calls?.isForced === true ? parts.filter(({ type }) => type !== 'text') : parts;
  }

  #advance(isEnd: boolean): readonly AnswerPart[] {
    while (this.#step(isEnd));
    const parts = this.#parts;
    this.#parts = [];
    return parts;
  }

  /** @returns whether there may be more to do with what is held */
  #step(isEnd: boolean): boolean {
    if (this.#skipsSpace && (this.#state === 'thought' || this.#state === 'answer')) {
      this.#take(spaceBefore(this.#held));
      if (this.#held === '') return false;
      this.#skipsSpace = false;
    }
    switch (this.#state) {
      case 'begin':
        return this.#begin(isEnd);
      case 'thought':
        return this.#think(isEnd);
      case 'answer':
        return this.#answer(isEnd);
      case 'call':
        return this.#call(isEnd);
      case 'after-call':
        return this.#afterCall(isEnd);
      default:
        return this.#state satisfies never;
    }
  }

  #begin(isEnd: boolean): boolean {
    const space = spaceBefore(this.#held);
    const rest = this.#held.slice(space);
    if (rest.startsWith(THOUGHT_OPENING)) {
      this.#take(space + THOUGHT_OPENING.length);
      this.#skipsSpace = true;
      this.#state = 'thought';
    } else if (!isEnd && THOUGHT_OPENING.startsWith(rest)) return false;
    else this.#state = 'answer';
    return true;
  }

  #think(isEnd: boolean): boolean {
    const at = this.#held.indexOf(THOUGHT_CLOSING);
    if (at < 0) {
      this.#say('reasoning', this.#held.length - (isEnd ? 0 : heldBack(this.#held, THOUGHT_CLOSING)));
      return false;
    }
    this.#say('reasoning', this.#held.slice(0, at).trimEnd().length);
    this.#take(this.#held.indexOf(THOUGHT_CLOSING) + THOUGHT_CLOSING.length);
    this.#skipsSpace = true;
    this.#state = 'answer';
    return true;
  }

  #answer(isEnd: boolean): boolean {
    const { calls } = this.#options;
    if (calls === null) {
      this.#say('text', this.#held.length);
      return false;
    }
    if (this.#isAtStart) {
      const begun = this.#beginAtStart(calls, isEnd);
      if (begun !== null) return begun;
    }
    const { opening } = calls.format;
    const at = opening === null ? -1 : this.#held.indexOf(opening);
    if (opening !== null && at >= 0) {
      this.#say('text', this.#held.slice(0, at).trimEnd().length);
      this.#try(this.#held.indexOf(opening) + opening.length, { wantsList: calls.format.shape === 'list' });
      return true;
    }
    const isSpaceAfterCalls = isEnd && this.#calls > 0 && this.#held.trim() === '';
    if (isSpaceAfterCalls) this.#take(this.#held.length);
    else this.#say('text', this.#held.length - (isEnd || opening === null ? 0 : heldBack(this.#held, opening)));
    return false;
  }

  /** Calls that nothing announces. @returns null where there is none */
  #beginAtStart({ format, hidesOpening }: ReadCalls, isEnd: boolean): boolean | null {
    const { shape } = format;
    const first = shape === 'bare' || (hidesOpening && shape === 'tagged') ? '{' : hidesOpening ? '[' : null;
    const space = spaceBefore(this.#held);
    const rest = this.#held.slice(space);
    if (first === null || (rest === '' && isEnd)) return null;
    if (rest === '') return false;
    const { opening } = format;
    if (opening !== null && rest.startsWith(opening)) return null;
    if (opening?.startsWith(rest) && !isEnd) return false;
    if (!rest.startsWith(first)) return null;
    this.#try(space, { wantsList: first === '[', fallback: space + 1 });
    return true;
  }

  #try(
    at: number,
    more: { readonly wantsList?: boolean; readonly isInList?: boolean; readonly fallback?: number } = {},
  ): void {
    const names = this.#options.calls?.names ?? new Set<string>();
    const { wantsList = false, isInList = false, fallback = at } = more;
    this.#attempt = { object: new CallObject(names), fallback, at, wantsList, isInList, isCertain: false };
    this.#state = 'call';
  }

  #call(isEnd: boolean): boolean {
    const attempt = this.#attempt;
    if (attempt === null) return false;
    while (attempt.at < this.#held.length) {
      const character = this.#held[attempt.at] ?? '';
      if (attempt.wantsList && (character === '[' || character === '{')) {
        attempt.wantsList = false;
        attempt.isInList = character === '[';
        if (character === '[') {
          attempt.at++;
          continue;
        }
      }
      const progress = attempt.wantsList && character.trim() !== '' ? 'failed' : attempt.object.feed(character);
      if (progress === 'failed') return this.#fail(attempt);
      attempt.at++;
      if (progress !== 'done') continue;
      this.#tell(attempt);
      this.#take(attempt.at);
      this.#state = 'after-call';
      return true;
    }
    this.#tell(attempt);
    if (attempt.isCertain) {
      this.#take(attempt.at);
      attempt.at = 0;
    } else if (isEnd) return this.#fail(attempt);
    return false;
  }

  /** It is no call; or one that breaks off, and what follows is text. */
  #fail(attempt: Attempt): boolean {
    this.#tell(attempt);
    this.#attempt = null;
    this.#state = 'answer';
    if (attempt.isCertain) this.#take(attempt.at);
    else this.#say('text', attempt.fallback);
    this.#isAtStart = false;
    return true;
  }

  #tell(attempt: Attempt): void {
    const { object } = attempt;
    if (!object.isCertain) return;
    if (!attempt.isCertain) {
      attempt.isCertain = true;
      const { newCallId } = this.#options;
      this.#parts.push({ type: 'tool-call', index: this.#calls++, id: newCallId(), name: object.name });
    }
    const text = object.takeArguments();
    if (text !== '') this.#parts.push({ type: 'tool-arguments', index: this.#calls - 1, text });
  }

  #afterCall(isEnd: boolean): boolean {
    const format = this.#options.calls?.format;
    const space = spaceBefore(this.#held);
    const rest = this.#held.slice(space);
    this.#isAtStart = false;
    if (rest === '' && !isEnd) return false;
    if (format?.shape === 'tagged') {
      const { closing } = format;
      if (closing !== null && !isEnd && closing.startsWith(rest) && closing !== rest) return false;
      if (closing !== null && rest.startsWith(closing)) this.#take(space + closing.length);
      else if (this.#options.calls?.hidesOpening && rest.startsWith('{')) {
        this.#try(space, { fallback: space + 1 });
        return true;
      }
    } else if (format?.shape === 'list' && this.#attempt?.isInList) {
      if (rest.startsWith(',')) {
        this.#try(space + 1, { isInList: true });
        return true;
      }
      if (rest.startsWith(']')) this.#take(space + 1);
    } else if (format?.shape === 'bare') {
      const between = /^[;,]?\s*/.exec(rest)?.[0].length ?? 0;
      if (rest.length === between && !isEnd) return false;
      if (rest[between] === '{') {
        this.#try(space + between, { fallback: space + between + 1 });
        return true;
      }
    }
    this.#state = 'answer';
    return true;
  }

  #say(type: 'text' | 'reasoning', length: number): void {
    if (length <= 0) return;
    const text = this.#held.slice(0, length);
    const tokens = this.#take(length);
    this.#parts.push({ type, text, tokens });
    if (type === 'text') this.#isAtStart = false;
  }

  /** Takes characters out of what is held. @returns the tokens that ended there */
  #take(length: number): readonly GeneratedToken[] {
    this.#held = this.#held.slice(length);
    this.#taken += length;
    const taken = this.#tokens.filter(({ end }) => end <= this.#taken);
    this.#tokens = this.#tokens.filter(({ end }) => end > this.#taken);
    return taken.map(({ token }) => token);
  }
}

function spaceBefore(text: string): number {
  return text.length - text.trimStart().length;
}

/** Characters at the end that may yet belong to a tag: its beginning, and the space before it. */
function heldBack(text: string, tag: string): number {
  let begun = Math.min(text.length, tag.length - 1);
  while (begun > 0 && !text.endsWith(tag.slice(0, begun))) begun--;
  return text.length - text.slice(0, text.length - begun).trimEnd().length;
}
