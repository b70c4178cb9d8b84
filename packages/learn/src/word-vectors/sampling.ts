// Which words are seen and which are drawn as noise while word vectors are trained.
import { AmaasError } from '@amaas/core';
import type { Random } from '../statistics/index.ts';
import type { Vocabulary } from './corpus.ts';

/**
 * Probability of each word's occurrences to be kept, √(threshold / frequency), at most 1: what is everywhere says little.
 * @param threshold - frequency above which words are thinned out, such as 1e-3; 0 keeps all
 * Source: Mikolov et al. (2013), "Distributed Representations of Words and Phrases and their Compositionality", eq. 5.
 */
export function keepProbabilities({ counts, total }: Vocabulary, threshold: number): Float64Array {
  if (!(threshold >= 0 && threshold < 1)) {
    throw new AmaasError('INVALID_ARGUMENT', `word vectors: subsample must be in 0 … 1, got ${threshold}`);
  }
  if (threshold === 0) return new Float64Array(counts.length).fill(1);
  return counts.map((count) => Math.min(1, Math.sqrt((threshold * total) / count)));
}

/**
 * Draws noise words in proportion to count^0.75, between their frequencies and all alike.
 * Source: as of {@link keepProbabilities}, section 2.2.
 */
export function createNoise({ counts }: Vocabulary, power = 0.75): AliasSampler {
  return new AliasSampler(counts.map((count) => count ** power));
}

/**
 * Draws positions by given weights in constant time.
 * Source: Vose (1991), "A linear algorithm for generating random numbers with a given distribution".
 */
export class AliasSampler {
  readonly #own: Float64Array;
  readonly #others: Int32Array;

  /** @param weights - at least one, ≥ 0, not all 0 @throws INVALID_ARGUMENT */
  constructor(weights: Float64Array) {
    const sum = weights.reduce((total, weight) => total + weight, 0);
    if (!(sum > 0 && Number.isFinite(sum)) || weights.some((weight) => !(weight >= 0))) {
      throw new AmaasError('INVALID_ARGUMENT', `alias method: weights must be ≥ 0 with a sum above 0, got ${sum}`);
    }
    // Every column holds 1: a part of its own position, the rest of one other that had too much.
    this.#own = weights.map((weight) => (weight * weights.length) / sum);
    this.#others = Int32Array.from(weights.keys());
    const small: number[] = [];
    const large: number[] = [];
    this.#own.forEach((share, place) => {
      (share < 1 ? small : large).push(place);
    });
    while (small.length > 0 && large.length > 0) {
      const [needy = 0, rich = 0] = [small.pop(), large.at(-1)];
      this.#others[needy] = rich;
      const left = (this.#own[rich] ?? 0) - (1 - (this.#own[needy] ?? 0));
      this.#own[rich] = left;
      if (left < 1) small.push(large.pop() ?? 0);
    }
    for (const place of [...small, ...large]) this.#own[place] = 1; // what rounding left over
  }

  draw(random: Random): number {
    const column = random.integer(this.#own.length);
    return random.uniform() < (this.#own[column] ?? 1) ? column : (this.#others[column] ?? column);
  }

  /** The distribution the table holds, for proofs. */
  probabilities(): Float64Array {
    const sums = new Float64Array(this.#own.length);
    this.#own.forEach((share, column) => {
      sums[column] = (sums[column] ?? 0) + share / sums.length;
      const other = this.#others[column] ?? column;
      sums[other] = (sums[other] ?? 0) + (1 - share) / sums.length;
    });
    return sums;
  }
}
