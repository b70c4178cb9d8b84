import assert from 'node:assert/strict';
import { test } from 'node:test';
import { tableFromColumns } from '../data/index.ts';
import { inferRequest, rawRow } from './raw-rows.ts';
import type { TableModelDescription } from './table-description.ts';

const description: TableModelDescription = {
  format: 'amaas-table-1',
  target: { task: 'binary', column: 'y', classes: ['0', '1'] },
  columns: [
    { name: 'size', kind: 'number', dtype: 'float32', role: 'numeric' },
    { name: 'ok', kind: 'boolean', dtype: 'bool', role: 'categorical' },
    { name: 'maybe', kind: 'boolean', dtype: 'string', role: 'categorical' },
    { name: 'when', kind: 'timestamp', dtype: 'float64', role: 'datetime' },
  ],
};
const table = tableFromColumns({
  y: [1, 0],
  when: [new Date(1000), null],
  maybe: [false, null],
  ok: [true, false],
  size: [0.1, null],
});

test('rawRow gives a row as callers of the model write it, in the model order, null where missing', () => {
  assert.deepEqual(
    [...rawRow(description, table, 0)],
    [
      ['size', 0.1],
      ['ok', true],
      ['maybe', 'false'],
      ['when', 1000],
    ],
  );
  assert.deepEqual([...rawRow(description, table, 1).values()], [null, false, null, null]);
});

test('inferRequest gives rows as columns of an OIP request', () => {
  const { inputs } = inferRequest(description, [rawRow(description, table, 0), rawRow(description, table, 1)]);
  assert.deepEqual(inputs, [
    { name: 'size', shape: [2], datatype: 'FP32', data: [0.1, null] },
    { name: 'ok', shape: [2], datatype: 'BOOL', data: [true, false] },
    { name: 'maybe', shape: [2], datatype: 'BYTES', data: ['false', null] },
    { name: 'when', shape: [2], datatype: 'FP64', data: [1000, null] },
  ]);
});
