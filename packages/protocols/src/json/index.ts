export { decodeBase64 } from './base64.ts';
export { formatBfloat16, formatFloat16, formatFloat32, formatFloat64 } from './format-number.ts';
export { JsonWriter, quoteJson } from './json-writer.ts';
export { isJsonArray, isJsonList, isJsonObject, packedNumberAt } from './kinds.ts';
export { type ParseOptions, parseJson } from './parse.ts';
export { printTensorData, type TensorStyle, tensorPartWriter } from './print-tensor.ts';
export { type JsonArray, JsonNumber, type JsonObject, type JsonValue, PackedNumbers } from './value.ts';
