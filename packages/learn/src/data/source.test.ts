import { CONTRACT_ROWS, contractRow, testDataSource } from './testing/source-contract.ts';
import { createTableSource, tableFromRows } from './index.ts';

testDataSource('memory', async () => {
  const rows = Array.from({ length: CONTRACT_ROWS }, (_, row) => {
    const { t, ...cells } = contractRow(row);
    return { ...cells, t: t === null ? null : new Date(t) };
  });
  return createTableSource(tableFromRows(rows));
});
