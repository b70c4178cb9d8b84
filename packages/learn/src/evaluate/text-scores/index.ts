// How good text is: translations, transcripts, tagged spans, word vectors, language models. Knows strings, tags and sums of
// log-likelihoods; no tokenizer of a model, no model.
export { alignSequences, type Edit } from './edit-distance.ts';
export {
  type AnalogyCounts,
  type AnalogyMethod,
  type AnalogyOptions,
  type AnalogyScores,
  type AnalogySection,
  evaluateAnalogies,
  parseAnalogies,
} from './analogies.ts';
export {
  bleuMetric,
  type BleuOptions,
  type BleuScore,
  type BleuSmoothing,
  computeBleu,
  computeSentenceBleu,
} from './bleu.ts';
export { chrfMetric, type ChrfOptions, type ChrfScore, computeChrf, computeSentenceChrf } from './chrf.ts';
export {
  type AlignedUnit,
  alignTexts,
  computeErrorRate,
  errorRateMetric,
  type ErrorRate,
  type ErrorUnit,
  type TranscriptRows,
} from './error-rate.ts';
export * from './perplexity.ts';
export { type BleuTokenizer, tokenizeForBleu } from './sacrebleu-tokenizers.ts';
export * from './span-scores.ts';
export { extractSpans, type Span, type TagScheme } from './spans.ts';
export {
  compareTextScores,
  estimateTextScore,
  type PairedTextRows,
  type ResamplingOptions,
  type TextMetric,
  type TextRows,
  type TextScoreComparison,
  type TextScoreEstimate,
} from './text-metric.ts';
export * from './word-similarity.ts';
export type { LookupOptions, WordVectors } from './word-vectors.ts';
export * from './text-likelihood.ts';
