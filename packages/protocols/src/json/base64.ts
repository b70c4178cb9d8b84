// Base64 between bytes and text (RFC 4648 §4), because Uint8Array.fromBase64 is not everywhere yet.

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const PAD = 0x3d;
const INVALID = 0xff;

/** Bytes {@link writeBase64} writes for `byteCount` bytes. */
export function base64Length(byteCount: number): number {
  return Math.ceil(byteCount / 3) * 4;
}

/** Writes `bytes` as padded base64 into `into`, which has {@link base64Length} bytes. */
export function writeBase64(bytes: Uint8Array, into: Uint8Array): void {
  const letters = Uint8Array.from(ALPHABET, (letter) => letter.charCodeAt(0));
  let at = 0;
  for (let index = 0; index < bytes.length; index += 3) {
    const left = bytes.length - index;
    const group = ((bytes[index] ?? 0) << 16) | ((bytes[index + 1] ?? 0) << 8) | (bytes[index + 2] ?? 0);
    into[at++] = letters[group >> 18] ?? 0;
    into[at++] = letters[(group >> 12) & 63] ?? 0;
    into[at++] = left > 1 ? (letters[(group >> 6) & 63] ?? 0) : PAD;
    into[at++] = left > 2 ? (letters[group & 63] ?? 0) : PAD;
  }
}

/** Reads base64, padded or not, with or without white space between the letters; null when `spacedText` is anything else. */
export function decodeBase64(spacedText: string): Uint8Array<ArrayBuffer> | null {
  const text = /\s/.test(spacedText) ? spacedText.replaceAll(/[ \t\r\n]+/g, '') : spacedText;
  const values = new Uint8Array(128).fill(INVALID);
  for (const [value, letter] of [...ALPHABET].entries()) values[letter.charCodeAt(0)] = value;
  const trimmed = text.endsWith('==') ? text.length - 2 : text.endsWith('=') ? text.length - 1 : text.length;
  if (trimmed % 4 === 1 || (trimmed < text.length && text.length % 4 !== 0)) return null;
  const bytes = new Uint8Array(Math.floor((trimmed * 3) / 4));
  let at = 0;
  let group = 0;
  let bits = 0;
  for (let index = 0; index < trimmed; index++) {
    const value = values[text.charCodeAt(index)] ?? INVALID;
    if (value === INVALID) return null;
    group = ((group << 6) | value) & 0xffffff;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      bytes[at++] = (group >> bits) & 0xff;
    }
  }
  return bytes;
}
