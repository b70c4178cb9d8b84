// Layers and models in the vocabulary of Keras, over `graph`. Knows no optimisers and no data.
export {
  type AttentionOptions,
  type CrossAttentionOptions,
  multiHeadCrossAttention,
  multiHeadSelfAttention,
  type SourceInputs,
  type SourceLayer,
  type TokenInputs,
  type TokenLayer,
} from './attention.ts';
export {
  type AdditiveAttentionOptions,
  type Aligned,
  type AlignmentLayer,
  additiveAttention,
  type MultiplicativeAttentionOptions,
  multiplicativeAttention,
} from './attention-alignment.ts';
export {
  alibiSlopes,
  type LearnedPositionsOptions,
  learnedPositions,
  type RotaryOptions,
  sinusoidalPositions,
} from './attention-positions.ts';
export { type Activation, type ActivationName, activate, activation } from './activations.ts';
export { assertCount, type DenseOptions, dense, type EmbeddingOptions, embedding, lastSize } from './dense.ts';
export { type BidirectionalOptions, bidirectional, type Merge, type StackedOptions, stacked } from './bidirectional.ts';
export * from './convolution.ts';
export { dropout } from './dropout.ts';
export * from './initializers.ts';
export { lstmEncoderDecoder, type LstmEncoderDecoderOptions } from './lstm-translator.ts';
export { lstmEncoderDecoderSteps, SOURCE_READ_STATE } from './lstm-translator-steps.ts';
export { type Layer, layer, type Network } from './layer.ts';
export * from './models.ts';
export { type BatchNormOptions, batchNorm, type LayerNormOptions, layerNorm, rmsNorm } from './normalization.ts';
export {
  type GruOptions,
  gru,
  type LstmOptions,
  lstm,
  type RecurrentOptions,
  type SimpleRnnOptions,
  simpleRnn,
} from './recurrent.ts';
export type { RecurrentInputs, RecurrentLayer, RecurrentResult } from './recurrent-layer.ts';
export * from './regularizers.ts';
export * from './scope.ts';
export { asNetwork, flatten, functional, reshape, residual, sequential } from './sequential.ts';
export {
  DEFAULT_TIME_STRIDE,
  SPEECH_FEATURES_INPUT,
  SPEECH_FRAMES_INPUT,
  speechRecogniser,
  type SpeechRecogniserOptions,
  speechSteps,
  speechStepValues,
} from './speech-recogniser.ts';
export * from './stepwise.ts';
export { gptSteps, llamaSteps } from './transformer-steps.ts';
export {
  type EncoderDecoderStepOptions,
  encoderDecoderSteps,
  SOURCE_PRESENT_STATE,
} from './transformer-translator-steps.ts';
export { type BlockOptions, type DecoderInputs, transformerBlock, transformerDecoderBlock } from './transformer.ts';
export {
  type EncoderDecoder,
  type EncoderDecoderOptions,
  encoderDecoder,
  SOURCE_INPUT,
  TARGET_INPUT,
} from './transformer-translator.ts';
export { textLstm, type TextLstmOptions, textTransformer, type TextTransformerOptions } from './text-models.ts';
export { type GptOptions, gpt, type LlamaOptions, llama } from './transformer-gpt.ts';
export { PART_INPUT, WORD_INPUT, wordTagger, type WordTaggerOptions } from './word-tagger.ts';
