import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createTableSource, describeTable, tableFromColumns, takeRows } from '../data/index.ts';
import { fitPreprocessing } from './fit-preprocessing.ts';

test('fitPreprocessing leaves out columns of which the training part shows nothing to learn', async () => {
  const table = tableFromColumns({
    size: [1.5, 2, 3, 4.25, 5, 6],
    late: [null, null, null, null, 7.5, 8.5],
    rare: ['a', 'b', 'c', 'd', 'a', 'a'],
    often: ['x', 'y', 'x', 'y', 'x', 'z'],
  });
  const { columns } = await describeTable(createTableSource(table));
  const { steps, dropped } = fitPreprocessing(takeRows(table, [0, 1, 2, 3]), columns);
  assert.deepEqual(
    steps.map(({ kind, column }) => `${kind} ${column}`),
    ['numeric size', 'categorical often'],
  );
  assert.deepEqual(dropped, [
    { column: 'late', reason: 'has no value in the training part' },
    { column: 'rare', reason: 'has no value that comes twice' },
  ]);
});
