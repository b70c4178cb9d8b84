// Vectors of words from plain text, and what can be done with them. Knows sentences as lists of words; no tokenizers, no
// files: what is written are bytes.
export { type Corpus, type CorpusOptions, readCorpus, type Sentences, type Vocabulary } from './corpus.ts';
export {
  type NearWord,
  type SubwordTable,
  WordEmbeddings,
  type WordEmbeddingsParts,
} from './embeddings.ts';
export type { TrainingControl, WordVectorProgress } from './options.ts';
export { AliasSampler, createNoise, keepProbabilities } from './sampling.ts';
export { sentencesOf } from './sentences.ts';
export { hashSubword, type SubwordOptions, type SubwordSettings, subwordsOf } from './subwords.ts';
export { trainWord2Vec, type Word2VecOptions } from './train-word2vec.ts';
export type { DistanceWeighting } from './co-occurrences.ts';
export { type PpmiSvdOptions, trainPpmiSvd } from './train-ppmi-svd.ts';
export { type GloveOptions, trainGlove } from './train-glove.ts';
export { type ExportOptions, wordVectorFiles, wordVectorsToOnnx } from './export-onnx.ts';
export {
  readWord2VecBinary,
  readWord2VecText,
  writeWord2VecBinary,
  writeWord2VecText,
} from './word2vec-format.ts';
