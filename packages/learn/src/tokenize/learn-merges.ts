// Learns which pairs of neighbours to merge: always the most frequent one, of equal ones that of the older tokens. Counts
// are kept up to date word by word, and a heap gives the next pair, so that a merge costs what it changes.
// Source: Sennrich et al. (2016), algorithm 1.

const PAIR_BASE = 2 ** 25; // ids stay below 2^21, so that keys of pairs are exact numbers

export interface MergeRules {
  /** Tokens at the start, ids in order: special ones first, then characters. */
  readonly tokens: readonly string[];
  /** Tokens from this one on are characters that words are made of. */
  readonly firstCharacter: number;
  readonly vocabularySize: number;
  /** Pairs that occur less often are not merged. */
  readonly minCount: number;
  /** What all characters of a word but the first carry; empty for none. */
  readonly continuingPrefix: string;
}

export interface LearnedMerges {
  readonly tokens: readonly string[];
  readonly merges: readonly (readonly [left: string, right: string])[];
}

interface Pair {
  readonly left: number;
  readonly right: number;
  count: number;
  /** Words that have or had the pair, some of them twice. */
  readonly words: number[];
}

/** @param counts - words and how often they occur; words with a character that is no token are left out */
export function learnMerges(counts: ReadonlyMap<string, number>, rules: MergeRules): LearnedMerges {
  const learner = new MergeLearner(counts, rules);
  const merges: (readonly [string, string])[] = [];
  while (learner.tokens.length < rules.vocabularySize) {
    const merge = learner.mergeNext();
    if (merge === null) break;
    merges.push(merge);
  }
  return { tokens: learner.tokens, merges };
}

class MergeLearner {
  readonly tokens: string[];
  readonly #ids: Map<string, number>;
  readonly #rules: MergeRules;
  readonly #words: number[][] = [];
  readonly #counts: number[] = [];
  readonly #pairs = new Map<number, Pair>();
  readonly #queue = new PairQueue();

