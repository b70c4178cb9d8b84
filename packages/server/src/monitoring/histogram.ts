// A cumulative histogram on plain numbers. prom-client's own looks its labels up again on every observation, which costs
// more than an inference may; these are handed to it only when somebody scrapes.

export class Histogram {
  /** Upper bounds, ascending; what exceeds the last falls into +Inf. */
  readonly bounds: readonly number[];
  readonly #buckets: Float64Array;
  #sum = 0;
  #count = 0;

  constructor(bounds: readonly number[]) {
    this.bounds = bounds;
    this.#buckets = new Float64Array(bounds.length + 1);
  }

  observe(value: number): void {
    const { bounds } = this;
    let bucket = 0;
    while (bucket < bounds.length && value > (bounds[bucket] ?? 0)) bucket++;
    this.#buckets[bucket] = (this.#buckets[bucket] ?? 0) + 1;
    this.#sum += value;
    this.#count++;
  }

  get sum(): number {
    return this.#sum;
  }

  get count(): number {
    return this.#count;
  }

  /** Observations up to each bound, as Prometheus counts them; the last is all. */
  cumulative(): readonly number[] {
    let total = 0;
    return Array.from(this.#buckets, (count) => {
      total += count;
      return total;
    });
  }
}

/** From a tenth of a millisecond (a small model inline) to half a minute (the default limit of a run), 1–2.5–5. */
export const LATENCY_BOUNDS_MS: readonly number[] = [
  0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000,
];

/** Powers of two, as batch sizes are chosen. */
export const ROW_BOUNDS: readonly number[] = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1_024];
