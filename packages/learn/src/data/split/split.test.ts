import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Column, createTableSource, tableFromColumns } from '../index.ts';
import { failsWith } from '../testing/source-contract.ts';
import { findSharedRows } from './duplicates.ts';
import { type Split, splitRows } from './split.ts';

function columnOf(cells: readonly unknown[]): Column {
  const [column] = tableFromColumns({ by: cells }).columns;
  assert(column !== undefined);
  return column;
}

function sizesOf({ train, validation, test: tested }: Split): readonly number[] {
  return [train.length, validation.length, tested.length];
}

/** Every row in exactly one part, each part ascending. */
function assertPartition(split: Split, rows: Iterable<number>): void {
  const parts = [split.train, split.validation, split.test];
  for (const part of parts) assert.deepEqual(part, part.slice().sort());
  assert.deepEqual(
    parts.flatMap((part) => [...part]).sort((a, b) => a - b),
    [...rows].sort((a, b) => a - b),
  );
}

test('splitRows has the sizes of scikit-learn 1.9.1 train_test_split', () => {
  const expected: readonly (readonly [number, number, number, number])[] = [
    [10, 0.25, 7, 3],
    [303, 0.2, 242, 61],
    [569, 0.2, 455, 114],
    [891, 0.33, 596, 295],
    [1599, 0.1, 1439, 160],
    [7, 0.5, 3, 4],
  ];
  for (const [rowCount, share, train, tested] of expected) {
    const split = splitRows(rowCount, { seed: 1, test: share });
    assert.deepEqual(sizesOf(split), [train, 0, tested]);
    assertPartition(split, Array(rowCount).keys());
  }
});

test('splitRows is not led astray by binary fractions: 0.55 of 100 rows are 55', () => {
  assert.deepEqual(sizesOf(splitRows(100, { seed: 1, test: 0.55, validation: 0.07 })), [38, 7, 55]);
  assert.deepEqual(sizesOf(splitRows(100, { seed: 1, test: 12, validation: 30 })), [58, 30, 12]);
});

test('splitRows gives equal parts for equal seeds and others for others', () => {
  const draw = (seed: string | number): number[] => [...splitRows(50, { seed, validation: 0.2 }).test];
  assert.deepEqual(draw(4), draw('4'));
  assert.notDeepEqual(draw(4), draw(5));
});

test('splitRows at random takes every row equally often', () => {
  const counts = new Array<number>(12).fill(0);
  for (let seed = 0; seed < 3000; seed++) {
    for (const row of splitRows(12, { seed, test: 0.25 }).test) counts[row] = (counts[row] ?? 0) + 1;
  }
  // Binomial(3000, 1/4): standard deviation 23.7, of which 4.2 are allowed.
  for (const count of counts) assert(Math.abs(count - 750) < 100, `${counts}`);
});

test('splitRows refuses sizes out of range and parts that leave nothing to train on', () => {
  for (const size of [-0.1, 1.5, Number.NaN, -3, Number.POSITIVE_INFINITY]) {
    assert.throws(() => splitRows(100, { seed: 1, test: size }), failsWith('INVALID_ARGUMENT', /test must be a share/));
  }
  assert.throws(
    () => splitRows(10, { seed: 1, test: 0.5, validation: 0.5 }),
    failsWith('INVALID_DATA', /10 rows cannot give 5 for testing and 5 for validation and leave any for training/),
  );
  assert.throws(() => splitRows(0, { seed: 1 }), failsWith('INVALID_DATA', /0 rows/));
});

test('splitRows splits only the rows given', () => {
  const rows = [90, 3, 44, 5, 61];
  const split = splitRows(100, { seed: 1, test: 2, rows });
  assertPartition(split, rows);
  for (const bad of [[3, 3], [100]]) {
    assert.throws(() => splitRows(100, { seed: 1, rows: bad }), failsWith('INVALID_ARGUMENT', /row (3|100)/));
  }
});

test('splitRows stratified shares classes out as scikit-learn 1.9.1 does', () => {
  const expected: readonly (readonly [readonly number[], number, readonly number[]])[] = [
    [[165, 138], 0.2, [33, 28]],
    [[342, 549], 0.33, [113, 182]],
    [[10, 53, 681, 638, 199, 18], 0.1, [1, 5, 68, 64, 20, 2]],
    [[50, 70, 30], 0.25, [13, 18, 7]],
    [[4825, 747], 0.2, [966, 149]],
  ];
  for (const [sizes, share, tested] of expected) {
    const by = columnOf(sizes.flatMap((size, label) => new Array<string>(size).fill(`class ${label}`)));
    const split = splitRows(by.valid.length, { seed: 3, test: share, strategy: { kind: 'stratified', by } });
    assert.deepEqual(
      sizes.map((_, label) => [...split.test].filter((row) => by.values[row] === `class ${label}`).length),
      tested,
    );
    assertPartition(split, by.valid.keys());
    assert.deepEqual(split.findings, []);
  }
});

