import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cellsOf, failsWith } from '../testing/source-contract.ts';
import { fieldsOf, tableFromColumns, tableFromRows } from './index.ts';

test('tableFromRows takes columns in order of appearance and absent names as missing', () => {
  const table = tableFromRows([
    { a: 1.5, b: 'x' },
    { b: null, c: true },
    { a: 3n, c: undefined, b: '' },
  ]);
  assert.deepEqual(
    table.columns.map(({ name, kind }) => [name, kind]),
    [
      ['a', 'number'],
      ['b', 'string'],
      ['c', 'boolean'],
    ],
  );
  assert.deepEqual(
    [0, 1, 2].map((row) => cellsOf(table, row)),
    [
      [1.5, 'x', null],
      [null, null, true],
      [3, '', null],
    ],
  );
});

test('tableFromRows keeps names that objects inherit apart from cells', () => {
  const table = tableFromRows([{ a: 1 }, JSON.parse('{"constructor": 2, "__proto__": 3}')]);
  assert.deepEqual(cellsOf(table, 0), [1, null, null]);
  assert.deepEqual(cellsOf(table, 1), [null, 2, 3]);
});

test('tableFromRows refuses mixed kinds, objects and bigints that float64 cannot hold, naming rows', () => {
  const refused: readonly (readonly [unknown, RegExp])[] = [
    ['x', /column "a" is number in row 0 and string in row 1; make the cells of one kind/],
    [{}, /row 1 of column "a" is an object/],
    [9007199254740993n, /row 1 of column "a" is 9007199254740993, which float64 cannot hold exactly/],
  ];
  for (const [cell, message] of refused) {
    assert.throws(() => tableFromRows([{ a: 1 }, { a: cell }]), failsWith('INVALID_DATA', message));
  }
});

test('tableFromRows follows declared kinds', () => {
  const rows = [{ s: 1, n: ' 2.5 ', b: 'TRUE', t: '2024-02-03', e: null }];
  const kinds = new Map([
    ['s', 'string'],
    ['n', 'number'],
    ['b', 'boolean'],
    ['t', 'timestamp'],
    ['e', 'number'],
  ] as const);
  assert.deepEqual(cellsOf(tableFromRows(rows, { kinds }), 0), ['1', 2.5, true, Date.UTC(2024, 1, 3), null]);
  assert.throws(
    () => tableFromRows([{ n: 'two' }], { kinds }),
    failsWith('INVALID_DATA', /row 0 of column "n" is "two"/),
  );
  assert.throws(() => tableFromRows([{ b: 2 }], { kinds }), failsWith('INVALID_DATA', /2, which is no boolean/));
});

test('tableFromColumns takes typed arrays and refuses different lengths', () => {
  const table = tableFromColumns({ x: Float32Array.of(0.5, Number.NaN), y: ['p', 'q'], i: Int32Array.of(4, -5) });
  assert.deepEqual(
    [cellsOf(table, 0), cellsOf(table, 1)],
    [
      [0.5, 'p', 4],
      [null, 'q', -5],
    ],
  );
  assert.deepEqual(
    fieldsOf(table).map(({ integer }) => integer),
    [false, false, true],
  );
  assert.throws(
    () =>
      tableFromColumns(
        new Map([
          ['x', [1]],
          ['y', [1, 2]],
        ]),
      ),
    failsWith('INVALID_DATA', /column "y" has 2 cells, column "x" has 1/),
  );
});
