export { type ParseOptions, parseJson } from './parse.ts';
export { type JsonArray, JsonNumber, type JsonObject, type JsonValue, PackedNumbers } from './value.ts';
