// A convolutional network on handwritten digits, written out in layers. Needs the four MNIST files in the folder given.
// Run: npx node examples/digits-cnn.ts <folder with train-images…, train-labels…, t10k-images…, t10k-labels…> [rows] [epochs]
import { createOrtNodeExecutor } from '@amaas/engine-ort-node';
import { adam, compile, conv2d, dense, dropout, flatten, maxPool2d, sequential } from '@amaas/learn';
import { readDigits } from './data/digits.ts';

const [folder = '.', rows = '60000', epochs = '5'] = process.argv.slice(2);
const train = await readDigits(folder, 'train', Number(rows));
const test = await readDigits(folder, 't10k', 10_000);

const model = compile(
  sequential([
    conv2d(32, 3, { activation: 'relu' }),
    maxPool2d(2),
    conv2d(64, 3, { activation: 'relu' }),
    maxPool2d(2),
    flatten(),
    dropout(0.5),
    dense(10, { activation: 'softmax' }),
  ]),
  {
    executor: await createOrtNodeExecutor(),
    optimizer: adam(),
    loss: 'sparseCategoricalCrossentropy',
    metrics: ['accuracy'],
  },
);
await model.fit(train.images, train.labels, {
  epochs: Number(epochs),
  batchSize: 128,
  onProgress: ({ epoch, step, stepsPerEpoch, values }) =>
    process.stderr.write(`\repoch ${epoch} ${step}/${stepsPerEpoch} loss ${values['loss']?.toFixed(4)} `),
});
const { accuracy } = await model.evaluate(test.images, test.labels);
process.stdout.write(`\ntest accuracy ${accuracy?.toFixed(4)}\n`);
