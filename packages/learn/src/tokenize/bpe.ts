// Byte-pair encoding: a word falls into characters, then neighbours merge, always the pair that was learned first.
// A heap of possible merges keeps long words at n log n. Source: Sennrich et al., "Neural Machine Translation of Rare
// Words with Subword Units" (2016); the options are those of the tokenizer.json format.
import { byteTokenName } from './byte-characters.ts';
import type { JsonNode } from './json-node.ts';
import { NumberHeap } from './number-heap.ts';
import { PairTable } from './pair-table.ts';
import { readVocabulary, type Vocabulary } from './vocabulary.ts';
import type { WordModel, WordTokens } from './word-model.ts';

/** A heap entry is rank × this + position; ranks stay below 2^22, so that entries are exact. */
const POSITIONS = 2 ** 31;
const MAX_MERGES = 2 ** 22;

interface BpeOptions {
  readonly unknownToken: string | null;
  readonly continuingPrefix: string;
  readonly endOfWordSuffix: string;
  readonly fuseUnknown: boolean;
  readonly byteFallback: boolean;
  /** Whether a word that is a token itself is taken whole, whatever the merges say. */
  readonly ignoreMerges: boolean;
}

/** @throws INVALID_MODEL naming the field. */
export function readBpe(node: JsonNode): WordModel {
  const dropout = node.at('dropout');
  if (!dropout.isAbsent && dropout.finite() !== 0)
    throw dropout.refuse('null or 0: the same text gives the same tokens');
  const vocabulary = readVocabulary(node.at('vocab'));
  const options: BpeOptions = {
    unknownToken: node.at('unk_token').isAbsent ? null : node.at('unk_token').text(),
    continuingPrefix: node.at('continuing_subword_prefix').isAbsent ? '' : node.at('continuing_subword_prefix').text(),
    endOfWordSuffix: node.at('end_of_word_suffix').isAbsent ? '' : node.at('end_of_word_suffix').text(),
    fuseUnknown: node.at('fuse_unk').boolean(false),
    byteFallback: node.at('byte_fallback').boolean(false),
    ignoreMerges: node.at('ignore_merges').boolean(false),
  };
  if (options.unknownToken !== null && !vocabulary.ids.has(options.unknownToken)) {
    throw node.at('unk_token').refuse('a token of model.vocab');
  }
  return new BpeModel(vocabulary, options, readMerges(node.at('merges'), vocabulary, options.continuingPrefix));
}

interface Merges {
  /** Rank of a pair of ids; the least merges first. */
  readonly ranks: PairTable;
  /** Id of what each merge makes. */
  readonly results: Int32Array;
}

function readMerges(node: JsonNode, { ids }: Vocabulary, prefix: string): Merges {
  const merges = node.list();
  if (merges.length > MAX_MERGES) throw node.refuse(`at most ${MAX_MERGES} merges`);
  const ranks = new PairTable(merges.length);
  const results = new Int32Array(merges.length);
  merges.forEach((merge, rank) => {
    const [left, right] = splitMerge(merge);
    const leftId = ids.get(left);
    const rightId = ids.get(right);
    const resultId = ids.get(left + (right.startsWith(prefix) ? right.slice(prefix.length) : right));
    if (leftId === undefined || rightId === undefined || resultId === undefined) {
      throw merge.refuse('two tokens of model.vocab whose union is one too');
    }
    ranks.set(leftId, rightId, rank);
    results[rank] = resultId;
  });
  return { ranks, results };
}

/** Merges are lists of two, or in older files one text with a space between. */
function splitMerge(node: JsonNode): readonly [left: string, right: string] {
  if (typeof node.value === 'string') {
    const space = node.value.indexOf(' ');
    if (space > 0 && space < node.value.length - 1 && !node.value.includes(' ', space + 1)) {
      return [node.value.slice(0, space), node.value.slice(space + 1)];
    }
    throw node.refuse('two tokens with one space between');
  }
  const [left, right, more] = node.list();
  if (left === undefined || right === undefined || more !== undefined) throw node.refuse('a list of two tokens');
  return [left.text(), right.text()];
}

class BpeModel implements WordModel {
  readonly tokens: readonly (string | undefined)[];
  readonly ids: ReadonlyMap<string, number>;
  readonly #options: BpeOptions;
  readonly #merges: Merges;
  /** Ids of the 256 byte tokens, undefined where the vocabulary lacks them. */
  readonly #byteIds: readonly (number | undefined)[];
  readonly #heap = new NumberHeap();

