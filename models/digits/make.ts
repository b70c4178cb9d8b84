// Makes the bundled reader of handwritten digits from MNIST. Argument: a folder with the two training and the two t10k files
// (default: the shared data folder's). Takes about ten minutes on two idle cores.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createOrtNodeExecutor } from '@amaas/engine-ort-node';
import { type LabelledMedia, labelledIdx, type Pixels, readIdx } from '@amaas/learn/data';
import { trainedMediaFiles, trainImages } from '@amaas/learn/pipelines';
import { sharedDataPath } from '../../tools/test-data.ts';
import { writeBundle } from '../write-bundle.ts';

const [folder] = process.argv.slice(2);
const trained = await trainImages({
  media: await openMnist(folder === undefined ? 'DERIVED_train-images' : 'train-images', 'train-labels'),
  test: await openMnist('t10k-images', 't10k-labels'),
  executor: await createOrtNodeExecutor(),
  name: 'MNIST',
  validation: 5000,
  candidates: ['convolutional'],
});
await writeBundle('digits', {
  files: trainedMediaFiles(trained),
  report: trained.report,
  description: 'Reads one handwritten digit from a 28×28 grey picture, light on dark. A small convolutional network.',
  licence: 'CC-BY-SA-3.0',
  licenceUrl: 'https://creativecommons.org/licenses/by-sa/3.0/',
  notice:
    'Trained on the MNIST digits (Y. LeCun, C. Cortes, C. J. C. Burges), CC BY-SA 3.0; example.json is the first of their test\nset.',
});

async function openMnist(images: string, labels: string): Promise<LabelledMedia<Pixels>> {
  const open = async (name: string) => {
    const path = folder === undefined ? sharedDataPath(`images/mnist/${name}`) : join(folder, name);
    return readIdx(await readFile(path), { name });
  };
  return labelledIdx(await open(`${images}-idx3-ubyte.gz`), await open(`${labels}-idx1-ubyte.gz`));
}
