// Numbers of arrays that are still open, in document order, in one growing Float64Array. An array that turns out
// rectangular is cut out of it as PackedNumbers; one that does not gives its finished children back one by one.
// Every number is stored once and copied once, so the cost stays linear however the document is nested.
import { PackedNumbers } from './value.ts';

/** Bytes of JSON taken for one number when the first room is made: small enough that most documents never grow it. */
const BYTES_PER_NUMBER = 8;

export class NumberArena {
  values: Float64Array = new Float64Array(0);
  /** Numbers held. */
  length = 0;
  /** Where the runs start that hold a token with a point or an exponent; ascending. */
  readonly #fractionalRuns: number[] = [];
  /** Positions of big integers, ascending, and their exact values. */
  readonly #exactAt: number[] = [];
  readonly #exactValues: bigint[] = [];

  /** Makes room for `count` more numbers and returns {@link values}; `bytesLeft` of the document say how many may follow. */
  reserve(count: number, bytesLeft: number): Float64Array {
    const needed = this.length + count;
    if (needed <= this.values.length) return this.values;
    const larger = new Float64Array(Math.max(needed, 2 * this.values.length, Math.ceil(bytesLeft / BYTES_PER_NUMBER)));
    larger.set(this.values.subarray(0, this.length));
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

  /** Copies the numbers from `start` on out; `shape` says how many. */
  cut(start: number, shape: readonly number[]): PackedNumbers {
    const size = shape.reduce((product, dim) => product * dim, 1);
    const end = start + size;
    const run = firstAtOrAfter(this.#fractionalRuns, start);
    const areIntegers = (this.#fractionalRuns[run] ?? end) >= end;
    let exact: Map<number, bigint> | null = null;
    for (let index = firstAtOrAfter(this.#exactAt, start); index < this.#exactAt.length; index++) {
      const at = this.#exactAt[index] ?? end;
      const value = this.#exactValues[index];
      if (at >= end || value === undefined) break;
      exact ??= new Map();
      exact.set(at - start, value);
    }
    return new PackedNumbers(shape, this.values.slice(start, end), areIntegers, exact);
  }

  /** Forgets the numbers from `length` on. */
  truncate(length: number): void {
    this.length = length;
    this.#fractionalRuns.length = firstAtOrAfter(this.#fractionalRuns, length);
    this.#exactAt.length = firstAtOrAfter(this.#exactAt, length);
    this.#exactValues.length = this.#exactAt.length;
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
