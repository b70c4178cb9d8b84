// Rows of several shapes: the same training as of padded rows, and the same promise about interruptions.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AmaasError } from '@amaas/core';
import { cast, mul, notEqual, reduceSum, unsqueeze } from '../graph/index.ts';
import { dense, dropout, embedding, type Layer, layer } from '../layers/index.ts';
import { createRandom } from '../statistics/index.ts';
import { type Examples, type ExampleParts, adam, fit, type FitOptions, sgd } from './index.ts';
import { integers, matrix, MemoryStore, ortExecutor, tickingClock, weightBytes } from './testing/small-training.ts';

const executor = await ortExecutor();

/** A regression on the sum of word vectors; id 0 fills up. */
function wordSum(rate: number): Layer {
  return layer('wordSum', (ids, scope) => {
    const words = embedding(9, 4).apply(ids, scope.inside('words'));
    const counted = mul(words, unsqueeze(cast(notEqual(ids, 0), 'float32'), 2));
    const sum = dropout(rate).apply(reduceSum(counted, { axes: [1] }), scope);
    return dense(1).apply(sum, scope.inside('head'));
  });
}

/** Rows of `time` ids, padded to `width`. */
function sentences(rows: number, time: number, width = time): Examples {
  const random = createRandom(`sentences of ${time}`);
  const ids = Array.from({ length: rows }, () =>
    Array.from({ length: width }, (_, at) => (at < time ? 1 + random.integer(8) : 0)),
  );
  const target = ids.map((row) => row.reduce((sum, id) => sum + Math.sin(id), 0) / 3);
  return { inputs: new Map([['x', integers([rows, width], ids.flat())]]), target: matrix([rows, 1], target) };
}

const options: FitOptions = { executor, loss: 'mse', optimizer: adam({ learningRate: 0.05 }), epochs: 4, batchSize: 6 };

/** 3 steps of 6 rows, 4 of 4. */
const parts: ExampleParts = {
  parts: [{ examples: sentences(18, 5) }, { examples: sentences(14, 3), batchSize: 4 }],
};

test('fit trains parts of different shapes as it trains the same rows padded', async () => {
  // Not Adam, which makes much of how tiny gradients are rounded.
  const plain = { ...options, shuffle: false, optimizer: sgd({ learningRate: 0.05 }) };
  const inParts = await fit(
    wordSum(0),
    { parts: [{ examples: sentences(18, 5) }, { examples: sentences(12, 3) }] },
    plain,
  );
  const [long, short] = [sentences(18, 5), sentences(12, 3, 5)];
  const join = (a: Examples, b: Examples): Examples => ({
    inputs: new Map([
      [
        'x',
        integers(
          [30, 5],
          [a, b].flatMap(({ inputs }) => Array.from(inputs.get('x')?.data ?? [], Number)),
        ),
      ],
    ]),
    target: matrix(
      [30, 1],
      [a, b].flatMap(({ target }) => Array.from(target.data, Number)),
    ),
  });
  const padded = await fit(wordSum(0), join(long, short), plain);
  for (const [name, { data }] of padded.model.weights) {
    const found = inParts.model.weights.get(name)?.data ?? [];
    for (const [at, value] of data.entries()) assert.ok(Math.abs(value - (found[at] ?? Number.NaN)) < 1e-5, name);
  }
  assert.ok(
    Math.abs(Number(padded.history.at(-1)?.values['loss']) - Number(inParts.history.at(-1)?.values['loss'])) < 1e-5,
  );
});

test('fit gives every row of every part once an epoch, in an order of its own each time', async () => {
  const losses = (await fit(wordSum(0.2), parts, options)).history.map(({ values }) => values['loss']);
  assert.equal(new Set(losses).size, 4);
  const [first] = (await fit(wordSum(0), parts, { ...options, epochs: 1, optimizer: adam({ learningRate: 0 }) }))
    .history;
  const still = await Promise.all(
    parts.parts.map(
      async ({ examples }) =>
        (await fit(wordSum(0), examples, { ...options, epochs: 1, optimizer: adam({ learningRate: 0 }) })).history[0]
          ?.values['loss'],
    ),
  );
  const mean = (18 * Number(still[0]) + 14 * Number(still[1])) / 32;
  assert.ok(Math.abs(Number(first?.values['loss']) - mean) < 1e-6);
});

test('fit on parts, interrupted and resumed, gives the bits of one never interrupted', async () => {
  const validation = sentences(5, 5);
  const once = await fit(wordSum(0.3), parts, { ...options, validation });
  const store = new MemoryStore();
  let [attempts, cancelled] = [0, 0];
  for (;;) {
    const controller = new AbortController();
    let left = 1 + (attempts++ % 3);
    try {
      const result = await fit(wordSum(0.3), parts, {
        ...options,
        validation,
        checkpoint: { store },
        signal: controller.signal,
        clock: tickingClock(() => 40),
        onProgress: () => {
          if (--left === 0) controller.abort();
        },
      });
      assert.deepEqual(weightBytes(result.model.weights), weightBytes(once.model.weights));
      assert.deepEqual(result.history, once.history);
      break;
    } catch (error) {
      assert.ok(error instanceof AmaasError && error.reason === 'CANCELLED');
      cancelled++;
    }
  }
  assert.ok(cancelled > 5);
});

test('fit refuses parts without rows, of other inputs, with a share for validation, and odd batch sizes', async () => {
  const refuses = async (given: ExampleParts, more: Partial<FitOptions>, message: RegExp): Promise<void> => {
    await assert.rejects(fit(wordSum(0), given, { ...options, ...more }), message);
  };
  await refuses({ parts: [] }, {}, /there are no parts/);
  await refuses(parts, { validation: 0.2 }, /parts need validation rows of their own/);
  await refuses({ parts: [{ examples: sentences(4, 2), batchSize: 0.5 }] }, {}, /batchSize of part 0 must be/);
  const bad = sentences(4, 3);
  const wrongIds = { ...bad, inputs: new Map([['x', integers([4, 1], [1, 2, 9, 3])]]) };
  await refuses(
    { parts: [{ examples: bad }, { examples: wrongIds }] },
    {},
    /part 1: input "x" must be ids of 0 … 8.*row 2 has 9/,
  );
});
