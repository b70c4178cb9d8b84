// What `fit` says to data and settings that cannot be used: always before the first step where that is possible, always
// naming what is wrong and where.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Tensor } from '@amaas/core';
import { concat, gather, mul, where, isNan } from '../graph/index.ts';
import { dense, embedding, flatten, functional, layer, sequential } from '../layers/index.ts';
import {
  type ExampleStream,
  type Examples,
  type FitOptions,
  fit,
  type Loss,
  meanSquaredError,
  rowNumbers,
  rowType,
  selectExamples,
  sgd,
} from './index.ts';
import { integers, matrix, ortExecutor, smallExamples } from './testing/small-training.ts';

const executor = await ortExecutor();
const plain: FitOptions = { executor, loss: 'mse', optimizer: sgd({ learningRate: 0.01 }), epochs: 2, batchSize: 4 };
const rows = smallExamples(12);
const x = rows.inputs.get('x') ?? assert.fail();
const only = (tensor: Tensor): Examples['inputs'] => new Map([['x', tensor]]);

/** A copy of rows with one number replaced. */
function spoiled(row: number, value: number): Examples {
  assert(x.dtype === 'float32');
  return { ...rows, inputs: only(matrix(x.shape, x.data.with(row * 5 + 2, value))) };
}

const DATA: readonly (readonly [string, Examples, string])[] = [
  [
    'no rows',
    { inputs: only(matrix([0, 5], [])), target: matrix([0], []) },
    'examples: the target has no rows (shape [0])',
  ],
  ['a scalar target', { ...rows, target: matrix([], [1]) }, 'examples: the target has no rows (shape [])'],
  ['no inputs', { ...rows, inputs: new Map() }, 'fit: there are no inputs'],
  [
    'other row counts',
    { ...rows, target: matrix([11], Array(11).fill(0)) },
    'examples: input "x" has 12 rows, the target 11',
  ],
  [
    'text',
    { ...rows, target: { dtype: 'string', shape: [12], data: Array(12).fill(new Uint8Array()) } },
    'fit: the target is string; training takes float32, float64, int32, int64, uint8, bool tensors',
  ],
  [
    'small floats',
    { ...rows, inputs: only({ dtype: 'float16', shape: [12, 5], data: new Uint16Array(60) }) },
    'fit: input "x" is float16; training takes float32, float64, int32, int64, uint8, bool tensors',
  ],
  [
    'too few elements',
    { ...rows, inputs: only({ ...x, data: new Float32Array(59) } as Tensor) },
    'fit: input "x" has 59 elements, its shape [12,5] does not',
  ],
  ['weights of other rows', { ...rows, weights: new Float32Array(11) }, 'examples: 11 weights for 12 rows'],
  [
    'negative weights',
    { ...rows, weights: new Float32Array(12).fill(1).with(7, -0.5) },
    'fit: weights must be finite numbers of at least 0; row 7 has -0.5',
  ],
  [
    'weights that are not numbers',
    { ...rows, weights: new Float32Array(12).with(3, Number.NaN) },
    'fit: weights must be finite numbers of at least 0; row 3 has NaN',
  ],
  ['no weight at all', { ...rows, weights: new Float32Array(12) }, 'fit: all weights are 0, so that no row counts'],
  [
    'a target that is not a number',
    { ...rows, target: matrix([12], [...Array(9).fill(0), Number.NaN, 0, 0]) },
    'meanSquaredError: targets must be finite numbers; row 9 has NaN',
  ],
  [
    'an input that is not a number',
    spoiled(7, Number.NaN),
    'fit: input "x" is NaN in row 7, and the loss with it; fill in missing values before training',
  ],
  [
    'an input that is infinite',
    spoiled(11, -Infinity),
    'fit: input "x" is -Infinity in row 11, and the loss with it; training needs finite numbers: float32 ends at 3.4e38; scale the column, or replace such values',
  ],
];

for (const [what, examples, message] of DATA) {
  test(`fit refuses ${what}`, async () => {
    await assert.rejects(fit(dense(1), examples, plain), { reason: 'INVALID_DATA', message });
  });
}

