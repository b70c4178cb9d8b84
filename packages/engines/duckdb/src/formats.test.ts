// JSON lines and Parquet.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { DuckDBInstance } from '@duckdb/node-api';
import { failsWith } from '../../../learn/src/data/testing/source-contract.ts';
import { createScratch, readFile } from './testing/scratch.ts';

const scratch = createScratch();

async function writeParquet(name: string, select: string): Promise<string> {
  const path = `${scratch.folder}/${name}`;
  const instance = await DuckDBInstance.create();
  const connection = await instance.connect();
  await connection.run(`COPY (${select}) TO '${path}'`);
  connection.closeSync();
  instance.closeSync();
  return path;
}

test('openTable reads JSON lines by the types they have, keys exactly as written', async () => {
  const lines = [
    '{"a.b":1,"A":true,"a":"x","it\'s":"007","t":"2024-01-02T03:04:05Z"}',
    '',
    '{"a":null,"q\\"/~":2.5,"a.b":-3e2,"A":false}',
    '{"it\'s":"8","t":"2024-01-03","a":"NA"}',
  ];
  const { names, kinds, rows } = await scratch.read('keys.jsonl', lines.join('\n'));
  assert.deepEqual(names, ['a.b', 'A', 'a', "it's", 't', 'q"/~']);
  // Text that looks like numbers stays text: JSON would have said number.
  assert.deepEqual(kinds, ['number', 'boolean', 'string', 'string', 'timestamp', 'number']);
  assert.deepEqual(rows, [
    [1, true, 'x', '007', Date.UTC(2024, 0, 2, 3, 4, 5), null],
    [-300, false, null, null, null, 2.5],
    [null, null, 'NA', '8', Date.UTC(2024, 0, 3), null],
  ]);
});

test('openTable reads gzipped JSON lines and arrays of objects, and gives the digest of the file itself', async () => {
  const bytes = gzipSync('{"x":1}\n{"x":2}\n');
  const packed = await scratch.read('x.jsonl.gz', bytes);
  assert.deepEqual(packed.rows, [[1], [2]]);
  assert.equal(packed.digest, `sha256:${createHash('sha256').update(bytes).digest('hex')}`);
  assert.deepEqual((await scratch.read('array.json', ' [{"x":1},\n {"x":2}]')).rows, [[1], [2]]);
  assert.deepEqual((await scratch.read('no-name', '{"x": 1}\n')).rows, [[1]]);
});

test('openTable keeps mixed JSON columns and large integers as text', async () => {
  const { kinds, rows } = await scratch.read('mixed.jsonl', '{"m":1,"big":12345678901234567890}\n{"m":"b","big":1}\n');
  assert.deepEqual(
    [kinds, rows],
    [
      ['string', 'string'],
      [
        ['1', '12345678901234567890'],
        ['b', '1'],
      ],
    ],
  );
});

test('openTable refuses JSON that is no table, by line or column', async () => {
  const refused: readonly (readonly [string, RegExp])[] = [
    ['{"a":1}\n{"a":\n', /Malformed JSON.*one object a line/],
    ['{"a":1}\n[2]\n', /every row of bad\.jsonl must be a JSON object .* row 2 is array/],
    ['{"a":1,"o":{"x":1}}\n{"a":2,"o":null}\n', /column "o" of bad\.jsonl holds objects or lists in 1 row; flatten/],
    ['{}\n{}\n', /have no keys/],
  ];
  for (const [text, message] of refused) {
    await assert.rejects(readFile(scratch.write('bad.jsonl', text)), failsWith('INVALID_DATA', message));
  }
  const { rows } = await scratch.read('bad.jsonl', '{"a":1,"o":{"x":1}}\n{"a":2}\n', { columns: ['a'] });
  assert.deepEqual(rows, [[1], [2]]);
});

test('openTable reads Parquet by its types', async () => {
  const path = await writeParquet(
    'types.parquet',
    `SELECT 7::TINYINT AS i, 1.5::FLOAT AS f, 'nan'::DOUBLE AS gap, 2.25::DECIMAL(9, 2) AS d, true AS b, 'NA' AS s,
       DATE '2024-02-29' AS day, TIMESTAMP_NS '2024-02-29 01:02:03.004005006' AS t, 9007199254740993::BIGINT AS big,
       42::BIGINT AS fits, 'x'::ENUM('x', 'y') AS e, TIMESTAMPTZ '2024-02-29 01:00:00+01' AS z, 'q' AS "a ""b'; --"
     UNION ALL SELECT NULL, NULL, 3, NULL, NULL, NULL, NULL, NULL, 1, NULL, NULL, NULL, NULL`,
  );
  const { names, kinds, rows, findings } = await readFile(path);
  assert.equal(names.at(-1), 'a "b\'; --');
  const [n, s, t] = ['number', 'string', 'timestamp'];
  assert.deepEqual(kinds, [n, n, n, n, 'boolean', s, t, t, s, n, s, t, s]);
  const day = Date.UTC(2024, 1, 29);
  assert.deepEqual(rows[0], [
    7,
    1.5,
    null,
    2.25,
    true,
    'NA',
    day,
    day + 3_723_004,
    '9007199254740993',
    42,
    'x',
    day,
    'q',
  ]);
  assert.deepEqual(rows[1], [null, null, 3, null, null, null, null, null, '1', null, null, null, null]);
  assert.match(
    findings.find(({ code }) => code === 'large-integers')?.message ?? '',
    /"big" holds 1 whole number beyond/,
  );
  const told = await readFile(path, { columns: ['big', 's'], kinds: new Map([['big', 'number']]), missing: ['NA'] });
  assert.deepEqual(told.rows, [
    [9007199254740992, null],
    [1, null],
  ]);
});

test('openTable refuses Parquet columns that are no cells unless others are named, and damaged files', async () => {
  const path = await writeParquet('nested.parquet', "SELECT 1 AS a, [1, 2] AS l, 'x'::BLOB AS raw");
  await assert.rejects(
    readFile(path),
    failsWith('INVALID_DATA', /column "l" holds INTEGER\[\], which is no table cell/),
  );
  assert.deepEqual((await readFile(path, { columns: ['a'] })).rows, [[1]]);
  await assert.rejects(
    readFile(path, { columns: ['b'] }),
    failsWith('INVALID_DATA', /no column "b"; there are "a", "l"/),
  );
  await assert.rejects(
    readFile(scratch.write('cut.parquet', 'PAR1 and then nothing of the kind')),
    failsWith('INVALID_DATA', /cut\.parquet.*no whole Parquet file: copy or write it anew/),
  );
});

test('openTable refuses what is no text', async () => {
  const bytes = Uint8Array.of(0x7f, 0x45, 0x4c, 0x46, 0, 0, 1, 10, 44);
  for (const name of ['program.csv', 'program.bin'])
    await assert.rejects(readFile(scratch.write(name, bytes)), failsWith('INVALID_DATA', /is no text file/));
});
