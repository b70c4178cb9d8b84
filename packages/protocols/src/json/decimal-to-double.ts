// Decimal digits to the nearest double, for numbers of more digits than one double holds (16 and up).
// The value is computed as a sum of two doubles with a bound on its error; where the bound leaves the rounding open, about
// once in 2^20 random numbers, the caller is told to fall back on Number(text).
// Source: T. J. Dekker, "A floating-point technique for extending the available precision", Numer. Math. 18 (1971).
import { INVERSE_POWER_RESTS, INVERSE_POWERS_OF_TEN, MAX_TABLE_EXPONENT } from './powers-of-ten.ts';

/** Splits a double in two halves of 26 bits. */
const SPLITTER = 2 ** 27 + 1;
/** `tail` is at most 2^-26 of the whole, and it and what is added to it are rounded a few times, by 2^-53 each. */
const ERROR_BOUND = 2 ** -74;

/** Least `mantissa` of {@link doubleFromDigits}: below it the error bound would not hold. */
export const MIN_LEADING_MANTISSA = 2 ** 26;

/**
 * The double nearest to (mantissa + tail) · 10^-places, or NaN where it cannot tell.
 * `mantissa` is a whole number from {@link MIN_LEADING_MANTISSA} to 2^53; `tail`, in [0, 1], is right to 2^-52 of itself.
 */
export function doubleFromDigits(mantissa: number, tail: number, places: number): number {
  if (places < 0 || places > MAX_TABLE_EXPONENT) return Number.NaN;
  const unit = INVERSE_POWERS_OF_TEN[places] ?? 0;
  const product = mantissa * unit;
  const rest = productError(mantissa, unit, product) + (mantissa * (INVERSE_POWER_RESTS[places] ?? 0) + tail * unit);
  const slack = product * ERROR_BOUND;
  const rounded = product + (rest - slack);
  return rounded === product + (rest + slack) ? rounded : Number.NaN;
}

/** a · b − product, exactly. */
function productError(a: number, b: number, product: number): number {
  const aScaled = SPLITTER * a;
  const aHigh = aScaled - (aScaled - a);
  const aLow = a - aHigh;
  const bScaled = SPLITTER * b;
  const bHigh = bScaled - (bScaled - b);
  const bLow = b - bHigh;
  return aLow * bLow - (product - aHigh * bHigh - aLow * bHigh - aHigh * bLow);
}
