// A tokenizer as the metadata of a GGUF file, where llama.cpp has one that cuts texts alike; otherwise it is refused, with
// what is in the way.
// Source: llama.cpp, src/llama-vocab.cpp (its tokenizers SPM, BPE and UGM) and docs/gguf.md of ggml (the keys).
import { AmaasError } from '@amaas/core';
import type { GgufValue } from '../gguf/index.ts';
import { PIECE_TYPES, type Tokenizer } from '../tokenize/index.ts';
import { findWordRule, type PreTokenizerDocument } from './gguf-word-rules.ts';
import type { SpecialTokens } from './tokenizer-from-gguf.ts';

export interface TokenizerToGgufOptions {
  /** Rows of the model's table; those behind the tokenizer's last token become tokens that are never used. */
  readonly vocabularySize: number;
  /** Default: what the tokenizer puts around texts; where it puts nothing, its `<|endoftext|>`, `</s>` or `<s>`. */
  readonly specialTokens?: SpecialTokens;
}

type Entries = readonly (readonly [key: string, value: GgufValue])[];

/** What of a tokenizer.json matters here. */
interface TokenizerDocument {
  readonly added_tokens?: readonly AddedToken[];
  readonly normalizer: NormalizerDocument | null;
  readonly pre_tokenizer: PreTokenizerDocument | null;
  readonly model: ModelDocument;
}

interface AddedToken {
  readonly id: number;
  readonly content: string;
  readonly special?: boolean;
  readonly single_word?: boolean;
  readonly lstrip?: boolean;
  readonly rstrip?: boolean;
}

interface NormalizerDocument {
  readonly type: string;
  readonly normalizers?: readonly NormalizerDocument[];
  readonly prepend?: string;
  readonly content?: string;
  readonly pattern?: { readonly String?: string };
}

interface ModelDocument {
  readonly type?: string;
  readonly vocab: Readonly<Record<string, number>> | readonly (readonly [string, number])[];
  readonly merges?: readonly (string | readonly [string, string])[];
  readonly unk_token?: string | null;
  readonly unk_id?: number | null;
  readonly byte_fallback?: boolean;
  readonly ignore_merges?: boolean;
  readonly continuing_subword_prefix?: string | null;
  readonly end_of_word_suffix?: string | null;
}

/** @throws INVALID_MODEL naming the part of the tokenizer that llama.cpp has nothing like; INVALID_DATA for too many tokens */
export function tokenizerToGguf(tokenizer: Tokenizer | null, options: TokenizerToGgufOptions): Entries {
  if (tokenizer === null) return [['tokenizer.ggml.model', { type: 'string', value: 'none' }]];
  const { vocabularySize } = options;
  if (tokenizer.vocabularySize > vocabularySize) {
    throw new AmaasError(
      'INVALID_DATA',
      `tokenizer: ${tokenizer.vocabularySize} tokens are more than the model's ${vocabularySize}`,
    );
  }
  // A tokenizer was read from its document, which therefore is of this form.
  const document = tokenizer.toJson() as TokenizerDocument;
  for (const { content, single_word, lstrip, rstrip } of document.added_tokens ?? []) {
    if (single_word || lstrip || rstrip) throw unlike(`the added token ${JSON.stringify(content)}, which takes spaces`);
  }
  return [...modelEntries(tokenizer, document, vocabularySize), ...specialEntries(tokenizer, options)];
}

function modelEntries(tokenizer: Tokenizer, document: TokenizerDocument, size: number): Entries {
  const { merges, vocab, byte_fallback: byteFallback } = document.model;
  // Older files leave the type out.
  const type = document.model.type ?? (merges !== undefined ? 'BPE' : Array.isArray(vocab) ? 'Unigram' : 'WordPiece');
  if (type === 'Unigram') return unigramEntries(tokenizer, document, size);
  if (type !== 'BPE') throw unlike(`a model ${type}`);
  return byteFallback === true ? scoredEntries(tokenizer, document, size) : mergeEntries(tokenizer, document, size);
}

/** Byte-level BPE. */
function mergeEntries(
  tokenizer: Tokenizer,
  { model, normalizer, ...document }: TokenizerDocument,
  size: number,
): Entries {
  const { ignore_merges: ignores = false, continuing_subword_prefix: prefix, end_of_word_suffix: suffix } = model;
  if (normalizer !== null) throw unlike(`a normalizer (${normalizer.type})`);
  if (prefix || suffix) throw unlike('tokens with a prefix or suffix');
  const rule = findWordRule(document.pre_tokenizer, ignores);
  if (rule === undefined) {
    throw unlike(`the pre-tokenizer ${document.pre_tokenizer?.type ?? 'null'}${ignores ? ' that ignores merges' : ''}`);
  }
  const merges = (model.merges ?? []).map((merge) => (typeof merge === 'string' ? merge : merge.join(' ')));
  return [
    ['tokenizer.ggml.model', { type: 'string', value: 'gpt2' }],
    ['tokenizer.ggml.pre', { type: 'string', value: rule.name }],
    ...tokenEntries(tokenizer, document, size),
    ['tokenizer.ggml.merges', { type: 'array', of: 'string', items: merges }],
  ];
}

