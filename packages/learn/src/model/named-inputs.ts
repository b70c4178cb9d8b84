// A network's inputs as callers give them: one by itself, or several by name.
import { AmaasError } from '@amaas/core';
import { type ArrayLikeTensor, isArray, isTensor } from './arrays.ts';

/** Values by input name. */
export type ByName<T> = ReadonlyMap<string, T> | Readonly<Record<string, T>>;

/** Rows of a network's only input, or of its inputs by name. */
export type ModelInputs = ArrayLikeTensor | ByName<ArrayLikeTensor>;

/** Shape of one row of a network's only input, or of its inputs by name. */
export type RowShapes = readonly number[] | ByName<readonly number[]>;

/** The name of an input that nobody named. */
export const INPUT_NAME = 'x';

/**
 * What was given, by name.
 * @param what - begins every message
 * @param names - the network's inputs; null: it has one, of any name
 * @throws INVALID_DATA when the names are not the network's
 */
export function nameInputs<T extends object>(
  given: T | ByName<T>,
  names: readonly string[] | null,
  { what, isOne }: { readonly what: string; readonly isOne: (given: T | ByName<T>) => given is T },
): ReadonlyMap<string, T> {
  if (typeof given !== 'object' || given === null) {
    throw new AmaasError(
      'INVALID_DATA',
      `${what}: expected rows, or an object of rows by input name, got ${String(given)}`,
    );
  }
  if (isOne(given)) {
    if (names !== null && names.length !== 1) {
      const example = names.map((name) => `${JSON.stringify(name)}: …`).join(', ');
      throw new AmaasError(
        'INVALID_DATA',
        `${what}: the network has ${names.length} inputs; give them by name, as { ${example} }`,
      );
    }
    return new Map([[names?.[0] ?? INPUT_NAME, given]]);
  }
  const named = byName(given);
  const unknown = [...named.keys()].find((name) => names !== null && !names.includes(name));
  const missing = names?.find((name) => !named.has(name));
  if (unknown === undefined && missing === undefined && (names !== null || named.size === 1)) return named;
  throw new AmaasError(
    'INVALID_DATA',
    `${what}: the network takes ${names === null ? 'one input' : `the inputs ${names.join(', ')}`}; given are ${[...named.keys()].join(', ') || 'none'}`,
  );
}

/** Rows and not rows by name. */
export function isRows(given: ModelInputs): given is ArrayLikeTensor {
  return isArray(given) || isTensor(given);
}

/** A shape and not shapes by name. */
export function isShape(given: RowShapes): given is readonly number[] {
  return Array.isArray(given);
}

export function byName<T>(given: ByName<T>): ReadonlyMap<string, T> {
  // An object that is no Map is a record, by the type.
  return given instanceof Map ? (given as ReadonlyMap<string, T>) : new Map(Object.entries(given as Record<string, T>));
}
