// What a file says of itself: values of 13 types by dotted keys. Knows no keys.
import { AmaasError } from '@amaas/core';

/** Value types in the order of their numbers. Source: ggml, docs/gguf.md, `gguf_metadata_value_type`. */
export const VALUE_TYPES = [
  'uint8',
  'int8',
  'uint16',
  'int16',
  'uint32',
  'int32',
  'float32',
  'bool',
  'string',
  'array',
  'uint64',
  'int64',
  'float64',
] as const;

export type GgufType = (typeof VALUE_TYPES)[number];
export type NumberType = 'uint8' | 'int8' | 'uint16' | 'int16' | 'uint32' | 'int32' | 'float32' | 'float64';
export type BigNumberType = 'uint64' | 'int64';

interface Scalar<T extends GgufType, V> {
  readonly type: T;
  readonly value: V;
}

interface Items<T extends GgufType, I> {
  readonly type: 'array';
  readonly of: T;
  readonly items: I;
}

export type GgufScalar =
  | Scalar<NumberType, number>
  | Scalar<BigNumberType, bigint>
  | Scalar<'bool', boolean>
  | Scalar<'string', string>;

/** Values of one type; numbers are read as typed arrays. llama.cpp reads no arrays of arrays, though the format has them. */
export type GgufArray =
  | Items<NumberType, ArrayLike<number>>
  | Items<BigNumberType, ArrayLike<bigint>>
  | Items<'bool', readonly boolean[]>
  | Items<'string', readonly string[]>
  | Items<'array', readonly GgufArray[]>;

export type GgufValue = GgufScalar | GgufArray;

/** By key, in the file's order. */
export type GgufMetadata = ReadonlyMap<string, GgufValue>;

/** A number of any type. @throws INVALID_MODEL when the value is none, or too large a whole number to be exact */
export function ggufNumber(metadata: GgufMetadata, key: string): number | undefined {
  const found = metadata.get(key);
  if (found === undefined) return undefined;
  if (found.type !== 'array') {
    const number = typeof found.value === 'bigint' ? Number(found.value) : found.value;
    if (typeof number === 'number' && (typeof found.value === 'number' || Number.isSafeInteger(number))) return number;
  }
  throw mistyped(key, 'a number', found);
}

/** @throws INVALID_MODEL when the value is no text */
export function ggufText(metadata: GgufMetadata, key: string): string | undefined {
  const found = metadata.get(key);
  if (found === undefined) return undefined;
  if (found.type === 'string') return found.value;
  throw mistyped(key, 'a string', found);
}

/** @throws INVALID_MODEL when the value is no array of texts */
export function ggufTexts(metadata: GgufMetadata, key: string): readonly string[] | undefined {
  const found = metadata.get(key);
  if (found === undefined) return undefined;
  if (found.type === 'array' && found.of === 'string') return found.items;
  throw mistyped(key, 'an array of strings', found);
}

/** @throws INVALID_MODEL when the value is no array of numbers of up to 32 bits or floats */
export function ggufNumbers(metadata: GgufMetadata, key: string): ArrayLike<number> | undefined {
  const found = metadata.get(key);
  if (found === undefined) return undefined;
  if (found.type === 'array') {
    switch (found.of) {
      case 'uint64':
      case 'int64':
      case 'bool':
      case 'string':
      case 'array':
        break;
      default:
        return found.items;
    }
  }
  throw mistyped(key, 'an array of numbers', found);
}

function mistyped(key: string, expected: string, found: GgufValue): AmaasError {
  const came = found.type === 'array' ? `an array of ${found.of}` : `${found.type} ${String(found.value).slice(0, 60)}`;
  return new AmaasError('INVALID_MODEL', `gguf: ${key} expects ${expected}, got ${came}`);
}
