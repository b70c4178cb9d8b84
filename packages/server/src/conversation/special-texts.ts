// Keeps the texts of special tokens in what people write from becoming those tokens. A mark is set inside each before the
// template sees it; what the template has written is cut there, so that the text stands in two pieces of the prompt and
// reads the same. All else stays in one piece: a cut changes how a vocabulary reads the words beside it.
import type { PromptPiece } from '@amaas/core';

interface TrieNode {
  readonly next: Map<number, TrieNode>;
  isEnd: boolean;
}

/** Noncharacters of Unicode: no text that means anything holds one. */
const MARKS = Array.from({ length: 32 }, (_, index) => String.fromCharCode(0xfdd0 + index));
const ANY_MARK = /[\u{fdd0}-\u{fdef}]|\\ufd[de][0-9a-f]/iu;
const REPLACEMENT = '\u{FFFD}';

export class SpecialTexts {
  readonly #forward: TrieNode = { next: new Map(), isEnd: false };
  readonly #backward: TrieNode = { next: new Map(), isEnd: false };
  #longest = 0;
  #all = '';

  /** @param texts - those of one character cannot be cut, and space alone gives nobody a power: both are left out */
  constructor(texts: readonly string[]) {
    for (const text of texts) {
      if (Array.from(text).length < 2 || /^[\s\u2581]*$/.test(text)) continue;
      this.#longest = Math.max(this.#longest, text.length);
      this.#all += `${text}\n`;
      insert(this.#forward, codesOf(text));
      insert(this.#backward, codesOf(text).reverse());
    }
  }

  /**
   * The text with marks inside every special text, and where its end or its beginning could become part of one.
   * @param isPart - whether the whole text could stand inside one, too: names, and contents of few letters
   */
  guard(text: string, mark: string, isPart = true): string {
    const begin = text.length - text.trimStart().length;
    const end = text.trimEnd().length;
    const places = new Set(this.#cuts(text));
    const [longest, final] = [this.#longest, end - 1];
    if (reachesBorder(this.#backward, text, { border: begin, last: final, longest, step: 1 })) places.add(begin);
    if (reachesBorder(this.#forward, text, { border: final, last: begin, longest, step: -1 })) places.add(end);
    const isInside = isPart && places.size === 0 && begin < end && end - begin < longest;
    if (isInside && this.#all.includes(text.slice(begin, end))) places.add(begin);
    if (places.size === 0) return text;
    let guarded = '';
    let last = 0;
    for (const place of [...places].sort((a, b) => a - b)) {
      guarded += text.slice(last, place) + mark;
      last = place;
    }
    return guarded + text.slice(last);
  }

  /** Fewest places so that one lies inside every special text. */
  #cuts(text: string): readonly number[] {
    const found: { readonly from: number; readonly to: number }[] = [];
    for (let from = 0; from < text.length; from++) {
      const to = firstEnd(this.#forward, text, from);
      if (to !== null) found.push({ from, to });
    }
    found.sort((a, b) => a.to - b.to);
    const cuts: number[] = [];
    for (const { from, to } of found) {
      const last = cuts.at(-1) ?? -1;
      if (last <= from) cuts.push(isLowSurrogate(text.charCodeAt(to - 1)) ? to - 2 : to - 1);
    }
    return cuts;
  }
}

/** A mark that occurs in none of the texts, neither itself nor as JSON writes it; null: they hold all there are. */
export function chooseMark(texts: readonly string[]): string | null {
  const suspects = texts.filter((text) => ANY_MARK.test(text)).map((text) => text.toLowerCase());
  return MARKS.find((mark) => !suspects.some((text) => text.includes(mark) || text.includes(escapeOf(mark)))) ?? null;
}

/** For texts that hold every mark there is: none but an attacker writes such. */
export function withoutMarks(text: string): string {
  return text.replace(new RegExp(ANY_MARK, 'giu'), REPLACEMENT);
}

/** Cuts what a template wrote at the marks. */
export function splitAtMarks(text: string, mark: string): readonly PromptPiece[] {
  return text
    .split(mark)
    .flatMap((part) => part.split(escapeOf(mark)))
    .filter((part) => part !== '')
    .map((part) => ({ text: part, special: true }));
}

/** Ends a text at which what a template writes is to be cut. */
export function endMark(mark: string): string {
  return mark + mark;
}

/** What a template has written before {@link endMark}; null: it is not there. */
export function textBeforeEnd(text: string, mark: string): string | null {
  for (const end of [endMark(mark), endMark(escapeOf(mark))]) {
    const at = text.lastIndexOf(end);
    if (at >= 0) return text.slice(0, at);
  }
  return null;
}

/** As `tojson(ensure_ascii=true)` writes it. */
function escapeOf(mark: string): string {
  return `\\u${mark.charCodeAt(0).toString(16)}`;
}

function codesOf(text: string): number[] {
  return Array.from({ length: text.length }, (_, index) => text.charCodeAt(index));
}

function insert(root: TrieNode, codes: readonly number[]): void {
  let node = root;
  for (const code of codes) {
    const next = node.next.get(code) ?? { next: new Map(), isEnd: false };
    node.next.set(code, next);
    node = next;
  }
  node.isEnd = true;
}

/** Where the shortest special text that begins at `from` ends. */
function firstEnd(root: TrieNode, text: string, from: number): number | null {
  let node: TrieNode | undefined = root;
  for (let at = from; at < text.length; at++) {
    node = node.next.get(text.charCodeAt(at));
    if (node === undefined) return null;
    if (node.isEnd) return at + 1;
  }
  return null;
}

/** Whether a special text could begin inside `text` and go on beyond its border. */
function reachesBorder(
  root: TrieNode,
  text: string,
  way: {
    /** First character inside the border. */
    readonly border: number;
    /** The one farthest from it. */
    readonly last: number;
    readonly longest: number;
    /** From the border into the text. */
    readonly step: 1 | -1;
  },
): boolean {
  const { border, last, longest, step } = way;
  const most = Math.min(longest - 1, (last - border) * step + 1);
  for (let length = 1; length <= most; length++) {
    let node: TrieNode | undefined = root;
    for (let left = length - 1; left >= 0 && node !== undefined; left--) {
      node = node.next.get(text.charCodeAt(border + step * left));
    }
    if (node !== undefined && node.next.size > 0) return true;
  }
  return false;
}

function isLowSurrogate(code: number): boolean {
  return code >= 0xdc00 && code <= 0xdfff;
}
