// Which network a language model is, as plain data: what configurations, files and reports hold.
import { AmaasError } from '@amaas/core';
import { type GptOptions, gpt, type Layer, type LlamaOptions, llama } from '../layers/index.ts';

/** A network by its name and sizes. */
export type LanguageArchitecture =
  | ({ readonly name: 'gpt' } & GptOptions)
  | ({ readonly name: 'llama' } & LlamaOptions);

type WithoutVocabulary<Sizes> = Partial<Omit<Sizes, 'vocabularySize'>>;

/** The same with the vocabulary still to come; sizes that are left out are small ones: 4 layers, 4 heads, 128 wide, 128 tokens. */
export type ArchitectureOptions =
  | ({ readonly name: 'gpt' } & WithoutVocabulary<GptOptions>)
  | ({ readonly name: 'llama' } & WithoutVocabulary<LlamaOptions>);

const SIZES = { layers: 4, heads: 4, width: 128, blockSize: 128 };

/** @throws INVALID_ARGUMENT for heads that do not fit the width */
export function completeArchitecture(options: ArchitectureOptions, vocabularySize: number): LanguageArchitecture {
  const complete: LanguageArchitecture = { ...SIZES, ...options, vocabularySize };
  const { heads, width } = complete;
  if (width % heads !== 0) {
    throw new AmaasError('INVALID_ARGUMENT', `language model: ${width} wide cannot be cut into ${heads} equal heads`);
  }
  return complete;
}

/** The network: ids [batch, blockSize] → logits [batch, blockSize, vocabularySize]. */
export function createLanguageNetwork(architecture: LanguageArchitecture): Layer {
  const { name, ...sizes } = architecture;
  switch (name) {
    case 'gpt':
      return gpt(sizes);
    case 'llama':
      return llama(sizes);
    default:
      return name satisfies never;
  }
}
