// Values from tables and counts of n-grams: how categories and words become numbers inside the graph that is served.
// They have no derivatives.
import { AmaasError, type DType, formatShape } from '@amaas/core';
import { broadcastShapes, type Size } from '../shape.ts';
import { applyOne, defineOperation, type Value } from '../value.ts';
import { cast, equal, greater, greaterOrEqual } from './comparison.ts';
import { constantOf, scalar } from './constants.ts';
import { unsqueeze } from './shaping.ts';
import { reduceSum } from './summation.ts';

const KEY_NAMES = { string: 'keys_strings', int64: 'keys_int64s', float32: 'keys_floats' } as const;
const VALUE_NAMES = { string: 'values_strings', int64: 'values_int64s', float32: 'values_floats' } as const;
const DEFAULT_NAMES = { string: 'default_string', int64: 'default_int64', float32: 'default_float' } as const;

type TableDType = keyof typeof KEY_NAMES;

interface LabelEncoderAttributes {
  readonly [name: string]: string | number | readonly string[] | readonly number[] | undefined;
}

const LABEL_ENCODER = defineOperation<LabelEncoderAttributes>({
  name: 'LabelEncoder',
  domain: 'ai.onnx.ml',
  attributes: {
    keys_strings: { kind: 'strings' },
    keys_int64s: { kind: 'ints' },
    keys_floats: { kind: 'floats' },
    values_strings: { kind: 'strings' },
    values_int64s: { kind: 'ints' },
    values_floats: { kind: 'floats' },
    default_string: { kind: 'string' },
    default_int64: { kind: 'int' },
    default_float: { kind: 'float' },
  },
  infer([x], attributes) {
    const to = (Object.keys(VALUE_NAMES) as TableDType[]) // the keys of a const object
      .find((dtype) => attributes[VALUE_NAMES[dtype]] !== undefined);
    if (x === undefined || !isTableDType(x.dtype) || attributes[KEY_NAMES[x.dtype]] === undefined || to === undefined) {
      throw new AmaasError('INVALID_GRAPH', `LabelEncoder: has no keys for ${x?.dtype ?? 'nothing'}`);
    }
    return [{ dtype: to, shape: x.shape }];
  },
});

export interface LabelEncoderOptions<V> {
  /** Dtype of the values. */
  readonly to: TableDType;
  /** For what the table does not have. */
  readonly fallback: V;
}

/**
 * Looks every element up in a table: text by its exact characters, numbers by value.
 * @param x - string, int64 or float32 of any shape, as the keys are
 * @param table - not empty; NaN is no key, because ONNX Runtime does not find it
 * @throws INVALID_GRAPH when keys or values do not have the dtypes.
 */
export function labelEncoder<K extends string | number, V extends string | number>(
  x: Value,
  table: ReadonlyMap<K, V>,
  { to, fallback }: LabelEncoderOptions<V>,
): Value {
  const from = x.dtype;
  if (table.size === 0) throw new AmaasError('INVALID_GRAPH', 'LabelEncoder: the table is empty');
  if (!isTableDType(from)) {
    throw new AmaasError('INVALID_GRAPH', `LabelEncoder: expected string, int64 or float32, got ${from}`);
  }
  const keys = [...table.keys()];
  const values = [...table.values()];
  const isKey = accepts(from);
  const isValue = accepts(to);
  const wrong =
    keys.find((key) => !isKey(key) || Number.isNaN(key)) ?? [...values, fallback].find((value) => !isValue(value));
  if (wrong !== undefined) {
    throw new AmaasError('INVALID_GRAPH', `LabelEncoder: ${String(wrong)} does not fit a table from ${from} to ${to}`);
  }
  return applyOne(LABEL_ENCODER, [x], {
    [KEY_NAMES[from]]: from === 'string' ? keys.map(String) : keys.map(Number),
    [VALUE_NAMES[to]]: to === 'string' ? values.map(String) : values.map(Number),
    [DEFAULT_NAMES[to]]: fallback,
  });
}

function isTableDType(dtype: DType): dtype is TableDType {
  return Object.hasOwn(KEY_NAMES, dtype);
}

function accepts(dtype: TableDType): (value: string | number) => boolean {
  if (dtype === 'string') return (value) => typeof value === 'string';
  return dtype === 'int64' ? Number.isSafeInteger : (value) => typeof value === 'number';
}

/** True (bool) where an element is one of the values; text must match exactly. @param x - string, int64 or float32 */
export function isIn(x: Value, values: Iterable<string | number>): Value {
  const table = new Map(Array.from(values, (value) => [value, 1] as const));
  return equal(labelEncoder(x, table, { to: 'int64', fallback: 0 }), 1);
}

/**
 * Zeros with a one at each position; only zeros for positions outside 0 … size − 1, as unknown categories may have.
 * @param positions - int64 [...]
 * @returns float32 [..., size]
 */
export function indicator(positions: Value, size: number): Value {
  const all = constantOf(
    'int64',
    [size],
    Array.from({ length: size }, (_, index) => index),
  );
  return cast(equal(unsqueeze(positions, positions.shape.length), all), 'float32');
}

/**
 * Which interval every number lies in: how many of the boundaries are at or below it.
 * @param boundaries - ascending
 * @param options.right - a number equal to a boundary belongs to the interval below it
 * @returns int64, 0 … boundaries.length; 0 for NaN
 */
export function bucketize(x: Value, boundaries: readonly number[], { right = false } = {}): Value {
  if (boundaries.some((bound, index) => !(bound > (boundaries[index - 1] ?? Number.NEGATIVE_INFINITY)))) {
    throw new AmaasError('INVALID_GRAPH', `bucketize: boundaries ${formatShape(boundaries)} do not ascend`);
  }
  const bounds = constantOf(x.dtype, [boundaries.length], boundaries);
  const column = unsqueeze(x, x.shape.length);
  const above = right ? greater(column, bounds) : greaterOrEqual(column, bounds);
  return reduceSum(cast(above, 'int64'), { axes: [-1] });
}

