// How often words stand near each other. Memory is bounded: 16 bytes a place of a table that is at most three quarters full
// and doubles, so up to 64 bytes per different pair while counting, 12 afterwards.
import { AmaasError } from '@amaas/core';
import { createRandom } from '../statistics/index.ts';
import type { Corpus } from './corpus.ts';
import { assertCount } from './options.ts';
import { Pauses } from './pauses.ts';
import { keepProbabilities } from './sampling.ts';

/**
 * What a pair at distance d counts in a window of w words: `reciprocal` 1/d (GloVe), `linear` (w − d + 1)/w (what word2vec's
 * drawn windows come to on average), `equal` 1.
 */
export type DistanceWeighting = 'reciprocal' | 'linear' | 'equal';

export interface CoOccurrenceOptions {
  /** Most words to each side. */
  readonly window: number;
  readonly weighting: DistanceWeighting;
  /** Frequency above which words are thinned out before windows are laid, 0 for none. */
  readonly subsample: number;
  /** Different pairs that may be held. */
  readonly maxPairs: number;
  readonly seed: string | number;
  readonly signal?: AbortSignal | undefined;
}

/** Symmetric counts: each pair once, as first ≤ second; a word beside itself counts twice, once from either side. */
export interface CoOccurrences {
  readonly words: number;
  readonly first: Int32Array;
  readonly second: Int32Array;
  readonly weights: Float32Array;
}

/** @throws INVALID_DATA when there are more pairs than may be held; INVALID_ARGUMENT; CANCELLED */
export async function countCoOccurrences(corpus: Corpus, options: CoOccurrenceOptions): Promise<CoOccurrences> {
  const { window, weighting, subsample, maxPairs, seed, signal } = options;
  assertCount('window', window, 1000);
  assertCount('maxPairs', maxPairs, 2 ** 26);
  const { vocabulary, ids, ends } = corpus;
  const pauses = new Pauses('word vectors: counting pairs', signal);
  const keep = keepProbabilities(vocabulary, subsample);
  const random = createRandom(seed).fork('co-occurrences');
  const weights = Float64Array.from({ length: window + 1 }, (_, d) => weightAt(d, window, weighting));
  const pairs = new PairTable(vocabulary.words.length, maxPairs);
  const recent = new Int32Array(window); // a ring: the words before the one at hand
  let start = 0;
  for (const end of ends) {
    let seen = 0;
    for (let k = start; k < end; k++) {
      const word = ids[k] ?? 0;
      const kept = keep[word] ?? 1;
      if (kept < 1 && random.uniform() >= kept) continue;
      for (let d = Math.min(window, seen); d > 0; d--) {
        pairs.add(word, recent[(seen - d) % window] ?? 0, weights[d] ?? 0);
      }
      recent[seen++ % window] = word;
      if (k % 64 === 0 && pauses.isDue()) await pauses.take();
    }
    start = end;
  }
  return pairs.result();
}

function weightAt(distance: number, window: number, weighting: DistanceWeighting): number {
  switch (weighting) {
    case 'reciprocal':
      return distance === 0 ? 0 : 1 / distance;
    case 'linear':
      return (window - distance + 1) / window;
    case 'equal':
      return 1;
    default:
      return weighting satisfies never;
  }
}

/** Sums by pair, in a hash table with open addressing. */
class PairTable {
  readonly #words: number;
  readonly #maxPairs: number;
  #keys = new Float64Array(2 ** 16).fill(-1);
  #sums = new Float64Array(2 ** 16);
  #size = 0;

  constructor(words: number, maxPairs: number) {
    this.#words = words;
    this.#maxPairs = maxPairs;
  }

  add(a: number, b: number, weight: number): void {
    const place = this.#placeOf(a < b ? a * this.#words + b : b * this.#words + a);
    this.#sums[place] = (this.#sums[place] ?? 0) + (a === b ? 2 * weight : weight);
  }

  result(): CoOccurrences {
    const first = new Int32Array(this.#size);
    const second = new Int32Array(this.#size);
    const weights = new Float32Array(this.#size);
    let next = 0;
    this.#keys.forEach((key, place) => {
      if (key < 0) return;
      first[next] = Math.floor(key / this.#words);
      second[next] = key % this.#words;
      weights[next++] = this.#sums[place] ?? 0;
    });
    return { words: this.#words, first, second, weights };
  }

  #placeOf(key: number): number {
    const place = search(this.#keys, key);
    if (this.#keys[place] === key) return place;
    if (this.#size === this.#maxPairs) {
      throw new AmaasError(
        'INVALID_DATA',
        `word vectors: more than ${this.#maxPairs} different pairs of words stand near each other; ` +
          'keep fewer words (minCount, maxWords), take a smaller window, or allow more (maxPairs)',
      );
    }
    this.#keys[place] = key;
    this.#size++;
    if (4 * this.#size <= 3 * this.#keys.length) return place;
    this.#grow();
    return search(this.#keys, key);
  }

  #grow(): void {
    const [keys, sums] = [this.#keys, this.#sums];
    this.#keys = new Float64Array(2 * keys.length).fill(-1);
    this.#sums = new Float64Array(2 * keys.length);
    keys.forEach((key, from) => {
      if (key < 0) return;
      const to = search(this.#keys, key);
      this.#keys[to] = key;
      this.#sums[to] = sums[from] ?? 0;
    });
  }
}

/** The key's place, or the free one where it belongs. Keys are below 2^53, places powers of two. */
function search(keys: Float64Array, key: number): number {
  const mask = keys.length - 1;
  const mixed = Math.imul((key % 2 ** 32) | 0, 0x9e3779b1) ^ Math.imul(Math.floor(key / 2 ** 32), 0x85ebca6b);
  let place = (mixed ^ (mixed >>> 15)) & mask;
  while (keys[place] !== key && keys[place] !== -1) place = (place + 1) & mask;
  return place;
}
