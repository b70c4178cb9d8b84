// Text to token ids and back by standard tokenizer.json files, and the training of such tokenizers. Knows no models that
// the ids are for, and no files: documents come and go as JSON.
export type { Encoding, Padding, Truncation } from './encoding.ts';
export { type DecodeOptions, type EncodeOptions, readTokenizer, Tokenizer } from './tokenizer.ts';
