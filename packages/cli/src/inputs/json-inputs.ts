// JSON as the inputs of a model: a request of the Open Inference Protocol, an object of nested arrays by input name, or a
// bare value for a model with one input. Read without loss: integers beyond 2^53 stay exact.
import { type InputValue, type NestedArray, tensorsFromValues } from '@amaas/client';
import { AmaasError, type NamedTensors, type TensorSpec } from '@amaas/core';
import { JsonNumber, type JsonValue, PackedNumbers, parseJson } from '@amaas/protocols/json';
import { decodeInferRequest } from '@amaas/protocols/oip';

/** As deep as a tensor may be nested, in an object. */
const MAX_DEPTH = 66;

/**
 * Makes inputs of a JSON text.
 * @param what names the source in messages: `--data`.
 * @throws MALFORMED_REQUEST for text that is not JSON; INPUT_MISMATCH, INVALID_SHAPE, INVALID_ARGUMENT for values that do not fit
 */
export function inputsFromJson(
  target: { readonly model: string; readonly specs: readonly TensorSpec[] },
  text: string,
  what: string,
): NamedTensors {
  const { model, specs } = target;
  const value = parse(text, what);
  if (value instanceof Map) {
    if (Array.isArray(value.get('inputs')) && !specs.some((spec) => spec.name === 'inputs')) {
      return decodeInferRequest(new TextEncoder().encode(text), null, model).inputs;
    }
    const values = [...value].map(([name, item]) => [name, inputValue(item, `${what}: "${name}"`)] as const);
    return tensorsFromValues(model, specs, Object.fromEntries(values));
  }
  const [only, second] = specs.filter((spec) => !spec.optional);
  if (only === undefined || second !== undefined) {
    const names = specs.map((spec) => `"${spec.name}"`).join(', ');
    throw new AmaasError(
      'INPUT_MISMATCH',
      `${what}: model "${model}" has the inputs ${names}; give an object with them`,
    );
  }
  return tensorsFromValues(model, specs, Object.fromEntries([[only.name, inputValue(value, what)]]));
}

/** One value for one input, as given after `--input name=`. @throws MALFORMED_REQUEST */
export function valueFromJson(text: string, what: string): InputValue {
  return inputValue(parse(text, what), what);
}

function parse(text: string, what: string): JsonValue {
  try {
    return parseJson(new TextEncoder().encode(text), { maxDepth: MAX_DEPTH, allowNonFinite: true });
  } catch (thrown) {
    throw new AmaasError('MALFORMED_REQUEST', `${what} is not JSON: ${thrown instanceof Error ? thrown.message : ''}`);
  }
}

function inputValue(value: JsonValue, what: string): InputValue {
  if (value instanceof PackedNumbers) return { shape: value.shape, data: elementsOf(value) };
  return nested(value, what);
}

/** The numbers, big ones exact. */
function elementsOf({ values, exact }: PackedNumbers): Float64Array | readonly (number | bigint)[] {
  return exact === null ? values : Array.from(values, (element, index) => exact.get(index) ?? element);
}

function nested(value: JsonValue, what: string): NestedArray {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return value;
  if (value instanceof JsonNumber) return value.exact ?? value.value;
  if (value instanceof PackedNumbers) return nestedNumbers(value);
  if (Array.isArray(value)) return value.map((item: JsonValue) => nested(item, what));
  throw new AmaasError('INVALID_ARGUMENT', `${what}: an object is no element of a tensor`);
}

/** Rows of numbers among others that do not fit them; the error about the shape is the tensor's to make. */
function nestedNumbers(packed: PackedNumbers): NestedArray {
  const elements = elementsOf(packed);
  let next = 0;
  const build = (axis: number): NestedArray => {
    const length = packed.shape[axis];
    if (length === undefined) return elements[next++] ?? 0; // there are as many elements as the shape says
    return Array.from({ length }, () => build(axis + 1));
  };
  return build(0);
}
