// Makes the bundled heart-disease model from the Cleveland data. Argument: the CSV file (default: the shared data folder's).
import { openTable } from '@amaas/engine-duckdb';
import { createOrtNodeExecutor } from '@amaas/engine-ort-node';
import { trainedTableFiles, trainTable } from '@amaas/learn/pipelines';
import { sharedDataPath } from '../../tools/test-data.ts';
import { writeBundle } from '../write-bundle.ts';

const [path = sharedDataPath('tabular/heart_train.csv')] = process.argv.slice(2);
const source = await openTable(path);
const trained = await trainTable({ source, target: 'target', executor: await createOrtNodeExecutor() });
await writeBundle('heart-disease', {
  files: trainedTableFiles(trained),
  report: trained.report,
  // The copy of the data that goes around as heart.csv has its target the other way round than UCI's `num`: its 165 ones are the
  // patients whose vessels are not narrowed.
  description:
    'Tells patients without heart disease (1) from those with it (0) by 13 findings under the names of the UCI data. For trying out tables: no medical device.',
  licence: 'CC-BY-4.0',
  licenceUrl: 'https://creativecommons.org/licenses/by/4.0/',
  notice:
    'Trained on the Cleveland part of the Heart Disease data (A. Janosi, W. Steinbrunn, M. Pfisterer, R. Detrano), which the UCI\n' +
    'Machine Learning Repository gives out under CC BY 4.0; example.json is one of its rows.',
});
