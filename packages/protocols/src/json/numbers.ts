// JSON numbers, one or a run of them, straight from the bytes. One long loop over local variables: a call per number,
// or a double returned from one, would cost more than the number itself.
// Digits are added up in one double as long as it is exact, several at a time where they can; what the exact operations
// of this loop cannot round is left to Number(text).
import { AmaasError } from '@amaas/core';
import {
  CLOSE_BRACKET,
  COMMA,
  LOWER_E,
  MINUS,
  PLUS,
  POINT,
  SPACE,
  UPPER_E,
  UPPER_I,
  UPPER_N,
  ZERO,
} from './characters.ts';
import { doubleFromDigits, MIN_LEADING_MANTISSA } from './decimal-to-double.ts';
import { ASCII_ZEROS, areAllDigits, countLeadingDigits, fourDigitsValue, leadingDigitsValue } from './digit-words.ts';
import type { NumberArena } from './number-arena.ts';
import { INVERSE_POWERS_OF_TEN, MAX_EXACT_EXPONENT, POWERS_OF_TEN } from './powers-of-ten.ts';
import type { JsonSource } from './source.ts';
import { JsonNumber } from './value.ts';

/** A mantissa from here on might not hold one more digit exactly. */
const FULL_MANTISSA = 9e14;
/** A mantissa below holds eight more. */
const MAX_MANTISSA_FOR_EIGHT = 9e7;
/** Digits behind a full mantissa that a double of their own holds exactly. */
const MAX_TAIL_DIGITS = 15;
/** As many as a tensor's shape usually has, so that little room is made for it. */
const NUMBERS_FIRST = 8;
/** Small enough that a long array is read by many calls: V8 then runs the optimised code from the start of each. */
const NUMBERS_PER_CALL = 256;
/** Exponents from here on are out of any range, whatever their value. */
const MAX_EXPONENT = 100_000_000;

export class NumberReader {
  readonly #source: JsonSource;
  readonly #arena: NumberArena;
  readonly #allowNonFinite: boolean;
  readonly #view: DataView;

  constructor(source: JsonSource, arena: NumberArena, allowNonFinite: boolean) {
    const { buffer, byteOffset, byteLength } = source.bytes;
    this.#source = source;
    this.#arena = arena;
    this.#allowNonFinite = allowNonFinite;
    this.#view = new DataView(buffer, byteOffset, byteLength);
  }

  /** Whether a number may start with `byte`. */
  canStart(byte: number): boolean {
    if (byte === MINUS || (byte - ZERO) >>> 0 < 10) return true;
    return this.#allowNonFinite && (byte === UPPER_N || byte === UPPER_I);
  }

  /** Reads the number at the position. */
  readOne(): JsonNumber {
    const arena = this.#arena;
    const start = arena.length;
    this.#readSome(1);
    const isInteger = arena.areIntegers(start, start + 1);
    const exact = arena.exactValues(start, start + 1)?.get(0) ?? null;
    const number = new JsonNumber(arena.values[start] ?? 0, isInteger, exact);
    arena.truncate(start);
    return number;
  }

  /**
   * Reads numbers into the arena up to the closing bracket and moves behind it. Returns how many, or 0 with nothing
   * changed when an item is not a number.
   */
  readRun(): number {
    const source = this.#source;
    const arena = this.#arena;
    const { position } = source;
    const start = arena.length;
    this.#readSome(NUMBERS_FIRST);
    for (;;) {
      let byte = source.skipSpace();
      if (byte === COMMA) {
        source.position++;
        byte = source.skipSpace();
        if (this.canStart(byte)) {
          const bytesPerNumber = (source.position - position) / (arena.length - start);
          arena.reserve(NUMBERS_PER_CALL, (source.bytes.length - position) / bytesPerNumber);
          this.#readSome(NUMBERS_PER_CALL);
          continue;
        }
        arena.truncate(start);
        source.position = position;
        return 0;
      }
      if (byte !== CLOSE_BRACKET) throw source.unexpected('"," or "]"');
      source.position++;
      return arena.length - start;
    }
  }

