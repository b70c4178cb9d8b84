// The two formats that word2vec writes and most programs read: "words dimensions" in the first line, then each word with its
// numbers, as decimals or as float32. Counts and sub-words are not part of them. Numbers come back to the last bit.
// Source: the word2vec program (word2vec.c, the end of TrainModel).
import { AmaasError } from '@amaas/core';
import type { WordVectors } from '../evaluate/index.ts';
import { WordEmbeddings } from './embeddings.ts';

const SPACE = 0x20;
const LINE_FEED = 0x0a;
const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true });

/** @throws INVALID_DATA for words that are empty or hold white space, which the format cannot hold. */
export function writeWord2VecText({ words, vectors }: WordVectors): Uint8Array {
  const dimensions = vectors.length / words.length;
  const lines = words.map((word, row) => {
    const numbers = Array.from(vectors.subarray(row * dimensions, (row + 1) * dimensions), shortest);
    return encoder.encode(`${writable(word)} ${numbers.join(' ')}\n`);
  });
  return joined([encoder.encode(`${words.length} ${dimensions}\n`), ...lines]);
}

/** Little-endian, as all machines of today. @throws INVALID_DATA as {@link writeWord2VecText} */
export function writeWord2VecBinary({ words, vectors }: WordVectors): Uint8Array {
  const dimensions = vectors.length / words.length;
  const lineEnd = Uint8Array.of(LINE_FEED);
  const parts = words.flatMap((word, row) => {
    const numbers = vectors.slice(row * dimensions, (row + 1) * dimensions);
    return [encoder.encode(`${writable(word)} `), new Uint8Array(numbers.buffer), lineEnd];
  });
  return joined([encoder.encode(`${words.length} ${dimensions}\n`), ...parts]);
}

/**
 * Reads the text format; files without the first line, as GloVe's, too.
 * @throws INVALID_DATA saying which line is wrong
 */
export function readWord2VecText(bytes: Uint8Array): WordEmbeddings {
  const lines = splitLines(bytes);
  const partsOf = (line: number): readonly string[] =>
    decode(lines[line] ?? bytes.subarray(0, 0), `line ${line + 1}`)
      .trimEnd()
      .split(' ');
  const first = partsOf(0);
  const hasSizes = first.length === 2 && first.every((part) => /^\d+$/.test(part));
  const skipped = hasSizes ? 1 : 0;
  const sizes = hasSizes
    ? { words: Number(first[0]), dimensions: Number(first[1]) }
    : { words: lines.length, dimensions: first.length - 1 };
  if (sizes.words !== lines.length - skipped) {
    throw invalid(`its first line promises ${sizes.words} words, ${lines.length - skipped} follow`);
  }
  assertSizes(sizes, (bytes.length + 1) / 2); // a number takes a space and a digit at least
  const { dimensions } = sizes;
  const vectors = new Float32Array(sizes.words * dimensions);
  const words: string[] = [];
  for (let row = 0; row < sizes.words; row++) {
    const [word = '', ...numbers] = partsOf(row + skipped);
    if (numbers.length !== dimensions) {
      throw invalid(`line ${row + skipped + 1} has ${numbers.length} numbers, expected ${dimensions}`);
    }
    numbers.forEach((text, d) => {
      const value = text === '' ? Number.NaN : Math.fround(Number(text));
      if (!Number.isFinite(value)) {
        throw invalid(`line ${row + skipped + 1} has ${JSON.stringify(text.slice(0, 40))} where a number should be`);
      }
      vectors[row * dimensions + d] = value;
    });
    words.push(word);
  }
  return new WordEmbeddings({ words, vectors });
}

/**
 * Reads the binary format, with or without line ends after the vectors.
 * @throws INVALID_DATA saying what is wrong
 */
export function readWord2VecBinary(bytes: Uint8Array): WordEmbeddings {
  let at = bytes.indexOf(LINE_FEED) + 1;
  const header = /^(\d{1,12}) (\d{1,12})$/.exec(
    decode(bytes.subarray(0, Math.min(at, 40)), 'the first line').trimEnd(),
  );
  if (header === null) throw invalid('its first line should be two whole numbers');
  const sizes = { words: Number(header[1]), dimensions: Number(header[2]) };
  assertSizes(sizes, bytes.length / 4);
  const { dimensions } = sizes;
  const vectors = new Float32Array(sizes.words * dimensions);
  const words: string[] = [];
  for (let row = 0; row < sizes.words; row++) {
    if (bytes[at] === LINE_FEED) at++;
    const space = bytes.indexOf(SPACE, at);
    if (space < 0 || space + 1 + 4 * dimensions > bytes.length) throw invalid(`it ends within word ${row + 1}`);
    words.push(decode(bytes.subarray(at, space), `word ${row + 1}`));
    at = space + 1;
    const view = new DataView(bytes.buffer, bytes.byteOffset + at, 4 * dimensions);
    for (let d = 0; d < dimensions; d++) {
      const value = view.getFloat32(4 * d, true);
      if (!Number.isFinite(value)) throw invalid(`the vector of word ${row + 1} is not finite`);
      vectors[row * dimensions + d] = value;
    }
    at += 4 * dimensions;
  }
  return new WordEmbeddings({ words, vectors });
}

interface Sizes {
  readonly words: number;
  readonly dimensions: number;
}

/** Before memory is taken: a file may promise anything. */
function assertSizes({ words, dimensions }: Sizes, most: number): void {
  if (!(words >= 1 && dimensions >= 1 && words * dimensions <= most)) {
    throw invalid(`${words} words of ${dimensions} numbers do not fit its length`);
  }
}

function splitLines(bytes: Uint8Array): readonly Uint8Array[] {
  const lines: Uint8Array[] = [];
  for (let start = 0; start < bytes.length; ) {
    const found = bytes.indexOf(LINE_FEED, start);
    const end = found < 0 ? bytes.length : found;
    lines.push(bytes.subarray(start, end));
    start = end + 1;
  }
  return lines;
}

function decode(bytes: Uint8Array, what: string): string {
  try {
    return decoder.decode(bytes);
  } catch (cause) {
    throw new AmaasError('INVALID_DATA', `word2vec file: ${what} is not UTF-8`, { cause });
  }
}

function writable(word: string): string {
  if (word !== '' && !/\s/.test(word)) return word;
  throw new AmaasError('INVALID_DATA', `word2vec file: the word ${JSON.stringify(word)} cannot be written`);
}

/** The fewest digits that give the same float32 again. */
function shortest(value: number): string {
  for (let digits = 6; digits < 9; digits++) {
    const text = String(Number(value.toPrecision(digits)));
    if (Math.fround(Number(text)) === value) return text;
  }
  return String(Number(value.toPrecision(9)));
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

function invalid(what: string): AmaasError {
  return new AmaasError('INVALID_DATA', `word2vec file: ${what}`);
}
