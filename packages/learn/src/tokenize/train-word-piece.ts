// Trains a WordPiece tokenizer in BERT's manner: pieces are learned as merges are, and kept as a vocabulary.
import { writeDocument, writeVocabulary } from './document.ts';
import { learnMerges } from './learn-merges.ts';
import { readTokenizer, type Tokenizer } from './tokenizer.ts';
import { checkVocabularySize, chooseAlphabet, compareCodePoints, countWords } from './word-counts.ts';

/** Ids 0 to 4, in the order that BERT's vocabularies name them. */
const SPECIAL_TOKENS = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]'] as const;
const PREFIX = '##';
const MAX_WORD_CHARACTERS = 100;

export interface TrainWordPieceOptions {
  /** Tokens at most, special ones and characters included. */
  readonly vocabularySize: number;
  /** Pairs that occur less often make no piece; default 2. */
  readonly minCount?: number;
  /** Whether upper and lower case, and letters with and without accents, count as the same; default true. */
  readonly lowerCase?: boolean;
  /** Share of all characters that pieces are made of; words with rarer ones are unknown. Default 1. */
  readonly characterCoverage?: number;
}

/**
 * The same texts in any order give the same tokenizer. Texts get [CLS] in front and [SEP] behind.
 * @throws INVALID_DATA without words, INVALID_ARGUMENT for sizes that cannot be.
 */
export function trainWordPiece(texts: Iterable<string>, options: TrainWordPieceOptions): Tokenizer {
  const { vocabularySize, minCount = 2, lowerCase = true, characterCoverage = 1 } = options;
  const normalizer = {
    type: 'BertNormalizer',
    clean_text: true,
    handle_chinese_chars: true,
    strip_accents: null,
    lowercase: lowerCase,
  };
  const preTokenizer = { type: 'BertPreTokenizer' };
  const words = countWords(texts, { normalizer, preTokenizer });
  const alphabet = [...chooseAlphabet(words, characterCoverage)].sort(compareCodePoints);
  checkVocabularySize(vocabularySize, SPECIAL_TOKENS.length + alphabet.length);
  const { tokens } = learnMerges(words, {
    tokens: [...SPECIAL_TOKENS, ...alphabet],
    firstCharacter: SPECIAL_TOKENS.length,
    vocabularySize,
    minCount,
    continuingPrefix: PREFIX,
  });
  checkVocabularySize(vocabularySize, tokens.length);
  return readTokenizer(
    writeDocument({
      model: {
        type: 'WordPiece',
        unk_token: '[UNK]',
        continuing_subword_prefix: PREFIX,
        max_input_chars_per_word: MAX_WORD_CHARACTERS,
        vocab: writeVocabulary(tokens),
      },
      normalizer,
      preTokenizer,
      postProcessor: bertTemplate(),
      decoder: { type: 'WordPiece', prefix: PREFIX, cleanup: true },
      specialTokens: SPECIAL_TOKENS,
    }),
  );
}

function bertTemplate(): object {
  const special = (id: string, typeId: number) => ({ SpecialToken: { id, type_id: typeId } });
  const sequence = (id: 'A' | 'B', typeId: number) => ({ Sequence: { id, type_id: typeId } });
  const named = (token: (typeof SPECIAL_TOKENS)[number]) => ({
    id: token,
    ids: [SPECIAL_TOKENS.indexOf(token)],
    tokens: [token],
  });
  const single = [special('[CLS]', 0), sequence('A', 0), special('[SEP]', 0)];
  return {
    type: 'TemplateProcessing',
    single,
    pair: [...single, sequence('B', 1), special('[SEP]', 1)],
    special_tokens: { '[CLS]': named('[CLS]'), '[SEP]': named('[SEP]') },
  };
}
