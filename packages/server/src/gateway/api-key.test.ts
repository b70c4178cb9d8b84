import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { generateKey, hashKey, keyPrefix } from './api-key.ts';

test('generateKey makes every character equally likely', () => {
  const counts = new Map<string, number>();
  const keys = new Set<string>();
  for (let round = 0; round < 5_000; round++) {
    const key = generateKey();
    keys.add(key);
    for (const character of key.slice(6)) counts.set(character, (counts.get(character) ?? 0) + 1);
  }
  assert.equal(keys.size, 5_000);
  assert.equal(counts.size, 62);
  // Chi-squared over 61 degrees of freedom exceeds 131 once in ten million runs; bytes taken modulo 62 give over 1,000.
  const expected = (5_000 * 40) / 62;
  let chiSquared = 0;
  for (const count of counts.values()) chiSquared += (count - expected) ** 2 / expected;
  assert.ok(chiSquared < 131, String(chiSquared));
});

test('generateKey skips bytes that would favour some characters', () => {
  const bytes = [255, 248, 61, 0, 62];
  const key = generateKey(() => Uint8Array.from(bytes));
  assert.equal(key.length, 46);
  assert.match(key, /^amaas_(z00){13}z$/);
});

test('hashKey is SHA-256 in hex', () => {
  assert.equal(hashKey('ä-key'), createHash('sha256').update('ä-key', 'utf8').digest('hex'));
});

test('keyPrefix shows eight characters of a generated key and four of a chosen one', () => {
  assert.equal(keyPrefix('amaas_ABCDEFGHIJKLMNOP'), 'amaas_ABCDEFGH');
  assert.equal(keyPrefix('chosen-by-a-person-1'), 'chos');
});
