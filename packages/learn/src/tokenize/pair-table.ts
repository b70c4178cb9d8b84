// Numbers by pairs of numbers, in flat arrays with open addressing: merges by their two symbols, and the children of a
// tree's nodes by node and character. A Map would need a key object or a float per pair, at several times the time.

const EMPTY = -1;
const MIN_SLOTS = 16;

export class PairTable {
  #lefts: Int32Array;
  #rights: Int32Array;
  #values: Int32Array;
  #size = 0;

  /** @param expected - pairs to make room for; more are taken too. */
  constructor(expected = 0) {
    const slots = Math.max(MIN_SLOTS, 2 ** Math.ceil(Math.log2(expected * 2 + 1)));
    this.#lefts = new Int32Array(slots).fill(EMPTY);
    this.#rights = new Int32Array(slots);
    this.#values = new Int32Array(slots);
  }

  /** The value of a pair, −1 without one. Both are ≥ 0. */
  get(left: number, right: number): number {
    const lefts = this.#lefts;
    const mask = lefts.length - 1;
    for (let slot = hashPair(left, right) & mask; ; slot = (slot + 1) & mask) {
      const found = lefts[slot];
      if (found === EMPTY) return -1;
      if (found === left && this.#rights[slot] === right) return this.#values[slot] ?? -1;
    }
  }

  /** @param value - ≥ 0 */
  set(left: number, right: number, value: number): void {
    if ((this.#size + 1) * 2 > this.#lefts.length) this.#grow();
    const mask = this.#lefts.length - 1;
    let slot = hashPair(left, right) & mask;
    while (this.#lefts[slot] !== EMPTY && (this.#lefts[slot] !== left || this.#rights[slot] !== right)) {
      slot = (slot + 1) & mask;
    }
    if (this.#lefts[slot] === EMPTY) this.#size++;
    this.#lefts[slot] = left;
    this.#rights[slot] = right;
    this.#values[slot] = value;
  }

  #grow(): void {
    const [lefts, rights, values] = [this.#lefts, this.#rights, this.#values];
    const slots = lefts.length * 2;
    this.#lefts = new Int32Array(slots).fill(EMPTY);
    this.#rights = new Int32Array(slots);
    this.#values = new Int32Array(slots);
    this.#size = 0;
    lefts.forEach((left, slot) => {
      if (left !== EMPTY) this.set(left, rights[slot] ?? 0, values[slot] ?? 0);
    });
  }
}

function hashPair(left: number, right: number): number {
  const mixed = Math.imul(left, 0x9e3779b1) ^ Math.imul(right, 0x85ebca6b);
  return (mixed ^ (mixed >>> 15)) >>> 0;
}
