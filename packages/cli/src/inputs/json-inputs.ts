// JSON as the inputs of a model: a request of the Open Inference Protocol, an object of nested arrays by input name, or a
// bare value for a model with one input.
import { type InputValue, tensorsFromValues } from '@amaas/client';
import { AmaasError, type NamedTensors, type TensorSpec } from '@amaas/core';
import { decodeInferRequest } from '@amaas/protocols/oip';

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
  if (isObject(value) && Array.isArray(value['inputs']) && !specs.some((spec) => spec.name === 'inputs')) {
    return decodeInferRequest(new TextEncoder().encode(text), null, model).inputs;
  }
  // JSON holds nothing but what an InputValue may be made of, nulls apart, which the conversion refuses.
  if (isObject(value)) return tensorsFromValues(model, specs, value as Record<string, InputValue>);
  const [only, second] = specs.filter((spec) => !spec.optional);
  if (only === undefined || second !== undefined) {
    const names = specs.map((spec) => `"${spec.name}"`).join(', ');
    throw new AmaasError(
      'INPUT_MISMATCH',
      `${what}: model "${model}" has the inputs ${names}; give an object with them`,
    );
  }
  return tensorsFromValues(model, specs, Object.fromEntries([[only.name, value as InputValue]])); // as above
}

/** One value for one input, as given after `--input name=`. */
export function valueFromJson(text: string, what: string): InputValue {
  return parse(text, what) as InputValue; // as above
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function parse(text: string, what: string): unknown {
  try {
    return JSON.parse(text);
  } catch (thrown) {
    throw new AmaasError('MALFORMED_REQUEST', `${what} is not JSON: ${thrown instanceof Error ? thrown.message : ''}`);
  }
}
