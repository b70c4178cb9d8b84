// What encoding gives, and how it is put together: stretches of one or two tokenized texts and special tokens, cut to a
// length, filled up to a length.
import { AmaasError } from '@amaas/core';

/** A tokenized text. All arrays are as long as there are tokens. */
export interface Encoding {
  readonly ids: Int32Array;
  readonly tokens: readonly string[];
  /** 1 where a token belongs to the second part of a pair, as the tokenizer's template has it; else 0. */
  readonly typeIds: Int32Array;
  /** 1 for tokens, 0 for padding. */
  readonly attentionMask: Int32Array;
  /** 1 for what the template or the padding added, 0 for what stood in the text. */
  readonly specialTokensMask: Int32Array;
  /** The stretch of the original text (of its own text of a pair) in UTF-16 units: `text.slice(start, end)`; 0, 0 for special tokens. */
  readonly starts: Int32Array;
  readonly ends: Int32Array;
  /** Which word a token belongs to, counted from 0 in each text; −1 for special tokens. */
  readonly wordIndexes: Int32Array;
  /** 0 or 1: which text of a pair; −1 for special tokens. */
  readonly sequenceIndexes: Int32Array;
  /** What truncation cut off, as further encodings of the same form. */
  readonly overflowing: readonly Encoding[];
}

export interface Truncation {
  /** Tokens at most, special ones included. */
  readonly maxLength: number;
  /** Which of two texts gives way; default "longest". */
  readonly strategy?: 'longest' | 'first' | 'second';
  /** Tokens that each overflowing part repeats of the one before; default 0. */
  readonly stride?: number;
  /** Which end is cut off; default "right". */
  readonly side?: 'left' | 'right';
}

export interface Padding {
  /** All encodings of a batch get this length, or where it is left out that of the longest. */
  readonly length?: number;
  /** Lengths are rounded up to a multiple of this; default 1. */
  readonly multipleOf?: number;
  /** Where padding goes; default "right". */
  readonly side?: 'left' | 'right';
  readonly id: number;
  /** Default 0. */
  readonly typeId?: number;
  readonly token: string;
}

/** Growing arrays of one tokenized text. */
export interface TokenList {
  readonly ids: number[];
  readonly tokens: string[];
  readonly starts: number[];
  readonly ends: number[];
  readonly words: number[];
}

export function createTokenList(): TokenList {
  return { ids: [], tokens: [], starts: [], ends: [], words: [] };
}

/** One part of an encoding: a text (0 or 1 of the pair), or special tokens. */
export type TemplatePart =
  | { readonly sequence: 0 | 1; readonly typeId: number }
  | {
      readonly sequence: null;
      readonly typeId: number;
      readonly ids: readonly number[];
      readonly tokens: readonly string[];
    };

/** A stretch of a tokenized text, in tokens. */
export interface Window {
  readonly start: number;
  readonly end: number;
}

/** Puts an encoding together. */
export function assembleEncoding(
  template: readonly TemplatePart[],
  texts: readonly { readonly list: TokenList; readonly window: Window }[],
  overflowing: readonly Encoding[],
): Encoding {
  let length = 0;
  for (const part of template) {
    if (part.sequence === null) length += part.ids.length;
    else length += windowLength(texts[part.sequence]?.window);
  }
  const encoding = { ...createArrays(length), overflowing };
  let place = 0;
  for (const part of template) {
    const text = part.sequence === null ? undefined : texts[part.sequence];
    if (part.sequence === null) {
      for (const [index, id] of part.ids.entries()) {
        encoding.ids[place] = id;
        encoding.tokens.push(part.tokens[index] ?? '');
        encoding.typeIds[place] = part.typeId;
        encoding.specialTokensMask[place] = 1;
        encoding.wordIndexes[place] = -1;
        encoding.sequenceIndexes[place] = -1;
        place++;
      }
    } else if (text !== undefined) {
      const { list, window } = text;
      for (let from = window.start; from < window.end; from++, place++) {
        encoding.ids[place] = list.ids[from] ?? 0;
        encoding.tokens.push(list.tokens[from] ?? '');
        encoding.typeIds[place] = part.typeId;
        encoding.starts[place] = list.starts[from] ?? 0;
        encoding.ends[place] = list.ends[from] ?? 0;
        encoding.wordIndexes[place] = list.words[from] ?? -1;
        encoding.sequenceIndexes[place] = part.sequence;
      }
    }
  }
  encoding.attentionMask.fill(1);
  return encoding;
}

function windowLength(window: Window | undefined): number {
  return window === undefined ? 0 : window.end - window.start;
}

