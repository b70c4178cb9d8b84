// StandardScaler and a train/test split: fitted on the training rows, applied to both.
// Run: npx node examples/scaling-and-splitting.ts
import { StandardScaler, trainTestSplit } from '@amaas/learn';

const x = [
  [170, 65],
  [180, 80],
  [160, 55],
  [175, 77],
  [165, 62],
]; // height in cm, weight in kg
const y = [0, 1, 0, 1, 0];
const { xTrain, xTest, yTrain, yTest } = trainTestSplit(x, y, { testSize: 0.4, seed: 42 });
const scaler = new StandardScaler();
const scaledTrain = scaler.fitTransform(xTrain);
const scaledTest = scaler.transform(xTest);
process.stdout.write(`train ${JSON.stringify(scaledTrain)} ${JSON.stringify(yTrain)}\n`);
process.stdout.write(`test  ${JSON.stringify(scaledTest)} ${JSON.stringify(yTest)}\n`);
