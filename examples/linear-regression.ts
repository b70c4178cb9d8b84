// Linear regression by gradient descent: y = 3a − 2b + 5 and some noise.
// Run: npx node examples/linear-regression.ts
import { createOrtNodeExecutor } from '@amaas/engine-ort-node';
import { compile, linearRegression, sgd } from '@amaas/learn';
import { makeLine } from './data/made-up.ts';

const { x, y } = makeLine({ rows: 200, weights: [3, -2], bias: 5, noiseStdDev: 0.1, seed: 3 });
const model = compile(linearRegression(), {
  executor: await createOrtNodeExecutor(),
  optimizer: sgd({ learningRate: 0.1 }),
  loss: 'meanSquaredError',
});
await model.fit(x, y, { epochs: 100, batchSize: 200 }); // the whole data at once: plain gradient descent
const { weights } = model.trained;
const rounded = (name: string): string =>
  Array.from(weights.get(name)?.data ?? [], (each) => each.toFixed(3)).join(', ');
process.stdout.write(`weights ${rounded('kernel')}, bias ${rounded('bias')}\n`);