/** BPE over characters, its merges all ways to make a piece and in the order of pieces: a score per piece says the same. */
function scoredEntries(tokenizer: Tokenizer, document: TokenizerDocument, size: number): Entries {
  const addsPrefix = findPrefix(document);
  const scores = scoresOf(tokenizer, document);
  const missing = Array.from({ length: 256 }, (_, byte) => byteName(byte)).find(
    (name) => tokenizer.tokenToId(name) === null,
  );
  if (missing !== undefined) throw unlike(`a vocabulary without ${missing}`);
  return [
    ['tokenizer.ggml.model', { type: 'string', value: 'llama' }],
    ['tokenizer.ggml.pre', { type: 'string', value: 'default' }],
    ...tokenEntries(tokenizer, document, size, scores),
    ['tokenizer.ggml.add_space_prefix', { type: 'bool', value: addsPrefix }],
    ...unknownEntry(tokenizer, document.model.unk_token ?? null),
  ];
}

/** Pieces with probabilities, found by Viterbi's algorithm. */
function unigramEntries(tokenizer: Tokenizer, document: TokenizerDocument, size: number): Entries {
  const { normalizer, pre_tokenizer: cut, model } = document;
  if (model.byte_fallback === true) throw unlike('a unigram model that falls back to bytes');
  if (normalizer !== null) throw unlike(`a normalizer (${normalizer.type}; train the tokenizer with form: null)`);
  if (cut?.type !== 'Metaspace' || cut.replacement !== '▁' || cut.prepend_scheme === 'first') {
    throw unlike(`the pre-tokenizer ${cut?.type ?? 'null'}`);
  }
  // Unigram models have their pieces as a list.
  const pieces = model.vocab as readonly (readonly [string, number])[];
  const spaced = pieces.find(([piece]) => piece.indexOf('▁', 1) > 0);
  if (cut.split !== false && spaced !== undefined) throw unlike(`the piece ${JSON.stringify(spaced[0])} across words`);
  const unknown = pieces[model.unk_id ?? -1]?.[0] ?? null;
  if (unknown === null) throw unlike('a unigram model without unknown token');
  return [
    ['tokenizer.ggml.model', { type: 'string', value: 't5' }],
    ['tokenizer.ggml.pre', { type: 'string', value: 'default' }],
    ...tokenEntries(tokenizer, document, size, new Map(pieces)),
    ['tokenizer.ggml.add_space_prefix', { type: 'bool', value: cut.prepend_scheme !== 'never' }],
    ['tokenizer.ggml.remove_extra_whitespaces', { type: 'bool', value: false }],
    ...unknownEntry(tokenizer, unknown),
  ];
}

function unknownEntry(tokenizer: Tokenizer, token: string | null): Entries {
  const id = token === null ? null : tokenizer.tokenToId(token);
  return id === null ? [] : [['tokenizer.ggml.unknown_token_id', { type: 'uint32', value: id }]];
}

function tokenEntries(
  tokenizer: Tokenizer,
  { added_tokens: added = [], model }: Pick<TokenizerDocument, 'added_tokens'> & { readonly model?: ModelDocument },
  size: number,
  scores?: ReadonlyMap<string, number>,
): Entries {
  const special = new Map(added.map(({ content, special: isSpecial }) => [content, isSpecial === true]));
  const unknown = model?.unk_token ?? (model?.unk_id == null ? null : tokenizer.idToToken(model.unk_id));
  const byteNames = new Set(
    model?.byte_fallback === true ? Array.from({ length: 256 }, (_, byte) => byteName(byte)) : [],
  );
  const typeOf = (token: string): number => {
    if (token === unknown) return PIECE_TYPES.unknown;
    const isSpecial = special.get(token);
    if (isSpecial !== undefined) return isSpecial ? PIECE_TYPES.control : PIECE_TYPES.userDefined;
    return byteNames.has(token) ? PIECE_TYPES.byte : PIECE_TYPES.normal;
  };
  const tokens: string[] = [];
  const types = new Int32Array(size);
  for (let id = 0; id < size; id++) {
    const token = tokenizer.idToToken(id);
    tokens.push(token ?? `[PAD${id}]`);
    types[id] = token === null ? PIECE_TYPES.unused : typeOf(token);
  }
  const values = scores && Float32Array.from(tokens, (token) => scores.get(token) ?? 0);
  return [
    ['tokenizer.ggml.tokens', { type: 'array', of: 'string', items: tokens }],
    ...(values === undefined
      ? []
      : [['tokenizer.ggml.scores', { type: 'array', of: 'float32', items: values }] as const]),
    ['tokenizer.ggml.token_type', { type: 'array', of: 'int32', items: types }],
  ];
}

