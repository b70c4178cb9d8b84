// Scrambled Halton points: quasi-random points that cover the unit cube more evenly than random ones.
// Point i is decided by the seed and i alone, so nothing must be stored between points.
// Source: Halton 1960; random digit permutations after Owen, "A randomized Halton algorithm in R", arXiv:1706.02808.
import type { Random } from '../statistics/index.ts';

export interface HaltonSequence {
  /** The point with this number in [0, 1)^dimensions. @param index - 0 … 2^32 − 1 */
  point(index: number): Float64Array;
}

/** @param random - only forked, never drawn from. */
export function createHalton(dimensions: number, random: Random): HaltonSequence {
  const axes = firstPrimes(dimensions).map((base, axis) => ({ base, permutations: permute(base, random.fork(axis)) }));
  return {
    point: (index) =>
      Float64Array.from(axes, ({ base, permutations }) => radicalInverse(index, { base, permutations })),
  };
}

/** One permutation per digit, down to digits below 2^-32. */
function permute(base: number, random: Random): readonly (readonly number[])[] {
  const digits = Math.ceil((32 * Math.LN2) / Math.log(base));
  return Array.from({ length: digits }, (_, digit) =>
    random.fork(digit).shuffle(Array.from({ length: base }, (_unused, i) => i)),
  );
}

function radicalInverse(
  index: number,
  { base, permutations }: { readonly base: number; readonly permutations: readonly (readonly number[])[] },
): number {
  let rest = index;
  let scale = 1;
  let sum = 0;
  for (const permutation of permutations) {
    scale /= base;
    sum += (permutation[rest % base] ?? 0) * scale;
    rest = Math.floor(rest / base);
  }
  return Math.min(sum, 1 - 2 ** -53); // the digits may round up to 1
}

function firstPrimes(count: number): readonly number[] {
  const primes: number[] = [];
  for (let candidate = 2; primes.length < count; candidate++) {
    if (primes.every((prime) => candidate % prime !== 0)) primes.push(candidate);
  }
  return primes;
}
