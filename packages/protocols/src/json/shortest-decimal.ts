// The shortest decimal that reads back as a given small float (float32, float16, bfloat16): digits and an exponent.
// Works on nine digits in double arithmetic and asks how many of them can be dropped while the decimal stays among the
// numbers that round to the float; where double arithmetic is too coarse to be sure, a slower search by toPrecision decides.
// Knows nothing of how a decimal is written down.
import {
  bfloat16BitsFromNumber,
  float16BitsFromNumber,
  numberFromBfloat16Bits,
  numberFromFloat16Bits,
} from '@amaas/core';
import { INVERSE_POWERS_OF_TEN, POWERS_OF_TEN } from './powers-of-ten.ts';

/** digits · 10^exponent; digits is whole, at most 10^9 and, unless zero, not a multiple of ten. */
export interface Decimal {
  digits: number;
  exponent: number;
}

/** What there is to know of a binary format besides its range. */
interface Format {
  /** Bits of the significand, the hidden one included. */
  readonly precision: number;
  /** The least normal number. */
  readonly minNormal: number;
  readonly nearest: (value: number) => number;
}

const FLOAT32: Format = { precision: 24, minNormal: 2 ** -126, nearest: Math.fround };
const FLOAT16: Format = {
  precision: 11,
  minNormal: 2 ** -14,
  nearest: (value) => numberFromFloat16Bits(float16BitsFromNumber(value)),
};
const BFLOAT16: Format = {
  precision: 8,
  minNormal: 2 ** -126,
  nearest: (value) => numberFromBfloat16Bits(bfloat16BitsFromNumber(value)),
};

/** Finds the shortest decimal that rounds to the float32 `value`: finite, positive. */
export function findShortestFloat32(value: number, found: Decimal): void {
  findShortest(value, FLOAT32, found);
}

/** Finds the shortest decimal that rounds to the binary16 number `value`: finite, positive. */
export function findShortestFloat16(value: number, found: Decimal): void {
  findShortest(value, FLOAT16, found);
}

/** Finds the shortest decimal that rounds to the bfloat16 number `value`: finite, positive. */
export function findShortestBfloat16(value: number, found: Decimal): void {
  findShortest(value, BFLOAT16, found);
}

const scratchFloat = new Float32Array(1);
const scratchBits = new Uint32Array(scratchFloat.buffer);

/** Nine digits: enough for every float32. */
const LEAST_SCALED = 1e8;
const LOG10_OF_2 = 0.3010299956639812;
/** Far above the rounding errors of numbers about 10^9 (10^-6 at most), far below the gaps they are compared with. */
const UNSURE = 1e-5;

function findShortest(value: number, format: Format, found: Decimal): void {
  scratchFloat[0] = value;
  const bits = scratchBits[0] ?? 0;
  const biasedExponent = bits >>> 23;
  // Half the gap to the next number, which must be a normal float32 itself to be made from bits.
  if (value < format.minNormal || biasedExponent <= format.precision) {
    searchShortest(value, format, found);
    return;
  }
  scratchBits[0] = (biasedExponent - format.precision) << 23;
  const halfStep = scratchFloat[0] ?? 0;
  const isPowerOfTwo = (bits & 0x7fffff) === 0;

  let places = 8 - Math.floor((biasedExponent - 127) * LOG10_OF_2);
  let scale = powerOfTen(places);
  let scaled = value * scale;
  if (scaled >= 10 * LEAST_SCALED) {
    scale = powerOfTen(--places);
    scaled = value * scale;
  }
  const above = scaled + halfStep * scale;
  // The numbers below a power of two lie twice as close.
  const below = scaled - (isPowerOfTwo ? halfStep / 2 : halfStep) * scale;

  let digits = Math.floor(scaled + 0.5);
  let dropped = 0;
  for (;;) {
    const unit = POWERS_OF_TEN[dropped + 1] ?? 0;
    let candidate = Math.floor(scaled * (INVERSE_POWERS_OF_TEN[dropped + 1] ?? 0) + 0.5) * unit;
    if (Math.abs(Math.abs(scaled - candidate) - unit / 2) < UNSURE) break;
    if (isPowerOfTwo && candidate < below) candidate += unit;
    const room = Math.min(candidate - below, above - candidate);
    if (room < -UNSURE) {
      found.digits = digits / (POWERS_OF_TEN[dropped] ?? 1);
      found.exponent = dropped - places;
      return;
    }
    if (room < UNSURE) break;
    digits = candidate;
    dropped++;
  }
  searchShortest(value, format, found);
}

function powerOfTen(exponent: number): number {
  return (exponent >= 0 ? POWERS_OF_TEN[exponent] : INVERSE_POWERS_OF_TEN[-exponent]) ?? 0;
}

/** The sure way: one digit more at a time, until the decimal reads back. */
function searchShortest(value: number, format: Format, found: Decimal): void {
  for (let count = 0; count < 17; count++) {
    const [significand = '', exponent = ''] = value.toExponential(count).split('e');
    const digits = Number(significand.replace('.', ''));
    const decimalExponent = Number(exponent) - count;
    // The nearest decimal of so many digits; above a power of two the next one up may do where that one does not.
    for (const candidate of [digits, digits + 1]) {
      if (format.nearest(Number(`${candidate}e${decimalExponent}`)) === value) {
        found.digits = candidate;
        found.exponent = decimalExponent;
        return;
      }
    }
  }
  throw new RangeError(`searchShortest: ${value} is not a number of the format`);
}
