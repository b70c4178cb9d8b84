import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cellsOf, failsWith } from '../testing/source-contract.ts';
import { concatTables, selectColumns, sliceRows, tableFromColumns, takeRows } from './index.ts';

const table = tableFromColumns({
  n: [1, null, 3, 4],
  s: ['a', 'b', null, 'd'],
  b: [true, false, null, true],
  t: [new Date(5), null, new Date(7), new Date(8)],
});

test('takeRows copies the cells of these rows in their order', () => {
  const taken = takeRows(table, [2, 0, 2]);
  assert.deepEqual(
    [0, 1, 2].map((row) => cellsOf(taken, row)),
    [
      [3, null, null, 7],
      [1, 'a', true, 5],
      [3, null, null, 7],
    ],
  );
  for (const row of [4, -1, 0.5]) assert.throws(() => takeRows(table, [row]), failsWith('INVALID_ARGUMENT', /row/));
});

test('sliceRows and concatTables undo each other', () => {
  const joined = concatTables([sliceRows(table, 0, 1), sliceRows(table, 1, 1), sliceRows(table, 1, 9)]);
  assert.deepEqual(joined, table);
  assert.throws(
    () => concatTables([table, tableFromColumns({ n: ['1'], s: ['a'], b: [true], t: [new Date(1)] })]),
    failsWith('INVALID_DATA', /differ in column 0 \("n"\)/),
  );
});

test('selectColumns says which columns there are', () => {
  assert.deepEqual(cellsOf(selectColumns(table, ['s', 'n']), 3), ['d', 4]);
  assert.throws(() => selectColumns(table, ['S ']), failsWith('INVALID_DATA', /Did you mean "s"\?/));
});
