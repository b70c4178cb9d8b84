// Words as the sum of their parts, so that rare words share what they are made of and unknown ones have a vector at all.
// Source: Bojanowski et al. (2017), "Enriching Word Vectors with Subword Information"; n-grams and hash as in fastText
// (facebookresearch/fastText, src/dictionary.cc: computeSubwords, hash).
import { AmaasError } from '@amaas/core';

export interface SubwordOptions {
  /** Characters of the shortest part, default 3. The marks of beginning and end count. */
  readonly minLength?: number;
  /** Characters of the longest part, default 6. */
  readonly maxLength?: number;
  /** Rows that parts are hashed to; parts that meet share one. Default 2,000,000 as fastText: 800 MB of 100 numbers each. */
  readonly buckets?: number;
}

export type SubwordSettings = Required<SubwordOptions>;

/** @throws INVALID_ARGUMENT */
export function subwordSettings(options: SubwordOptions): SubwordSettings {
  const settings = {
    minLength: options.minLength ?? 3,
    maxLength: options.maxLength ?? 6,
    buckets: options.buckets ?? 2_000_000,
  };
  const { minLength, maxLength, buckets } = settings;
  const isCount = (value: number): boolean => Number.isSafeInteger(value) && value >= 1;
  if (!isCount(minLength) || !isCount(maxLength) || maxLength < minLength || maxLength > 32) {
    throw new AmaasError(
      'INVALID_ARGUMENT',
      `sub-words: lengths must be whole numbers with 1 ≤ minLength ≤ maxLength ≤ 32, got ${minLength} and ${maxLength}`,
    );
  }
  if (!isCount(buckets) || buckets > 2 ** 31 - 1) {
    throw new AmaasError(
      'INVALID_ARGUMENT',
      `sub-words: buckets must be a whole number in 1 … 2^31 − 1, got ${buckets}`,
    );
  }
  return settings;
}

/** Parts of `<word>` in code points, from left to right, short ones first; the marks alone are no parts. */
export function subwordsOf(
  word: string,
  { minLength, maxLength }: Omit<SubwordSettings, 'buckets'>,
): readonly string[] {
  const characters = ['<', ...word, '>'];
  const parts: string[] = [];
  for (let start = 0; start < characters.length; start++) {
    for (let length = minLength; length <= maxLength && start + length <= characters.length; length++) {
      if (length === 1 && (start === 0 || start === characters.length - 1)) continue;
      parts.push(characters.slice(start, start + length).join(''));
    }
  }
  return parts;
}

/** Bucket of each part. */
export function bucketsOf(word: string, settings: SubwordSettings): readonly number[] {
  return subwordsOf(word, settings).map((part) => hashSubword(part) % settings.buckets);
}

const encoder = new TextEncoder();

/** FNV-1a of the UTF-8, bytes taken as signed: fastText's files depend on that slip, so ours keeps it. @returns 0 … 2^32 − 1 */
export function hashSubword(part: string): number {
  let hash = 0x811c9dc5;
  for (const byte of encoder.encode(part)) {
    const signed = (byte << 24) >> 24;
    hash = Math.imul(hash ^ signed, 0x01000193);
  }
  return hash >>> 0;
}
