// MNIST: test accuracy of the picture pipeline over seeds. Arguments: candidate (convolutional, perceptron), seeds (3), a
// file to write the first seed's model to.
import { readFile, writeFile } from 'node:fs/promises';
import { createOrtNodeExecutor } from '@amaas/engine-ort-node';
import { type LabelledMedia, labelledIdx, type Pixels, readIdx } from '@amaas/learn/data';
import { metricOf } from '@amaas/learn/evaluate';
import { type ImageCandidate, trainImages } from '@amaas/learn/pipelines';
import { sharedDataPath } from '../../tools/test-data.ts';

const [candidate = 'convolutional', seeds = '3', modelFile] = process.argv.slice(2);
const training = await openMnist('DERIVED_train-images', 'train-labels');
const test = await openMnist('t10k-images', 't10k-labels');
const executor = await createOrtNodeExecutor();
const accuracies: number[] = [];
for (let seed = 0; seed < Number(seeds); seed++) {
  const started = performance.now();
  const trained = await trainImages({
    media: training,
    test,
    executor,
    name: 'MNIST',
    validation: 5000,
    seed,
    candidates: [candidate as ImageCandidate], // checked by trainImages' own switch
    onEvent(event) {
      if (event.kind === 'epoch') process.stdout.write(`seed ${seed} ${JSON.stringify(event.record)}\n`);
    },
  });
  const accuracy = metricOf(trained.report, 'accuracy') ?? Number.NaN;
  accuracies.push(accuracy);
  const seconds = ((performance.now() - started) / 1000).toFixed(0);
  process.stdout.write(`seed ${seed}: accuracy ${accuracy} after ${seconds} s, ${trained.onnx.byteLength} bytes\n`);
  if (seed === 0 && modelFile !== undefined) await writeFile(modelFile, trained.onnx);
}
const mean = accuracies.reduce((sum, value) => sum + value, 0) / accuracies.length;
process.stdout.write(
  `MNIST, ${candidate}: mean test accuracy ${mean.toFixed(4)} of ${accuracies.length} seeds (${accuracies.join(', ')})\n`,
);

async function openMnist(images: string, labels: string): Promise<LabelledMedia<Pixels>> {
  const open = async (name: string) => readIdx(await readFile(sharedDataPath(`images/mnist/${name}`)), { name });
  return labelledIdx(await open(`${images}-idx3-ubyte.gz`), await open(`${labels}-idx1-ubyte.gz`));
}
