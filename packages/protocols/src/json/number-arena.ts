// Numbers of arrays that are still open, in document order, in one growing Float64Array. An array that turns out
// rectangular is cut out of it as PackedNumbers; one that does not gives its finished children back one by one.
// Every number is stored once and copied once, so the cost stays linear however the document is nested.
import { PackedNumbers } from './value.ts';

/** Numbers are about as long as those before them; a little more room saves copying when the rest are shorter. */
const MARGIN = 1.05;
const NO_NUMBERS = new Float64Array(0);

export class NumberArena {
  values: Float64Array = NO_NUMBERS;
  /** Numbers held. */
  length = 0;
  /** Where the runs start that hold a token with a point or an exponent; ascending. */
  readonly #fractionalRuns: number[] = [];
  /** Positions of big integers, ascending, and their exact values. */
  readonly #exactAt: number[] = [];
  readonly #exactValues: bigint[] = [];

  /** Makes room for `count` more numbers, and if that takes new memory, for `expected` more. Returns {@link values}. */
  reserve(count: number, expected: number): Float64Array {
    const needed = this.length + count;
    if (needed <= this.values.length) return this.values;
    const wanted = this.length + Math.ceil(expected * MARGIN);
    const larger = new Float64Array(Math.max(needed, wanted, 2 * this.values.length));
    if (this.length > 0) larger.set(this.values.subarray(0, this.length));
    this.values = larger;
    return larger;
  }

  markFractionalRun(start: number): void {
    this.#fractionalRuns.push(start);
  }

  addExact(at: number, value: bigint): void {
    this.#exactAt.push(at);
    this.#exactValues.push(value);
  }

  /** Whether all numbers from `start` to `end` are integer tokens; both lie on borders of runs. */
  areIntegers(start: number, end: number): boolean {
    const runs = this.#fractionalRuns;
    return runs.length === 0 || (runs[firstAtOrAfter(runs, start)] ?? end) >= end;
  }

  /** The exact values of big integers from `start` to `end`, by their position behind `start`; null when there are none. */
  exactValues(start: number, end: number): Map<number, bigint> | null {
    let exact: Map<number, bigint> | null = null;
    for (let index = firstAtOrAfter(this.#exactAt, start); index < this.#exactAt.length; index++) {
      const at = this.#exactAt[index] ?? end;
      const value = this.#exactValues[index];
      if (at >= end || value === undefined) break;
      exact ??= new Map();
      exact.set(at - start, value);
    }
    return exact;
  }

  /** Copies the numbers from `start` on out; `shape` says how many. */
  cut(start: number, shape: readonly number[]): PackedNumbers {
    const end = start + shape.reduce((product, dim) => product * dim, 1);
    const values = this.values.slice(start, end);
    return new PackedNumbers(shape, values, this.areIntegers(start, end), this.exactValues(start, end));
  }

  /** Forgets the numbers from `length` on. */
  truncate(length: number): void {
    this.length = length;
    if (this.#fractionalRuns.length > 0) {
      this.#fractionalRuns.length = firstAtOrAfter(this.#fractionalRuns, length);
    }
    if (this.#exactAt.length > 0) {
      this.#exactAt.length = firstAtOrAfter(this.#exactAt, length);
      this.#exactValues.length = this.#exactAt.length;
    }
  }
}

/** Index of the first entry ≥ `bound` of an ascending list. */
function firstAtOrAfter(ascending: readonly number[], bound: number): number {
  let low = 0;
  let high = ascending.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((ascending[middle] ?? bound) < bound) low = middle + 1;
    else high = middle;
  }
  return low;
}
