// Latencies in log-linear buckets: constant memory, no allocation per value, percentiles with a bounded relative error.
// Idea: Gil Tene's HdrHistogram. Here the bucket is read off the bits of the double: exponent and first 7 bits of the mantissa.

/** Buckets per power of two. */
const BUCKETS_PER_OCTAVE = 128;

/** Greatest relative distance between a recorded value and the middle of its bucket. */
export const HISTOGRAM_RELATIVE_ERROR = 1 / (2 * BUCKETS_PER_OCTAVE);

/** Powers of two covered, in milliseconds: from about a nanosecond to about 12 days; values outside count at the ends. */
const LOWEST_EXPONENT = -20;
const HIGHEST_EXPONENT = 30;

const MANTISSA_SHIFT = 20 - Math.log2(BUCKETS_PER_OCTAVE); // a double's upper word has 20 bits of mantissa
const FIRST_KEY = (LOWEST_EXPONENT + 1023) * BUCKETS_PER_OCTAVE;
const BUCKETS = (HIGHEST_EXPONENT - LOWEST_EXPONENT) * BUCKETS_PER_OCTAVE;

export class LatencyHistogram {
  readonly #counts = new Float64Array(BUCKETS);
  readonly #double = new Float64Array(1);
  readonly #words = new Uint32Array(this.#double.buffer);
  #count = 0;
  #sumMs = 0;
  #minMs = Number.POSITIVE_INFINITY;
  #maxMs = 0;

  /** Counts one duration ≥ 0, in milliseconds. */
  record(durationMs: number): void {
    this.#double[0] = durationMs;
    const key = ((this.#words[1] ?? 0) >>> MANTISSA_SHIFT) - FIRST_KEY; // little-endian: the upper word is the second
    const bucket = key < 0 ? 0 : key >= BUCKETS ? BUCKETS - 1 : key;
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1;
    this.#count++;
    this.#sumMs += durationMs;
    if (durationMs < this.#minMs) this.#minMs = durationMs;
    if (durationMs > this.#maxMs) this.#maxMs = durationMs;
  }

  get count(): number {
    return this.#count;
  }

  /** Exact mean; 0 when empty. */
  get meanMs(): number {
    return this.#count === 0 ? 0 : this.#sumMs / this.#count;
  }

  /** Exact greatest value; 0 when empty. */
  get maxMs(): number {
    return this.#maxMs;
  }

  /**
   * The value that `fraction` (0–1) of the recorded ones do not exceed, within {@link HISTOGRAM_RELATIVE_ERROR}; the
   * nearest-rank definition. 0 when empty.
   */
  quantileMs(fraction: number): number {
    const rank = Math.max(1, Math.ceil(fraction * this.#count));
    let seen = 0;
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      seen += this.#counts[bucket] ?? 0;
      if (seen >= rank) return Math.min(this.#maxMs, Math.max(this.#minMs, middleOf(bucket)));
    }
    return 0;
  }
}

function middleOf(bucket: number): number {
  const octave = Math.floor(bucket / BUCKETS_PER_OCTAVE) + LOWEST_EXPONENT;
  const step = bucket % BUCKETS_PER_OCTAVE;
  return 2 ** octave * (1 + (step + 0.5) / BUCKETS_PER_OCTAVE);
}
