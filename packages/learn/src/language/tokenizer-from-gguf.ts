// The tokenizer in a GGUF file's metadata as a standard one.
// Source: llama.cpp, src/llama-vocab.cpp, `llama_vocab::impl::load`.
import { AmaasError } from '@amaas/core';
import { type GgufMetadata, ggufNumber, ggufNumbers, ggufText, ggufTexts } from '../gguf/index.ts';
import { PIECE_TYPES, readTokenizer, type Tokenizer, tokenizerFromSentencePieces } from '../tokenize/index.ts';
import { WORD_RULES, writeWordRule } from './gguf-word-rules.ts';

/** Ids of the tokens around texts. */
export interface SpecialTokens {
  /** Null: none. */
  readonly start: number | null;
  readonly end: number | null;
  /** Whether texts are given to the model with them. */
  readonly addsStart: boolean;
  readonly addsEnd: boolean;
}

export interface GgufTokenizer {
  /** Null where the file has none. */
  readonly tokenizer: Tokenizer | null;
  readonly specialTokens: SpecialTokens;
}

const NO_TOKENS: SpecialTokens = { start: null, end: null, addsStart: false, addsEnd: false };

/** @throws INVALID_MODEL naming the key, also for kinds of tokenizers that are not known here */
export function tokenizerFromGguf(metadata: GgufMetadata): GgufTokenizer {
  const model = ggufText(metadata, 'tokenizer.ggml.model');
  if (model === undefined || model === 'none' || model === 'no_vocab') {
    return { tokenizer: null, specialTokens: NO_TOKENS };
  }
  if (model !== 'llama' && model !== 'gpt2' && model !== 't5') {
    throw invalid(`tokenizer.ggml.model expects llama, gpt2 or t5, got ${JSON.stringify(model)}`);
  }
  const vocabulary = readVocabulary(metadata, model);
  const specialTokens = readSpecialTokens(metadata, { model, size: vocabulary.tokens.length });
  switch (model) {
    case 'llama':
      return { tokenizer: fromScores(metadata, vocabulary, specialTokens), specialTokens };
    case 'gpt2':
      return { tokenizer: fromMerges(metadata, vocabulary, specialTokens), specialTokens };
    case 't5':
      return { tokenizer: fromProbabilities(metadata, vocabulary, specialTokens), specialTokens };
    default:
      return model satisfies never;
  }
}

/** Of all tokens up to the last that is used. */
interface Vocabulary {
  readonly tokens: readonly string[];
  /** 0 where the file has none. */
  readonly scores: readonly number[];
  /** Of {@link PIECE_TYPES}; normal where the file has none. */
  readonly types: readonly number[];
}

function readVocabulary(metadata: GgufMetadata, model: string): Vocabulary {
  const tokens = ggufTexts(metadata, 'tokenizer.ggml.tokens') ?? [];
  if (tokens.length === 0) throw invalid('tokenizer.ggml.tokens expects the tokens, got none');
  if (new Set(tokens).size < tokens.length) throw invalid('tokenizer.ggml.tokens expects tokens that differ');
  const list = (key: string, fallback: number): readonly number[] => {
    const found = ggufNumbers(metadata, key);
    if (found === undefined) return new Array<number>(tokens.length).fill(fallback);
    if (found.length === tokens.length) return Array.from(found);
    throw invalid(`${key} expects as many as tokens, ${tokens.length}, got ${found.length}`);
  };
  if (model !== 'gpt2' && !metadata.has('tokenizer.ggml.scores')) {
    throw invalid(`tokenizer.ggml.scores: a tokenizer ${model} expects them`);
  }
  const scores = list('tokenizer.ggml.scores', 0);
  const types = list('tokenizer.ggml.token_type', PIECE_TYPES.normal);
  // Tables are filled up to round numbers with tokens that are none.
  const used = types.findLastIndex((type) => type !== PIECE_TYPES.unused) + 1;
  return { tokens: tokens.slice(0, used), scores: scores.slice(0, used), types: types.slice(0, used) };
}

function readSpecialTokens(
  metadata: GgufMetadata,
  { model, size }: { readonly model: string; readonly size: number },
): SpecialTokens {
  // Files write 2^32 − 1 for none.
  const id = (name: string, fallback: number | null): number | null => {
    const found = ggufNumber(metadata, `tokenizer.ggml.${name}_token_id`) ?? fallback;
    return found === null || !Number.isInteger(found) || found < 0 || found >= size ? null : found;
  };
  const start = id('bos', model === 'llama' ? 1 : null);
  const end = id('eos', model === 'llama' ? 2 : model === 't5' ? 1 : null);
  const says = (name: string, fallback: boolean): boolean => {
    const found = metadata.get(`tokenizer.ggml.add_${name}_token`);
    if (found === undefined) return fallback;
    if (found.type === 'bool') return found.value;
    throw invalid(`tokenizer.ggml.add_${name}_token expects a bool, got ${found.type}`);
  };
  const beginsByRule = ggufText(metadata, 'tokenizer.ggml.pre') === 'llama-bpe';
  return {
    start,
    end,
    addsStart: start !== null && says('bos', model === 'llama' || beginsByRule),
    addsEnd: end !== null && says('eos', model === 't5'),
  };
}

/** Characters of all pieces, each piece's squared: what it takes to find all ways to make them. Llama's have 1.5 million. */
const MAX_SQUARED_CHARACTERS = 1e9;

