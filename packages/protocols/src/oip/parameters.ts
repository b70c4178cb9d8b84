// The `parameters` of a request, reply or tensor: a map of strings, numbers and booleans, kept exactly.
import { AmaasError } from '@amaas/core';
import { JsonNumber, type JsonObject, type JsonValue, quoteJson } from '../json/index.ts';

/** Value of a parameter; integers beyond ±(2^53 − 1) are bigint. */
export type OipParameter = string | number | bigint | boolean;

export type OipParameters = ReadonlyMap<string, OipParameter>;

/** The parameter that `value` is. @throws INVALID_ARGUMENT naming it when it is null, an array or an object. */
export function decodeParameter(name: string, value: JsonValue): OipParameter {
  if (typeof value === 'string' || typeof value === 'boolean') return value;
  if (value instanceof JsonNumber) return value.exact ?? value.value;
  throw new AmaasError(
    'INVALID_ARGUMENT',
    `parameter '${name}' has invalid type. It should be either 'int', 'bool', or 'string'.`,
  );
}

/**
 * The object at `parameters` of a request, reply or tensor; null where there is none, or a null, as KServe's clients send.
 * @throws MALFORMED_REQUEST when it is something else.
 */
export function parametersOf(object: JsonObject, owner: string): JsonObject | null {
  const value = object.get('parameters') ?? null;
  if (value === null) return null;
  if (!(value instanceof Map)) {
    throw new AmaasError('MALFORMED_REQUEST', `Unable to parse 'parameters': ${owner} must have an object there`);
  }
  return value;
}

/** Reads a boolean parameter. @throws INVALID_ARGUMENT naming it. */
export function booleanParameter(name: string, value: JsonValue): boolean {
  if (typeof value === 'boolean') return value;
  throw new AmaasError('INVALID_ARGUMENT', `Unable to parse '${name}': attempt to access JSON non-boolean as boolean`);
}

/** Reads a parameter that counts something: a whole number from 0 to 2^53 − 1. @throws INVALID_ARGUMENT naming it. */
export function countParameter(name: string, value: JsonValue): number {
  if (value instanceof JsonNumber && value.isInteger && value.exact === null && value.value >= 0) return value.value;
  throw new AmaasError(
    'INVALID_ARGUMENT',
    `Unable to parse '${name}': attempt to access JSON non-unsigned-integer as unsigned-integer`,
  );
}

/** Writes parameters as a JSON object. @throws INVALID_ARGUMENT for NaN and the infinities, which JSON has no word for. */
export function encodeParameters(parameters: OipParameters): string {
  const members: string[] = [];
  for (const [name, value] of parameters) {
    if (typeof value === 'number' && !Number.isFinite(value)) {
      throw new AmaasError('INVALID_ARGUMENT', `parameter '${name}' must be finite, got ${value}`);
    }
    members.push(`${quoteJson(name)}:${typeof value === 'string' ? quoteJson(value) : String(value)}`);
  }
  return `{${members.join(',')}}`;
}
