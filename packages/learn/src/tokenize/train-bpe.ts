// Trains a byte-level BPE tokenizer, as GPT-2 has one: nothing is unknown to it, and decoding gives back every text.
import { BYTE_CHARACTERS } from './byte-characters.ts';
import { writeBpeModel, writeDocument } from './document.ts';
import { learnMerges } from './learn-merges.ts';
import type { NormalizationForm } from './normalization-forms.ts';
import { readTokenizer, type Tokenizer } from './tokenizer.ts';
import { checkSpecialTokens, checkVocabularySize, compareCodePoints, countWords } from './word-counts.ts';

export interface TrainBpeOptions {
  /** Tokens at most, special ones and the 256 bytes included; fewer where the texts have no more pairs. */
  readonly vocabularySize: number;
  /** Pairs that occur less often are not merged; default 2: what occurs once is no pattern. */
  readonly minCount?: number;
  /** Ids 0, 1, …; default `<|endoftext|>`. */
  readonly specialTokens?: readonly string[];
  /** Form of Unicode that texts are brought to first; default none: texts come back as they were. */
  readonly form?: NormalizationForm | null;
}

/**
 * The same texts in any order give the same tokenizer.
 * @throws INVALID_DATA without words, INVALID_ARGUMENT for sizes and special tokens that cannot be.
 * @example trainBpe(['low lower lowest'], { vocabularySize: 300 }).encode('lowest').tokens;
 */
export function trainBpe(texts: Iterable<string>, options: TrainBpeOptions): Tokenizer {
  const { vocabularySize, minCount = 2, specialTokens = ['<|endoftext|>'], form = null } = options;
  checkSpecialTokens(specialTokens);
  checkVocabularySize(vocabularySize, specialTokens.length + BYTE_CHARACTERS.length);
  const normalizer = form === null ? null : { type: form };
  const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true };
  const words = countWords(texts, { normalizer, preTokenizer: byteLevel });
  const { tokens, merges } = learnMerges(words, {
    tokens: [...specialTokens, ...[...BYTE_CHARACTERS].sort(compareCodePoints)],
    firstCharacter: specialTokens.length,
    vocabularySize,
    minCount,
    continuingPrefix: '',
  });
  return readTokenizer(
    writeDocument({
      model: writeBpeModel(tokens, merges),
      normalizer,
      preTokenizer: byteLevel,
      postProcessor: byteLevel,
      decoder: byteLevel,
      specialTokens,
    }),
  );
}