function fromScores(metadata: GgufMetadata, vocabulary: Vocabulary, specialTokens: SpecialTokens): Tokenizer {
  if (vocabulary.tokens.reduce((sum, { length }) => sum + length * length, 0) > MAX_SQUARED_CHARACTERS) {
    throw invalid('tokenizer.ggml.tokens expects pieces of words, got longer ones');
  }
  if (!vocabulary.types.includes(PIECE_TYPES.unknown)) throw invalid('tokenizer.ggml.token_type has no unknown token');
  const tokenizer = tokenizerFromSentencePieces({ ...vocabulary, addsPrefixSpace: addsPrefix(metadata) });
  return withTemplate(tokenizer.toJson(), vocabulary, specialTokens);
}

function fromMerges(metadata: GgufMetadata, vocabulary: Vocabulary, specialTokens: SpecialTokens): Tokenizer {
  const name = ggufText(metadata, 'tokenizer.ggml.pre');
  const rule = WORD_RULES.find((each) => each.name === name);
  if (rule === undefined) {
    throw invalid(
      `tokenizer.ggml.pre expects ${WORD_RULES.map((each) => each.name).join(', ')}, got ${JSON.stringify(name)}`,
    );
  }
  const document = {
    version: '1.0',
    ...{ truncation: null, padding: null, normalizer: null, post_processor: null },
    added_tokens: addedTokens(vocabulary),
    pre_tokenizer: writeWordRule(rule),
    decoder: { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true },
    model: {
      ...{ type: 'BPE', dropout: null, unk_token: null, continuing_subword_prefix: null, end_of_word_suffix: null },
      ...{ fuse_unk: false, byte_fallback: false, ignore_merges: rule.ignoresMerges },
      vocab: Object.fromEntries(vocabulary.tokens.map((token, id) => [token, id])),
      merges: (ggufTexts(metadata, 'tokenizer.ggml.merges') ?? []).map((merge, index) => {
        const space = merge.indexOf(' ', 1);
        if (space < 0)
          throw invalid(`tokenizer.ggml.merges: merge ${index} expects a space, got ${JSON.stringify(merge)}`);
        return [merge.slice(0, space), merge.slice(space + 1)];
      }),
    },
  };
  return withTemplate(document, vocabulary, specialTokens);
}

function fromProbabilities(metadata: GgufMetadata, vocabulary: Vocabulary, specialTokens: SpecialTokens): Tokenizer {
  for (const key of ['precompiled_charsmap', 'remove_extra_whitespaces']) {
    const found = metadata.get(`tokenizer.ggml.${key}`);
    if (found !== undefined && (found.type !== 'bool' || found.value)) {
      throw invalid(`tokenizer.ggml.${key}: texts that are rewritten so are not known here`);
    }
  }
  const { tokens, scores, types } = vocabulary;
  const unknown = ggufNumber(metadata, 'tokenizer.ggml.unknown_token_id') ?? types.indexOf(PIECE_TYPES.unknown);
  const metaspace = {
    ...{ type: 'Metaspace', replacement: '▁', split: true },
    prepend_scheme: addsPrefix(metadata) ? 'always' : 'never',
  };
  const document = {
    version: '1.0',
    ...{ truncation: null, padding: null, normalizer: null, post_processor: null },
    added_tokens: addedTokens(vocabulary),
    ...{ pre_tokenizer: metaspace, decoder: metaspace },
    model: {
      ...{ type: 'Unigram', unk_id: unknown, byte_fallback: false },
      vocab: tokens.map((token, id) => [token, scores[id] ?? 0]),
    },
  };
  return withTemplate(document, vocabulary, specialTokens);
}

function addsPrefix(metadata: GgufMetadata): boolean {
  const found = metadata.get('tokenizer.ggml.add_space_prefix');
  if (found === undefined) return true;
  if (found.type === 'bool') return found.value;
  throw invalid(`tokenizer.ggml.add_space_prefix expects a bool, got ${found.type}`);
}

function addedTokens({ tokens, types }: Vocabulary): readonly object[] {
  return tokens.flatMap((content, id) => {
    const type = types[id];
    const special = type === PIECE_TYPES.control || type === PIECE_TYPES.unknown;
    if (!special && type !== PIECE_TYPES.userDefined) return [];
    return [{ id, content, single_word: false, lstrip: false, rstrip: false, normalized: false, special }];
  });
}

/** The tokenizer with the tokens that the file says are put around texts. */
function withTemplate(document: unknown, { tokens }: Vocabulary, special: SpecialTokens): Tokenizer {
  const start = special.addsStart ? special.start : null;
  const end = special.addsEnd ? special.end : null;
  const around = [start, end].flatMap((id) => (id === null ? [] : [{ id, token: tokens[id] ?? '' }]));
  if (around.length === 0) return readTokenizer(document);
  const part = (id: number | null, type: number): readonly object[] =>
    id === null ? [] : [{ SpecialToken: { id: tokens[id] ?? '', type_id: type } }];
  const sequence = (id: 'A' | 'B', type: number): readonly object[] => [
    ...part(start, type),
    { Sequence: { id, type_id: type } },
    ...part(end, type),
  ];
  const postProcessor = {
    type: 'TemplateProcessing',
    single: sequence('A', 0),
    pair: [...sequence('A', 0), ...sequence('B', 1)],
    special_tokens: Object.fromEntries(
      around.map(({ id, token }) => [token, { id: token, ids: [id], tokens: [token] }]),
    ),
  };
  // Every document here is an object: it was written above or by the tokenizer that read it.
  return readTokenizer({ ...(document as object), post_processor: postProcessor });
}

function invalid(what: string): AmaasError {
  return new AmaasError('INVALID_MODEL', `gguf: ${what}`);
}
