// Digits and an exponent written down as JSON text, the way JavaScript writes doubles: plain from 10^-6 up to 10^21,
// with an exponent outside.
import { LOWER_E, MINUS, PLUS, POINT, ZERO } from './characters.ts';
import type { Decimal } from './shortest-decimal.ts';

/** Most bytes {@link writeDecimal} writes: a 1 and twenty zeros. */
export const MAX_DECIMAL_BYTES = 24;

const MIN_PLAIN_POINT = -6;
const MAX_PLAIN_POINT = 21;

/** Writes a positive decimal at `at` and returns where it ends. */
export function writeDecimal(bytes: Uint8Array, at: number, decimal: Decimal): number {
  const { digits, exponent } = decimal;
  const count = countDigits(digits);
  /** Digits before the point. */
  const point = count + exponent;
  if (point > MAX_PLAIN_POINT || point <= MIN_PLAIN_POINT) return writeScientific(bytes, at, decimal);
  if (point <= 0) {
    bytes[at] = ZERO;
    bytes[at + 1] = POINT;
    const first = at + 2 - point;
    bytes.fill(ZERO, at + 2, first);
    writeDigits(bytes, first + count, digits);
    return first + count;
  }
  if (exponent >= 0) {
    writeDigits(bytes, at + count, digits);
    bytes.fill(ZERO, at + count, at + point);
    return at + point;
  }
  // All digits one place to the right, then those before the point back over it.
  writeDigits(bytes, at + count + 1, digits);
  bytes.copyWithin(at, at + 1, at + 1 + point);
  bytes[at + point] = POINT;
  return at + count + 1;
}

/** Writes a whole number from 0 to 2^32 − 1 at `at` and returns where it ends. */
export function writeUint32(bytes: Uint8Array, at: number, value: number): number {
  const end = at + countDigits(value);
  writeDigits(bytes, end, value);
  return end;
}

function writeScientific(bytes: Uint8Array, at: number, decimal: Decimal): number {
  const { digits, exponent } = decimal;
  const count = countDigits(digits);
  writeDigits(bytes, at + count + 1, digits);
  bytes[at] = bytes[at + 1] ?? 0;
  let end = at + 1;
  if (count > 1) {
    bytes[end] = POINT;
    end += count;
  }
  const power = count + exponent - 1;
  bytes[end] = LOWER_E;
  bytes[end + 1] = power < 0 ? MINUS : PLUS;
  return writeUint32(bytes, end + 2, Math.abs(power));
}

/** Writes the digits of a whole number so that they end before `end`. */
function writeDigits(bytes: Uint8Array, end: number, value: number): void {
  let at = end;
  let rest = value >>> 0;
  do {
    const tenth = (rest / 10) >>> 0;
    bytes[--at] = ZERO + (rest - tenth * 10);
    rest = tenth;
  } while (rest > 0);
}

function countDigits(value: number): number {
  if (value < 1e5) return value < 10 ? 1 : value < 100 ? 2 : value < 1e3 ? 3 : value < 1e4 ? 4 : 5;
  return value < 1e6 ? 6 : value < 1e7 ? 7 : value < 1e8 ? 8 : value < 1e9 ? 9 : 10;
}
