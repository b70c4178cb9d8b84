// Writes a tokenizer.json: the parts that trainers do not decide, and special tokens in front of the vocabulary.

/** What a trainer decides; each part as the format has it, null for none. */
export interface DocumentParts {
  readonly model: object;
  readonly normalizer: object | null;
  readonly preTokenizer: object | null;
  readonly postProcessor: object | null;
  readonly decoder: object | null;
  /** Tokens with ids 0, 1, … */
  readonly specialTokens: readonly string[];
}

export function writeDocument(parts: DocumentParts): object {
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: parts.specialTokens.map((content, id) => ({
      id,
      content,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special: true,
    })),
    normalizer: parts.normalizer,
    pre_tokenizer: parts.preTokenizer,
    post_processor: parts.postProcessor,
    decoder: parts.decoder,
    model: parts.model,
  };
}

/** A vocabulary as the format has it: ids by token. */
export function writeVocabulary(tokens: readonly string[]): Readonly<Record<string, number>> {
  return Object.fromEntries(tokens.map((token, id) => [token, id]));
}

/** A BPE model as the format has it. */
export function writeBpeModel(
  tokens: readonly string[],
  merges: readonly (readonly [string, string])[],
  {
    unknownToken = null,
    byteFallback = false,
  }: { readonly unknownToken?: string | null; readonly byteFallback?: boolean } = {},
): object {
  return {
    type: 'BPE',
    dropout: null,
    unk_token: unknownToken,
    continuing_subword_prefix: null,
    end_of_word_suffix: null,
    fuse_unk: unknownToken !== null && byteFallback,
    byte_fallback: byteFallback,
    ignore_merges: false,
    vocab: writeVocabulary(tokens),
    merges,
  };
}