test('fit refuses a class index that the network has no class for, by value and row', async () => {
  const network = dense(3, { activation: 'softmax' });
  const loss = 'sparseCategoricalCrossentropy';
  const message = (row: number, value: number): string =>
    `${loss}: targets must be whole numbers of 0 … 2, as the network gives 3 classes; row ${row} has ${value}`;
  const labels = [0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2];
  for (const [row, value] of [
    [5, 3],
    [0, -1],
    [11, 7],
  ] as const) {
    const examples = { ...rows, target: integers([12], labels.with(row, value)) };
    await assert.rejects(fit(network, examples, { ...plain, loss }), {
      reason: 'INVALID_DATA',
      message: message(row, value),
    });
    const good = { ...rows, target: integers([12], labels) };
    await assert.rejects(fit(network, good, { ...plain, loss, validation: examples }), {
      reason: 'INVALID_DATA',
      message: message(row, value),
    });
  }
  // Rows are counted as they were given, not as they are after some were held out.
  const shared = { ...rows, target: integers([12], labels.with(4, 9)) };
  await assert.rejects(fit(network, shared, { ...plain, loss, validation: 0.5 }), { message: message(4, 9) });
});

test('fit refuses targets that the network’s output does not fit', async () => {
  await assert.rejects(fit(dense(2), rows, plain), {
    reason: 'INVALID_GRAPH',
    message: "meanSquaredError: the targets have shape [4], the network's output needs [4,2]",
  });
  const indices = layer('choose', (value) => gather(value, integersOf([0, 1])));
  await assert.rejects(fit(sequential([dense(1), indices]), rows, plain), {
    reason: 'INVALID_GRAPH',
    message: 'train: the network must give float32 [4, ...] for a batch, it gives float32 [2,1]',
  });
});

function integersOf(numbers: readonly number[]) {
  const tensor = integers([numbers.length], numbers);
  return { dtype: tensor.dtype, shape: tensor.shape, origin: { kind: 'constant', tensor } } as const;
}

test('fit refuses validation rows of another kind', async () => {
  const cases: readonly (readonly [Examples, string])[] = [
    [smallExamples(5, 4), 'fit: validation: input "x" is float32 [rows,4], the training\'s is float32 [rows,5]'],
    [{ ...rows, inputs: new Map([['y', x]]) }, 'fit: validation: input "x" is missing'],
    [
      { ...rows, inputs: new Map([...rows.inputs, ['y', x]]) },
      'fit: validation: input "y" is not one of the training\'s',
    ],
    [
      { ...rows, target: integers([12], Array(12).fill(1)) },
      "fit: validation: the target is int64 [rows], the training's is float32 [rows]",
    ],
    [{ ...rows, weights: new Float32Array(12) }, 'fit: validation: all weights are 0, so that no row counts'],
    [
      spoiled(2, Number.NaN),
      'fit: validation: input "x" is NaN in row 2, and the loss with it; fill in missing values before training',
    ],
  ];
  for (const [validation, message] of cases) {
    await assert.rejects(fit(dense(1), rows, { ...plain, validation }), { reason: 'INVALID_DATA', message });
  }
});

test('fit refuses inputs that the network does not take', async () => {
  const network = functional(['age', 'city'], (inputs, scope) =>
    dense(1).apply(inputs.get('age'), scope.inside('age')),
  );
  await assert.rejects(
    fit(
      network,
      {
        ...rows,
        inputs: new Map([
          ['age', x],
          ['height', x],
        ]),
      },
      plain,
    ),
    {
      reason: 'INVALID_DATA',
      message: 'fit: the network takes the inputs age, city; the data has age, height',
    },
  );
  await assert.rejects(
    fit(
      dense(1),
      {
        ...rows,
        inputs: new Map([
          ['a', x],
          ['b', x],
        ]),
      },
      plain,
    ),
    {
      reason: 'INVALID_GRAPH',
      message: 'dense: takes one input, got a, b',
    },
  );
});

test('fit trains on missing values that the network itself fills in', async () => {
  const filling = layer('fill', (value) => where(isNan(value), 0, value));
  const { history } = await fit(sequential([filling, dense(1)]), spoiled(3, Number.NaN), plain);
  assert(Number.isFinite(history[1]?.values['loss']));
});

