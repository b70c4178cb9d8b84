// Tokens from the best to the worst, found only as far as they are asked for: a heap over a whole vocabulary costs one pass,
// a sort costs twenty.

/** Hands out the indices of `values`, largest value first, equal ones by index; −1 after the last. */
export class RankedTokens {
  readonly #values: ArrayLike<number>;
  readonly #heap: Int32Array;
  #size: number;

  /** @param values - none of them NaN */
  constructor(values: ArrayLike<number>) {
    this.#values = values;
    this.#size = values.length;
    this.#heap = new Int32Array(values.length);
    for (let index = 0; index < values.length; index++) this.#heap[index] = index;
    for (let node = (this.#size >> 1) - 1; node >= 0; node--) this.#sink(node);
  }

  next(): number {
    if (this.#size === 0) return -1;
    const best = this.#heap[0] ?? -1;
    this.#size--;
    this.#heap[0] = this.#heap[this.#size] ?? 0;
    this.#sink(0);
    return best;
  }

  #sink(from: number): void {
    const heap = this.#heap;
    const moved = heap[from] ?? 0;
    let node = from;
    for (;;) {
      let child = 2 * node + 1;
      if (child >= this.#size) break;
      if (child + 1 < this.#size && this.#isBefore(heap[child + 1] ?? 0, heap[child] ?? 0)) child++;
      if (!this.#isBefore(heap[child] ?? 0, moved)) break;
      heap[node] = heap[child] ?? 0;
      node = child;
    }
    if (this.#size > 0) heap[node] = moved;
  }

  #isBefore(first: number, second: number): boolean {
    const [a, b] = [this.#values[first] ?? 0, this.#values[second] ?? 0];
    return a > b || (a === b && first < second);
  }
}
