// A Transformer's encoder that classifies texts, written out in layers. The words are found and numbered by nodes of a graph,
// so that the model written in the end takes raw texts: the same nodes, then the network. Without a folder the reviews are
// made up; a folder has negative.txt and positive.txt, with a review per line.
// (All of it at once, with a report: `trainText` with `candidates: ['transformer']`.)
// Run: npx node examples/transformer-classifier.ts [where to write the model] [folder]
import { writeFile } from 'node:fs/promises';
import { createTensor, type Tensor } from '@amaas/core';
import { createOrtNodeExecutor } from '@amaas/engine-ort-node';
import { adamW, createRandom, dense, dropout, embedding, fit, functional, transformerBlock } from '@amaas/learn';
import { compileToOnnx } from '@amaas/learn/compile';
import { cast, div, input, maximum, mul, notEqual, reduceSum, unsqueeze, type Value } from '@amaas/learn/graph';
import { sinusoidalPositions } from '@amaas/learn/layers';
import { buildWordSequence, fitWordSequence, wordCodes } from '@amaas/learn/preprocess';
import { openReviews } from './data/made-reviews.ts';

const [out = 'transformer-classifier.onnx', folder] = process.argv.slice(2);
const executor = await createOrtNodeExecutor();
const media = await openReviews(folder, 500);
const order = createRandom(0).shuffle(Int32Array.from(media.files.keys()));
const [testRows, trainRows] = [order.slice(0, order.length / 5), order.slice(order.length / 5)];
const textsOf = (rows: Int32Array): Promise<string[]> => Promise.all(Array.from(rows, (row) => media.load(row)));
const labelsOf = (rows: Int32Array): Tensor =>
  createTensor(
    'float32',
    [rows.length],
    Float32Array.from(rows, (row) => media.labels[row] ?? 0),
  );
const [trainTexts, testTexts] = [await textsOf(trainRows), await textsOf(testRows)];

// Raw texts [N] to numbers of words [N, length], 0 after the end: fitted on the training texts alone.
const sequence = fitWordSequence(trainTexts);
const text = input('text', 'string', ['N']);
const words = buildWordSequence(text, sequence);
async function run(
  outputs: ReadonlyMap<string, Value>,
  texts: readonly string[],
): Promise<ReadonlyMap<string, Tensor>> {
  const compiled = await executor.compile(compileToOnnx(outputs, { inputs: [text] }));
  const data = texts.map((each) => new TextEncoder().encode(each));
  const found = await compiled.run(new Map([['text', createTensor('string', [texts.length], data)]]));
  await compiled.dispose();
  return found;
}

const network = functional(['words'], (inputs, scope) => {
  const ids = inputs.get('words');
  const mask = notEqual(ids, 0);
  const vectors = embedding(wordCodes(sequence), 32).apply(ids, scope.inside('embedding'));
  let tokens = dropout(0.1).apply(sinusoidalPositions().apply(mul(vectors, 20), scope), scope);
  for (const name of ['first', 'second']) {
    tokens = transformerBlock({ heads: 4, innerWidth: 64, dropout: 0.1 }).run(tokens, scope.inside(name), { mask });
  }
  const present = unsqueeze(cast(mask, 'float32'), 2);
  const mean = div(reduceSum(mul(tokens, present), { axes: [1] }), maximum(reduceSum(present, { axes: [1] }), 1));
  return dense(1, { activation: 'sigmoid' }).apply(mean, scope.inside('head'));
});
const { model, epoch } = await fit(
  network,
  { inputs: await run(new Map([['words', words]]), trainTexts), target: labelsOf(trainRows) },
  {
    executor,
    loss: 'binaryCrossentropy',
    metrics: ['accuracy'],
    optimizer: adamW({ learningRate: 2e-3, weightDecay: 0.01 }),
    epochs: 15,
    validation: 0.15,
    earlyStopping: { patience: 3 },
    onEpoch: ({ epoch: at, values }) => {
      process.stderr.write(`\repoch ${at}, validation accuracy ${values['validation accuracy']?.toFixed(3)} `);
    },
  },
);

// The whole model: raw texts in, the probability of the second class out.
const served = new Map([['probability', model.apply(new Map([['words', words]]))]]);
const found = (await run(served, testTexts)).get('probability');
const truth = labelsOf(testRows).data;
const right = testTexts.filter((_, row) => Number(Number(found?.data[row]) >= 0.5) === truth[row]).length;
await writeFile(out, compileToOnnx(served, { inputs: [text] }));
process.stdout.write(
  `\n${media.classNames[1]} or not, best after ${epoch} epochs: test accuracy ${(right / testTexts.length).toFixed(4)}, written to ${out}\n`,
);
