// Dense 128-64-1, Adam and binary cross-entropy, ten epochs: the classifier every tutorial begins with.
// Run: npx node examples/binary-classifier.ts
import { createOrtNodeExecutor } from '@amaas/engine-ort-node';
import { adam, compile, dense, sequential, trainTestSplit } from '@amaas/learn';
import { makeBlobs } from './data/made-up.ts';

const { x, y } = makeBlobs({ rows: 1000, columns: 20, seed: 1 });
const { xTrain, xTest, yTrain, yTest } = trainTestSplit(x, y, { testSize: 0.2, seed: 42 });

const model = compile(
  sequential([
    dense(128, { activation: 'relu' }),
    dense(64, { activation: 'relu' }),
    dense(1, { activation: 'sigmoid' }),
  ]),
  { executor: await createOrtNodeExecutor(), optimizer: adam(), loss: 'binaryCrossentropy', metrics: ['accuracy'] },
);
await model.fit(xTrain, yTrain, { epochs: 10, batchSize: 32, validation: 0.2 });
const { loss, accuracy } = await model.evaluate(xTest, yTest);
process.stdout.write(`test loss ${loss?.toFixed(4)}, test accuracy ${accuracy?.toFixed(4)}\n`);