  constructor(vocabulary: Vocabulary, options: BpeOptions, merges: Merges) {
    this.tokens = vocabulary.tokens;
    this.ids = vocabulary.ids;
    this.#options = options;
    this.#merges = merges;
    this.#byteIds = Array.from({ length: 256 }, (_, byte) => vocabulary.ids.get(byteTokenName(byte)));
  }

  tokenize(word: string): WordTokens {
    if (this.#options.ignoreMerges) {
      const id = this.ids.get(word);
      if (id !== undefined) return { ids: [id], tokens: [word], starts: [0], ends: [word.length] };
    }
    const symbols = this.#split(word);
    return this.#merges.results.length === 0 ? this.#collect(symbols, null) : this.#mergeAll(symbols);
  }

  /** The characters of a word as symbols: ids and where they are. */
  #split(word: string): Symbols {
    const { continuingPrefix, endOfWordSuffix, byteFallback, unknownToken, fuseUnknown } = this.#options;
    const symbols: Symbols = { ids: [], starts: [], ends: [] };
    const encoder = new TextEncoder();
    let unknownFrom = -1; // where the unknown stretch that is not written yet begins
    let unknownTo = -1;
    const writeUnknown = (): void => {
      if (unknownFrom < 0 || unknownToken === null) return;
      pushSymbol(symbols, this.ids.get(unknownToken) ?? 0, unknownFrom, unknownTo);
      unknownFrom = -1;
    };
    for (let start = 0; start < word.length; ) {
      const end = start + ((word.codePointAt(start) ?? 0) > 0xffff ? 2 : 1);
      let character = word.slice(start, end);
      if (start > 0) character = continuingPrefix + character;
      if (end === word.length) character += endOfWordSuffix;
      const id = this.ids.get(character);
      if (id !== undefined) {
        writeUnknown();
        pushSymbol(symbols, id, start, end);
      } else {
        const bytes = byteFallback ? Array.from(encoder.encode(character), (byte) => this.#byteIds[byte]) : [undefined];
        if (bytes.every((byteId) => byteId !== undefined)) {
          for (const byteId of bytes) pushSymbol(symbols, byteId, start, end);
        } else if (unknownToken !== null) {
          if (!fuseUnknown) writeUnknown();
          if (unknownFrom < 0) unknownFrom = start;
          unknownTo = end;
        }
      }
      start = end;
    }
    writeUnknown();
    return symbols;
  }

  #mergeAll(symbols: Symbols): WordTokens {
    const { ranks, results } = this.#merges;
    const { ids, ends } = symbols;
    const count = ids.length;
    const next = Int32Array.from(ids, (_, place) => place + 1);
    const previous = Int32Array.from(ids, (_, place) => place - 1);
    const rankAt = new Int32Array(count).fill(-1); // of the pair that begins here
    const heap = this.#heap;
    heap.clear();
    const offer = (place: number): void => {
      const after = next[place] ?? count;
      const rank = after < count ? ranks.get(ids[place] ?? 0, ids[after] ?? 0) : -1;
      rankAt[place] = rank;
      if (rank >= 0) heap.push(rank * POSITIONS + place);
    };
    for (let place = 0; place < count; place++) offer(place);
    for (let entry = heap.pop(); entry !== undefined; entry = heap.pop()) {
      const rank = Math.floor(entry / POSITIONS);
      const place = entry - rank * POSITIONS;
      if (rankAt[place] !== rank) continue; // one of the two has merged since
      const gone = next[place] ?? count;
      const after = next[gone] ?? count;
      ids[place] = results[rank] ?? 0;
      ends[place] = ends[gone] ?? 0;
      rankAt[gone] = -1;
      next[place] = after;
      if (after < count) previous[after] = place;
      offer(place);
      const before = previous[place] ?? -1;
      if (before >= 0) offer(before);
    }
    return this.#collect(symbols, next);
  }

  #collect(symbols: Symbols, next: Int32Array | null): WordTokens {
    const collected = { ids: [] as number[], tokens: [] as string[], starts: [] as number[], ends: [] as number[] };
    for (let place = 0; place < symbols.ids.length; place = next === null ? place + 1 : (next[place] ?? 0)) {
      const id = symbols.ids[place] ?? 0;
      collected.ids.push(id);
      collected.tokens.push(this.tokens[id] ?? '');
      collected.starts.push(symbols.starts[place] ?? 0);
      collected.ends.push(symbols.ends[place] ?? 0);
    }
    return collected;
  }
}

interface Symbols {
  readonly ids: number[];
  readonly starts: number[];
  readonly ends: number[];
}

function pushSymbol(symbols: Symbols, id: number, start: number, end: number): void {
  symbols.ids.push(id);
  symbols.starts.push(start);
  symbols.ends.push(end);
}
