import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ASCII_ZEROS, areAllDigits, countLeadingDigits, fourDigitsValue, leadingDigitsValue } from './digit-words.ts';

function word(text: string): number {
  return new DataView(new TextEncoder().encode(text).buffer).getInt32(0) ^ ASCII_ZEROS;
}

test('countLeadingDigits and leadingDigitsValue read the digits before any other byte', () => {
  for (const digits of ['', '7', '07', '42', '907', '000']) {
    for (let other = 0; other < 128; other++) {
      const character = String.fromCharCode(other);
      if (/\d/.test(character)) continue;
      for (const rest of ['999', '\u0000\u007f/', ':,.']) {
        const text = `${digits}${character}${rest}`.slice(0, 4);
        assert.equal(countLeadingDigits(word(text)), digits.length, JSON.stringify(text));
        assert.equal(leadingDigitsValue(word(text), digits.length), Number(digits), JSON.stringify(text));
        assert.equal(areAllDigits(word(text)), false);
      }
    }
  }
  // Bytes of UTF-8 sequences, whose highest bit is set.
  for (let byte = 0x80; byte < 0x100; byte++) {
    const view = new DataView(Uint8Array.of(0x39, byte, 0x30, 0x30).buffer);
    assert.equal(countLeadingDigits(view.getInt32(0) ^ ASCII_ZEROS), 1, `byte ${byte}`);
  }
});

test('fourDigitsValue reads every number of four digits', () => {
  for (let number = 0; number < 10_000; number++) {
    const digits = word(String(number).padStart(4, '0'));
    assert.ok(areAllDigits(digits));
    assert.equal(fourDigitsValue(digits), number);
    assert.equal(countLeadingDigits(digits), 4);
    assert.equal(leadingDigitsValue(digits, 4), number);
  }
});
