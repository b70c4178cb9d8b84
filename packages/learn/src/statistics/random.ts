// The one source of randomness of `learn`: seeded, restorable, and forked by name, so that what one part draws never
// shifts what another part gets. Not for secrets.
// Source: sfc32 of PractRand (Chris Doty-Humphrey, public domain), seeded through a 32-bit mixing function.
import { AmaasError } from '@amaas/core';

/** Where a generator stands; plain data for checkpoints. */
export interface RandomState {
  readonly seed: string;
  readonly words: readonly [number, number, number, number];
  /** The second normal variate of a pair, if it was not handed out yet. */
  readonly spareNormal: number | null;
}

export interface Random {
  /** A whole number in [0, 2^32). */
  uint32(): number;
  /** A float64 in [0, 1) of 32 random bits. */
  uniform(): number;
  /** A whole number in [0, bound), free of modulo bias. @param bound - 1 … 2^32 @throws INVALID_ARGUMENT */
  integer(bound: number): number;
  /** Standard normal (mean 0, variance 1). */
  normal(): number;
  /** Shuffles in place and gives the same array back. */
  shuffle<T extends { [index: number]: unknown; readonly length: number }>(array: T): T;
  /** A generator of its own, decided by this one's seed and the keys alone, however much was drawn here. */
  fork(...keys: readonly (string | number)[]): Random;
  saveState(): RandomState;
}

/** @param seed - any text or number; equal seeds give equal streams on every machine. */
export function createRandom(seed: string | number): Random {
  return new Sfc32(String(seed), seedWords(String(seed)), null);
}

/** The generator that {@link Random.saveState} described. */
export function restoreRandom(state: RandomState): Random {
  return new Sfc32(state.seed, state.words, state.spareNormal);
}

class Sfc32 implements Random {
  readonly #seed: string;
  #a: number;
  #b: number;
  #c: number;
  #counter: number;
  #spareNormal: number | null;

  constructor(seed: string, [a, b, c, counter]: RandomState['words'], spareNormal: number | null) {
    this.#seed = seed;
    this.#a = a;
    this.#b = b;
    this.#c = c;
    this.#counter = counter;
    this.#spareNormal = spareNormal;
  }

  uint32(): number {
    const result = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + result) | 0;
    return result >>> 0;
  }

  uniform(): number {
    return this.uint32() / 2 ** 32;
  }

  integer(bound: number): number {
    if (!Number.isSafeInteger(bound) || bound < 1 || bound > 2 ** 32) {
      throw new AmaasError('INVALID_ARGUMENT', `random: a bound is a whole number from 1 to 2^32, got ${bound}`);
    }
    const limit = 2 ** 32 - (2 ** 32 % bound); // draws at or above it would favour the small results
    for (;;) {
      const drawn = this.uint32();
      if (drawn < limit) return drawn % bound;
    }
  }

  normal(): number {
    const spare = this.#spareNormal;
    if (spare !== null) {
      this.#spareNormal = null;
      return spare;
    }
    // Box–Muller; 1 − u is in (0, 1], so the logarithm is finite.
    const radius = Math.sqrt(-2 * Math.log(1 - this.uniform()));
    const angle = 2 * Math.PI * this.uniform();
    this.#spareNormal = radius * Math.sin(angle);
    return radius * Math.cos(angle);
  }

  shuffle<T extends { [index: number]: unknown; readonly length: number }>(array: T): T {
    for (let i = array.length - 1; i > 0; i--) {
      const j = this.integer(i + 1);
      const held = array[i];
      array[i] = array[j];
      array[j] = held;
    }
    return array;
  }

  fork(...keys: readonly (string | number)[]): Random {
    // JSON keeps ('a', 'b') and ('ab') apart.
    return createRandom(`${this.#seed}${JSON.stringify(keys)}`);
  }

  saveState(): RandomState {
    return {
      seed: this.#seed,
      words: [this.#a, this.#b, this.#c, this.#counter],
      spareNormal: this.#spareNormal,
    };
  }
}

/** Spreads a seed over the generator's words; the first outputs still show the seed and are thrown away. */
function seedWords(seed: string): RandomState['words'] {
  let hash = 0x811c9dc5; // FNV-1a
  for (let i = 0; i < seed.length; i++) hash = Math.imul(hash ^ seed.charCodeAt(i), 0x01000193);
  const next = (): number => {
    hash = (hash + 0x9e3779b9) | 0;
    let mixed = Math.imul(hash ^ (hash >>> 16), 0x21f0aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
    return (mixed ^ (mixed >>> 15)) | 0;
  };
  const generator = new Sfc32(seed, [next(), next(), next() ^ seed.length, 1], null);
  for (let i = 0; i < 12; i++) generator.uint32();
  return generator.saveState().words;
}
