// Log-probabilities as chat has them, by token, and as plain completions have them, by column.
import type { GeneratedToken, TokenProbability } from '@amaas/core';

/** JSON has no −Infinity; OpenAI writes this for what is next to impossible. */
const LEAST = -9999;
/** Stands for bytes that are no whole character. */
const BROKEN = '\u{FFFD}';
/** Characters a token's text may lie behind the end of the one before, where parts of characters stand between. */
const MOST_GAP = 4;

const encoder = new TextEncoder();

/** For `logprobs` of a chat's choice or chunk. */
export function encodeChatLogprobs(tokens: readonly GeneratedToken[]): object {
  return { content: tokens.map(encodeGeneratedToken), refusal: null };
}

/** A token as OpenAI's protocols have it, the likeliest in its place beside it. */
export function encodeGeneratedToken(token: GeneratedToken): object {
  return { ...encodeToken(token), top_logprobs: token.top.map(encodeToken) };
}

function encodeToken({ text, logProbability }: TokenProbability): object {
  // Of a token that is part of a character, the text does not tell the bytes.
  const bytes = text.includes(BROKEN) ? null : [...encoder.encode(text)];
  return { token: text, logprob: Math.max(LEAST, logProbability), bytes };
}

/** Where in the answer its tokens lie; one for each answer. */
export class LegacyLogprobs {
  readonly #hasTop: boolean;
  /** Characters before what comes next: code points, as Python counts. */
  #offset: number;

  /** @param options.offset - characters of the reply's text before the answer */
  constructor(options: { readonly top: number; readonly offset: number }) {
    this.#hasTop = options.top > 0;
    this.#offset = options.offset;
  }

  /** For `logprobs` of a plain completion's choice or chunk; `text` is what the tokens brought. */
  encode(text: string, tokens: readonly GeneratedToken[]): object {
    const offsets = this.#place(text, tokens);
    return {
      tokens: tokens.map((token) => token.text),
      token_logprobs: tokens.map(({ logProbability }) => Math.max(LEAST, logProbability)),
      top_logprobs: this.#hasTop ? tokens.map(({ top }) => encodeColumn(top)) : null,
      text_offset: offsets,
    };
  }

  #place(text: string, tokens: readonly GeneratedToken[]): readonly number[] {
    let at = 0;
    const offsets = tokens.map((token) => {
      const found = token.text.includes(BROKEN) ? -1 : text.indexOf(token.text, at);
      // Vocabularies may keep a space in front that the text itself does not begin with.
      const bare = found === -1 ? text.indexOf(token.text.trimStart(), at) : found;
      const isHere = bare >= at && bare <= at + MOST_GAP && token.text !== '';
      const start = isHere ? bare : at;
      if (isHere) at = start + (found === -1 ? token.text.trimStart() : token.text).length;
      return this.#offset + characters(text.slice(0, start));
    });
    this.#offset += characters(text);
    return offsets;
  }
}

/** Two tokens may have one text; the likelier stays. Texts come from the model's file: the object has no prototype. */
function encodeColumn(top: readonly TokenProbability[]): object {
  const column: Record<string, number> = Object.create(null);
  for (const { text, logProbability } of top) column[text] ??= Math.max(LEAST, logProbability);
  return column;
}

/** Characters of a text as Python counts them. */
export function characters(text: string): number {
  let count = 0;
  for (const _ of text) count++;
  return count;
}
