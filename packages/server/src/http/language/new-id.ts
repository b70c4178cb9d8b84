// Ids of what is written for callers: a prefix that says what it is, and digits that nobody guesses.
import { randomBytes } from 'node:crypto';

/** @param bytes - of chance; each gives two hexadecimal digits */
export function newId(prefix: string, bytes: number): string {
  return `${prefix}${randomBytes(bytes).toString('hex')}`;
}
