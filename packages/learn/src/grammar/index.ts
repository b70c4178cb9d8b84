// What a model may write, as grammars in llama.cpp's language: JSON schemas and regular expressions. Knows no models.
export { grammarOfJsonObject, grammarOfJsonSchema } from './json-schema.ts';
export { grammarOfExpression } from './regular-expression.ts';
