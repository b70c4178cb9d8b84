// Text to token ids and back by standard tokenizer.json files, and the training of such tokenizers. Knows no models that
// the ids are for, and no files: documents come and go as JSON.
export { type CleanTextOptions, cleanText } from './clean-text.ts';
export type { Encoding, Padding, Truncation } from './encoding.ts';
export type { NormalizationForm } from './normalization-forms.ts';
export { PIECE_TYPES, type SentencePieces, tokenizerFromSentencePieces } from './sentence-pieces.ts';
export { type DecodeOptions, type EncodeOptions, readTokenizer, Tokenizer } from './tokenizer.ts';
export { type TrainBpeOptions, trainBpe } from './train-bpe.ts';
export { type TrainCharactersOptions, trainCharacters } from './train-characters.ts';
export { type TrainUnigramOptions, trainUnigram } from './train-unigram.ts';
export { type TrainWordPieceOptions, trainWordPiece } from './train-word-piece.ts';
