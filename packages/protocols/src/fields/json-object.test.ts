import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseJsonObject } from './json-object.ts';

test('parseJsonObject takes objects and nothing else', () => {
  assert.deepEqual(parseJsonObject(' {"a": [1]}'), { a: [1] });
  for (const text of ['', '{', '[1]', 'null', '3', '"a"']) assert.equal(parseJsonObject(text), null, text);
});