const SETTINGS: readonly (readonly [Partial<FitOptions>, string])[] = [
  [{ epochs: 0 }, 'fit: epochs must be a whole number of at least 1, got 0'],
  [{ epochs: 1.5 }, 'fit: epochs must be a whole number of at least 1, got 1.5'],
  [{ batchSize: -3 }, 'fit: batchSize must be a whole number of at least 1, got -3'],
  [{ batchSize: Number.NaN }, 'fit: batchSize must be a whole number of at least 1, got NaN'],
  [{ accumulate: 0 }, 'fit: accumulate must be a whole number of at least 1, got 0'],
  [{ clipNorm: 0 }, 'fit: clipNorm must be greater than 0, got 0'],
  [{ clipValue: -1 }, 'fit: clipValue must be greater than 0, got -1'],
  [{ clipNorm: Number.NaN }, 'fit: clipNorm must be greater than 0, got NaN'],
  [{ validation: 0 }, 'fit: validation must leave rows on both sides of 12, got 0'],
  [{ validation: 0.99 }, 'fit: validation must leave rows on both sides of 12, got 0.99'],
  [{ validation: 1 }, 'fit: validation must leave rows on both sides of 12, got 1'],
  [{ metrics: ['mae', 'absoluteError'] }, 'fit: two of the shown values are named absoluteError'],
  [
    { metrics: [{ name: 'loss', higherIsBetter: false, perRow: (y) => y }] },
    'fit: two of the shown values are named loss',
  ],
  [
    { earlyStopping: { patience: 2, monitor: 'accuracy' } },
    'earlyStopping: there is no value named accuracy, only loss',
  ],
  [
    { optimizer: sgd({ learningRate: (step) => (step < 3 ? 0.1 : Number.NaN) }) },
    'fit: the learning rate of step 4 is NaN',
  ],
  [{ optimizer: sgd({ learningRate: (step) => 0.1 - step }) }, 'fit: the learning rate of step 2 is -0.9'],
];

for (const [setting, message] of SETTINGS) {
  test(`fit refuses settings: ${message}`, async () => {
    await assert.rejects(fit(dense(1), rows, { ...plain, ...setting }), { reason: 'INVALID_ARGUMENT', message });
  });
}

test('fit says at which step and rate the loss left the numbers', async () => {
  await assert.rejects(fit(dense(1), rows, { ...plain, optimizer: sgd({ learningRate: 1e25 }) }), {
    reason: 'TRAINING_DIVERGED',
    message:
      'train: the loss is Infinity at step 2 (learning rate 1e+25); lower the learning rate, clip the gradients (clipNorm), or look for missing or huge values in the data',
  });
  const infinite: Loss = {
    ...meanSquaredError,
    perRow: (prediction, target) => mul(meanSquaredError.perRow(prediction, target), 3e38),
  };
  await assert.rejects(fit(dense(1), rows, { ...plain, loss: infinite }), {
    reason: 'TRAINING_DIVERGED',
    message: /^train: the loss is Infinity at step 1 \(learning rate 0\.01\); lower/,
  });
});

test('fit refuses a network without parameters, and weights of other shapes', async () => {
  await assert.rejects(
    fit(
      layer('nothing', (value) => value),
      { ...rows, target: x },
      plain,
    ),
    {
      reason: 'INVALID_GRAPH',
      message: 'train: the network has no parameters to train',
    },
  );
  const initialWeights = new Map([['kernel', matrix([4, 1], [1, 2, 3, 4])]]);
  await assert.rejects(fit(dense(1), rows, { ...plain, initialWeights }), {
    reason: 'INVALID_CHECKPOINT',
    message: 'weights: kernel should be [5,1], is [4,1]',
  });
  const misnamed = new Map([['0.dense/kernel', matrix([5, 1], [1, 2, 3, 4, 5])]]);
  await assert.rejects(fit(dense(1), rows, { ...plain, initialWeights: misnamed }), {
    reason: 'INVALID_CHECKPOINT',
    message: 'fit: initialWeights has 0.dense/kernel; the network has kernel, bias',
  });
});

