// Makes a tokenizer whose tokens are the characters of the texts.
import { writeBpeModel, writeDocument } from './document.ts';
import type { NormalizationForm } from './normalization-forms.ts';
import { readTokenizer, type Tokenizer } from './tokenizer.ts';
import {
  checkSpecialTokens,
  checkVocabularySize,
  chooseAlphabet,
  compareCodePoints,
  countWords,
} from './word-counts.ts';

export interface TrainCharactersOptions {
  /** Ids from 1 on; id 0 is `<unk>`, which rare characters become. Default none. */
  readonly specialTokens?: readonly string[];
  /** Share of all characters that get a token; default 1. */
  readonly characterCoverage?: number;
  /** Form of Unicode that texts are brought to first; default none. */
  readonly form?: NormalizationForm | null;
}

/**
 * Characters (code points) get their ids in the order of code points.
 * @throws INVALID_DATA without characters, INVALID_ARGUMENT for a coverage that is none.
 */
export function trainCharacters(texts: Iterable<string>, options: TrainCharactersOptions = {}): Tokenizer {
  const { specialTokens = [], characterCoverage = 1, form = null } = options;
  const special = ['<unk>', ...specialTokens];
  checkSpecialTokens(special);
  const normalizer = form === null ? null : { type: form };
  const alphabet = chooseAlphabet(
    countWords(texts, { normalizer, preTokenizer: null, maxLength: 1 }),
    characterCoverage,
  );
  const tokens = [
    ...special,
    ...[...alphabet].sort(compareCodePoints).filter((character) => !special.includes(character)),
  ];
  checkVocabularySize(tokens.length, tokens.length);
  return readTokenizer(
    writeDocument({
      // Without merges words stay what they fall into first: characters.
      model: writeBpeModel(tokens, [], { unknownToken: '<unk>' }),
      normalizer,
      preTokenizer: null,
      postProcessor: null,
      decoder: { type: 'Fuse' },
      specialTokens: special,
    }),
  );
}
