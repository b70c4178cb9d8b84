// Text on its way to the model, which still knows for each of its units where in the original text it comes from.
// All positions are UTF-16 units, as String.slice takes them. Normalizers change such texts, pre-tokenizers cut them.

export interface AlignedText {
  readonly text: string;
  /** Original position of the text's first unit where the text is a stretch of the original as it stands. */
  readonly shift: number;
  /** Else, for each unit, the stretch of the original it stands for; both null where the text is the original's. */
  readonly starts: Int32Array | null;
  readonly ends: Int32Array | null;
}

/** The original itself. */
export function alignWhole(text: string): AlignedText {
  return { text, shift: 0, starts: null, ends: null };
}

/** The stretch from `start` up to `end`. */
export function sliceAligned(aligned: AlignedText, start: number, end: number): AlignedText {
  const { text, starts, ends, shift } = aligned;
  if (start === 0 && end === text.length) return aligned;
  return {
    text: text.slice(start, end),
    shift: shift + start,
    starts: starts === null ? null : starts.subarray(start, end),
    ends: ends === null ? null : ends.subarray(start, end),
  };
}

/** Where the original of the unit at `index` begins. */
export function originalStart({ shift, starts }: AlignedText, index: number): number {
  return starts === null ? shift + index : (starts[index] ?? 0);
}

/** Where the original of the unit at `index` ends. */
export function originalEnd({ shift, ends }: AlignedText, index: number): number {
  return ends === null ? shift + index + 1 : (ends[index] ?? 0);
}

/** The same text with other units that stand for the same stretches; `text` must be as long as before. */
export function withText(aligned: AlignedText, text: string): AlignedText {
  return { ...aligned, text };
}

/** Builds an aligned text from stretches of another one and from new units. */
export class AlignedBuilder {
  readonly #source: AlignedText;
  #text = '';
  readonly #starts: number[] = [];
  readonly #ends: number[] = [];

  constructor(source: AlignedText) {
    this.#source = source;
  }

  /** Copies units `start` up to `end` of the source. */
  copy(start: number, end: number): void {
    this.#text += this.#source.text.slice(start, end);
    for (let index = start; index < end; index++) {
      this.#starts.push(originalStart(this.#source, index));
      this.#ends.push(originalEnd(this.#source, index));
    }
  }

  /** Adds `text`, all of whose units stand for what units `start` up to `end` of the source stand for. */
  insert(text: string, start: number, end: number): void {
    this.#text += text;
    const from = start < end ? originalStart(this.#source, start) : 0;
    const to = start < end ? originalEnd(this.#source, end - 1) : 0;
    for (let index = 0; index < text.length; index++) {
      this.#starts.push(from);
      this.#ends.push(to);
    }
  }

  build(): AlignedText {
    return { text: this.#text, shift: 0, starts: Int32Array.from(this.#starts), ends: Int32Array.from(this.#ends) };
  }
}

/** What the units of a replacement stand for: all of what was replaced, or its last character. */
export type ReplacementStretch = 'whole' | 'last';

/** Replaces every match of `pattern` (with flag g); gives the same object back where there is none. */
export function replaceAligned(
  aligned: AlignedText,
  pattern: RegExp,
  { by, stretch = 'whole' }: { readonly by: (match: string) => string; readonly stretch?: ReplacementStretch },
): AlignedText {
  let builder: AlignedBuilder | null = null;
  let copied = 0;
  for (const match of aligned.text.matchAll(pattern)) {
    const end = match.index + match[0].length;
    if (end === match.index) continue;
    builder ??= new AlignedBuilder(aligned);
    builder.copy(copied, match.index);
    builder.insert(by(match[0]), stretch === 'whole' ? match.index : lastCharacterStart(aligned.text, end), end);
    copied = end;
  }
  if (builder === null) return aligned;
  builder.copy(copied, aligned.text.length);
  return builder.build();
}

/** Puts `prefix` in front, standing for what the first character stands for; an empty text stays empty. */
export function prependAligned(aligned: AlignedText, prefix: string): AlignedText {
  const { text } = aligned;
  if (text === '') return aligned;
  const builder = new AlignedBuilder(aligned);
  builder.insert(prefix, 0, (text.codePointAt(0) ?? 0) > 0xffff ? 2 : 1);
  builder.copy(0, text.length);
  return builder.build();
}

function lastCharacterStart(text: string, end: number): number {
  return end >= 2 && (text.codePointAt(end - 2) ?? 0) > 0xffff ? end - 2 : end - 1;
}
