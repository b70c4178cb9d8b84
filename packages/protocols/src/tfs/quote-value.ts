// JSON values quoted in messages: what kind they are and what they look like, cut short.
import { isJsonArray, isJsonObject, JsonNumber, type JsonValue, PackedNumbers, quoteJson } from '../json/index.ts';

/** Longest quotation, in bytes of UTF-8. */
const MAX_QUOTED_BYTES = 256;

/** The kind of a value by the names TensorFlow Serving's messages have. */
export function describeJsonType(value: JsonValue): string {
  if (value === null) return 'Null';
  if (value === false) return 'False';
  if (value === true) return 'True';
  if (typeof value === 'string') return 'String';
  if (value instanceof JsonNumber) return 'Number';
  return isJsonObject(value) ? 'Object' : 'Array';
}

/** The value as JSON, at most {@link MAX_QUOTED_BYTES} bytes of it; the rest of it is not even looked at. */
export function quoteValue(value: JsonValue): string {
  let text = '';
  for (const token of tokens(value)) {
    text += token;
    if (text.length > MAX_QUOTED_BYTES) break;
  }
  const { read } = new TextEncoder().encodeInto(text, new Uint8Array(MAX_QUOTED_BYTES));
  return text.slice(0, read);
}

function* tokens(value: JsonValue): Generator<string> {
  if (value instanceof PackedNumbers) {
    yield* packedTokens(value, 0, 0);
  } else if (value instanceof JsonNumber) {
    yield numberText(value.exact ?? value.value, value.isInteger);
  } else if (isJsonObject(value)) {
    yield '{';
    let separator = '';
    for (const [key, item] of value) {
      yield `${separator}${quoteText(key)}:`;
      yield* tokens(item);
      separator = ',';
    }
    yield '}';
  } else if (isJsonArray(value)) {
    yield '[';
    for (const [index, item] of value.entries()) {
      if (index > 0) yield ',';
      yield* tokens(item);
    }
    yield ']';
  } else {
    yield typeof value === 'string' ? quoteText(value) : String(value);
  }
}

function* packedTokens(packed: PackedNumbers, axis: number, start: number): Generator<string> {
  const dim = packed.shape[axis];
  if (dim === undefined) {
    yield numberText(packed.exact?.get(start) ?? packed.values[start] ?? 0, packed.areIntegers);
    return;
  }
  const size = packed.shape.slice(axis + 1).reduce((product, inner) => product * inner, 1);
  yield '[';
  for (let index = 0; index < dim; index++) {
    if (index > 0) yield ',';
    yield* packedTokens(packed, axis + 1, start + index * size);
  }
  yield ']';
}

/** No more of a long string than can be shown. */
function quoteText(text: string): string {
  return quoteJson(text.slice(0, MAX_QUOTED_BYTES));
}

function numberText(value: number | bigint, isInteger: boolean): string {
  const text = String(value);
  return isInteger || !/^-?\d+$/.test(text) ? text : `${text}.0`;
}
