// JSON without loss: what JSON.parse would round or forget is kept. Integers beyond 2^53 stay exact, `1` and `1.0` stay
// distinct, NaN and the infinities are values, object keys live in a Map (keys come from users), and rectangular arrays
// of numbers, however deeply nested, arrive as one packed Float64Array instead of a million boxed values.

/** Any parsed JSON value. */
export type JsonValue = null | boolean | string | JsonNumber | PackedNumbers | JsonArray | JsonObject;

/** An array that is not a rectangular nest of numbers (empty ones and ragged ones included). */
export type JsonArray = readonly JsonValue[];

export type JsonObject = ReadonlyMap<string, JsonValue>;

/** A number outside a numeric array. */
export class JsonNumber {
  /** The nearest double. */
  readonly value: number;
  /** Whether the token was an integer: digits only, no point, no exponent. */
  readonly isInteger: boolean;
  /** The exact value of an integer token beyond ±(2^53 − 1); null otherwise. */
  readonly exact: bigint | null;

  constructor(value: number, isInteger: boolean, exact: bigint | null) {
    this.value = value;
    this.isInteger = isInteger;
    this.exact = exact;
  }
}

/** A non-empty rectangular nest of arrays whose leaves are all numbers, row-major. */
export class PackedNumbers {
  /** Lengths from the outermost array inwards; `[[1,2,3]]` is `[1, 3]`. */
  readonly shape: readonly number[];
  /** The nearest doubles, as many as the product of `shape`. */
  readonly values: Float64Array;
  /** Whether every token was an integer. */
  readonly areIntegers: boolean;
  /** Exact values of integer tokens beyond ±(2^53 − 1), by position; null when there are none. */
  readonly exact: ReadonlyMap<number, bigint> | null;

  constructor(
    shape: readonly number[],
    values: Float64Array,
    areIntegers: boolean,
    exact: ReadonlyMap<number, bigint> | null,
  ) {
    this.shape = shape;
    this.values = values;
    this.areIntegers = areIntegers;
    this.exact = exact;
  }
}
