import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hashSubword, subwordsOf } from './index.ts';
import { subwordSettings } from './subwords.ts';
import { numpyValues } from './testing/numpy-values.ts';

test("subwordsOf gives the paper's parts of where", () => {
  // Bojanowski et al. (2017), section 3.2: the 3-grams of "where".
  assert.deepEqual(subwordsOf('where', { minLength: 3, maxLength: 3 }), ['<wh', 'whe', 'her', 'ere', 're>']);
});

test('subwordsOf counts code points, has the whole word among short ones and leaves the marks alone', () => {
  assert.deepEqual(subwordsOf('a😀', { minLength: 1, maxLength: 4 }), [
    '<a',
    '<a😀',
    '<a😀>',
    'a',
    'a😀',
    'a😀>',
    '😀',
    '😀>',
  ]);
  assert.deepEqual(subwordsOf('a', { minLength: 4, maxLength: 6 }), []);
});

test("hashSubword is FNV-1a, with fastText's signed bytes", () => {
  // Published test values of FNV-1a, 32 bits (Noll, isthe.com/chongo/tech/comp/fnv).
  assert.equal(hashSubword(''), 0x811c9dc5);
  assert.equal(hashSubword('a'), 0xe40c292c);
  assert.equal(hashSubword('foobar'), 0xbf9cf968);
  for (const [part, hash] of Object.entries(numpyValues.hashes)) assert.equal(hashSubword(part), hash, part);
});

test('subwordSettings refuses lengths and buckets out of range', () => {
  for (const wrong of [
    { minLength: 0 },
    { minLength: 5, maxLength: 4 },
    { maxLength: 40 },
    { buckets: 0 },
    { buckets: 2 ** 31 },
  ]) {
    assert.throws(() => subwordSettings(wrong), { reason: 'INVALID_ARGUMENT' });
  }
});
