// The tokenizer of a language model that is trained here: given, or learned from the same text.
import { AmaasError } from '@amaas/core';
import { Tokenizer, trainBpe, trainCharacters, trainUnigram } from '../tokenize/index.ts';
import { type Corpus, END_OF_TEXT, readBeginning } from './corpus.ts';

/** What kind of tokenizer to learn from the training part of the text. */
export type TokenizerPlan =
  /** A token per character: a small vocabulary and long sequences. */
  | { readonly kind: 'characters' }
  /** Byte-level BPE, as GPT-2 has it: nothing is unknown to it. */
  | { readonly kind: 'bpe'; readonly vocabularySize: number }
  /** Unigram pieces, as SentencePiece has them. */
  | { readonly kind: 'unigram'; readonly vocabularySize: number };

/** Text that a tokenizer is learned from at most: more changes its pieces little. */
const TOKENIZER_CHARACTERS = 2 ** 24;

/** Makes what is planned; the end of a text is a token of it. A given tokenizer is taken as it is. @throws INVALID_DATA, INVALID_ARGUMENT */
export async function createLanguageTokenizer(plan: Tokenizer | TokenizerPlan, training: Corpus): Promise<Tokenizer> {
  if (plan instanceof Tokenizer) return plan;
  const texts = await readBeginning(training, TOKENIZER_CHARACTERS);
  const specialTokens = [END_OF_TEXT];
  switch (plan.kind) {
    case 'characters':
      return trainCharacters(texts, { specialTokens });
    case 'bpe':
      return trainBpe(texts, { vocabularySize: plan.vocabularySize, specialTokens });
    case 'unigram':
      // Texts stay as they are: bits per byte are counted of what was given.
      return trainUnigram(texts, { vocabularySize: plan.vocabularySize, specialTokens, form: null });
    default:
      return plan satisfies never;
  }
}

/** The id of the token that ends documents. @throws INVALID_ARGUMENT where the tokenizer has none of that name */
export function endOfTextId(tokenizer: Tokenizer, token: string = END_OF_TEXT): number {
  const id = tokenizer.tokenToId(token);
  if (id !== null) return id;
  throw new AmaasError(
    'INVALID_ARGUMENT',
    `language model: the tokenizer has no token ${token} to end documents with; name its own as endToken`,
  );
}

/** A document's tokens without anything that templates add. */
export function encodeDocument(tokenizer: Tokenizer, text: string): Int32Array {
  return tokenizer.encode(text, { addSpecialTokens: false, truncation: null, padding: null }).ids;
}

/** The tokens of all documents, each with the end token behind it, part by part. */
export async function* readTokens(
  corpus: Corpus,
  tokenizer: Tokenizer,
  endId: number,
): AsyncGenerator<Int32Array, void> {
  for await (const text of corpus.read()) {
    yield encodeDocument(tokenizer, text);
    yield Int32Array.of(endId);
  }
}

/** The same in memory. */
export async function collectTokens(parts: AsyncIterable<Int32Array>): Promise<Int32Array> {
  let ids = new Int32Array(1 << 16);
  let count = 0;
  for await (const part of parts) {
    if (count + part.length > ids.length) {
      const larger = new Int32Array(Math.max(2 * ids.length, count + part.length));
      larger.set(ids.subarray(0, count));
      ids = larger;
    }
    ids.set(part, count);
    count += part.length;
  }
  return ids.slice(0, count);
}
