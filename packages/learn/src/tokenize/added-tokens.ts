// Tokens that are found in the text itself before anything else happens to it: special ones such as <|endoftext|>, and
// words that were added to a finished vocabulary. The longest one at the leftmost place wins.
import { type AlignedText, alignWhole, sliceAligned } from './aligned-text.ts';
import type { JsonNode } from './json-node.ts';
import type { Normalizer } from './normalizers.ts';
import { SPACE_CLASS, WORD_CLASS } from './unicode-classes.ts';

export interface AddedToken {
  readonly id: number;
  readonly content: string;
  /** Left out by decoding when it is told to skip special tokens. */
  readonly special: boolean;
  /** Found only where no word goes on before or behind it. */
  readonly singleWord: boolean;
  /** Whether spaces before (behind) it belong to it. */
  readonly stripsLeft: boolean;
  readonly stripsRight: boolean;
  /** Whether it is looked for in the normalized text. */
  readonly normalized: boolean;
}

/** A stretch of the text: an added token, or text that none was found in. */
export interface TextStretch {
  readonly text: AlignedText;
  readonly token: AddedToken | null;
}

const MAX_ID = 2 ** 22;
const WORD_END = new RegExp(`${WORD_CLASS}$`, 'v');
const WORD_START = new RegExp(`^${WORD_CLASS}`, 'v');
const SPACE = new RegExp(SPACE_CLASS, 'v');

/** @throws INVALID_MODEL naming the field. */
export function readAddedTokens(node: JsonNode): readonly AddedToken[] {
  if (node.isAbsent) return [];
  return node.list().map((entry) => {
    const id = entry.at('id').whole();
    if (id >= MAX_ID) throw entry.at('id').refuse(`an id below ${MAX_ID}`);
    const special = entry.at('special').boolean(false);
    return {
      id,
      content: entry.at('content').text(),
      special,
      singleWord: entry.at('single_word').boolean(false),
      stripsLeft: entry.at('lstrip').boolean(false),
      stripsRight: entry.at('rstrip').boolean(false),
      normalized: entry.at('normalized').boolean(!special),
    };
  });
}

/** Finds added tokens, and normalizes the text between them. */
export class AddedTokenFinder {
  readonly #normalizer: Normalizer;
  readonly #inRaw: TokenSet;
  readonly #inNormalized: TokenSet;

  constructor(tokens: readonly AddedToken[], normalizer: Normalizer) {
    this.#normalizer = normalizer;
    const named = tokens.filter(({ content }) => content !== '');
    this.#inRaw = new TokenSet(named.filter(({ normalized }) => !normalized).map((token) => [token.content, token]));
    this.#inNormalized = new TokenSet(
      named
        .filter(({ normalized }) => normalized)
        .map((token) => [normalizer(alignWhole(token.content)).text, token] as const)
        .filter(([content]) => content !== ''),
    );
  }

  split(text: AlignedText): readonly TextStretch[] {
    const stretches: TextStretch[] = [];
    for (const raw of this.#inRaw.split(text)) {
      if (raw.token !== null) stretches.push(raw);
      else stretches.push(...this.#inNormalized.split(this.#normalizer(raw.text)));
    }
    return stretches;
  }
}

/** Tokens by their first unit, the longest first. */
class TokenSet {
  readonly #byFirstUnit = new Map<number, (readonly [content: string, token: AddedToken])[]>();
  /** Finds the first units; null without tokens. */
  readonly #firstUnits: RegExp | null;

  constructor(tokens: readonly (readonly [content: string, token: AddedToken])[]) {
    for (const entry of tokens) {
      const unit = entry[0].charCodeAt(0);
      const others = this.#byFirstUnit.get(unit);
      if (others === undefined) this.#byFirstUnit.set(unit, [entry]);
      else others.push(entry);
    }
    for (const entries of this.#byFirstUnit.values()) entries.sort(([a], [b]) => b.length - a.length);
    const units = [...this.#byFirstUnit.keys()].map((unit) => `\\u${unit.toString(16).padStart(4, '0')}`);
    // Without flag u, so that the halves of surrogate pairs are units like others.
    this.#firstUnits = units.length === 0 ? null : new RegExp(`[${units.join('')}]`, 'g');
  }

  split(aligned: AlignedText): readonly TextStretch[] {
    const { text } = aligned;
    if (text === '') return [];
    const firstUnits = this.#firstUnits;
    if (firstUnits === null) return [{ text: aligned, token: null }];
    const stretches: TextStretch[] = [];
    let done = 0;
    firstUnits.lastIndex = 0;
    for (let match = firstUnits.exec(text); match !== null; match = firstUnits.exec(text)) {
      const found = this.#tokenAt(text, match.index);
      if (found === undefined) continue;
      const [content, token] = found;
      let start = match.index;
      let end = start + content.length;
      firstUnits.lastIndex = end;
      if (token.singleWord && (touchesWord(text, start, WORD_END) || touchesWord(text, end, WORD_START))) continue;
      if (token.stripsLeft) while (start > done && SPACE.test(text.charAt(start - 1))) start--;
      if (token.stripsRight) while (end < text.length && SPACE.test(text.charAt(end))) end++;
      firstUnits.lastIndex = end;
      if (done < start) stretches.push({ text: sliceAligned(aligned, done, start), token: null });
      stretches.push({ text: sliceAligned(aligned, start, end), token });
      done = end;
    }
    if (done < text.length) stretches.push({ text: sliceAligned(aligned, done, text.length), token: null });
    return stretches;
  }

  #tokenAt(text: string, place: number): readonly [content: string, token: AddedToken] | undefined {
    return this.#byFirstUnit.get(text.charCodeAt(place))?.find(([content]) => text.startsWith(content, place));
  }
}

/** Whether a word goes on at `place`: before it for WORD_END, behind it for WORD_START. */
function touchesWord(text: string, place: number, pattern: RegExp): boolean {
  const near = pattern === WORD_END ? text.slice(Math.max(0, place - 2), place) : text.slice(place, place + 2);
  return pattern.test(near);
}
