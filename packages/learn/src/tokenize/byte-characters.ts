// The 256 visible characters that byte-level tokenizers write bytes as, so that any text is a text of these.
// Source: Radford et al., "Language Models are Unsupervised Multitask Learners" (2019), and the code published with it:
// visible Latin-1 characters stand for themselves, the other 68 bytes for U+0100 and what follows, in order.

const encoder = new TextEncoder();

/** The character of each byte. */
export const BYTE_CHARACTERS: readonly string[] = listByteCharacters();

/** The byte of each of these characters' code points. */
const BYTE_OF_CODE: ReadonlyMap<number, number> = new Map(
  BYTE_CHARACTERS.map((character, byte) => [character.charCodeAt(0), byte]),
);

function listByteCharacters(): string[] {
  let spare = 0x100;
  return Array.from({ length: 256 }, (_, byte) => {
    const visible = (byte > 0x20 && byte < 0x7f) || (byte > 0xa0 && byte !== 0xad);
    return String.fromCharCode(visible ? byte : spare++);
  });
}

/** A text's UTF-8 bytes, as characters. */
export function writeByteCharacters(text: string): string {
  let written = '';
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index);
    if (unit >= 0x80) return written + writeBytes(text.slice(index));
    written += BYTE_CHARACTERS[unit] ?? '';
  }
  return written;
}

function writeBytes(text: string): string {
  let written = '';
  for (const byte of encoder.encode(text)) written += BYTE_CHARACTERS[byte] ?? '';
  return written;
}

/**
 * For each byte of a text in UTF-8, the position of its character and of the next one (in UTF-16 units).
 */
export function locateBytes(text: string): { readonly starts: readonly number[]; readonly ends: readonly number[] } {
  const starts: number[] = [];
  const ends: number[] = [];
  let position = 0;
  for (const character of text) {
    const end = position + character.length;
    for (let bytes = utf8Length(character.codePointAt(0) ?? 0); bytes > 0; bytes--) {
      starts.push(position);
      ends.push(end);
    }
    position = end;
  }
  return { starts, ends };
}

function utf8Length(code: number): number {
  if (code < 0x80) return 1;
  if (code < 0x800) return 2;
  return code < 0x10000 ? 3 : 4;
}

/** The bytes that tokens stand for; a token that holds any other character stands for itself in UTF-8. */
export function readByteCharacters(tokens: readonly string[]): Uint8Array {
  const bytes: number[] = [];
  for (const token of tokens) {
    const before = bytes.length;
    for (const character of token) {
      const byte = BYTE_OF_CODE.get(character.codePointAt(0) ?? 0);
      if (byte === undefined) {
        bytes.length = before;
        for (const own of encoder.encode(token)) bytes.push(own);
        break;
      }
      bytes.push(byte);
    }
  }
  return Uint8Array.from(bytes);
}

/** Bytes as text; what is not UTF-8 becomes U+FFFD, a byte order mark stays. */
export function decodeUtf8(bytes: Uint8Array): string {
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes);
}

/** The name of the token that stands for one byte where a model has no token for a character. */
export function byteTokenName(byte: number): string {
  return `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`;
}
