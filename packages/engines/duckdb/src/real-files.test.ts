// Real files against Python: each column's kind, missing cells, different values and a digest of all of its cells.
// The oracle was made with Python 3's csv module and float(): cells stripped of " \t\r\n\u00a0", the same missing texts,
// SHA-256 over one tag byte a cell (0 missing, 1 number, 2 boolean, 3 time, 4 text) and its value (float64 little
// endian; '1' or '0'; UTF-8 and a zero byte), the first 16 hex digits kept.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { type Column, type DataSource, describeTable, readTable } from '@amaas/learn/data';
import { sharedDataPath, skipWithoutSharedData } from '../../../../tools/test-data.ts';
import { type OpenTableOptions, openTable } from './index.ts';

interface OracleTable {
  readonly rows: number;
  /** Name, kind, missing cells, different values, digest. */
  readonly columns: readonly (readonly [string, string, number, number, string])[];
}

// The file is this test's own, written in this form.
const oracle = JSON.parse(readFileSync(new URL('./testing/oracle.json', import.meta.url), 'utf8')) as Readonly<
  Record<string, OracleTable>
>;

const OPTIONS: Readonly<Record<string, OpenTableOptions>> = {
  'tabular/sklearn_iris.csv': { skipLines: 1 },
  'tabular/sklearn_wine_data.csv': { skipLines: 1 },
  'tabular/sklearn_digits.csv.gz': {
    columns: [1, 2, 3, 4, 5, 6, 7, 8, 9, 61, 62, 63, 64, 65].map((column) => `column${column}`),
  },
  'text/SMSSpamCollection': { ragged: 'join' },
};

for (const [path, expected] of Object.entries(oracle)) {
  test(`openTable reads ${path} as Python does`, { skip: skipWithoutSharedData(path) }, async () => {
    const source = await openTable(sharedDataPath(path), OPTIONS[path]);
    try {
      assert.equal(source.rowCount, expected.rows);
      const table = await readTable(source);
      const { columns } = await describeTable(source);
      const found = table.columns.map((column, i) => [
        column.name,
        column.kind,
        columns[i]?.missingCount,
        columns[i]?.distinctCount,
        digestColumn(column),
      ]);
      assert.deepEqual(found, expected.columns);
    } finally {
      await source.close();
    }
  });
}

function digestColumn(column: Column): string {
  const hash = createHash('sha256');
  const number = new Float64Array(1);
  column.valid.forEach((valid, row) => {
    const value = column.values[row];
    if (valid !== 1) hash.update('\0');
    else if (column.kind === 'string') hash.update(`\x04${value}\0`);
    else if (column.kind === 'boolean') hash.update(`\x02${value}`);
    else {
      number[0] = Number(value);
      hash.update(column.kind === 'number' ? '\x01' : '\x03').update(new Uint8Array(number.buffer));
    }
  });
  return hash.digest('hex').slice(0, 16);
}

const withSource = async (
  path: string,
  options: OpenTableOptions,
  look: (source: DataSource) => Promise<void>,
): Promise<void> => {
  const source = await openTable(sharedDataPath(path), options);
  try {
    await look(source);
  } finally {
    await source.close();
  }
};

test('openTable says how it read Adult: blanks cut off, "?" missing', {
  skip: skipWithoutSharedData('tabular/AdultCensusIncomeOriginal.csv'),
}, async () => {
  await withSource('tabular/AdultCensusIncomeOriginal.csv', {}, async (source) => {
    // shasum -a 256 of the file
    assert.equal(source.digest, 'sha256:2a3d47038b736f57f426eb37632fd31387b7ecf80a240804e2aa7c0fabc2b5e4');
    assert.deepEqual(
      source.findings.map(({ message }) => message),
      [
        'AdultCensusIncomeOriginal.csv: cells are separated by a comma, which gives 15 cells in 100 % of the first 2000 records',
        'AdultCensusIncomeOriginal.csv: line 1 is the header, because "age" stands above numbers or dates',
        'AdultCensusIncomeOriginal.csv: 4,262 cells with "?" count as missing (columns "workclass", "occupation", "native_country")',
        'AdultCensusIncomeOriginal.csv: blanks around cells were cut off in 14 columns',
      ],
    );
  });
});

test('openTable counts the blank cells of Telco as missing', {
  skip: skipWithoutSharedData('tabular/Telco-Customer-Churn.csv'),
}, async () => {
  await withSource('tabular/Telco-Customer-Churn.csv', {}, async (source) => {
    const [finding] = source.findings.filter(({ code }) => code === 'missing-values');
    assert.equal(
      finding?.message,
      'Telco-Customer-Churn.csv: 11 cells with blank text count as missing (column "TotalCharges")',
    );
  });
  // Where blanks are kept, TotalCharges has text where numbers were.
  await withSource('tabular/Telco-Customer-Churn.csv', { columns: ['TotalCharges', 'Churn'] }, async (source) => {
    assert.deepEqual(
      source.fields.map(({ name, kind }) => [name, kind]),
      [
        ['TotalCharges', 'number'],
        ['Churn', 'string'],
      ],
    );
  });
});

test('openTable refuses the odd first lines of scikit-learn files and says what to do', {
  skip: skipWithoutSharedData('tabular/sklearn_iris.csv', 'tabular/sklearn_breast_cancer.csv'),
}, async () => {
  await assert.rejects(
    openTable(sharedDataPath('tabular/sklearn_iris.csv')),
    /"150", "4", .*skipLines: 1 if it is no part/,
  );
  await assert.rejects(
    openTable(sharedDataPath('tabular/sklearn_breast_cancer.csv')),
    /line 1 of sklearn_breast_cancer\.csv has 4 cells .*nearly all other lines have 31; .*skipLines: 1/,
  );
});

test('openTable refuses the broken message of SMSSpamCollection with its line, unless told what to do', {
  skip: skipWithoutSharedData('text/SMSSpamCollection'),
}, async () => {
  const path = sharedDataPath('text/SMSSpamCollection');
  await assert.rejects(openTable(path), /2 cells a line are expected, but SMSSpamCollection: line 6 has 1\. .*'join'/);
  for (const [ragged, rows, message] of [
    ['drop', 5574, "Nah I don't think he goes to usf, he lives around he"],
    ['pad', 5575, "Nah I don't think he goes to usf, he lives around he"],
    ['join', 5574, "Nah I don't think he goes to usf, he lives around he\nre though"],
  ] as const) {
    await withSource('text/SMSSpamCollection', { ragged, names: ['label', 'message'] }, async (source) => {
      assert.equal(source.rowCount, rows);
      const table = await readTable(source, { columns: ['message'] });
      assert.equal(table.columns[0]?.values[4], message);
      const [finding] = source.findings.filter(({ code }) => code === 'ragged-rows');
      assert.match(finding?.message ?? '', /line 6 has 1; /);
    });
  }
});

test('describeTable finds what there is to find in Titanic: a copy of the target, hardly any decks', {
  skip: skipWithoutSharedData('tabular/titanic.csv'),
}, async () => {
  await withSource('tabular/titanic.csv', {}, async (source) => {
    const { findings, target } = await describeTable(source, { target: 'survived' });
    assert.deepEqual(
      findings.filter(({ severity }) => severity !== 'info').map(({ code, column }) => [code, column]),
      [
        ['mostly-missing', 'deck'],
        ['leakage', 'alive'],
      ],
    );
    assert.deepEqual([target?.task, target?.classes.map(({ count }) => count)], ['binary', [549, 342]]);
  });
});
