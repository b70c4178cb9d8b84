// Trains a unigram tokenizer in SentencePiece's manner: spaces are characters of the words behind them, so that no rule
// about words is needed to put texts together again.
import { AmaasError } from '@amaas/core';
import { writeDocument } from './document.ts';
import { learnUnigram, MAX_UNIGRAM_WORD_LENGTH } from './learn-unigram.ts';
import type { NormalizationForm } from './normalization-forms.ts';
import { readTokenizer, type Tokenizer } from './tokenizer.ts';
import { checkSpecialTokens, checkVocabularySize, chooseAlphabet, countWords } from './word-counts.ts';

export interface TrainUnigramOptions {
  /** Tokens at most, special ones and characters included. */
  readonly vocabularySize: number;
  /** Ids from 1 on; id 0 is `<unk>`, which rare characters become. Default none. */
  readonly specialTokens?: readonly string[];
  /** Share of all characters that pieces are made of; default 1. */
  readonly characterCoverage?: number;
  /** Form of Unicode that texts are brought to first; default NFKC, as SentencePiece has it; null: none. */
  readonly form?: NormalizationForm | null;
}

/**
 * The same texts in the same order give the same tokenizer.
 * @throws INVALID_DATA without words, INVALID_ARGUMENT for sizes and special tokens that cannot be.
 */
export function trainUnigram(texts: Iterable<string>, options: TrainUnigramOptions): Tokenizer {
  const { vocabularySize, specialTokens = [], characterCoverage = 1, form = 'NFKC' } = options;
  const special = ['<unk>', ...specialTokens];
  checkSpecialTokens(special);
  const normalizer = form === null ? null : { type: form };
  const metaspace = { type: 'Metaspace', replacement: '▁', prepend_scheme: 'always', split: true };
  const words = countWords(texts, { normalizer, preTokenizer: metaspace, maxLength: MAX_UNIGRAM_WORD_LENGTH });
  const alphabet = chooseAlphabet(words, characterCoverage);
  checkVocabularySize(vocabularySize, special.length + alphabet.length);
  const covered = new Set(alphabet);
  const usable = new Map([...words].filter(([word]) => Array.from(word).every((character) => covered.has(character))));
  if (usable.size === 0)
    throw new AmaasError('INVALID_DATA', 'tokenizer: no word is made of the characters that are covered');
  const { pieces, scores } = learnUnigram(usable, { alphabet, size: vocabularySize - special.length });
  const named = new Set(special);
  const vocab = [
    // Special tokens are found before the model sees the text; their scores are never asked for.
    ...special.map((token) => [token, 0] as const),
    ...pieces.map((piece, index) => [piece, scores[index] ?? 0] as const).filter(([piece]) => !named.has(piece)),
  ];
  return readTokenizer(
    writeDocument({
      model: { type: 'Unigram', unk_id: 0, vocab, byte_fallback: false },
      normalizer,
      preTokenizer: metaspace,
      postProcessor: null,
      decoder: metaspace,
      specialTokens: special,
    }),
  );
}
