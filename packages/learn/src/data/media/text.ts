// Text files to labelled texts: one text per line with its label in front, one text per line of a file per class, or one
// text per file. Knows the bytes only.
import { AmaasError } from '@amaas/core';
import type { MediaFile } from './labelled-media.ts';

export interface LabelledText {
  readonly text: string;
  readonly label: string;
}

/**
 * Bytes as text. A byte order mark decides; without one `encoding` does.
 * @param encoding - any name the platform's TextDecoder knows; default UTF-8.
 * @throws INVALID_DATA when the bytes are not in that encoding, or nobody knows it.
 */
export function decodeText(bytes: Uint8Array, name: string, encoding = 'utf-8'): string {
  const marked =
    bytes[0] === 0xff && bytes[1] === 0xfe
      ? 'utf-16le'
      : bytes[0] === 0xfe && bytes[1] === 0xff
        ? 'utf-16be'
        : encoding;
  let decoder: TextDecoder;
  try {
    decoder = new TextDecoder(marked, { fatal: true });
  } catch (cause) {
    throw new AmaasError('INVALID_DATA', `text: the encoding "${marked}" is not known`, { cause });
  }
  try {
    return decoder.decode(bytes);
  } catch (cause) {
    const hint = marked === 'utf-8' ? '; say its encoding, "windows-1252" perhaps' : '';
    throw new AmaasError('INVALID_DATA', `text: ${name} is not valid ${marked}${hint}`, { cause });
  }
}

/** Lines without their ends, `\n` or `\r\n`; those of nothing but blanks are left out. */
export function textLines(text: string): readonly string[] {
  return text.split(/\r?\n/).filter((line) => line.trim() !== '');
}

export interface LabelledLineOptions {
  /** Stands between label and text; default a tab. The text keeps every further one. */
  readonly separator?: string;
  /** Where the label stands; default first. */
  readonly labelAt?: 'first' | 'last';
  /**
   * What a line without a separator is: an error, or the next line of the text before it, which somebody broke. Default
   * `refuse`, so that nothing is guessed unasked.
   */
  readonly loneLine?: 'refuse' | 'join';
}

/**
 * Texts of lines that carry their label: `ham<TAB>see you at eight`.
 * @throws INVALID_DATA naming the first line without a separator or with an empty label.
 */
export function readLabelledLines(
  text: string,
  name: string,
  { separator = '\t', labelAt = 'first', loneLine = 'refuse' }: LabelledLineOptions = {},
): readonly LabelledText[] {
  const texts: LabelledText[] = [];
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (line.trim() === '') continue;
    const at = labelAt === 'first' ? line.indexOf(separator) : line.lastIndexOf(separator);
    const before = texts.at(-1);
    if (at < 0 && loneLine === 'join' && before !== undefined) {
      texts[texts.length - 1] = { label: before.label, text: `${before.text}\n${line}` };
      continue;
    }
    const rest = at + separator.length;
    const label = (labelAt === 'first' ? line.slice(0, at) : line.slice(rest)).trim();
    if (at < 0 || label === '') {
      const what = at < 0 ? `has no ${JSON.stringify(separator)}` : 'has an empty label';
      throw new AmaasError('INVALID_DATA', `text: ${name} line ${index + 1} ${what}`);
    }
    texts.push({ label, text: labelAt === 'first' ? line.slice(rest) : line.slice(0, at) });
  }
  return texts;
}

/** Texts in memory as files of {@link createLabelledMedia}, in their order: `name` and the number of the text. */
export function filesOfTexts(texts: readonly LabelledText[], name: string): readonly MediaFile[] {
  const digits = String(texts.length).length;
  const encoder = new TextEncoder();
  return texts.map(({ text, label }, index) => ({
    name: `${name}#${String(index + 1).padStart(digits, '0')}`,
    label,
    read: async () => encoder.encode(text),
  }));
}