test('fit disposes of what it compiled, whatever goes wrong', async () => {
  let open = 0;
  const counting: FitOptions['executor'] = {
    name: 'counting',
    async compile(model, options) {
      const compiled = await executor.compile(model, options);
      open++;
      return {
        inputNames: compiled.inputNames,
        outputNames: compiled.outputNames,
        run: (inputs, outputs) => compiled.run(inputs, outputs),
        async dispose() {
          open--;
          await compiled.dispose();
        },
      };
    },
  };
  const options: FitOptions = { ...plain, executor: counting, validation: 0.25 };
  await fit(dense(1), rows, options);
  assert.equal(open, 0);
  const store = { load: async () => new Uint8Array(3), save: async () => {} };
  await assert.rejects(fit(dense(1), rows, { ...options, checkpoint: { store } }), { reason: 'INVALID_CHECKPOINT' });
  assert.equal(open, 0);
  await assert.rejects(fit(dense(1), spoiled(1, Number.NaN), options), { reason: 'INVALID_DATA' });
  assert.equal(open, 0);
});

test('fit refuses ids that their embedding has no row for, by input, row and value', async () => {
  const ids = [0, 1, 2, 3, 4, 0, 1, 2, 3, 4, 0, 1];
  const network = functional(['words', 'x'], (given, scope) => {
    const words = sequential([embedding(5, 3), flatten()]).apply(given.get('words'), scope.inside('words'));
    const again = sequential([embedding(9, 2), flatten()]).apply(given.get('words'), scope.inside('again'));
    return dense(1).apply(concat([words, again, given.get('x')], 1), scope);
  });
  const examplesOf = (words: readonly number[]): Examples => ({
    inputs: new Map([...rows.inputs, ['words', integers([6, 2], words)]]),
    target: rows.target,
  });
  const half = (examples: Examples): Examples => selectExamples(examples, rowNumbers(6));
  const base = half(rows);
  const good = { ...base, inputs: new Map([...base.inputs, ['words', integers([6, 2], ids)]]) };
  await fit(network, good, { ...plain, epochs: 1 });
  for (const [at, value] of [
    [7, 5],
    [0, -1],
  ] as const) {
    const bad = {
      ...good,
      inputs: new Map(examplesOf(ids.with(at, value)).inputs).set('x', good.inputs.get('x') ?? x),
    };
    const message = `input "words" must be ids of 0 … 4, as its embedding has 5 rows; row ${Math.floor(at / 2)} has ${value}`;
    await assert.rejects(fit(network, bad, plain), { reason: 'INVALID_DATA', message: `fit: ${message}` });
    await assert.rejects(fit(network, good, { ...plain, validation: bad }), { message: `fit: validation: ${message}` });
    const stream: ExampleStream = {
      ...{ rowCount: 6, bufferRows: 6, digest: 'ids' },
      inputs: new Map([...good.inputs].map(([name, tensor]) => [name, rowType(tensor)])),
      target: rowType(good.target),
      async *read() {
        yield bad;
      },
    };
    await assert.rejects(fit(network, stream, plain), { message: `fit: chunk 0 of epoch 1: ${message}` });
  }
});

test('fit refuses options that it has not, and says which it has', async () => {
  const cases: readonly (readonly [string, RegExp])[] = [
    ['epoch', /^fit: there is no option epoch; did you mean epochs\? \(executor, loss, .*epochs, .*clock\)$/],
    ['batch_size', /no option batch_size; did you mean batchSize\?/],
    ['validation_split', /no option validation_split; did you mean validation\?/],
    ['verbose', /no option verbose; nothing is printed by itself; onEpoch and onProgress are told/],
    ['momentumish', /no option momentumish; see what there is \(executor/],
  ];
  for (const [name, message] of cases) {
    await assert.rejects(fit(dense(1), rows, { ...plain, [name]: 1 }), { reason: 'INVALID_ARGUMENT', message });
  }
  await fit(dense(1), rows, { ...plain, epochs: 1, ...{ epoch: undefined } });
});