function createArrays(length: number) {
  return {
    ids: new Int32Array(length),
    tokens: [] as string[],
    typeIds: new Int32Array(length),
    attentionMask: new Int32Array(length),
    specialTokensMask: new Int32Array(length),
    starts: new Int32Array(length),
    ends: new Int32Array(length),
    wordIndexes: new Int32Array(length),
    sequenceIndexes: new Int32Array(length),
  };
}

/**
 * The stretches that one or two texts are cut into, the kept one first.
 * @param room - tokens that are left for the texts, special ones taken off
 * @throws INVALID_ARGUMENT when the rule leaves nothing of a text it may cut, or the stride is as long as what is kept.
 */
export function planWindows(
  lengths: readonly number[],
  room: number,
  { strategy = 'longest', stride = 0, side = 'right' }: Truncation,
): readonly (readonly Window[])[] {
  const kept = strategy === 'longest' ? keepLongest(lengths, room) : keepOne(lengths, room, strategy);
  return lengths.map((length, index) => cutWindows(length, kept[index] ?? 0, { stride, side }));
}

function keepLongest(lengths: readonly number[], room: number): readonly number[] {
  const [first = 0, second] = lengths;
  if (second === undefined) return [Math.min(first, room)];
  if (first + second <= room) return lengths;
  const shorter = Math.min(first, second);
  let longer = shorter > room ? shorter : Math.max(shorter, room - shorter);
  let less = shorter;
  if (less + longer > room) {
    less = Math.floor(room / 2);
    longer = room - less;
  }
  return first > second ? [longer, less] : [less, longer];
}

function keepOne(lengths: readonly number[], room: number, strategy: 'first' | 'second'): readonly number[] {
  const excess = lengths.reduce((sum, length) => sum + length, 0) - room;
  const index = strategy === 'first' ? 0 : 1;
  const length = lengths[index];
  if (excess <= 0) return lengths;
  if (length === undefined || length <= excess) {
    throw new AmaasError(
      'INVALID_ARGUMENT',
      `tokenizer: truncation to ${room} tokens by cutting the ${strategy} text cannot work: it has ${length ?? 0} tokens, ${excess} are too many`,
    );
  }
  return lengths.map((own, place) => (place === index ? own - excess : own));
}

function cutWindows(
  length: number,
  kept: number,
  { stride, side }: { readonly stride: number; readonly side: 'left' | 'right' },
): readonly Window[] {
  if (kept >= length) return [{ start: 0, end: length }];
  if (kept === 0) {
    return [
      { start: 0, end: 0 },
      { start: 0, end: length },
    ];
  }
  if (stride >= kept) {
    throw new AmaasError('INVALID_ARGUMENT', `tokenizer: a stride of ${stride} is not below the ${kept} tokens kept`);
  }
  const windows: Window[] = [];
  const step = kept - stride;
  if (side === 'right') {
    for (let start = 0; ; start += step) {
      const end = Math.min(start + kept, length);
      windows.push({ start, end });
      if (end === length) return windows;
    }
  }
  for (let end = length; ; end -= step) {
    const start = Math.max(0, end - kept);
    windows.push({ start, end });
    if (start === 0) return windows;
  }
}

/** The encodings of a batch filled up to one length; what overflowed too. */
export function padEncodings(encodings: readonly Encoding[], padding: Padding): readonly Encoding[] {
  let length = padding.length ?? encodings.reduce((most, { ids }) => Math.max(most, ids.length), 0);
  const multiple = padding.multipleOf ?? 1;
  if (length % multiple !== 0) length += multiple - (length % multiple);
  return encodings.map((encoding) => padEncoding(encoding, length, padding));
}

function padEncoding(encoding: Encoding, length: number, padding: Padding): Encoding {
  const overflowing = encoding.overflowing.map((part) => padEncoding(part, length, padding));
  const count = encoding.ids.length;
  if (count >= length) return { ...encoding, overflowing };
  const before = padding.side === 'left' ? length - count : 0;
  const fill = (values: Int32Array, value: number): Int32Array => {
    const filled = new Int32Array(length).fill(value);
    filled.set(values, before);
    return filled;
  };
  const added = Array.from({ length: length - count }, () => padding.token);
  return {
    ids: fill(encoding.ids, padding.id),
    tokens: before > 0 ? [...added, ...encoding.tokens] : [...encoding.tokens, ...added],
    typeIds: fill(encoding.typeIds, padding.typeId ?? 0),
    attentionMask: fill(encoding.attentionMask, 0),
    specialTokensMask: fill(encoding.specialTokensMask, 1),
    starts: fill(encoding.starts, 0),
    ends: fill(encoding.ends, 0),
    wordIndexes: fill(encoding.wordIndexes, -1),
    sequenceIndexes: fill(encoding.sequenceIndexes, -1),
    overflowing,
  };
}
