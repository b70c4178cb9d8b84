import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ALL_TOKENS } from '@amaas/core';
import { Fields } from './fields.ts';
import { readTopK } from './top-k.ts';

test('readTopK reads -1 and 0 as all tokens', () => {
  const found = [{ top_k: 3 }, { top_k: 0 }, { top_k: -1 }, {}].map((body) => readTopK(Fields.of(body)));
  assert.deepEqual(found, [3, ALL_TOKENS, ALL_TOKENS, undefined]);
  assert.throws(() => readTopK(Fields.of({ top_k: -2 })), { reason: 'INVALID_ARGUMENT', details: { field: 'top_k' } });
});
