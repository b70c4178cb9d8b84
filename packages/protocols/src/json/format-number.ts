// Numbers as JSON text: the shortest digits that read back as the same number of the same type, laid out as JavaScript
// lays out doubles (plain from 10^-6 up to 10^21, an exponent outside). NaN and the infinities come out bare.
import { MAX_EXACT_EXPONENT, POWERS_OF_TEN } from './powers-of-ten.ts';
import { type Decimal, findShortestBfloat16, findShortestFloat16, findShortestFloat32 } from './shortest-decimal.ts';

/** Shortest decimal text whose nearest float32 is `value`, which must be a float32 already. */
export function formatFloat32(value: number): string {
  return format(value, findShortestFloat32);
}

/** Shortest decimal text whose nearest binary16 number is `value`, which must be one already. */
export function formatFloat16(value: number): string {
  return format(value, findShortestFloat16);
}

/** Shortest decimal text whose nearest bfloat16 number is `value`, which must be one already. */
export function formatBfloat16(value: number): string {
  return format(value, findShortestBfloat16);
}

/** Shortest decimal text whose nearest double is `value`. */
export function formatFloat64(value: number): string {
  return Object.is(value, -0) ? '-0' : String(value);
}

function format(value: number, findShortest: (value: number, found: Decimal) => void): string {
  const magnitude = Math.abs(value);
  if (magnitude === 0 || !Number.isFinite(value)) return formatFloat64(value);
  const found: Decimal = { digits: 0, exponent: 0 };
  findShortest(magnitude, found);
  // At most nine digits: the double nearest to them prints as those very digits.
  const { digits, exponent } = found;
  const isExact = exponent <= 0 && exponent >= -MAX_EXACT_EXPONENT;
  const double = isExact ? digits / (POWERS_OF_TEN[-exponent] ?? 1) : Number(`${digits}e${exponent}`);
  return String(value < 0 ? -double : double);
}
