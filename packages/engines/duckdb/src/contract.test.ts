// The contract of DataSource on all three formats, over one and the same table.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before } from 'node:test';
import { DuckDBInstance } from '@duckdb/node-api';
import { CONTRACT_ROWS, contractRow, testDataSource } from '../../../learn/src/data/testing/source-contract.ts';
import { openTable } from './index.ts';

const folder = mkdtempSync(join(tmpdir(), 'amaas-duckdb-contract-'));
const rows = Array.from({ length: CONTRACT_ROWS }, (_, row) => contractRow(row));

before(async () => {
  const quoted = (text: string | null): string => (text === null ? '' : `"${text.replaceAll('"', '""')}"`);
  const lines = rows.map(({ n, s, b, t }) => `${n ?? ''},${quoted(s)},${b ?? ''},${t ?? ''}`);
  writeFileSync(join(folder, 'table.csv'), `n,s,b,t\r\n${lines.join('\r\n')}\r\n`);
  const objects = rows.map((row) =>
    // The first row has every key, so that the columns come in the contract's order; later ones lack some.
    JSON.stringify(Object.fromEntries(Object.entries(row).filter(([, cell], i) => cell !== null || i % 2 === 0))),
  );
  writeFileSync(join(folder, 'table.jsonl'), objects.join('\n'));
  const instance = await DuckDBInstance.create();
  const connection = await instance.connect();
  const json = `read_json('${join(folder, 'table.jsonl')}', columns = {n: 'DOUBLE', s: 'VARCHAR', b: 'BOOLEAN', t: 'TIMESTAMP'})`;
  await connection.run(`COPY (FROM ${json}) TO '${join(folder, 'table.parquet')}' (ROW_GROUP_SIZE 2048)`);
  connection.closeSync();
  instance.closeSync();
});

after(() => rmSync(folder, { recursive: true }));

for (const format of ['csv', 'jsonl', 'parquet']) {
  testDataSource(format, () => openTable(join(folder, `table.${format}`)));
}
