import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRandom } from '../../statistics/index.ts';
import {
  createTableSource,
  type DataFinding,
  refuseErrors,
  type TableFromOptions,
  tableFromColumns,
} from '../index.ts';
import { failsWith } from '../testing/source-contract.ts';
import { type DescribeOptions, describeTable, formatTableSummary, type TableSummary } from './index.ts';

function describeColumns(
  columns: Readonly<Record<string, readonly unknown[]>>,
  options: DescribeOptions & TableFromOptions = {},
): Promise<TableSummary> {
  return describeTable(createTableSource(tableFromColumns(columns, options), { name: 'made up' }), options);
}

function findingsOf(summary: TableSummary, column: string): readonly DataFinding[] {
  return summary.findings.filter((finding) => finding.column === column);
}

function codesOf(summary: TableSummary, column: string): readonly string[] {
  return findingsOf(summary, column).map(({ code }) => code);
}

const random = createRandom('describe test');
const noise = Array.from({ length: 200 }, () => random.normal());

test('describeTable counts exactly, with the quartiles of NumPy', async () => {
  const values = [3.1, 2.2, null, 17.25, 1.2, 3.8, -40.5, 2.7, 1.9, 4.4, 3.3, 5.9, 2.1];
  const { columns } = await describeColumns({ x: values });
  const [column] = columns;
  assert.deepEqual([column?.missingCount, column?.distinctCount, column?.integer], [1, 12, false]);
  assert(column?.numbers !== undefined);
  const { numbers } = column;
  assert.deepEqual([numbers.min, numbers.max], [-40.5, 17.25]);
  const found = [numbers.mean, numbers.stdDev, ...numbers.quartiles];
  [0.6125, 13.63154971847562, 2.05, 2.9, 3.95].forEach((expected, i) => {
    assert(Math.abs((found[i] ?? Number.NaN) - expected) < 1e-12, JSON.stringify(numbers));
  });
  assert.equal(numbers.outliers.count, 2); // 3 × 1.9 beyond 2.05 and 3.95
});

test('describeTable tells what columns are good for', async () => {
  const rows = Array.from({ length: 200 }, (_, i) => i);
  const { columns } = await describeColumns({
    passenger: rows.map((i) => i + 1),
    code: rows.map((i) => `A-${i * 7919}`),
    userId: rows.map((i) => i * 1000 + 7),
    income: rows.map((i) => (i * 7919) % 100_003),
    review: rows.map((i) => `this is review number ${i} of many`),
    city: rows.map((i) => ['Rome', 'Oslo', 'New York on the Hudson River'][i % 3]),
    flag: rows.map((i) => i % 2 === 0),
    when: rows.map((i) => new Date(i * 1e9)),
    same: rows.map(() => 4),
    none: rows.map(() => null),
    noise,
  });
  assert.deepEqual(Object.fromEntries(columns.map(({ name, type }) => [name, type])), {
    passenger: 'identifier',
    code: 'identifier',
    userId: 'identifier',
    income: 'numeric',
    review: 'text',
    city: 'categorical',
    flag: 'boolean',
    when: 'datetime',
    same: 'constant',
    none: 'empty',
    noise: 'numeric',
  });
});

test('describeTable follows types given by name', async () => {
  const types = new Map([['x', 'categorical']] as const);
  const { columns } = await describeColumns({ x: noise }, { types });
  assert.equal(columns[0]?.type, 'categorical');
});

test('describeTable says what to do about constant, empty, identifying, too wide and infinite columns', async () => {
  const rows = Array.from({ length: 3000 }, (_, i) => i);
  const summary = await describeColumns({
    same: rows.map(() => 'x'),
    none: rows.map(() => undefined),
    id: rows.map((i) => i),
    zip: rows.map((i) => `zip ${i % 1200}`),
    gaps: rows.map((i) => (i % 3 === 0 ? i % 100 : null)),
    rate: rows.map((i) => (i === 41 ? Number.POSITIVE_INFINITY : i % 100)),
  });
  assert.deepEqual(
    summary.findings.map(({ message }) => message),
    [
      'column "same" is "x" in every row and tells nothing; leave it out',
      'column "none" has no value in any row; leave it out',
      'column "id" is different in every row, like an identifier: a model can only learn it by heart; leave it out',
      'column "zip" has 1,200 categories, too many for one-hot: the 1,000 most frequent are kept, the rest count as one; leave it out if it names rows',
      'column "gaps" has no value in 66.7 % of the rows; check it, or leave it out',
      'column "rate" is infinite in 1 row (first in row 42); correct them or make them missing',
    ],
  );
});

test('describeTable counts 10,000 categories exactly and more only as a bound', async () => {
  const wide = Array.from({ length: 20_000 }, (_, i) => `c${i % 10_000}`);
  const { columns, findings } = await describeColumns({ wide });
  assert.deepEqual(
    [columns[0]?.distinctCount, columns[0]?.distinctIsExact, columns[0]?.type],
    [10_000, true, 'categorical'],
  );
  assert.match(findings[0]?.message ?? '', /has 10,000 categories/);
});

