// Logistic regression by gradient descent, on scaled columns.
// Run: npx node examples/logistic-regression.ts
import { createOrtNodeExecutor } from '@amaas/engine-ort-node';
import { compile, logisticRegression, StandardScaler, sgd, trainTestSplit } from '@amaas/learn';
import { makeBlobs } from './data/made-up.ts';

const { x, y } = makeBlobs({ rows: 500, columns: 4, seed: 4 });
const { xTrain, xTest, yTrain, yTest } = trainTestSplit(x, y, { testSize: 0.2, seed: 0 });
const scaler = new StandardScaler().fit(xTrain);
const model = compile(logisticRegression(), {
  executor: await createOrtNodeExecutor(),
  optimizer: sgd({ learningRate: 0.5 }),
  loss: 'binaryCrossentropy',
  metrics: ['accuracy'],
});
await model.fit(scaler.transform(xTrain), yTrain, { epochs: 100, batchSize: 400 });
const { accuracy } = await model.evaluate(scaler.transform(xTest), yTest);
process.stdout.write(`test accuracy ${accuracy?.toFixed(3)}\n`);