/** Whether a space is put in front of texts. @throws INVALID_MODEL unless that and ▁ for spaces is all that is rewritten */
function findPrefix({ normalizer, pre_tokenizer: cut }: TokenizerDocument): boolean {
  if (cut !== null) throw unlike(`the pre-tokenizer ${cut.type}`);
  const steps =
    normalizer?.type === 'Sequence' ? (normalizer.normalizers ?? []) : normalizer === null ? [] : [normalizer];
  const last = steps.at(-1);
  const [first] = steps;
  const replaces = last?.type === 'Replace' && last.pattern?.String === ' ' && last.content === '▁';
  if (replaces && steps.length === 1) return false;
  if (replaces && steps.length === 2 && first?.type === 'Prepend' && first.prepend === '▁') return true;
  throw unlike(`the normalizer ${normalizer?.type ?? 'null'}`);
}

/**
 * A score per token that merges in the same order. Tokens whose merges lie between each other's get the same score, which
 * is where the merges come from if they were made of scores.
 */
function scoresOf(
  tokenizer: Tokenizer,
  { added_tokens: added = [], model: { merges = [], vocab } }: TokenizerDocument,
): ReadonlyMap<string, number> {
  const pairs = merges.map((merge) => (typeof merge === 'string' ? merge : merge.join(' ')));
  assertAllWays(new Set(pairs), vocab, new Set(added.map(({ content }) => content)));
  const made = pairs.map((pair) => pair.replace(' ', ''));
  const lastRanks = new Map(made.map((token, rank) => [token, rank]));
  const scores = new Map<string, number>();
  let openTo = -1;
  let score = 0;
  for (const [rank, token] of made.entries()) {
    if (rank > openTo) score = -rank;
    openTo = Math.max(openTo, lastRanks.get(token) ?? rank);
    if (!scores.has(token)) scores.set(token, score);
  }
  // What no merge makes is a character, and merges last; SentencePiece, too, gives it the lowest scores.
  const lowest = -merges.length;
  return new Map(
    Array.from({ length: tokenizer.vocabularySize }, (_, id) => {
      const token = tokenizer.idToToken(id) ?? '';
      return [token, scores.get(token) ?? lowest] as const;
    }),
  );
}

/** llama.cpp merges whatever makes a token. @param added - found before anything merges */
function assertAllWays(pairs: ReadonlySet<string>, vocab: ModelDocument['vocab'], added: ReadonlySet<string>): void {
  for (const token of Object.keys(vocab)) {
    if (added.has(token) || /^<0x[0-9A-F]{2}>$/.test(token)) continue;
    for (let cut = 1; cut < token.length; cut++) {
      const [left, right] = [token.slice(0, cut), token.slice(cut)];
      if (!Object.hasOwn(vocab, left) || !Object.hasOwn(vocab, right) || pairs.has(`${left} ${right}`)) continue;
      throw unlike(`merges without ${JSON.stringify(left)} + ${JSON.stringify(right)}, whose union is a token`);
    }
  }
}

function byteName(byte: number): string {
  return `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`;
}

function specialEntries(tokenizer: Tokenizer, { specialTokens }: TokenizerToGgufOptions): Entries {
  const { start, end, addsStart, addsEnd } = specialTokens ?? findSpecialTokens(tokenizer);
  const id = (name: string, value: number | null): Entries =>
    value === null ? [] : [[`tokenizer.ggml.${name}_token_id`, { type: 'uint32', value }]];
  return [
    ...id('bos', start),
    ...id('eos', end),
    ['tokenizer.ggml.add_bos_token', { type: 'bool', value: addsStart }],
    ['tokenizer.ggml.add_eos_token', { type: 'bool', value: addsEnd }],
  ];
}

const STARTS = ['<s>', '<|begin_of_text|>', '<bos>', '<|endoftext|>'];
const ENDS = ['</s>', '<|end_of_text|>', '<eos>', '<|endoftext|>'];

/** The tokens a tokenizer puts around texts, or would if it did. @throws INVALID_MODEL for several on a side */
export function findSpecialTokens(tokenizer: Tokenizer): SpecialTokens {
  const plainly = { truncation: null, padding: null };
  const inner = tokenizer.encode('a', { addSpecialTokens: false, ...plainly }).ids;
  const whole = tokenizer.encode('a', plainly).ids;
  const known = (names: readonly string[]): number | null =>
    names.map((name) => tokenizer.tokenToId(name)).find((id) => id !== null) ?? null;
  const before = [0, 1].find((count) => inner.every((id, index) => id === whole[count + index])) ?? 2;
  const after = whole.length - before - inner.length;
  if (before > 1 || after > 1 || after < 0) throw unlike('several special tokens before or behind texts');
  return {
    start: before === 1 ? (whole[0] ?? null) : known(STARTS),
    end: after === 1 ? (whole.at(-1) ?? null) : known(ENDS),
    addsStart: before === 1,
    addsEnd: after === 1,
  };
}

function unlike(what: string): AmaasError {
  return new AmaasError('INVALID_MODEL', `tokenizer: llama.cpp has no tokenizer with ${what}`);
}
