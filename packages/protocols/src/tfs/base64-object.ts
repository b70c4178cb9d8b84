// Bytes in JSON: an object `{"b64": "…"}` with that key alone.
import { AmaasError } from '@amaas/core';
import { decodeBase64, isJsonObject, type JsonObject, type JsonValue } from '../json/index.ts';
import { quoteValue } from './quote-value.ts';

/** Whether `value` is an object that may stand for bytes. */
export function isBase64Object(value: JsonValue): value is JsonObject {
  return isJsonObject(value) && value.size === 1 && typeof value.get('b64') === 'string';
}

/** The bytes an object stands for. @throws INPUT_MISMATCH */
export function decodeBase64Object(object: JsonObject): Uint8Array {
  const text = object.get('b64');
  if (object.size !== 1 || typeof text !== 'string') {
    throw new AmaasError('INPUT_MISMATCH', `JSON Value: ${quoteValue(object)} not formatted correctly for base64 data`);
  }
  const bytes = decodeBase64(text);
  if (bytes === null) throw new AmaasError('INPUT_MISMATCH', 'Unable to base64 decode');
  return bytes;
}
