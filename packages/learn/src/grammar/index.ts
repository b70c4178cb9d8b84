// What a model may write, as grammars in llama.cpp's language: JSON schemas and regular expressions, whole or as parts of
// one grammar. Knows no models.
export { addFreeText, type FreeTextEnds } from './free-text.ts';
export {
  characterClass,
  type CodeRange,
  complementOf,
  either,
  GbnfRules,
  literal,
  optional,
  repeated,
  sequence,
} from './gbnf.ts';
export { addJsonSchema, grammarOfJsonObject, grammarOfJsonSchema } from './json-schema.ts';
export { anyObject as addJsonObject } from './json-values.ts';
export { bodyOfExpression, grammarOfExpression } from './regular-expression.ts';
export { checkWaysOfReading } from './ways-of-reading.ts';
export { readWrittenGrammar, type WrittenGrammar } from './written-grammar.ts';
