// Word vectors by counting: how much more often than by chance words stand near each other, reduced to a few dimensions.
// The baseline that trained vectors are held against, and often as good on little text.
// Sources: Levy and Goldberg (2014), "Neural Word Embedding as Implicit Matrix Factorization"; Levy, Goldberg and Dagan
// (2015), "Improving Distributional Similarity with Lessons Learned from Word Embeddings".
import { AmaasError } from '@amaas/core';
import { createRandom } from '../statistics/index.ts';
import { type CoOccurrences, countCoOccurrences, type DistanceWeighting } from './co-occurrences.ts';
import type { Corpus } from './corpus.ts';
import { WordEmbeddings } from './embeddings.ts';
import { assertCount, assertPositive } from './options.ts';
import { Pauses } from './pauses.ts';
import { decomposeSparse, type SparseMatrix } from './sparse-svd.ts';

export interface PpmiSvdOptions {
  /** Numbers of a vector, default 100. */
  readonly dimensions?: number;
  /** Most words to each side, default 5. */
  readonly window?: number;
  /** Default linear, as word2vec's windows. */
  readonly weighting?: DistanceWeighting;
  /** Frequency above which words are thinned out, default 1e-3; 0 keeps all. */
  readonly subsample?: number;
  /** Power that counts of contexts are raised to, so that rare ones do not look significant; default 0.75, 1 for none. */
  readonly contextSmoothing?: number;
  /** ln of it is taken off: what word2vec's number of drawn words comes to; default 1. */
  readonly shift?: number;
  /** Power of the singular values, default ½ (Levy et al.: never 1). */
  readonly eigenvalueWeight?: number;
  /** Passes of the subspace iteration, default 5. */
  readonly iterations?: number;
  /** Different pairs that may be held, default 2^23: half a gigabyte while counting. */
  readonly maxPairs?: number;
  /** Default 0. */
  readonly seed?: string | number;
  readonly signal?: AbortSignal;
  /** 0 … 1 of the decomposition. */
  readonly onProgress?: (progress: { readonly done: number }) => void;
}

/**
 * Positive pointwise mutual information of words with words, by truncated singular values.
 * @throws INVALID_ARGUMENT; INVALID_DATA for more pairs than may be held, or when none is more frequent than by chance; CANCELLED
 */
export async function trainPpmiSvd(corpus: Corpus, options: PpmiSvdOptions = {}): Promise<WordEmbeddings> {
  const { dimensions = 100, eigenvalueWeight = 0.5, iterations = 5, seed = 0, signal, onProgress } = options;
  assertCount('dimensions', dimensions, 10_000);
  assertCount('iterations', iterations, 1000);
  if (!(eigenvalueWeight >= 0 && eigenvalueWeight <= 1)) {
    throw new AmaasError('INVALID_ARGUMENT', `ppmi: eigenvalueWeight must be in 0 … 1, got ${eigenvalueWeight}`);
  }
  const counts = await countCoOccurrences(corpus, {
    window: options.window ?? 5,
    weighting: options.weighting ?? 'linear',
    subsample: options.subsample ?? 1e-3,
    maxPairs: options.maxPairs ?? 2 ** 23,
    seed,
    signal,
  });
  const matrix = positiveInformation(counts, options);
  if (matrix.values.length === 0) {
    throw new AmaasError('INVALID_DATA', 'ppmi: no words stand near each other more often than by chance');
  }
  const { values, vectors } = await decomposeSparse(matrix, {
    rank: dimensions,
    iterations,
    oversampling: 10,
    random: createRandom(seed).fork('ppmi'),
    pauses: new Pauses('ppmi', signal),
    ...(onProgress === undefined ? {} : { onProgress: (done) => onProgress({ done }) }),
  });
  const table = new Float32Array(counts.words * dimensions);
  vectors.forEach((vector, d) => {
    const scale = (values[d] ?? 0) ** eigenvalueWeight;
    vector.forEach((value, word) => {
      table[word * dimensions + d] = value * scale;
    });
  });
  const { words, counts: frequencies } = corpus.vocabulary;
  return new WordEmbeddings({ words, vectors: table, counts: frequencies });
}

/**
 * max(0, ln(P(w, c) / (P(w) · P_α(c))) − ln shift), words by contexts, where P_α(c) goes as count(c)^α.
 * @throws INVALID_ARGUMENT
 */
export function positiveInformation(
  { words, first, second, weights }: CoOccurrences,
  { contextSmoothing = 0.75, shift = 1 }: Pick<PpmiSvdOptions, 'contextSmoothing' | 'shift'>,
): SparseMatrix {
  assertPositive('contextSmoothing', contextSmoothing);
  assertPositive('shift', shift);
  const sums = new Float64Array(words);
  weights.forEach((weight, k) => {
    const [a, b] = [first[k] ?? 0, second[k] ?? 0];
    sums[a] = (sums[a] ?? 0) + weight;
    if (a !== b) sums[b] = (sums[b] ?? 0) + weight;
  });
  const smooth = sums.map((sum) => sum ** contextSmoothing);
  const smoothTotal = smooth.reduce((total, each) => total + each, 0);
  // P(w, c) / P(w) = count(w, c) / count(w): the total falls out.
  const informationOf = (weight: number, word: number, context: number): number =>
    Math.log((weight * smoothTotal) / ((sums[word] ?? 0) * (smooth[context] ?? 0) * shift));
  const visit = (put: (word: number, context: number, information: number) => void): void => {
    weights.forEach((weight, k) => {
      const [a, b] = [first[k] ?? 0, second[k] ?? 0];
      const forwards = informationOf(weight, a, b);
      if (forwards > 0) put(a, b, forwards);
      if (a === b) return;
      const backwards = informationOf(weight, b, a);
      if (backwards > 0) put(b, a, backwards);
    });
  };
  const starts = new Int32Array(words + 1);
  visit((word) => {
    starts[word + 1] = (starts[word + 1] ?? 0) + 1;
  });
  for (let word = 0; word < words; word++) starts[word + 1] = (starts[word + 1] ?? 0) + (starts[word] ?? 0);
  const next = starts.slice();
  const places = new Int32Array(starts[words] ?? 0);
  const values = new Float32Array(places.length);
  visit((word, context, information) => {
    const at = next[word] ?? 0;
    next[word] = at + 1;
    places[at] = context;
    values[at] = information;
  });
  return { rows: words, columns: words, starts, places, values };
}
