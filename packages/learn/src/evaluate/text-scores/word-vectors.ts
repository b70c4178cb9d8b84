// Word vectors as a word list and one array, and the cosines that both evaluations of them need.
import { AmaasError } from '@amaas/core';

export interface WordVectors {
  /** Most frequent first, each once. */
  readonly words: readonly string[];
  /** [words, dimensions] row-major. */
  readonly vectors: Float32Array;
}

/** How words of a test are looked up. */
export interface LookupOptions {
  /** Only this many of the words count, the first; default 300,000 as in gensim. */
  readonly mostWords?: number;
  /** Whether case is ignored; the first word of a spelling then stands for all. Default false. */
  readonly ignoreCase?: boolean;
}

/** Vectors of length 1, with the index of every word. */
export interface UnitVectors {
  readonly words: readonly string[];
  readonly dimensions: number;
  /** [words, dimensions]; a vector of zeros stays one. */
  readonly units: Float32Array;
  /** Index of a word as the test writes it; undefined where unknown. */
  indexOf(word: string): number | undefined;
}

const DEFAULT_MOST_WORDS = 300_000;

/** @throws INVALID_DATA without words or on values that are not finite; INVALID_ARGUMENT where the array does not fit the words. */
export function normalizeVectors(
  operation: string,
  { words, vectors }: WordVectors,
  options: LookupOptions,
): UnitVectors {
  const { mostWords = DEFAULT_MOST_WORDS, ignoreCase = false } = options;
  if (!Number.isSafeInteger(mostWords) || mostWords < 1) {
    throw new AmaasError('INVALID_ARGUMENT', `${operation}: mostWords must be a whole number ≥ 1, got ${mostWords}`);
  }
  if (words.length === 0) throw new AmaasError('INVALID_DATA', `${operation}: expects at least one word, got none`);
  const dimensions = vectors.length / words.length;
  if (!Number.isSafeInteger(dimensions) || dimensions === 0) {
    throw new AmaasError(
      'INVALID_ARGUMENT',
      `${operation}: expects vectors [${words.length},dimensions], got ${vectors.length} numbers`,
    );
  }
  const known = words.slice(0, mostWords);
  const units = vectors.slice(0, known.length * dimensions);
  const indices = new Map<string, number>();
  const spell = (word: string): string => (ignoreCase ? word.toLowerCase() : word);
  known.forEach((word, row) => {
    if (!indices.has(spell(word))) indices.set(spell(word), row);
    let squares = 0;
    for (let k = row * dimensions; k < (row + 1) * dimensions; k++) squares += (units[k] ?? 0) ** 2;
    if (!Number.isFinite(squares)) {
      throw new AmaasError('INVALID_DATA', `${operation}: the vector of ${JSON.stringify(word)} is not finite`);
    }
    const factor = squares > 0 ? 1 / Math.sqrt(squares) : 0;
    for (let k = row * dimensions; k < (row + 1) * dimensions; k++) units[k] = (units[k] ?? 0) * factor;
  });
  return { words: known, dimensions, units, indexOf: (word) => indices.get(spell(word)) };
}

/** Cosine of two words, by index. */
export function cosineOf({ units, dimensions }: UnitVectors, first: number, second: number): number {
  const [a, b] = [first * dimensions, second * dimensions];
  let product = 0;
  for (let k = 0; k < dimensions; k++) product += (units[a + k] ?? 0) * (units[b + k] ?? 0);
  return product;
}
