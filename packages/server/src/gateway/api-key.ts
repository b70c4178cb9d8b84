// API keys as text: how they are made, hashed and recognised.
//
// A key is 40 random base-62 characters, 238 bits. SHA-256 without salt is enough to store it by: slow hashes and salts
// protect secrets that can be guessed or looked up in tables, which 2^238 equally likely ones cannot, and a fast hash is
// what keeps authentication off the list of costs of an inference.
import { hash, randomBytes } from 'node:crypto';

/** Opens every generated key, so that people and secret scanners recognise one. */
export const KEY_MARK = 'amaas_';

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const KEY_CHARACTERS = 40;
const SHOWN_CHARACTERS = 8;

/** Longest key that is looked at; HTTP header limits allow more, but nothing longer can be a key. */
export const MAX_KEY_LENGTH = 512;

/** Gives `count` random bytes. */
export type RandomBytes = (count: number) => Uint8Array;

/** A new key, every character equally likely. */
export function generateKey(random: RandomBytes = randomBytes): string {
  let key = KEY_MARK;
  while (key.length < KEY_MARK.length + KEY_CHARACTERS) {
    for (const byte of random(KEY_CHARACTERS)) {
      // 248 = 4 · 62: bytes beyond it would make the first eight characters likelier.
      if (byte < 248 && key.length < KEY_MARK.length + KEY_CHARACTERS) key += ALPHABET[byte % ALPHABET.length];
    }
  }
  return key;
}

/** SHA-256 of a key as lower-case hex. */
export function hashKey(key: string): string {
  return hash('sha256', key, 'hex');
}

/** The part of a key that lists show: the mark and eight random characters, or four of a key that someone chose. */
export function keyPrefix(key: string): string {
  return key.slice(0, key.startsWith(KEY_MARK) ? KEY_MARK.length + SHOWN_CHARACTERS : SHOWN_CHARACTERS / 2);
}