  /** Reads numbers and the commas between them, as long as it is nothing else and `atMost` is not reached. */
  #readSome(atMost: number): void {
    const source = this.#source;
    const arena = this.#arena;
    const view = this.#view;
    const { bytes } = source;
    const lastWord = bytes.length - 4;
    const start = arena.length;
    let { position } = source;
    const bytesLeft = bytes.length - position;
    // A number and its comma take two bytes at least, the last one a single byte.
    const end = start + Math.min(atMost, (bytesLeft + 1) >>> 1);
    const values = arena.reserve(end - start, 0);
    let length = start;
    let isFractional = false;
    for (;;) {
      const tokenStart = position;
      let byte = bytes[position] ?? 0;
      // Arithmetic in place of branches here and below: in most arrays no branch would foresee the sign.
      const minus = byte === MINUS ? 1 : 0;
      position += minus;
      byte = bytes[position] ?? 0;
      let mantissa = byte - ZERO;
      let value = Number.NaN;
      let isInteger = true;
      if (mantissa >>> 0 > 9) {
        source.position = position;
        value = this.#readWord(minus === 1);
        position = source.position;
        byte = bytes[position] ?? 0;
        isInteger = false;
      } else {
        byte = bytes[++position] ?? 0;
        let digit = byte - ZERO;
        if (digit >>> 0 < 10) {
          if (mantissa === 0) throw source.unexpected('no digit after a leading zero', position);
          if (position <= lastWord) {
            const word = view.getInt32(position) ^ ASCII_ZEROS;
            const count = countLeadingDigits(word);
            mantissa = mantissa * (POWERS_OF_TEN[count] ?? 1) + leadingDigitsValue(word, count);
            position += count;
            byte = bytes[position] ?? 0;
            digit = byte - ZERO;
          }
          while (digit >>> 0 < 10) {
            mantissa = mantissa * 10 + digit;
            byte = bytes[++position] ?? 0;
            digit = byte - ZERO;
          }
        }
        let places = 0;
        let tail = 0;
        let tailDigits = 0;
        if (byte === POINT) {
          isInteger = false;
          const first = ++position;
          if (position + 4 <= lastWord && mantissa < MAX_MANTISSA_FOR_EIGHT) {
            const one = view.getInt32(position) ^ ASCII_ZEROS;
            const two = view.getInt32(position + 4) ^ ASCII_ZEROS;
            if (areAllDigits(one) && areAllDigits(two)) {
              mantissa = mantissa * 1e8 + (fourDigitsValue(one) * 10_000 + fourDigitsValue(two));
              position += 8;
            } else {
              const countOne = countLeadingDigits(one);
              const countTwo = countLeadingDigits(two) * (countOne >>> 2); // none unless all of the first four are
              const partTwo = leadingDigitsValue(two, countTwo);
              const part = leadingDigitsValue(one, countOne) * (POWERS_OF_TEN[countTwo] ?? 1) + partTwo;
              mantissa = mantissa * (POWERS_OF_TEN[countOne + countTwo] ?? 1) + part;
              position += countOne + countTwo;
            }
          }
          byte = bytes[position] ?? 0;
          digit = byte - ZERO;
          while (digit >>> 0 < 10 && mantissa < FULL_MANTISSA) {
            mantissa = mantissa * 10 + digit;
            byte = bytes[++position] ?? 0;
            digit = byte - ZERO;
          }
          places = position - first;
          if (digit >>> 0 < 10) {
            const tailFirst = position;
            do {
              tail = tail * 10 + digit;
              byte = bytes[++position] ?? 0;
              digit = byte - ZERO;
            } while (digit >>> 0 < 10);
            tailDigits = position - tailFirst;
          }
          if (position === first) throw source.unexpected('a digit after the point', position);
        }
        if (byte === LOWER_E || byte === UPPER_E) {
          isInteger = false;
          source.position = position + 1;
          places -= this.#readExponent();
          position = source.position;
          byte = bytes[position] ?? 0;
        }
        if (isInteger && mantissa <= Number.MAX_SAFE_INTEGER) value = mantissa;
        else if (tailDigits === 0 && mantissa <= Number.MAX_SAFE_INTEGER && Math.abs(places) <= MAX_EXACT_EXPONENT) {
          // An exact mantissa and an exact power of ten: the one rounding is the right one.
          value = places >= 0 ? mantissa / (POWERS_OF_TEN[places] ?? 1) : mantissa * (POWERS_OF_TEN[-places] ?? 1);
        } else if (
          tailDigits <= MAX_TAIL_DIGITS &&
          mantissa >= MIN_LEADING_MANTISSA &&
          mantissa <= Number.MAX_SAFE_INTEGER
        ) {
          value = doubleFromDigits(mantissa, tail * (INVERSE_POWERS_OF_TEN[tailDigits] ?? 0), places);
        }
        value *= 1 - 2 * minus;
        if (Number.isNaN(value)) {
          const text = new TextDecoder().decode(bytes.subarray(tokenStart, position));
          value = Number(text);
          if (!Number.isFinite(value)) throw outOfRange(tokenStart);
          if (isInteger) arena.addExact(length, BigInt(text));
        }
      }
      values[length++] = value;
      if (!isInteger) isFractional = true;
      if (length === end || byte !== COMMA) break;
      // The usual separators are passed here; whatever else follows is for the caller to see.
      const next = bytes[position + 1] ?? 0;
      const ahead = next === SPACE ? (bytes[position + 2] ?? 0) : next;
      if (ahead !== MINUS && (ahead - ZERO) >>> 0 > 9) break;
      position += next === SPACE ? 2 : 1;
    }
    source.position = position;
    arena.length = length;
    if (isFractional) arena.markFractionalRun(start);
  }

  /** Reads the digits after an `e`. */
  #readExponent(): number {
    const source = this.#source;
    const { bytes } = source;
    let { position } = source;
    let byte = bytes[position] ?? 0;
    const isNegative = byte === MINUS;
    if (isNegative || byte === PLUS) byte = bytes[++position] ?? 0;
    let digit = byte - ZERO;
    if (digit >>> 0 > 9) throw source.unexpected('a digit in the exponent', position);
    let exponent = 0;
    while (digit >>> 0 < 10) {
      exponent = Math.min(exponent * 10 + digit, MAX_EXPONENT);
      digit = (bytes[++position] ?? 0) - ZERO;
    }
    source.position = position;
    return isNegative ? -exponent : exponent;
  }

  /** Reads what stands for a number without digits. */
  #readWord(isNegative: boolean): number {
    const source = this.#source;
    if (this.#allowNonFinite) {
      if (source.takeWord('Infinity')) return isNegative ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
      if (!isNegative && source.takeWord('NaN')) return Number.NaN;
    }
    throw source.unexpected(isNegative ? 'a digit after the minus sign' : 'a value');
  }
}

function outOfRange(at: number): AmaasError {
  return new AmaasError('MALFORMED_REQUEST', `json: expected a number in the range of a double at byte ${at}`);
}
