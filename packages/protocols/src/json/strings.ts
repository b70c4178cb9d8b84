// JSON strings: from the bytes behind an opening quote to text. Refuses what is not UTF-8, unescaped control characters
// and halves of surrogate pairs, because none of them could be written back as the same bytes.
import { AmaasError } from '@amaas/core';
import { BACKSLASH, QUOTE, SPACE } from './characters.ts';
import type { JsonSource } from './source.ts';

/** Bytes decoded together, so that a run of short strings costs one call of the decoder. */
const WINDOW_BYTES = 1024;

const ESCAPES: ReadonlyMap<number, number> = new Map(
  Object.entries({ '"': '"', '\\': '\\', '/': '/', b: '\b', f: '\f', n: '\n', r: '\r', t: '\t' }).map(
    ([letter, meaning]) => [letter.charCodeAt(0), meaning.charCodeAt(0)],
  ),
);
const LOWER_U = 0x75;

/** One character per byte: right for the ASCII stretches, which are all that is cut from the result. */
const windowDecoder = new TextDecoder('latin1');

export class StringReader {
  readonly #source: JsonSource;
  /** Text of the bytes from #windowStart on. */
  #window = '';
  #windowStart = 0;

  constructor(source: JsonSource) {
    this.#source = source;
  }

  /** Reads the string whose opening quote is at the position. */
  read(): string {
    const { bytes, position: quote } = this.#source;
    const start = quote + 1;
    let end = start;
    let isAscii = true;
    for (;;) {
      const byte = bytes[end] ?? 0;
      if (byte === QUOTE) break;
      if (byte === BACKSLASH) return this.#readEscaped(start, end);
      if (byte < SPACE) throw unfinished(this.#source, end);
      if (byte > 0x7f) isAscii = false;
      end++;
    }
    this.#source.position = end + 1;
    return isAscii ? this.#sliceAscii(start, end) : decodeUtf8(bytes.subarray(start, end), start);
  }

  #sliceAscii(start: number, end: number): string {
    const { bytes } = this.#source;
    if (end - start > WINDOW_BYTES / 4) return windowDecoder.decode(bytes.subarray(start, end));
    if (start < this.#windowStart || end > this.#windowStart + this.#window.length) {
      this.#window = windowDecoder.decode(bytes.subarray(start, start + WINDOW_BYTES));
      this.#windowStart = start;
    }
    return this.#window.slice(start - this.#windowStart, end - this.#windowStart);
  }

  /** Goes on at the first backslash: escapes are undone into bytes, which are then decoded as one. */
  #readEscaped(start: number, firstBackslash: number): string {
    const source = this.#source;
    const { bytes } = source;
    // An escape is never shorter than what it stands for; the closing quote is not known yet, so the room grows.
    let text = new Uint8Array(Math.max(64, 2 * (firstBackslash - start)));
    text.set(bytes.subarray(start, firstBackslash));
    let length = firstBackslash - start;
    let at = firstBackslash;
    for (;;) {
      if (length + 4 > text.length) text = grow(text);
      const byte = bytes[at] ?? 0;
      if (byte === QUOTE) break;
      if (byte < SPACE) throw unfinished(source, at);
      if (byte !== BACKSLASH) {
        text[length++] = byte;
        at++;
        continue;
      }
      const letter = bytes[at + 1] ?? 0;
      const meaning = ESCAPES.get(letter);
      if (meaning !== undefined) {
        text[length++] = meaning;
        at += 2;
      } else if (letter === LOWER_U) {
        const point = readCodePoint(source, at);
        length += writeUtf8(text, length, point);
        at += point > 0xffff ? 12 : 6;
      } else {
        throw source.unexpected('one of "\\/bfnrtu after a backslash', at + 1);
      }
    }
    source.position = at + 1;
    return decodeUtf8(text.subarray(0, length), start);
  }
}

function grow(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const larger = new Uint8Array(2 * bytes.length);
  larger.set(bytes);
  return larger;
}

function unfinished(source: JsonSource, at: number): AmaasError {
  const expectation = at < source.bytes.length ? 'no unescaped control character in a string' : 'a closing quote';
  return source.unexpected(expectation, at);
}

/** The code point of the `\uXXXX` at `at`, or of the pair that starts there. */
function readCodePoint(source: JsonSource, at: number): number {
  const unit = readFourHex(source, at + 2);
  if (unit < 0xd800 || unit > 0xdfff) return unit;
  if (unit < 0xdc00 && source.bytes[at + 6] === BACKSLASH && source.bytes[at + 7] === LOWER_U) {
    const second = readFourHex(source, at + 8);
    if (second >= 0xdc00 && second <= 0xdfff) return 0x10000 + ((unit - 0xd800) << 10) + (second - 0xdc00);
  }
  throw new AmaasError(
    'MALFORMED_REQUEST',
    `json: expected a pair of surrogates at byte ${at}, got \\u${unit.toString(16)} alone`,
  );
}

function readFourHex(source: JsonSource, at: number): number {
  let value = 0;
  for (let index = at; index < at + 4; index++) {
    const byte = source.bytes[index] ?? 0;
    const letter = (byte | 0x20) - 0x61;
    const digit = byte - 0x30;
    if (digit >= 0 && digit <= 9) value = value * 16 + digit;
    else if (letter >= 0 && letter <= 5) value = value * 16 + letter + 10;
    else throw source.unexpected('four hexadecimal digits after \\u', index);
  }
  return value;
}

/** Writes a code point at `at` and returns how many bytes it took. */
function writeUtf8(bytes: Uint8Array, at: number, point: number): number {
  if (point < 0x80) {
    bytes[at] = point;
    return 1;
  }
  if (point < 0x800) {
    bytes[at] = 0xc0 | (point >> 6);
    bytes[at + 1] = 0x80 | (point & 0x3f);
    return 2;
  }
  if (point < 0x10000) {
    bytes[at] = 0xe0 | (point >> 12);
    bytes[at + 1] = 0x80 | ((point >> 6) & 0x3f);
    bytes[at + 2] = 0x80 | (point & 0x3f);
    return 3;
  }
  bytes[at] = 0xf0 | (point >> 18);
  bytes[at + 1] = 0x80 | ((point >> 12) & 0x3f);
  bytes[at + 2] = 0x80 | ((point >> 6) & 0x3f);
  bytes[at + 3] = 0x80 | (point & 0x3f);
  return 4;
}

function decodeUtf8(bytes: Uint8Array, start: number): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (thrown) {
    throw new AmaasError('MALFORMED_REQUEST', `json: expected UTF-8 in the string at byte ${start}, got other bytes`, {
      cause: thrown,
    });
  }
}
