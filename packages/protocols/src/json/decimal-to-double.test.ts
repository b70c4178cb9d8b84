import assert from 'node:assert/strict';
import { test } from 'node:test';
import { doubleFromDigits, MIN_LEADING_MANTISSA } from './decimal-to-double.ts';
import {
  INVERSE_POWER_RESTS,
  INVERSE_POWERS_OF_TEN,
  MAX_EXACT_EXPONENT,
  MAX_TABLE_EXPONENT,
  POWERS_OF_TEN,
} from './powers-of-ten.ts';
import { createRandom } from './testing/random.ts';

test('the tables of powers of ten hold what they say', () => {
  for (const table of [POWERS_OF_TEN, INVERSE_POWERS_OF_TEN, INVERSE_POWER_RESTS]) {
    assert.equal(table.length, MAX_TABLE_EXPONENT + 1);
  }
  for (let exponent = 0; exponent <= MAX_TABLE_EXPONENT; exponent++) {
    const power = POWERS_OF_TEN[exponent] ?? Number.NaN;
    const inverse = INVERSE_POWERS_OF_TEN[exponent] ?? Number.NaN;
    assert.equal(power, Number(`1e${exponent}`));
    assert.equal(BigInt(power) === 10n ** BigInt(exponent), exponent <= MAX_EXACT_EXPONENT);
    assert.equal(inverse, Number(`1e-${exponent}`));
    // In units of 2^-400 everything here is a whole number but the tenth power itself, which is cut far behind the double.
    const exact = 2n ** 400n / 10n ** BigInt(exponent);
    assert.equal(INVERSE_POWER_RESTS[exponent], Number(exact - inUnits(inverse)) / 2 ** 400);
  }
});

/** A double in units of 2^-400. */
function inUnits(value: number): bigint {
  return BigInt(value * 2 ** 300) * 2n ** 100n;
}

test('doubleFromDigits rounds as Number(text) does, or says it cannot tell', () => {
  const random = createRandom(11);
  let undecided = 0;
  function assertRounds(mantissa: number, tail: string, places: number): void {
    const actual = doubleFromDigits(mantissa, Number(`0.${tail}`), places);
    if (Number.isNaN(actual)) undecided++;
    else assert.equal(actual, Number(`${mantissa}.${tail}e${-places}`), `${mantissa}.${tail} at ${places}`);
  }
  for (let round = 0; round < 40_000; round++) {
    const mantissa = random.integer(MIN_LEADING_MANTISSA, random.pick([2 ** 27, 2 ** 40, 2 ** 53]));
    assertRounds(mantissa, String(random.integer(0, 999_999_999)), random.integer(0, MAX_TABLE_EXPONENT));
  }
  assert.ok(undecided < 10, `${undecided} of 40,000 random numbers undecided`);

  // 18 digits next to the middle between two doubles, where a careless error bound shows.
  for (let round = 0; round < 40_000; round++) {
    const places = random.integer(0, 30);
    let scaled = (BigInt(random.integer(2 ** 52, 2 ** 53 - 1)) * 2n + 1n) * 10n ** BigInt(places + 3);
    while (scaled >= 10n ** 18n) scaled >>= 1n;
    const text = String(scaled + BigInt(random.integer(0, 1)));
    if (text.length === 18) assertRounds(Number(text.slice(0, -3)), text.slice(-3), places);
  }
  assert.ok(undecided < 4_000, `${undecided} of 40,000 middles undecided`);
});

test('doubleFromDigits leaves what its tables do not cover to others', () => {
  assert.ok(Number.isNaN(doubleFromDigits(2 ** 30, 0, -1)));
  assert.ok(Number.isNaN(doubleFromDigits(2 ** 30, 0, MAX_TABLE_EXPONENT + 1)));
});