  constructor(counts: ReadonlyMap<string, number>, rules: MergeRules) {
    this.#rules = rules;
    this.tokens = [...rules.tokens];
    this.#ids = new Map(rules.tokens.map((token, id) => [token, id]));
    // A special token that looks like a character is none.
    for (let id = rules.firstCharacter; id < rules.tokens.length; id++) this.#ids.set(rules.tokens[id] ?? '', id);
    // In an order that does not depend on the order of the texts: continuing characters get their ids here.
    const ordered = [...counts].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
    for (const [word, count] of ordered) this.#addWord(word, count);
    for (const pair of this.#pairs.values()) this.#queue.push(pair);
  }

  /** Merges the most frequent pair; null when none is frequent enough. */
  mergeNext(): readonly [left: string, right: string] | null {
    const pair = this.#queue.pop();
    if (pair === null || pair.count < Math.max(1, this.#rules.minCount)) return null;
    const left = this.tokens[pair.left] ?? '';
    const right = this.tokens[pair.right] ?? '';
    const merged = left + right.slice(this.#rules.continuingPrefix.length);
    let id = this.#ids.get(merged);
    if (id === undefined) {
      id = this.tokens.length;
      this.tokens.push(merged);
      this.#ids.set(merged, id);
    }
    const grown = new Set<Pair>();
    for (const word of pair.words) this.#mergeInWord(word, pair, id, grown);
    this.#pairs.delete(pair.left * PAIR_BASE + pair.right);
    for (const changed of grown) if (changed !== pair) this.#queue.push(changed);
    return [left, right];
  }

  #addWord(word: string, count: number): void {
    const symbols: number[] = [];
    for (const character of word) {
      const plain = this.#ids.get(character);
      if (plain === undefined || plain < this.#rules.firstCharacter) return;
      symbols.push(plain);
    }
    const prefix = this.#rules.continuingPrefix;
    if (prefix !== '') {
      for (let place = 1; place < symbols.length; place++) {
        const token = prefix + (this.tokens[symbols[place] ?? 0] ?? '');
        let id = this.#ids.get(token);
        if (id === undefined) {
          id = this.tokens.length;
          this.tokens.push(token);
          this.#ids.set(token, id);
        }
        symbols[place] = id;
      }
    }
    const index = this.#words.length;
    this.#words.push(symbols);
    this.#counts.push(count);
    for (let place = 1; place < symbols.length; place++) {
      this.#pairOf(symbols[place - 1] ?? 0, symbols[place] ?? 0, index).count += count;
    }
  }

  /** The pair, which `word` is noted to have. */
  #pairOf(left: number, right: number, word: number): Pair {
    const key = left * PAIR_BASE + right;
    let pair = this.#pairs.get(key);
    if (pair === undefined) {
      pair = { left, right, count: 0, words: [] };
      this.#pairs.set(key, pair);
    }
    if (pair.words.at(-1) !== word) pair.words.push(word);
    return pair;
  }

  /** Merges all occurrences of a pair in a word, from the left; `grown` gets the pairs that became more frequent. */
  #mergeInWord(word: number, pair: Pair, id: number, grown: Set<Pair>): void {
    const symbols = this.#words[word] ?? [];
    const count = this.#counts[word] ?? 0;
    let write = 0;
    for (let read = 0; read < symbols.length; read++, write++) {
      const symbol = symbols[read] ?? 0;
      if (symbol !== pair.left || symbols[read + 1] !== pair.right) {
        symbols[write] = symbol;
        continue;
      }
      const before = write > 0 ? symbols[write - 1] : undefined;
      const after = symbols[read + 2];
      if (before !== undefined) {
        this.#decrease(before, pair.left, count);
        grown.add(this.#increase(before, id, { word, count }));
      }
      if (after !== undefined) {
        this.#decrease(pair.right, after, count);
        grown.add(this.#increase(id, after, { word, count }));
      }
      symbols[write] = id;
      read++;
    }
    symbols.length = write;
  }

  #decrease(left: number, right: number, count: number): void {
    const pair = this.#pairs.get(left * PAIR_BASE + right);
    if (pair !== undefined) pair.count -= count;
  }

  #increase(left: number, right: number, { word, count }: { readonly word: number; readonly count: number }): Pair {
    const pair = this.#pairOf(left, right, word);
    pair.count += count;
    return pair;
  }
}

/** Pairs by count; one whose count fell since it was put in is put back at its place when its turn comes. */
class PairQueue {
  readonly #entries: { readonly pair: Pair; readonly count: number }[] = [];

  push(pair: Pair): void {
    const entries = this.#entries;
    const entry = { pair, count: pair.count };
    let place = entries.length;
    entries.push(entry);
    while (place > 0) {
      const parent = (place - 1) >> 1;
      const above = entries[parent];
      if (above === undefined || !comesBefore(entry, above)) break;
      entries[place] = above;
      place = parent;
    }
    entries[place] = entry;
  }

  pop(): Pair | null {
    for (let top = this.#take(); top !== undefined; top = this.#take()) {
      if (top.count === top.pair.count) return top.pair;
      // Grown pairs were put in again when they grew; only what fell needs its new place.
      if (top.count > top.pair.count && top.pair.count > 0) this.push(top.pair);
    }
    return null;
  }

  #take(): { readonly pair: Pair; readonly count: number } | undefined {
    const entries = this.#entries;
    const top = entries[0];
    const moved = entries.pop();
    if (moved === undefined || entries.length === 0) return top;
    let place = 0;
    for (;;) {
      let child = place * 2 + 1;
      let below = entries[child];
      if (below === undefined) break;
      const other = entries[child + 1];
      if (other !== undefined && comesBefore(other, below)) {
        child++;
        below = other;
      }
      if (!comesBefore(below, moved)) break;
      entries[place] = below;
      place = child;
    }
    entries[place] = moved;
    return top;
  }
}

interface QueueEntry {
  readonly pair: Pair;
  readonly count: number;
}

function comesBefore(a: QueueEntry, b: QueueEntry): boolean {
  if (a.count !== b.count) return a.count > b.count;
  return a.pair.left !== b.pair.left ? a.pair.left < b.pair.left : a.pair.right < b.pair.right;
}
