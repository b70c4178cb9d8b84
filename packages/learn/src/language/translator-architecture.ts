// Which network a translator is, as plain data: what configurations, files and reports hold.
import { AmaasError } from '@amaas/core';
import { input } from '../graph/index.ts';
import {
  createScope,
  type EncoderDecoder,
  encoderDecoder,
  type EncoderDecoderOptions,
  encoderDecoderSteps,
  lstmEncoderDecoder,
  type LstmEncoderDecoderOptions,
  lstmEncoderDecoderSteps,
  SOURCE_INPUT,
  type StepwiseDecoder,
  TARGET_INPUT,
} from '../layers/index.ts';
import { countParameters } from '../train/index.ts';

/** A network by its name and sizes. */
export type TranslatorArchitecture =
  | ({ readonly name: 'transformer' } & EncoderDecoderOptions)
  | ({ readonly name: 'lstm' } & LstmEncoderDecoderOptions);

/** What the tokenizer decides. */
type Decided = 'sourceVocabularySize' | 'targetVocabularySize' | 'padding';
type Chosen<Sizes> = Partial<Omit<Sizes, Decided>>;

/**
 * The same with the vocabulary still to come; sizes that are left out are small ones: a Transformer of 3 layers, 4 heads, 128
 * wide, 256 inside; LSTMs of 1 layer, 128 units, vectors of 128. Dropout 0.1.
 */
export type TranslatorArchitectureOptions =
  | ({ readonly name: 'transformer' } & Chosen<EncoderDecoderOptions>)
  | ({ readonly name: 'lstm' } & Chosen<LstmEncoderDecoderOptions>);

/** @throws INVALID_ARGUMENT for heads that do not fit the width */
export function completeTranslator(
  options: TranslatorArchitectureOptions,
  decided: { readonly sourceVocabularySize: number; readonly padding: number },
): TranslatorArchitecture {
  if (options.name === 'lstm') return { width: 128, units: 128, dropout: 0.1, ...options, ...decided };
  const { width = 128, heads = 4 } = options;
  if (width % heads !== 0) {
    throw new AmaasError('INVALID_ARGUMENT', `translator: ${width} wide cannot be cut into ${heads} equal heads`);
  }
  return { layers: 3, heads, width, innerWidth: 2 * width, dropout: 0.1, ...options, ...decided };
}

export function createTranslatorNetwork(architecture: TranslatorArchitecture): EncoderDecoder {
  return architecture.name === 'lstm' ? lstmEncoderDecoder(architecture) : encoderDecoder(architecture);
}

/** The same network step by step; takes its weights. @param mostIds - of a source or target, where a table of positions is stored; default 1024 */
export function createTranslatorSteps(architecture: TranslatorArchitecture, mostIds?: number): StepwiseDecoder {
  if (architecture.name === 'lstm') return lstmEncoderDecoderSteps(architecture);
  return encoderDecoderSteps({ ...architecture, ...(mostIds === undefined ? {} : { mostIds }) });
}

/** Trained numbers. @param length - of sources and targets it is built for */
export function countTranslatorParameters(architecture: TranslatorArchitecture, length: number): number {
  const { scope, record } = createScope(false);
  const names = [SOURCE_INPUT, TARGET_INPUT];
  const inputs = new Map(names.map((name) => [name, input(name, 'int32', ['N', length])]));
  createTranslatorNetwork(architecture).build(inputs, scope);
  return countParameters(record());
}
