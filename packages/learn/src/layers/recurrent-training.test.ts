// Recurrent layers through a whole training: sequences of different lengths in, an exported model out.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createTensor, type Tensor } from '@amaas/core';
import { readModel } from '../onnx/index.ts';
import { ortExecutor } from '../reference/testing/check-operation.ts';
import { createRandom } from '../statistics/index.ts';
import { adam, type Examples, fit } from '../train/index.ts';
import {
  bidirectional,
  dense,
  embedding,
  functional,
  gru,
  lstm,
  type RecurrentLayer,
  simpleRnn,
  stacked,
} from './index.ts';

const [TIME, TOKENS] = [12, 3];

/** Random tokens; the class is the token a sequence begins with, or ends with. */
function drawExamples(rows: number, { seed, asked }: { seed: string; asked: 'first' | 'last' }): Examples {
  const random = createRandom(seed);
  const ids = BigInt64Array.from({ length: rows * TIME }, () => BigInt(random.integer(TOKENS)));
  const lengths = BigInt64Array.from({ length: rows }, () => BigInt(3 + random.integer(TIME - 2)));
  const target = lengths.map((length, row) => ids[row * TIME + (asked === 'first' ? 0 : Number(length) - 1)] ?? 0n);
  const inputs = new Map<string, Tensor>([
    ['ids', createTensor('int64', [rows, TIME], ids)],
    ['lengths', createTensor('int64', [rows], lengths)],
  ]);
  return { inputs, target: createTensor('int64', [rows], target) };
}

const LAYERS: readonly (readonly [string, RecurrentLayer, 'first' | 'last', readonly string[]])[] = [
  ['an LSTM remembers how a sequence began', lstm(16), 'first', ['LSTM']],
  ['a GRU in two layers remembers how a sequence began', stacked([gru(12), gru(12)]), 'first', ['GRU', 'GRU']],
  ['an LSTM backwards sees where a sequence ends', lstm(8, { goBackwards: true }), 'last', ['LSTM']],
  ['a plain RNN in both directions sees where a sequence ends', bidirectional(simpleRnn(8)), 'last', ['Scan', 'Scan']],
];

for (const [name, layer, asked, operators] of LAYERS) {
  test(`${name}, and its exported model tells it of new ones`, async () => {
    const network = functional(['ids', 'lengths'], (inputs, scope) => {
      const x = embedding(TOKENS, 8).apply(inputs.get('ids'), scope.inside('embedding'));
      const { y } = layer.run(x, scope.inside('recurrent'), { lengths: inputs.get('lengths') });
      return dense(TOKENS, { activation: 'softmax' }).apply(y, scope.inside('dense'));
    });
    const executor = await ortExecutor();
    const { model } = await fit(network, drawExamples(512, { seed: 'training', asked }), {
      executor,
      loss: 'sparseCategoricalCrossentropy',
      optimizer: adam({ learningRate: 0.02 }),
      epochs: 20,
      batchSize: 32,
      seed: 'recurrent',
    });
    const { inputs, target } = drawExamples(200, { seed: 'new', asked });
    const found = await model.predict(executor, inputs);
    const right = Array.from({ length: 200 }, (_, row) => {
      const scores = Array.from(found.data.slice(row * TOKENS, (row + 1) * TOKENS), Number);
      return scores.indexOf(Math.max(...scores)) === Number(target.data[row]);
    });
    assert(right.filter(Boolean).length >= 198, `${right.filter(Boolean).length} of 200 are right`);
    const nodes = readModel(model.toOnnx()).graph.nodes.map(({ opType }) => opType);
    assert.deepEqual(
      nodes.filter((opType) => ['Scan', 'LSTM', 'GRU', 'RNN'].includes(opType)),
      operators,
    );
  });
}
