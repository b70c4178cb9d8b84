// Numbers that any language makes alike, so that fixtures hold results only and not what they were computed from.

/**
 * Evenly spread numbers in (−scale, scale).
 * In NumPy, with uint32 arithmetic: x = (arange(count) + 1) * 2654435761 + seed * 40503; x ^= x >> 15; x *= 739982445;
 * x ^= x >> 12; x *= 695872825; x ^= x >> 15; (x / 2³² − ½) · 2 · scale.
 */
export function madeNumbers(seed: number, count: number, scale = 1): Float64Array {
  return Float64Array.from({ length: count }, (_, index) => {
    let x = (Math.imul(index + 1, 2654435761) + Math.imul(seed, 40503)) >>> 0;
    x = Math.imul(x ^ (x >>> 15), 739982445) >>> 0;
    x = Math.imul(x ^ (x >>> 12), 695872825) >>> 0;
    x = (x ^ (x >>> 15)) >>> 0;
    return (x / 2 ** 32 - 0.5) * 2 * scale;
  });
}

/** Whole numbers of 0 … bound − 1. */
export function madeIndices(seed: number, count: number, bound: number): readonly number[] {
  return Array.from(madeNumbers(seed, count, 0.5), (value) => Math.floor((value + 0.5) * bound));
}