test('describeTable finds text where numbers were, with its rows', async () => {
  const cells = Array.from({ length: 40 }, (_, i) => (i === 7 || i === 30 ? 'n.a.' : String(i * 1.5)));
  const summary = await describeColumns({ charge: cells, all: cells.map((_, i) => String(i % 9)) });
  assert.match(
    findingsOf(summary, 'charge')[0]?.message ?? '',
    /"charge" is text because 2 values of 40 are no numbers \(rows 8, 31: "n\.a\."\); correct them, or name them as missing/,
  );
  assert.deepEqual(findingsOf(summary, 'charge')[0]?.rows, [7, 30]);
  assert.match(findingsOf(summary, 'all')[0]?.message ?? '', /numbers written as text/);
});

test('describeTable infers the task from the target', async () => {
  const rows = Array.from({ length: 200 }, (_, i) => i);
  const targets: readonly (readonly [readonly unknown[], string, readonly string[]])[] = [
    [rows.map((i) => i % 2), 'binary', ['0', '1']],
    [rows.map((i) => i % 2 === 0), 'binary', ['false', 'true']],
    [rows.map((i) => (i % 3 === 0 ? 'no' : 'Yes')), 'binary', ['Yes', 'no']],
    [rows.map((i) => 10 - (i % 4) * 3), 'multiclass', ['1', '4', '7', '10']],
    [rows.map((i) => `c${i % 30}`), 'multiclass', Array.from({ length: 30 }, (_, i) => `c${i}`).sort()],
    [rows.map((i) => i % 40), 'regression', []],
    [noise, 'regression', []],
  ];
  for (const [y, task, classes] of targets) {
    const { target } = await describeColumns({ x: noise, y }, { target: 'y' });
    assert.equal(target?.task, task);
    assert.deepEqual(
      target?.classes.map(({ value }) => value),
      classes,
    );
  }
});

test('describeTable refuses targets that cannot be learned, saying why', async () => {
  const rows = Array.from({ length: 200 }, (_, i) => i);
  const refused: readonly (readonly [readonly unknown[], DescribeOptions, RegExp])[] = [
    [
      rows.map(() => 'yes'),
      {},
      /target "y" is "yes" in every row, so there is nothing to tell apart; add rows of another/,
    ],
    [rows.map(() => null), {}, /target "y" has no value in any of the 200 rows; name another target/],
    [rows.map((i) => `name ${i}`), {}, /target "y" has 200 classes in 200 rows: hardly any class comes twice/],
    [rows.map((i) => new Date(i)), {}, /target "y" holds times; predict a number/],
    [rows.map((i) => `c${i % 3}`), { task: 'regression' }, /holds strings, and regression needs numbers/],
    [rows.map((i) => `c${i % 3}`), { task: 'binary' }, /has 3 classes, and a binary task has two/],
    [rows.map((i) => (i === 3 ? Number.NEGATIVE_INFINITY : i * 0.5)), {}, /target "y" is infinite in 1 row/],
  ];
  for (const [y, options, message] of refused) {
    const { findings } = await describeColumns({ x: noise, y }, { ...options, target: 'y' });
    assert.throws(() => refuseErrors('train', findings), failsWith('INVALID_DATA', message));
  }
  const lonely = await describeColumns({ x: rows.map(() => 1), y: rows.map((i) => i % 2) }, { target: 'y' });
  assert.throws(
    () => refuseErrors('train', lonely.findings),
    failsWith('INVALID_DATA', /no column besides target "y" tells rows apart/),
  );
  await assert.rejects(
    describeColumns({ x: noise, Target: noise }, { target: 'target' }),
    failsWith('INVALID_DATA', /no column "target"; there are "x", "Target"\. Did you mean "Target"\?/),
  );
  const empty = await describeColumns({ x: [], y: [] }, { target: 'y' });
  assert.throws(() => refuseErrors('train', empty.findings), failsWith('INVALID_DATA', /made up has no rows/));
});

test('describeTable warns of missing targets and rare classes without forbidding them', async () => {
  const y = noise.map((_, i) => (i < 4 ? null : i < 6 ? 'rare' : i % 2 === 0 ? 'a' : 'b'));
  const summary = await describeColumns({ x: noise, y }, { target: 'y' });
  refuseErrors('train', summary.findings);
  assert.deepEqual(codesOf(summary, 'y'), ['target-missing', 'rare-class']);
  assert.match(findingsOf(summary, 'y')[0]?.message ?? '', /no value in 4 rows of 200 \(2\.0 %\)/);
  assert.match(findingsOf(summary, 'y')[1]?.message ?? '', /"rare" \(2\)/);
});

