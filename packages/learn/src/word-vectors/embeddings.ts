// Words with their vectors: what training gives and files hold. Lookup, nearest words, analogies.
// The scores of whole test sets are in evaluate, which takes these as they are.
import { AmaasError } from '@amaas/core';
import type { WordVectors } from '../evaluate/index.ts';
import { assertCount } from './options.ts';
import { bucketsOf, type SubwordSettings } from './subwords.ts';

/** Rows that words' parts are hashed to, [buckets, dimensions]. */
export interface SubwordTable {
  readonly settings: SubwordSettings;
  readonly table: Float32Array;
}

export interface WordEmbeddingsParts extends WordVectors {
  /** How often each word occurred in the text, where it is known. */
  readonly counts?: Float64Array | null;
  readonly subwords?: SubwordTable | null;
}

export interface NearWord {
  readonly word: string;
  /** Cosine, −1 … 1. */
  readonly similarity: number;
}

export class WordEmbeddings implements WordVectors {
  readonly words: readonly string[];
  /** [words, dimensions] row-major; not to be changed. */
  readonly vectors: Float32Array;
  readonly dimensions: number;
  readonly counts: Float64Array | null;
  readonly subwords: SubwordTable | null;
  readonly #places: ReadonlyMap<string, number>;
  #units: Float32Array | null = null;

  /** @throws INVALID_DATA when there are no words, a word comes twice or the sizes do not fit. */
  constructor({ words, vectors, counts = null, subwords = null }: WordEmbeddingsParts) {
    const dimensions = vectors.length / words.length;
    if (words.length === 0 || !Number.isSafeInteger(dimensions) || dimensions === 0) {
      throw new AmaasError('INVALID_DATA', `word vectors: ${vectors.length} numbers do not fit ${words.length} words`);
    }
    if (counts !== null && counts.length !== words.length) {
      throw new AmaasError('INVALID_DATA', `word vectors: ${counts.length} counts for ${words.length} words`);
    }
    if (subwords !== null && subwords.table.length !== subwords.settings.buckets * dimensions) {
      throw new AmaasError(
        'INVALID_DATA',
        `word vectors: ${subwords.table.length} numbers do not fit ${subwords.settings.buckets} buckets of ${dimensions}`,
      );
    }
    this.#places = new Map(words.map((word, place) => [word, place]));
    if (this.#places.size !== words.length) {
      const twice = words.find((word, place) => this.#places.get(word) !== place) ?? '';
      throw new AmaasError('INVALID_DATA', `word vectors: the word ${JSON.stringify(twice)} comes twice`);
    }
    this.words = words;
    this.vectors = vectors;
    this.dimensions = dimensions;
    this.counts = counts;
    this.subwords = subwords;
  }

  /** Whether the word itself is in the list. */
  has(word: string): boolean {
    return this.#places.has(word);
  }

  /** The word's vector; of an unknown one that of its parts, where there are sub-words; else null. @returns a copy */
  get(word: string): Float32Array | null {
    const place = this.#places.get(word);
    if (place !== undefined) return this.vectors.slice(place * this.dimensions, (place + 1) * this.dimensions);
    return this.#fromParts(word);
  }

  /**
   * Cosine of two words.
   * @throws INVALID_DATA for words without a vector
   */
  similarity(first: string, second: string): number {
    return dot(this.#unitOf(first), this.#unitOf(second), 0);
  }

  /**
   * The words most like a word or a vector, best first; a word is not its own neighbour.
   * @param count - default 10
   * @throws INVALID_DATA for words without a vector; INVALID_ARGUMENT
   */
  nearest(to: string | Float32Array, count = 10): readonly NearWord[] {
    if (typeof to === 'string') return this.#best(this.#unitOf(to), [to], count);
    if (to.length !== this.dimensions) {
      throw new AmaasError(
        'INVALID_ARGUMENT',
        `word vectors: expected a vector of ${this.dimensions} numbers, got ${to.length}`,
      );
    }
    return this.#best(unit(to), [], count);
  }

  /**
   * Words d for which a is to b as c is to d, by cos(d, b) − cos(d, a) + cos(d, c); the three themselves are left out.
   * @throws INVALID_DATA for words without a vector. Source: Mikolov et al. (2013)
   */
  analogy([a, b, c]: readonly [string, string, string], count = 1): readonly NearWord[] {
    const [from, to, other] = [this.#unitOf(a), this.#unitOf(b), this.#unitOf(c)];
    const goal = to.map((value, d) => value - (from[d] ?? 0) + (other[d] ?? 0));
    return this.#best(unit(goal), [a, b, c], count);
  }

  #unitOf(word: string): Float32Array {
    const vector = this.get(word);
    if (vector === null) {
      throw new AmaasError('INVALID_DATA', `word vectors: ${JSON.stringify(word)} is not among the words`);
    }
    return unit(vector);
  }

  #fromParts(word: string): Float32Array | null {
    if (this.subwords === null) return null;
    const { settings, table } = this.subwords;
    const buckets = bucketsOf(word, settings);
    if (buckets.length === 0) return null;
    const vector = new Float32Array(this.dimensions);
    const scale = 1 / Math.sqrt(buckets.length);
    for (const bucket of buckets) {
      const from = bucket * this.dimensions;
      for (let d = 0; d < vector.length; d++) vector[d] = (vector[d] ?? 0) + scale * (table[from + d] ?? 0);
    }
    return vector;
  }

  #best(goal: Float32Array, without: readonly string[], count: number): readonly NearWord[] {
    assertCount('count', count);
    this.#units ??= this.#normalize();
    const units = this.#units;
    const places = new Set(without.map((word) => this.#places.get(word)));
    const cosines = Float32Array.from(this.words, (_, place) => dot(goal, units, place * this.dimensions));
    return [...cosines.keys()]
      .filter((place) => !places.has(place))
      .sort((a, b) => (cosines[b] ?? 0) - (cosines[a] ?? 0) || a - b)
      .slice(0, count)
      .map((place) => ({ word: this.words[place] ?? '', similarity: cosines[place] ?? 0 }));
  }

  #normalize(): Float32Array {
    const units = new Float32Array(this.vectors.length);
    for (let from = 0; from < units.length; from += this.dimensions) {
      units.set(unit(this.vectors.subarray(from, from + this.dimensions)), from);
    }
    return units;
  }
}

/** A vector of length 1 in its direction; zeros stay. */
function unit(vector: Float32Array): Float32Array {
  const length = Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0));
  return length > 0 ? vector.map((value) => value / length) : vector.slice();
}

function dot(vector: Float32Array, table: Float32Array, from: number): number {
  let sum = 0;
  for (let d = 0; d < vector.length; d++) sum += (vector[d] ?? 0) * (table[from + d] ?? 0);
  return sum;
}
