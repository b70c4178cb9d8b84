import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRandom } from '../statistics/index.ts';
import { RankedTokens } from './ranked-tokens.ts';

test('RankedTokens hands out what a stable sort would, ties by index, then -1', () => {
  const random = createRandom('ranks');
  for (let size = 0; size < 60; size++) {
    const values = Array.from({ length: size }, () => random.integer(8));
    const order = [...values.keys()].sort((a, b) => (values[b] ?? 0) - (values[a] ?? 0));
    const ranked = new RankedTokens(values);
    assert.deepEqual(
      values.map(() => ranked.next()),
      order,
    );
    assert.deepEqual([ranked.next(), ranked.next()], [-1, -1]);
  }
});
