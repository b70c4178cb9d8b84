// From a network's scores to sequences: the next token, whole texts, labels under CTC. Knows logits and a step of a batch as a
// function; no graphs that compute them, no tokenizers.
export { type BeamSearchOptions, type BeamSequence, searchBeams } from './beam-search.ts';
export {
  type CtcSearchOptions,
  type CtcSequence,
  decodeCtcBeams,
  type LabelModel,
} from './ctc-beam-search.ts';
export { type CtcPath, type CtcShape, decodeCtcGreedy } from './ctc-greedy.ts';
export { generateSequences, type GenerationOptions } from './generate.ts';
export {
  chooseLikeliest,
  computeTokenProbabilities,
  type SamplingOptions,
  sampleToken,
  type TokenChoiceOptions,
} from './sampling.ts';
export type {
  DecodingLimits,
  DecodingStart,
  DecodingStep,
  GeneratedSequence,
  SequenceModel,
} from './sequence-model.ts';