const MURMUR_HASH = defineOperation<{ readonly seed: number; readonly positive: number }>({
  name: 'MurmurHash3',
  domain: 'com.microsoft',
  attributes: { seed: { kind: 'int' }, positive: { kind: 'int' } },
  infer([x]) {
    if (x?.dtype !== 'string') throw new AmaasError('INVALID_GRAPH', `MurmurHash3: expected text, got ${x?.dtype}`);
    return [{ dtype: 'uint32', shape: x.shape }];
  },
});

/** MurmurHash3 (x86, 32 bits) of each text's UTF-8, as uint32. @param seed - 0 … 2^31 − 1 */
export function murmurHash(x: Value, seed = 0): Value {
  return applyOne(MURMUR_HASH, [x], { seed, positive: 1 });
}

const MOD = defineOperation({
  name: 'Mod',
  attributes: {},
  infer([a, b]) {
    if (a === undefined || b === undefined || a.dtype !== b.dtype || !a.dtype.startsWith('int')) {
      throw new AmaasError('INVALID_GRAPH', `Mod: expected two equal integer dtypes, got ${a?.dtype} and ${b?.dtype}`);
    }
    return [{ dtype: a.dtype, shape: broadcastShapes(a.shape, b.shape, 'Mod') }];
  },
});

/** The rest of a whole-number division, with the sign of the divisor. */
export function mod(a: Value, b: Value): Value {
  return applyOne(MOD, [a, b], {});
}

/**
 * Texts as numbers by their hash (MurmurHash3 of the UTF-8): a vocabulary that needs no fitting.
 * @param seed - 0 … 2^31 − 1
 * @returns int64, 0 … buckets − 1
 */
export function hashStrings(x: Value, buckets: number, seed = 0): Value {
  return mod(cast(murmurHash(x, seed), 'int64'), scalar('int64', buckets));
}

interface NgramAttributes {
  readonly [name: string]: string | number | readonly number[] | readonly string[] | undefined;
  readonly mode: string;
  readonly min_gram_length: number;
  readonly max_gram_length: number;
  readonly max_skip_count: number;
  readonly ngram_counts: readonly number[];
  readonly ngram_indexes: readonly number[];
  readonly pool_strings: readonly string[] | undefined;
  readonly pool_int64s: readonly number[] | undefined;
}

const NGRAM_COUNTS = defineOperation<NgramAttributes>({
  name: 'TfIdfVectorizer',
  attributes: {
    mode: { kind: 'string' },
    min_gram_length: { kind: 'int' },
    max_gram_length: { kind: 'int' },
    max_skip_count: { kind: 'int' },
    ngram_counts: { kind: 'ints' },
    ngram_indexes: { kind: 'ints' },
    pool_strings: { kind: 'strings' },
    pool_int64s: { kind: 'ints' },
  },
  infer([x], { ngram_indexes, pool_strings }) {
    const text = pool_strings !== undefined;
    if (x === undefined || (text ? x.dtype !== 'string' : x.dtype !== 'int64' && x.dtype !== 'int32')) {
      throw new AmaasError('INVALID_GRAPH', `TfIdfVectorizer: expected ${text ? 'text' : 'integers'}, got ${x?.dtype}`);
    }
    if (x.shape.length !== 1 && x.shape.length !== 2) {
      throw new AmaasError('INVALID_GRAPH', `TfIdfVectorizer: expected rank 1 or 2, got ${formatShape(x.shape)}`);
    }
    const rows: readonly Size[] = x.shape.slice(0, -1);
    return [{ dtype: 'float32', shape: [...rows, ngram_indexes.length] }];
  },
});

/**
 * How often every n-gram occurs in each row. Weights and logarithms are multiplied on afterwards.
 * @param x - string, int64 or int32 [N, length] or [length]: words, characters, or their numbers
 * @param grams - one per column of the result: one element for a word, two that follow each other, …
 * @returns float32 [N, grams.length] or [grams.length]
 * @throws INVALID_GRAPH for no, empty or repeated n-grams.
 */
export function ngramCounts(x: Value, grams: readonly (readonly (string | number)[])[]): Value {
  const order = [...grams.keys()].toSorted((a, b) => (grams[a]?.length ?? 0) - (grams[b]?.length ?? 0));
  const sorted = order.map((index) => grams[index] ?? []);
  const [shortest, longest] = [sorted[0]?.length ?? 0, sorted.at(-1)?.length ?? 0];
  if (shortest === 0) throw new AmaasError('INVALID_GRAPH', 'TfIdfVectorizer: expected n-grams that are not empty');
  const twice = new Set<string>();
  for (const gram of grams) {
    const key = JSON.stringify(gram);
    if (twice.has(key)) throw new AmaasError('INVALID_GRAPH', `TfIdfVectorizer: the n-gram ${key} comes twice`);
    twice.add(key);
  }
  const pool = sorted.flat();
  const starts: number[] = [];
  for (let length = 1, at = 0; length <= longest; length++) {
    starts.push(at);
    at += length * sorted.filter((gram) => gram.length === length).length;
  }
  return applyOne(NGRAM_COUNTS, [x], {
    mode: 'TF',
    min_gram_length: shortest,
    max_gram_length: longest,
    max_skip_count: 0,
    ngram_counts: starts,
    ngram_indexes: order,
    pool_strings: x.dtype === 'string' ? pool.map(String) : undefined,
    pool_int64s: x.dtype === 'string' ? undefined : pool.map(Number),
  });
}
