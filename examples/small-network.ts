// 100 inputs, 64 and 32 hidden units, one output.
// Run: npx node examples/small-network.ts
import { createOrtNodeExecutor } from '@amaas/engine-ort-node';
import { adam, compile, dense, sequential } from '@amaas/learn';
import { makeBlobs } from './data/made-up.ts';

const { x, y } = makeBlobs({ rows: 640, columns: 100, seed: 2 });
const model = compile(
  sequential([
    dense(64, { activation: 'relu' }),
    dense(32, { activation: 'relu' }),
    dense(1, { activation: 'sigmoid' }),
  ]),
  { executor: await createOrtNodeExecutor(), optimizer: adam({ learningRate: 1e-3 }), loss: 'binaryCrossentropy' },
);
process.stdout.write(`${model.summary([100])}\n`);
const history = await model.fit(x, y, { epochs: 5, batchSize: 32 });
process.stdout.write(`loss ${history.map(({ values }) => values['loss']?.toFixed(4)).join(' → ')}\n`);
