// Reproducible random numbers for property tests.

export interface Random {
  /** Uniform in [0, 1). */
  uniform(): number;
  /** Uniform whole number in [least, greatest]. */
  integer(least: number, greatest: number): number;
  /** A number from 32 random bits taken as a float32 pattern; NaN and infinities included. */
  float32(): number;
  /** A number from 64 random bits taken as a double; NaN and infinities included. */
  float64(): number;
  pick<T>(items: readonly T[]): T;
}

/** SplitMix32, good enough to scatter test cases. Source: Sebastiano Vigna, splitmix (32-bit variant). */
export function createRandom(seed: number): Random {
  let state = seed >>> 0;
  const bits = new Uint32Array(2);
  const float32s = new Float32Array(bits.buffer);
  const float64s = new Float64Array(bits.buffer);
  function next(): number {
    state = (state + 0x9e3779b9) >>> 0;
    let mixed = state ^ (state >>> 16);
    mixed = Math.imul(mixed, 0x21f0aaad);
    mixed ^= mixed >>> 15;
    mixed = Math.imul(mixed, 0x735a2d97);
    return (mixed ^ (mixed >>> 15)) >>> 0;
  }
  function uniform(): number {
    return (next() * 2 ** 21 + (next() >>> 11)) / 2 ** 53;
  }
  function integer(least: number, greatest: number): number {
    return least + Math.floor(uniform() * (greatest - least + 1));
  }
  return {
    uniform,
    integer,
    float32() {
      bits[0] = next();
      return float32s[0] ?? 0;
    },
    float64() {
      bits[0] = next();
      bits[1] = next();
      return float64s[0] ?? 0;
    },
    pick(items) {
      const item = items[integer(0, items.length - 1)];
      if (item === undefined) throw new Error('pick: expected a non-empty list');
      return item;
    },
  };
}
