// WordPiece: from the left, always the longest token that fits; a word that cannot be cut so is unknown as a whole.
// Source: Wu et al., "Google's Neural Machine Translation System" (2016); Devlin et al., "BERT" (2019).
import type { JsonNode } from './json-node.ts';
import { readVocabulary, type Vocabulary } from './vocabulary.ts';
import type { WordModel, WordTokens } from './word-model.ts';

const DEFAULT_MAX_CHARACTERS = 100;

interface WordPieceOptions {
  readonly unknownToken: string;
  readonly continuingPrefix: string;
  /** Longer words are unknown. */
  readonly maxCharacters: number;
}

/** @throws INVALID_MODEL naming the field. */
export function readWordPiece(node: JsonNode): WordModel {
  const vocabulary = readVocabulary(node.at('vocab'));
  const unknown = node.at('unk_token');
  const prefix = node.at('continuing_subword_prefix');
  const limit = node.at('max_input_chars_per_word');
  const unknownToken = unknown.isAbsent ? '[UNK]' : unknown.text();
  if (!vocabulary.ids.has(unknownToken)) throw unknown.refuse('a token of model.vocab');
  return new WordPieceModel(vocabulary, {
    unknownToken,
    continuingPrefix: prefix.isAbsent ? '##' : prefix.text(),
    maxCharacters: limit.isAbsent ? DEFAULT_MAX_CHARACTERS : limit.whole(),
  });
}

class WordPieceModel implements WordModel {
  readonly tokens: readonly (string | undefined)[];
  readonly ids: ReadonlyMap<string, number>;
  readonly #options: WordPieceOptions;
  /** Units of the longest token: nothing longer needs to be looked up, which keeps long words linear. */
  readonly #longest: number;

  constructor(vocabulary: Vocabulary, options: WordPieceOptions) {
    this.tokens = vocabulary.tokens;
    this.ids = vocabulary.ids;
    this.#options = options;
    let longest = 0;
    for (const token of vocabulary.ids.keys()) longest = Math.max(longest, token.length);
    this.#longest = longest;
  }

  tokenize(word: string): WordTokens {
    const found = { ids: [] as number[], tokens: [] as string[], starts: [] as number[], ends: [] as number[] };
    if (isLongerThan(word, this.#options.maxCharacters)) return this.#unknown(word);
    for (let start = 0; start < word.length; ) {
      const prefix = start === 0 ? '' : this.#options.continuingPrefix;
      let end = Math.min(word.length, start + this.#longest - prefix.length);
      let token = '';
      let id: number | undefined;
      for (; end > start; end--) {
        token = prefix + word.slice(start, end);
        id = this.ids.get(token);
        if (id !== undefined) break;
      }
      if (id === undefined) return this.#unknown(word);
      found.ids.push(id);
      found.tokens.push(token);
      found.starts.push(start);
      found.ends.push(end);
      start = end;
    }
    return found;
  }

  #unknown(word: string): WordTokens {
    const { unknownToken } = this.#options;
    return { ids: [this.ids.get(unknownToken) ?? 0], tokens: [unknownToken], starts: [0], ends: [word.length] };
  }
}

/** Whether a text has more characters (code points) than `limit`, without counting all of a long one. */
function isLongerThan(text: string, limit: number): boolean {
  if (text.length <= limit) return false;
  if (text.length > limit * 2) return true;
  return Array.from(text).length > limit;
}
