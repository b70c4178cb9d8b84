import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findDescriptions } from './own-descriptions.ts';

const entry = (key: string, value: unknown) => ({
  key,
  value: typeof value === 'string' ? value : JSON.stringify(value),
});

test('findDescriptions gives what a file says about itself, by kind', () => {
  const table = { format: 'amaas-table-1', columns: [{ name: '__proto__' }] };
  const media = { format: 'amaas-media-1', classes: ['a', 'b'] };
  const metadata = [entry('amaas.media', media), entry('other', { format: 'x' }), entry('amaas.table', table)];
  assert.deepEqual(findDescriptions({ metadata }), { table, media });
  assert.deepEqual(findDescriptions({}), {});
});

test('findDescriptions leaves out what is no description of ours', () => {
  for (const value of ['{', '[]', 'null', '5', '{}', { format: 'amaas-media-1' }, { format: 'amaas-table-2' }])
    assert.deepEqual(findDescriptions({ metadata: [entry('amaas.table', value)] }), {});
  const large = { format: 'amaas-table-1', columns: 'x'.repeat(2 ** 20) };
  assert.deepEqual(findDescriptions({ metadata: [entry('amaas.table', large)] }), {});
});
