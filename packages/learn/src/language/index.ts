// Language models: text to packed blocks of tokens, training with samples on the way. Knows no files and no runtimes.
export { type ArchitectureOptions, createLanguageNetwork, type LanguageArchitecture } from './architecture.ts';
export { type Corpus, END_OF_TEXT, splitCorpus, splitDocuments, surveyCorpus, textCorpus } from './corpus.ts';
export * from './language-options.ts';
export { createLanguageTokenizer, encodeDocument, type TokenizerPlan } from './language-tokenizer.ts';
export { languageModelFiles, type LanguageModelFileOptions } from './language-model-files.ts';
export { lossCurveSvg } from './loss-curve.ts';
export { type SampledText, type SampleTextOptions, TextSampler } from './text-sampler.ts';
export { blockExamples, blocksInMemory, blocksOfStream, heldOutExamples, type TokenBlocks } from './token-blocks.ts';
export { trainLanguageModel } from './train-language-model.ts';
export { readStepDescription, type DescribedState, STEP_METADATA, type StepDescription } from './step-description.ts';
export { exportStepModel, type StepExportOptions, type StepModelFiles, type StepModelParts } from './step-export.ts';
export { createStepModel, StepModel, type WritingOptions, type WrittenTokens } from './step-model.ts';
export type { RowOf, StepStates } from './step-states.ts';
export {
  type LlamaQuantization,
  type LlamaToGgufOptions,
  type LoadedLlama,
  llamaFromGguf,
  llamaToGguf,
} from './llama-gguf.ts';
export { LLAMA_KERNELS, type LlamaKernel, type LlamaModel } from './llama-weights.ts';
export { type GgufTokenizer, type SpecialTokens, tokenizerFromGguf } from './tokenizer-from-gguf.ts';
export { tokenizerToGguf, type TokenizerToGgufOptions } from './tokenizer-to-gguf.ts';
export { chooseLengths, type TextPair } from './translation-examples.ts';
export * from './translation-options.ts';
export {
  createTranslationTokenizer,
  type TranslationTokenizerPlan,
  type TranslationTokens,
  translationTokens,
} from './translation-tokenizer.ts';
export { Translator, type TranslateOptions, type TranslatorParts } from './translator.ts';
export {
  createTranslatorNetwork,
  createTranslatorSteps,
  type TranslatorArchitecture,
  type TranslatorArchitectureOptions,
} from './translator-architecture.ts';
export { trainTranslator } from './train-translator.ts';
export { exportGenerator, type GeneratorOptions } from './generation-export.ts';
export { type GeneratorSampling, UNIFORMS_INPUT } from './generation-sampling.ts';
export {
  type LlamaAsSafetensors,
  type LlamaFiles,
  type LlamaNumbers,
  type LlamaToSafetensorsOptions,
  llamaFromSafetensors,
  llamaToSafetensors,
} from './llama-safetensors.ts';
export {
  exportTranslator,
  TRANSLATOR_INPUT,
  TRANSLATOR_OUTPUT,
  type TranslatorExportOptions,
  translatorFiles,
} from './translator-files.ts';
export { completeLora, type LoraModel, type LoraOptions, loraNetwork, mergeLora } from './lora.ts';
export {
  type LoadedLora,
  type LoraAsPeft,
  loraFromGguf,
  loraFromPeft,
  loraToGguf,
  loraToPeft,
} from './lora-files.ts';
export { countLearned, type LearnedSequence, type SequenceRows, sequenceRows } from './fine-tuning-examples.ts';
export {
  baseLearningRate,
  type FineTuned,
  type FineTuneEpoch,
  fineTuneLlama,
  type FineTuneOptions,
  type FineTuneProgress,
} from './fine-tune-llama.ts';
export { type WriteOptions, writeSequences } from './write-sequences.ts';
export { exportWriter, type WriterOptions } from './writer-export.ts';
