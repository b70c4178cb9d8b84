// Telling JSON values apart where the language alone gives too wide a type.
import { type JsonArray, JsonNumber, type JsonObject, type JsonValue, PackedNumbers } from './value.ts';

/** Whether a value is an array that was not packed. */
export function isJsonArray(value: JsonValue): value is JsonArray {
  return Array.isArray(value);
}

/** Whether a value is an array, packed or not. */
export function isJsonList(value: JsonValue): value is JsonArray | PackedNumbers {
  return value instanceof PackedNumbers || Array.isArray(value);
}

export function isJsonObject(value: JsonValue): value is JsonObject {
  return value instanceof Map;
}

/** One number of a packed array. Where the array holds tokens of both kinds, all count as fractional. */
export function packedNumberAt(numbers: PackedNumbers, index: number): JsonNumber {
  return new JsonNumber(numbers.values[index] ?? 0, numbers.areIntegers, numbers.exact?.get(index) ?? null);
}
