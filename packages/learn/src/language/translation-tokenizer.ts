// The tokenizer of a translator, one for both languages: given, or learned from the texts to be trained on. Knows which
// tokens begin, end and fill up texts.
import { AmaasError } from '@amaas/core';
import { readTokenizer, Tokenizer, trainBpe, trainUnigram } from '../tokenize/index.ts';

/** A tokenizer to be learned from both sides of the pairs. */
export interface TranslationTokenizerPlan {
  /** Default `unigram`: shorter sequences than byte-level BPE of the same size. */
  readonly kind?: 'unigram' | 'bpe';
  /** Tokens at most; default 6,000. */
  readonly vocabularySize?: number;
}

/** Ids of the tokens that are no text. */
export interface TranslationTokens {
  readonly padding: number;
  /** What a translation begins with. */
  readonly begin: number;
  /** What ends sources and translations. */
  readonly end: number;
}

const PADDING = '<pad>';
const BEGIN = '<s>';
const END = '</s>';

/**
 * Makes what is planned: a tokenizer whose `encode` puts the end token behind a text. A given one is taken as it is.
 * @throws INVALID_DATA without words, INVALID_ARGUMENT for a size that cannot be
 */
export function createTranslationTokenizer(
  plan: Tokenizer | TranslationTokenizerPlan,
  texts: Iterable<string>,
): Tokenizer {
  if (plan instanceof Tokenizer) return plan;
  const { kind = 'unigram', vocabularySize = 6000 } = plan;
  const specialTokens = [PADDING, BEGIN, END];
  const learned =
    kind === 'bpe'
      ? trainBpe(texts, { vocabularySize, specialTokens, form: 'NFC' })
      : trainUnigram(texts, { vocabularySize, specialTokens });
  return withEnd(learned);
}

/** The same tokenizer with the end token behind every text. */
function withEnd(tokenizer: Tokenizer): Tokenizer {
  // What a trainer here has written is a document, an object.
  const document = tokenizer.toJson() as Readonly<Record<string, unknown>>;
  const end = { SpecialToken: { id: END, type_id: 0 } };
  const text = { Sequence: { id: 'A', type_id: 0 } };
  const template = {
    type: 'TemplateProcessing',
    single: [text, end],
    pair: [text, end, { Sequence: { id: 'B', type_id: 1 } }, { SpecialToken: { id: END, type_id: 1 } }],
    special_tokens: { [END]: { id: END, ids: [tokenizer.tokenToId(END)], tokens: [END] } },
  };
  const before = document['post_processor'] ?? null;
  const both = before === null ? template : { type: 'Sequence', processors: [before, template] };
  return readTokenizer({ ...document, post_processor: both });
}

/** @throws INVALID_ARGUMENT where a tokenizer lacks `<pad>`, `<s>` or `</s>` */
export function translationTokens(tokenizer: Tokenizer): TranslationTokens {
  const idOf = (token: string): number => {
    const id = tokenizer.tokenToId(token);
    if (id !== null) return id;
    throw new AmaasError('INVALID_ARGUMENT', `translator: the tokenizer has no token ${token}`);
  };
  return { padding: idOf(PADDING), begin: idOf(BEGIN), end: idOf(END) };
}
