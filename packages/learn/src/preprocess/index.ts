// From raw columns to features: fitted on the training part, and exported inside the model.
export {
  buildFeatures,
  type Features,
  type FeatureSizes,
  featureSizes,
  rawDType,
  rawInputs,
} from './build-features.ts';
export type {
  CategoricalStep,
  ColumnStep,
  DatetimeStep,
  NumericStep,
  Preprocessing,
  TextStep,
} from './column-steps.ts';
export { fitPreprocessing, type PreprocessingOptions } from './fit-preprocessing.ts';
export { columnTensor, rawTensors } from './raw-tensors.ts';
export {
  DEFAULT_CHARACTERS,
  DEFAULT_WORDS,
  fitTextVectoriser,
  type NgramBlock,
  type NgramOptions,
  textFeatureCount,
  type TextVectoriser,
  type TextVectoriserOptions,
} from './text-features.ts';
export { buildTextFeatures, buildWordSequence } from './text-graph.ts';
export { fitWordSequence, wordCodes, type WordSequence, type WordSequenceOptions } from './text-sequence.ts';
export { type AudioFeatures, audioFeatureShape, buildAudioFeatures, buildLogMel } from './audio-features.ts';
export { buildSpeechFeatures, type SpeechFeatures, speechFrames } from './speech-features.ts';
export { fitImageScaling, type ImageScaling, scaleImages } from './image-scaling.ts';
export { buildSentenceWords, type WordValues } from './sentence-graph.ts';
export {
  fitSentenceWords,
  SENTENCE_WORD_PATTERN,
  type SentenceWords,
  type SentenceWordsOptions,
  sentenceWordCodes,
  wordPartCodes,
} from './sentence-words.ts';
