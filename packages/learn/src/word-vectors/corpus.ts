// A text as numbers: the words that are frequent enough, most frequent first, and the sentences as runs of their numbers.
// Four bytes a word are kept; sentences are read once, one after another, and are not kept themselves.
import { AmaasError } from '@amaas/core';
import { Pauses } from './pauses.ts';

/** Words of a text, most frequent first; equally frequent ones by their characters. */
export interface Vocabulary {
  readonly words: readonly string[];
  /** How often each word occurs. */
  readonly counts: Float64Array;
  /** Sum of {@link counts}. */
  readonly total: number;
}

export interface Corpus {
  readonly vocabulary: Vocabulary;
  /** Positions in the vocabulary of all words of all sentences; words that are not in it are left out. */
  readonly ids: Int32Array;
  /** Where each sentence ends in {@link ids}; sentences of fewer than two known words are left out. */
  readonly ends: Int32Array;
}

export interface CorpusOptions {
  /** Rarer words are left out; default 5, as in word2vec. */
  readonly minCount?: number;
  /** At most this many words, the most frequent; default all. */
  readonly maxWords?: number;
  readonly signal?: AbortSignal;
}

/** Sentences, each its words; generators will do, as they are read once. */
export type Sentences = Iterable<readonly string[]> | AsyncIterable<readonly string[]>;

/**
 * Reads sentences for the trainers of this room.
 * @throws INVALID_DATA when no word is frequent enough or no sentence has two; INVALID_ARGUMENT; CANCELLED
 */
export async function readCorpus(sentences: Sentences, options: CorpusOptions = {}): Promise<Corpus> {
  const { minCount = 5, maxWords = Number.POSITIVE_INFINITY, signal } = options;
  if (!Number.isSafeInteger(minCount) || minCount < 1) {
    throw new AmaasError('INVALID_ARGUMENT', `word vectors: minCount must be a whole number ≥ 1, got ${minCount}`);
  }
  if (!(maxWords === Number.POSITIVE_INFINITY || (Number.isSafeInteger(maxWords) && maxWords >= 1))) {
    throw new AmaasError('INVALID_ARGUMENT', `word vectors: maxWords must be a whole number ≥ 1, got ${maxWords}`);
  }
  const pauses = new Pauses('word vectors: reading', signal);
  // Numbered as they come: which words are frequent is known at the end.
  const numbers = new Map<string, number>();
  const ids = new GrowingInts();
  const ends = new GrowingInts();
  for await (const sentence of sentences) {
    for (const word of sentence) {
      let number = numbers.get(word);
      if (number === undefined) {
        number = numbers.size;
        numbers.set(word, number);
      }
      ids.push(number);
    }
    ends.push(ids.length);
    if (pauses.isDue()) await pauses.take();
  }
  return keepFrequent([...numbers.keys()], { ids: ids.all(), ends: ends.all() }, { minCount, maxWords });
}

/** Works in place: the numbers of frequent words replace what was read. */
function keepFrequent(
  found: readonly string[],
  { ids, ends }: Pick<Corpus, 'ids' | 'ends'>,
  { minCount, maxWords }: { readonly minCount: number; readonly maxWords: number },
): Corpus {
  const counts = new Float64Array(found.length);
  for (const id of ids) counts[id] = (counts[id] ?? 0) + 1;
  const countOf = (number: number): number => counts[number] ?? 0;
  const wordOf = (number: number): string => found[number] ?? '';
  const order = [...found.keys()]
    .filter((number) => countOf(number) >= minCount)
    .sort((a, b) => countOf(b) - countOf(a) || (wordOf(a) < wordOf(b) ? -1 : 1))
    .slice(0, maxWords);
  if (order.length === 0) {
    throw new AmaasError(
      'INVALID_DATA',
      `word vectors: none of ${found.length} words occurs ${minCount} times; give more text or a smaller minCount`,
    );
  }
  const places = new Int32Array(found.length).fill(-1);
  order.forEach((number, place) => {
    places[number] = place;
  });
  let words = 0;
  let sentences = 0;
  let start = 0;
  for (const end of ends) {
    const first = words;
    for (let k = start; k < end; k++) {
      const place = places[ids[k] ?? 0] ?? -1;
      if (place >= 0) ids[words++] = place;
    }
    if (words - first >= 2) ends[sentences++] = words;
    else words = first;
    start = end;
  }
  if (sentences === 0) {
    throw new AmaasError('INVALID_DATA', `word vectors: no sentence has two words that occur ${minCount} times`);
  }
  const kept = Float64Array.from(order, countOf);
  return {
    vocabulary: { words: order.map(wordOf), counts: kept, total: kept.reduce((sum, count) => sum + count, 0) },
    ids: ids.subarray(0, words),
    ends: ends.subarray(0, sentences),
  };
}

class GrowingInts {
  #values = new Int32Array(1024);
  length = 0;

  push(value: number): void {
    if (this.length === this.#values.length) {
      const larger = new Int32Array(2 * this.length);
      larger.set(this.#values);
      this.#values = larger;
    }
    this.#values[this.length++] = value;
  }

  all(): Int32Array {
    return this.#values.subarray(0, this.length);
  }
}
