import assert from 'node:assert/strict';
import { test } from 'node:test';
import { withoutUndefined } from './without-undefined.ts';

test('withoutUndefined drops what has no value, keeps null, and the order', () => {
  const given = withoutUndefined({ b: 1, gone: undefined, a: null, c: false, d: '' });
  assert.deepEqual(Object.entries(given), [
    ['b', 1],
    ['a', null],
    ['c', false],
    ['d', ''],
  ]);
});
