// What all models have in common: words (what the pre-tokenizer leaves) go in, tokens come out. And the memory of words
// seen before: texts repeat their words, and a word's tokens never change.
import { locateBytes, writeByteCharacters } from './byte-characters.ts';

/** The tokens of one word; parallel arrays, positions in UTF-16 units of the word. */
export interface WordTokens {
  readonly ids: readonly number[];
  readonly tokens: readonly string[];
  readonly starts: readonly number[];
  readonly ends: readonly number[];
}

export interface WordModel {
  /** Tokens by id; undefined where an id has none. */
  readonly tokens: readonly (string | undefined)[];
  readonly ids: ReadonlyMap<string, number>;
  /** @throws INVALID_DATA when the word has a character the model has no token for, and it has no unknown token. */
  tokenize(word: string): WordTokens;
}

/** Words kept; when so many are there, all are forgotten and the memory starts anew: no bookkeeping, bounded size. */
const MAX_KEPT_WORDS = 50_000;
/** Longer words hardly return; keeping them would be costly. */
const MAX_KEPT_LENGTH = 64;

/** Tokenizes words through a model, with memory; for byte-level models words are turned to byte characters first. */
export class WordTokenizer {
  readonly #model: WordModel;
  readonly #asBytes: boolean;
  readonly #kept = new Map<string, WordTokens>();

  constructor(model: WordModel, options: { readonly asBytes: boolean }) {
    this.#model = model;
    this.#asBytes = options.asBytes;
  }

  tokenize(word: string): WordTokens {
    const known = this.#kept.get(word);
    if (known !== undefined) return known;
    const tokens = this.#asBytes ? this.#tokenizeBytes(word) : this.#model.tokenize(word);
    if (word.length <= MAX_KEPT_LENGTH) {
      if (this.#kept.size >= MAX_KEPT_WORDS) this.#kept.clear();
      this.#kept.set(word, tokens);
    }
    return tokens;
  }

  #tokenizeBytes(word: string): WordTokens {
    const written = writeByteCharacters(word);
    const found = this.#model.tokenize(written);
    const { starts, ends } = locateBytes(word);
    return {
      ...found,
      starts: found.starts.map((start) => starts[start] ?? word.length),
      ends: found.ends.map((end) => (end === 0 ? 0 : (ends[end - 1] ?? word.length))),
    };
  }
}
