// Ten-fold accuracy of the table pipeline on scikit-learn's small sets. Arguments: names of sets (default all).
import { readFile } from 'node:fs/promises';
import { gunzipSync } from 'node:zlib';
import { createOrtNodeExecutor } from '@amaas/engine-ort-node';
import { createTableSource, tableFromColumns } from '@amaas/learn/data';
import { metricOf } from '@amaas/learn/evaluate';
import { crossValidateTable } from '@amaas/learn/pipelines';
import { sharedDataPath } from '../../tools/test-data.ts';

/** File below the shared data, and the accuracy that others published for ten folds. */
const SETS: ReadonlyMap<string, { readonly file: string; readonly hasHeader: boolean; readonly published: number }> =
  new Map([
    ['iris', { file: 'sklearn_iris.csv', hasHeader: true, published: 0.9533 }],
    ['wine', { file: 'sklearn_wine_data.csv', hasHeader: true, published: 0.9833 }],
    ['breast-cancer', { file: 'sklearn_breast_cancer.csv', hasHeader: true, published: 0.9772 }],
    ['digits', { file: 'sklearn_digits.csv.gz', hasHeader: false, published: 0.9822 }],
  ]);

const wanted = process.argv.slice(2);
const executor = await createOrtNodeExecutor();
for (const [name, { file, hasHeader, published }] of SETS) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  const bytes = await readFile(sharedDataPath(`tabular/${file}`));
  const lines = (file.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('utf8').trim().split(/\r?\n/);
  const rows = lines.slice(hasHeader ? 1 : 0).map((line) => line.split(',').map(Number));
  const width = rows[0]?.length ?? 0;
  const columns = new Map<string, unknown[]>();
  for (let at = 0; at < width - 1; at++)
    columns.set(
      `x${at}`,
      rows.map((row) => row[at]),
    );
  columns.set(
    'target',
    rows.map((row) => `class ${row[width - 1]}`),
  );
  const started = performance.now();
  const { folds, metrics } = await crossValidateTable({
    source: createTableSource(tableFromColumns(columns), { name }),
    target: 'target',
    executor,
    threads: 1,
    onFold: ({ fold, candidate, report }) =>
      process.stdout.write(
        `${name} fold ${fold}: ${candidate}, accuracy ${metricOf(report, 'accuracy')?.toFixed(4)}\n`,
      ),
  });
  const accuracy = metrics.find((metric) => metric.name === 'accuracy')?.summary;
  const seconds = ((performance.now() - started) / 1000).toFixed(0);
  process.stdout.write(
    `${name}: ${folds.length}-fold accuracy ${accuracy?.mean.toFixed(4)} ± ${accuracy?.standardError.toFixed(4)} (published ${published}), ${seconds} s\n`,
  );
}
