import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MAX_DECIMAL_BYTES, writeDecimal, writeUint32 } from './decimal-layout.ts';

function written(write: (bytes: Uint8Array) => number): string {
  const bytes = new Uint8Array(MAX_DECIMAL_BYTES + 3).fill(0x23);
  const end = write(bytes.subarray(1, 1 + MAX_DECIMAL_BYTES));
  assert.equal(bytes[0], 0x23);
  assert.equal(bytes[MAX_DECIMAL_BYTES + 1], 0x23);
  return new TextDecoder().decode(bytes.subarray(1, 1 + end));
}

test('writeDecimal lays digits out as JavaScript does', () => {
  for (const digits of [1, 7, 12, 305, 1234, 98765, 123456, 1000001, 87654321, 123456789, 999999999]) {
    for (let exponent = -60; exponent <= 40; exponent++) {
      const text = written((bytes) => writeDecimal(bytes, 0, { digits, exponent }));
      assert.equal(text, String(Number(`${digits}e${exponent}`)));
    }
  }
});

test('writeUint32 writes every count of digits', () => {
  for (let power = 1; power <= 1e9; power *= 10) {
    for (const value of [power - 1, power, power + 1]) {
      assert.equal(
        written((bytes) => writeUint32(bytes, 0, value)),
        String(value),
      );
    }
  }
  assert.equal(
    written((bytes) => writeUint32(bytes, 0, 2 ** 32 - 1)),
    '4294967295',
  );
});