test('describeTable suspects features that tell a class by themselves, and no honest ones', async () => {
  const y = noise.map((value) => (value > 0.3 ? 'ill' : 'well'));
  const noisy = (share: number): number[] => noise.map((value) => (random.uniform() < share ? -value : value));
  const summary = await describeColumns(
    {
      copy: y,
      code: y.map((label) => (label === 'ill' ? 3 : 8)),
      nearCode: y.map((label, i) => (i === 5 ? 'Z' : label === 'ill' ? 'Q' : `R${i % 4}`)),
      score: noise,
      swapped: noise.map((value) => -(value ** 3)),
      band: noise.map((value) => (value > 0.3 ? 'high' : 'low')),
      honest: noisy(0.15),
      group: noise.map((_, i) => `g${i % 7}`),
      id: noise.map((_, i) => `row-${i}`),
      y,
    },
    { target: 'y' },
  );
  const suspected = summary.findings.filter(({ code }) => code === 'leakage').map(({ column }) => column);
  assert.deepEqual(suspected, ['copy', 'code', 'score', 'swapped', 'band']);
  assert.match(
    findingsOf(summary, 'copy')[0]?.message ?? '',
    /"copy" equals the target "y": it may be known only afterwards/,
  );
  assert.match(findingsOf(summary, 'swapped')[0]?.message ?? '', /alone tells \(ROC AUC 1\.0000\)/);
});

test('describeTable does not suspect a feature that separates one of three classes only', async () => {
  const y = noise.map((_, i) => i % 3);
  const petal = noise.map((value, i) => (i % 3 === 0 ? -50 : 0) + value);
  const summary = await describeColumns({ petal, y }, { target: 'y' });
  assert.deepEqual(codesOf(summary, 'petal'), []);
  // A middle class between two others is told by no ranking, but by the neighbours.
  const told = await describeColumns(
    { petal: y.map((label) => (label - 1) * 2 + random.uniform()), y },
    { target: 'y' },
  );
  assert.deepEqual(codesOf(told, 'petal'), ['leakage']);
});

test('describeTable suspects features that tell a number by themselves', async () => {
  const price = noise.map((value) => Math.exp(value));
  const summary = await describeColumns(
    {
      euros: price.map((value) => 1.1 * value + 4),
      log: noise,
      band: noise.map((_, i) => `b${i % 20}`),
      honest: noise.map((value) => value + 0.2 * random.normal()),
      label: price.map((value) => value.toFixed(9)),
      y: price,
    },
    { target: 'y' },
  );
  const suspected = summary.findings.filter(({ code }) => code === 'leakage').map(({ column }) => column);
  assert.deepEqual(suspected, ['euros', 'log']);
  const steps = noise.map((_, i) => i % 20);
  const grouped = await describeColumns(
    { step: steps.map((step) => `s${step}`), y: steps.map((s) => (s * 7919) % 101) },
    { target: 'y', task: 'regression' },
  );
  assert.deepEqual(codesOf(grouped, 'step'), ['leakage']);
});

test('describeTable samples rows where asked to, by seed, and says so', async () => {
  const x = Array.from({ length: 5000 }, (_, i) => i + 0.5);
  const draw = async (seed: number): Promise<TableSummary> => describeColumns({ x }, { sampleRows: 400, seed });
  const summary = await draw(1);
  assert.equal(summary.sampledRows, 400);
  assert.equal(summary.columns[0]?.numbers?.mean, 2500);
  const [, median = 0] = summary.columns[0]?.numbers?.quartiles ?? [];
  assert(Math.abs(median - 2500) < 400, `${median}`); // 5.5 standard deviations
  assert.match(summary.findings[0]?.message ?? '', /400 sampled rows/);
  assert.deepEqual(await draw(1), summary);
  assert.notDeepEqual((await draw(2)).columns, summary.columns);
});

test('formatTableSummary lists columns, target and findings, the worst first', async () => {
  const text = formatTableSummary(
    await describeColumns(
      {
        age: [22, 38, null, 35, 54, 1_200_000],
        city: ['Rome\n', 'Oslo', 'Oslo', 'Oslo', null, 'a name that is much too long'],
        when: [0, 1, 2, 3, 4, 5].map((day) => new Date(day * 86_400_000)),
        none: [null, null, null, null, null, null],
        y: ['no', 'no', 'no', 'yes', 'yes', null],
      },
      { target: 'y' },
    ),
  );
  assert.equal(
    text,
    `made up: 6 rows, 5 columns

column  type         missing  distinct  values
age     numeric       16.7 %         5  22 … 1,200,000, mean 240,030, median 38, 1 outlier
city    categorical   16.7 %         3  Oslo (3), Rome  (1), a name that is much… (1)
when    datetime                     6  1970-01-01 00:00:00 … 1970-01-06 00:00:00
none    empty        100.0 %         0
y *     categorical   16.7 %         2  no (3), yes (2)

* target "y": binary, 2 classes: no 60.0 %, yes 40.0 %

warning: column "none" has no value in any row; leave it out
warning: target "y" has no value in 1 row of 6 (16.7 %); these rows can be neither trained nor tested on and are left out
warning: target "y" has classes with very few rows: "no" (3), "yes" (2); collect more or merge them`,
  );
});
