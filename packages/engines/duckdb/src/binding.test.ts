import assert from 'node:assert/strict';
import { test } from 'node:test';
import { failsWith } from '../../../learn/src/data/testing/source-contract.ts';
import { openDatabase, quoteName, quotePath, quoteText } from './binding.ts';
import { createScratch } from './testing/scratch.ts';

const scratch = createScratch();

test('openDatabase reads the files named and nothing else, and cannot be talked out of it', async () => {
  const allowed = scratch.write('allowed.csv', 'a\n1\n');
  const secret = scratch.write('secret.csv', 'a\n2\n');
  const database = await openDatabase({
    memoryLimitBytes: 2 ** 28,
    threads: 1,
    temporaryFolder: `${scratch.folder}/spill`,
    readablePaths: [allowed],
  });
  const connection = await database.connect();
  assert.deepEqual(await connection.query(`SELECT CAST(a AS DOUBLE) FROM read_csv(${quotePath(allowed)})`), [[1]]);
  for (const sql of [
    `FROM read_csv(${quotePath(secret)})`,
    `FROM read_text(${quotePath(secret)})`,
    `COPY (SELECT 1) TO ${quoteText(`${scratch.folder}/out.csv`)}`,
    "FROM 'https://example.com/a.csv'",
    'SET enable_external_access = true',
    'INSTALL httpfs',
  ]) {
    await assert.rejects(connection.query(sql), /Permission Error|Cannot|locked|disabled/, sql);
  }
  connection.close();
  database.close();
});

test('quoteText and quoteName give what they were given, whatever it holds', async () => {
  const database = await openDatabase({
    memoryLimitBytes: 2 ** 28,
    threads: 1,
    temporaryFolder: `${scratch.folder}/spill`,
    readablePaths: [],
  });
  const connection = await database.connect();
  const odd = ["it's", '"', "''", '\\', "\\'", '$1', '?', '--', '/*', '\n', '☂', '{}', "');DROP TABLE x;--"];
  for (const text of odd) {
    const [row] = await connection.query(
      `SELECT ${quoteName(text)} FROM (SELECT ${quoteText(text)} AS ${quoteName(text)})`,
    );
    assert.deepEqual(row, [text]);
  }
  for (const quote of [quoteText, quoteName]) assert.throws(() => quote('a\0b'), failsWith('INVALID_ARGUMENT', /NUL/));
  connection.close();
  database.close();
});