test('splitRows stratified puts a class of three into three parts, a single row into training, and says so', () => {
  const labels = [...new Array(94).fill('big'), 'three', 'two', 'three', null, 'three', 'two'];
  for (let seed = 0; seed < 20; seed++) {
    const by = columnOf(labels);
    const split = splitRows(100, { seed, test: 0.1, validation: 0.1, strategy: { kind: 'stratified', by } });
    assert.deepEqual(sizesOf(split), [80, 10, 10]);
    const partsOf = (label: string): readonly number[] =>
      [split.train, split.validation, split.test].map(
        (part) => [...part].filter((row) => by.values[row] === label).length,
      );
    assert.deepEqual(partsOf('three'), [1, 1, 1]);
    assert(split.train.includes(97), 'the one row without a class stays in training');
    assert.equal(partsOf('two')[0], 1);
    const [finding] = split.findings;
    assert.match(finding?.message ?? '', /2 classes of "by" have too few rows to be in every part/);
  }
  const many = columnOf(Array.from({ length: 100 }, (_, i) => `c${i % 30}`));
  assert.throws(
    () => splitRows(100, { seed: 1, strategy: { kind: 'stratified', by: many } }),
    failsWith('INVALID_DATA', /"by" has 30 classes, but the smallest part only 20 rows/),
  );
});

test('splitRows grouped never divides a group and comes near the sizes asked for', () => {
  for (let seed = 0; seed < 30; seed++) {
    const groups = Array.from({ length: 300 }, (_, row) => (row % 50 === 0 ? null : (row * row) % 41));
    const by = columnOf(groups);
    const split = splitRows(300, { seed, test: 0.2, validation: 0.1, strategy: { kind: 'grouped', by } });
    assertPartition(split, groups.keys());
    const partOf = new Map<unknown, string>();
    for (const part of ['train', 'validation', 'test'] as const) {
      for (const row of split[part]) {
        const group = groups[row];
        if (group === null) continue;
        assert.equal(partOf.get(group) ?? part, part, `group ${group}`);
        partOf.set(group, part);
      }
    }
    assert(Math.abs(split.test.length - 60) <= 8 && Math.abs(split.validation.length - 30) <= 8, `${sizesOf(split)}`);
  }
  const two = columnOf(['a', 'a', 'a', 'a', 'b', 'b', 'b', 'b', 'b', 'b']);
  const split = splitRows(10, { seed: 1, test: 0.2, strategy: { kind: 'grouped', by: two } });
  assert(split.test.length === 4 || split.test.length === 6);
  assert.match(split.findings[0]?.message ?? '', /instead of 8, 0 and 2/);
  assert.throws(
    () => splitRows(10, { seed: 1, test: 0.2, validation: 0.2, strategy: { kind: 'grouped', by: two } }),
    failsWith('INVALID_DATA', /"by" has 2 groups, too few for 3 parts/),
  );
});

test('splitRows by time tests on the newest rows and never cuts one time apart', () => {
  const times = [50, 10, 40, 20, 30, 60, 80, 70, 100, 90];
  const by = columnOf(times.map((time) => new Date(time)));
  const split = splitRows(10, { seed: 1, test: 0.2, validation: 0.3, strategy: { kind: 'time', by } });
  const timesOf = (part: Uint32Array): readonly (number | undefined)[] => [...part].map((row) => times[row]);
  assert.deepEqual(
    [timesOf(split.train), timesOf(split.validation), timesOf(split.test)],
    [
      [50, 10, 40, 20, 30],
      [60, 80, 70],
      [100, 90],
    ],
  );
  const tied = columnOf([1, 2, 2, 2, 3, 3]);
  const tiedSplit = splitRows(6, { seed: 1, test: 3, strategy: { kind: 'time', by: tied } });
  assert.deepEqual([...tiedSplit.test], [1, 2, 3, 4, 5]);
  assert.match(tiedSplit.findings[0]?.message ?? '', /1 training, 0 validation and 5 test rows instead of 3, 0 and 3/);
  const refused: readonly (readonly [readonly unknown[], RegExp])[] = [
    [[1, 2, null, 4], /no time in 1 row/],
    [[3, 3, 3, 3], /too few different times/],
    [['a', 'b', 'c', 'd'], /holds strings, not times/],
  ];
  for (const [cells, message] of refused) {
    assert.throws(
      () => splitRows(4, { seed: 1, strategy: { kind: 'time', by: columnOf(cells) } }),
      failsWith('INVALID_DATA', message),
    );
  }
});

test('findSharedRows finds held-out rows that equal training rows, missing cells and column borders told apart', async () => {
  const a = ['x', 'xy', 'x', 'x', null, '', 'x', null];
  const b = ['y', '', 'y', 'z', 'y', 'y', null, 'y'];
  const source = createTableSource(tableFromColumns({ a, b, target: [0, 1, 1, 0, 0, 0, 1, 0] }));
  const split: Split = {
    train: Uint32Array.of(0, 4, 6),
    validation: Uint32Array.of(1, 2),
    test: Uint32Array.of(3, 5, 7),
    findings: [],
  };
  assert.deepEqual([...(await findSharedRows(source, split)).rows], [7]);
  const features = await findSharedRows(source, split, { columns: ['a', 'b'] });
  assert.deepEqual([...features.rows], [2, 7]);
  assert.deepEqual(
    features.findings.map(({ message }) => message.slice(0, 49)),
    ['1 validation row of 2 also is in training (row 3)', '1 test row of 3 also is in training (row 8), whic'],
  );
});
