import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Tensor } from '@amaas/core';
import { add, matMul, mul, reduceSum, relu } from '../graph/index.ts';
import { dense, functional, type Layer, layer, normalInitializer, sequential } from '../layers/index.ts';
import { createRandom } from '../statistics/index.ts';
import { holdOut } from './hold-out.ts';
import {
  accuracy,
  binaryCrossentropy,
  type EpochRecord,
  type Examples,
  type FitOptions,
  fit,
  selectExamples,
  sgd,
  sparseCategoricalCrossentropy,
  type Weights,
} from './index.ts';
import { madeIndices, madeNumbers } from './testing/made-numbers.ts';
import {
  integers,
  matrix,
  MemoryStore,
  ortExecutor,
  smallExamples,
  smallNetwork,
  tickingClock,
  weightBytes,
} from './testing/small-training.ts';
import { assertNear } from './testing/torch-values.ts';

const executor = await ortExecutor();
const numbersOf = (weights: Weights): readonly number[] => [...weights.values()].flatMap(({ data }) => [...data]);
const plainNetwork = (): Layer => sequential([dense(4, { activation: 'tanh' }), dense(1)]);
const plain: FitOptions = {
  executor,
  loss: 'mse',
  optimizer: sgd({ learningRate: 0.1, momentum: 0.9 }),
  epochs: 3,
  shuffle: false,
};

/** A linear model by hand, in float64: batches of given sizes, the last ones smaller. */
function linearByHand(
  x: Tensor,
  y: Tensor,
  { batchSize, rate, epochs }: { batchSize: number; rate: number; epochs: number },
) {
  const [rows = 0, width = 0] = x.shape;
  const weights = new Float64Array(width);
  let bias = 0;
  const losses: number[] = [];
  for (let epoch = 0; epoch < epochs; epoch++) {
    let total = 0;
    for (let from = 0; from < rows; from += batchSize) {
      const to = Math.min(rows, from + batchSize);
      const slope = new Float64Array(width);
      let slopeOfBias = 0;
      for (let row = from; row < to; row++) {
        const given = x.data.slice(row * width, (row + 1) * width);
        const error = weights.reduce((sum, w, k) => sum + w * Number(given[k]), bias) - Number(y.data[row]);
        total += error ** 2;
        for (let k = 0; k < width; k++) slope[k] = (slope[k] ?? 0) + (2 * error * Number(given[k])) / (to - from);
        slopeOfBias += (2 * error) / (to - from);
      }
      for (let k = 0; k < width; k++) weights[k] = (weights[k] ?? 0) - rate * (slope[k] ?? 0);
      bias -= rate * slopeOfBias;
    }
    losses.push(total / rows);
  }
  return { weights: [...weights], bias, losses };
}

test('fit counts the rows of a partial last batch exactly, in the loss and in the update', async () => {
  const examples = smallExamples(23, 3);
  const { model, history } = await fit(dense(1, { kernelInitializer: 'zeros' }), examples, {
    ...plain,
    optimizer: sgd({ learningRate: 0.05 }),
    batchSize: 8,
  });
  const x = examples.inputs.get('x') ?? assert.fail();
  const expected = linearByHand(x, examples.target, { batchSize: 8, rate: 0.05, epochs: 3 });
  assertNear(numbersOf(model.weights), [...expected.weights, expected.bias], { tolerance: 1e-6, what: 'weights' });
  assertNear(
    history.map(({ values }) => values['loss'] ?? 0),
    expected.losses,
    { tolerance: 1e-6, what: 'losses' },
  );
});

test('fit measures held-out rows exactly where they do not fill a batch', async () => {
  const validation = smallExamples(13, 5, 9);
  const { model, history } = await fit(plainNetwork(), smallExamples(20), {
    ...plain,
    metrics: ['mae'],
    batchSize: 8,
    validation,
  });
  const predicted = await model.predict(executor, validation.inputs);
  const errors = Array.from(
    { length: 13 },
    (_, row) => Number(predicted.data[row]) - Number(validation.target.data[row]),
  );
  const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
  assertNear(
    [history[2]?.values['validation loss'] ?? 0, history[2]?.values['validation absoluteError'] ?? 0],
    [mean(errors.map((error) => error ** 2)), mean(errors.map(Math.abs))],
    { tolerance: 1e-6, what: 'validation' },
  );
});

test('fit takes a row of weight 2 as two rows, and one of weight 0 as none', async () => {
  const rows = smallExamples(10);
  const weights = Float32Array.of(2, 1, 0, 1, 3, 0, 1, 1, 2, 1);
  const repeated = Uint32Array.from([...weights].flatMap((weight, row) => Array.from({ length: weight }, () => row)));
  const weighted = await fit(
    plainNetwork(),
    { ...rows, weights },
    { ...plain, metrics: ['mae'], batchSize: 10, validation: { ...rows, weights } },
  );
  const written = await fit(plainNetwork(), selectExamples(rows, repeated), {
    ...plain,
    metrics: ['mae'],
    batchSize: 12,
    validation: selectExamples(rows, repeated),
  });
  assertNear(numbersOf(weighted.model.weights), numbersOf(written.model.weights), { tolerance: 1e-5, what: 'weights' });
  for (const [epoch, { values }] of weighted.history.entries()) {
    assertNear(Object.values(values), Object.values(written.history[epoch]?.values ?? {}), {
      tolerance: 1e-5,
      what: 'values',
    });
  }
});

test('fit takes class weights as rows’ weights in the loss, and leaves metrics to the rows', async () => {
  const { inputs } = smallExamples(30);
  const labels = madeIndices(3, 30, 3);
  const network = sequential([dense(3, { activation: 'softmax' })]);
  const classWeights = [0.5, 3, 1];
  const options: FitOptions = {
    ...plain,
    loss: 'sparseCategoricalCrossentropy',
    metrics: ['accuracy'],
    batchSize: 30,
    epochs: 4,
  };
  const weights = Float32Array.from(labels, (label) => classWeights[label] ?? 0);
  const byRows = await fit(network, { inputs, target: integers([30], labels), weights }, options);
  for (const target of [
    integers([30], labels),
    { dtype: 'uint8', shape: [30], data: Uint8Array.from(labels) } as const,
    matrix([30, 1], labels),
  ]) {
    const byClass = await fit(
      network,
      { inputs, target },
      { ...options, loss: sparseCategoricalCrossentropy({ classWeights }) },
    );
    assertNear(numbersOf(byClass.model.weights), numbersOf(byRows.model.weights), { tolerance: 1e-6, what: 'weights' });
    assertNear([byClass.history[3]?.values['loss'] ?? 0], [byRows.history[3]?.values['loss'] ?? 1], {
      tolerance: 1e-6,
      what: 'loss',
    });
    // A share of 30 rows, not of their weights.
    const shared = 30 * (byClass.history[3]?.values['accuracy'] ?? 0);
    assertNear([shared], [Math.round(shared)], { tolerance: 1e-5, what: 'accuracy' });
  }
  const binary = await fit(
    sequential([dense(1, { activation: 'sigmoid' })]),
    { inputs, target: integers([30], madeIndices(4, 30, 2)) },
    { ...options, loss: binaryCrossentropy({ classWeights: [1, 2.5] }) },
  );
  assert(binary.history.length === 4);
});

test('fit brings back the weights of the best epoch, or keeps the last', async () => {
  // Two good epochs, then steps that are far too large.
  const learningRate = (step: number): number => (step < 8 ? 0.05 : 0.9);
  const options: FitOptions = {
    ...plain,
    optimizer: sgd({ learningRate }),
    epochs: 9,
    batchSize: 8,
    clipNorm: 0.5,
    validation: smallExamples(20, 5, 7),
  };
  const examples = smallExamples(32);
  const stopped = await fit(plainNetwork(), examples, { ...options, earlyStopping: { patience: 2 } });
  const losses = stopped.history.map(({ values }) => values['validation loss'] ?? Infinity);
  const best = losses.indexOf(Math.min(...losses)) + 1;
  assert(best < 8, `best after ${best}`);
  assert.equal(stopped.epoch, best);
  assert.equal(stopped.history.length, best + 2);
  assert.equal(stopped.stoppedEarly, true);
  const shorter = await fit(plainNetwork(), examples, { ...options, epochs: best });
  assert.deepEqual(weightBytes(stopped.model.weights), weightBytes(shorter.model.weights));
  const last = await fit(plainNetwork(), examples, { ...options, earlyStopping: { patience: 2, restoreBest: false } });
  assert.equal(last.epoch, best + 2);
  const longer = await fit(plainNetwork(), examples, { ...options, epochs: best + 2 });
  assert.deepEqual(weightBytes(last.model.weights), weightBytes(longer.model.weights));
});

test('fit stops for a metric that is better when higher', async () => {
  const target = integers([40], madeIndices(5, 40, 2));
  const { epoch, history } = await fit(
    sequential([dense(1, { activation: 'sigmoid' })]),
    { inputs: smallExamples(40).inputs, target },
    {
      ...plain,
      loss: 'binaryCrossentropy',
      metrics: [accuracy],
      epochs: 30,
      earlyStopping: { patience: 3, monitor: 'accuracy' },
    },
  );
  const shares = history.map(({ values }) => values['accuracy'] ?? 0);
  assert.equal(epoch, shares.indexOf(Math.max(...shares)) + 1);
});

test('fit holds rows out before anything else: each row is on one side, decided by the seed', () => {
  const rows = 50;
  const examples: Examples = {
    inputs: new Map([['x', matrix([rows, 1], Array(rows).keys())]]),
    target: matrix([rows], new Float32Array(rows)),
  };
  const sides = (seed: string) => {
    const { training, validation } = holdOut(examples, 0.3, createRandom(seed));
    assert('target' in training && 'shape' in training.target && validation !== null);
    const numbers = (part: Examples): readonly number[] => Array.from(part.inputs.get('x')?.data ?? [], Number);
    // A stream has no `inputs` of tensors; this is none.
    return [numbers(training as Examples), numbers(validation)] as const;
  };
  const [training, validation] = sides('a');
  assert.equal(validation.length, 15);
  assert.deepEqual(
    [...training, ...validation].toSorted((a, b) => a - b),
    [...Array(rows).keys()],
  );
  assert.deepEqual(sides('a'), [training, validation]);
  assert.notDeepEqual(sides('b')[1], validation);
});

test('fit shuffles every epoch anew, and not at all when told', async () => {
  const order: number[][] = [];
  const recorder = (shuffle: boolean): Promise<unknown> => {
    order.length = 0;
    const rows = Array.from({ length: 12 }, (_, row) => row);
    // A batch of one row each: the loss of a network that gives 0 is the row's number squared.
    const losses: number[] = [];
    return fit(
      dense(1, { kernelInitializer: 'zeros' }),
      { inputs: new Map([['x', matrix([12, 1], new Float32Array(12))]]), target: matrix([12], rows) },
      {
        ...plain,
        ...{ optimizer: sgd({ learningRate: 0 }), epochs: 3, batchSize: 1, shuffle, clock: tickingClock(() => 1000) },
        onProgress({ step, values }) {
          losses.push((values['loss'] ?? 0) * step);
          const last = losses.at(-1) ?? 0;
          const before = step === 1 ? 0 : (losses.at(-2) ?? 0);
          if (step === 1) order.push([]);
          order.at(-1)?.push(Math.round(Math.sqrt(last - before)));
        },
      },
    );
  };
  await recorder(true);
  const sorted = [...Array(12).keys()];
  assert.equal(order.length, 3);
  for (const rows of order)
    assert.deepEqual(
      rows.toSorted((a, b) => a - b),
      sorted,
    );
  assert.equal(new Set([...order, sorted].map(String)).size, 4);
  await recorder(false);
  assert.deepEqual(order, [sorted, sorted, sorted]);
});

test('fit reports progress and epochs, and waits for onEpoch', async () => {
  const records: EpochRecord[] = [];
  const steps: string[] = [];
  let open = false;
  const { history } = await fit(plainNetwork(), smallExamples(40), {
    ...plain,
    batchSize: 16,
    clock: tickingClock(() => 100),
    onProgress({ epoch, epochs, step, stepsPerEpoch, rowsPerSecond, learningRate }) {
      assert.equal(open, false);
      assert(rowsPerSecond > 0 && learningRate === 0.1);
      steps.push(`${epoch}/${epochs} ${step}/${stepsPerEpoch}`);
    },
    async onEpoch(record) {
      open = true;
      await new Promise((resolve) => setTimeout(resolve, 5));
      open = false;
      records.push(record);
    },
  });
  assert.deepEqual(records, history);
  assert.deepEqual(steps, [
    '1/3 1/3',
    '1/3 2/3',
    '1/3 3/3',
    '2/3 1/3',
    '2/3 2/3',
    '2/3 3/3',
    '3/3 1/3',
    '3/3 2/3',
    '3/3 3/3',
  ]);
});

test('fit shows onEpoch the model as it stands after each epoch', async () => {
  const shown: ReturnType<typeof weightBytes>[] = [];
  const options = { ...plain, batchSize: 16, seed: 'snapshots' };
  const { model } = await fit(plainNetwork(), smallExamples(40), {
    ...options,
    onEpoch: (_record, snapshot) => void shown.push(weightBytes(snapshot().weights)),
  });
  assert.equal(shown.length, 3);
  assert.deepEqual(shown[2], weightBytes(model.weights));
  const { model: after2 } = await fit(plainNetwork(), smallExamples(40), { ...options, epochs: 2 });
  assert.deepEqual(shown[1], weightBytes(after2.weights));
});

test('fit lowers the rate on a plateau down to its least, on top of the schedule', async () => {
  const rates: number[] = [];
  await fit(plainNetwork(), smallExamples(16), {
    ...plain,
    optimizer: sgd({ learningRate: (step) => 0.4 / (step + 1) }),
    epochs: 6,
    batchSize: 16,
    // Nothing improves by as much as 1000.
    reduceOnPlateau: { patience: 1, factor: 0.5, minDelta: 1000, minRate: 0.02 },
    onEpoch: ({ learningRate }) => void rates.push(learningRate),
  });
  assertNear(rates, [0.4, 0.2, 0.5 * (0.4 / 3), 0.25 * 0.1, 0.02, 0.02], { tolerance: 1e-12, what: 'rates' });
});

test('fit leaves alone what is not trained, drawn or given', async () => {
  const features: Layer = layer('features', (x, scope) => {
    const table = scope.parameter('table', [5, 6], { initializer: normalInitializer(0, 1), trainable: false });
    return relu(matMul(x, table));
  });
  const network = sequential([features, dense(1)]);
  const drawn = await fit(network, smallExamples(20), plain);
  const again = await fit(network, smallExamples(20), { ...plain, epochs: 1 });
  const name = '0.features/table';
  assert.deepEqual(drawn.model.weights.get(name), again.model.weights.get(name));
  const given = matrix([5, 6], madeNumbers(8, 30));
  const fixed = await fit(network, smallExamples(20), { ...plain, initialWeights: new Map([[name, given]]) });
  assert.deepEqual(fixed.model.weights.get(name), given);
  await fixed.model.predict(executor, smallExamples(3).inputs);
});

test('fit goes on from given weights', async () => {
  const examples = smallExamples(24);
  const first = await fit(plainNetwork(), examples, { ...plain, epochs: 2, optimizer: 'sgd' });
  const both = await fit(plainNetwork(), examples, {
    ...plain,
    epochs: 2,
    optimizer: 'sgd',
    initialWeights: first.model.weights,
  });
  const straight = await fit(plainNetwork(), examples, { ...plain, epochs: 4, optimizer: 'sgd' });
  assert.deepEqual(weightBytes(both.model.weights), weightBytes(straight.model.weights));
});

test('fit takes inputs of any name, those that training itself uses included', async () => {
  const names = [
    'target',
    'row weights',
    'learning rate',
    'step',
    'parameters.0',
    'random.0',
    'input.target',
    '__proto__',
    'loss',
  ];
  const network = functional(names, (inputs, scope) =>
    names
      .map((name, index) => dense(1).apply(inputs.get(name), scope.inside(`part ${index}`)))
      .reduce((a, b) => add(a, b)),
  );
  const columns = names.map((name, index) => [name, matrix([30, 2], madeNumbers(40 + index, 60))] as const);
  const examples: Examples = { inputs: new Map(columns), target: matrix([30], madeNumbers(60, 30)) };
  const named = await fit(network, examples, { ...plain, validation: 0.2 });
  // The same under names that need no care.
  const renamed = functional(
    names.map((_, index) => `x${index}`),
    (inputs, scope) =>
      names
        .map((_, index) => dense(1).apply(inputs.get(`x${index}`), scope.inside(`part ${index}`)))
        .reduce((a, b) => add(a, b)),
  );
  const others = await fit(
    renamed,
    { ...examples, inputs: new Map(columns.map(([, x], index) => [`x${index}`, x])) },
    { ...plain, validation: 0.2 },
  );
  assert.deepEqual(weightBytes(named.model.weights), weightBytes(others.model.weights));
  assert.deepEqual(named.history, others.history);
  const prediction = await named.model.predict(executor, examples.inputs);
  assert.deepEqual(prediction.shape, [30, 1]);
});

test('fit rejects at once for a signal that is aborted already, and keeps what it has', async () => {
  const store = new MemoryStore();
  const signal = AbortSignal.abort();
  await assert.rejects(fit(smallNetwork(), smallExamples(20), { ...plain, signal, checkpoint: { store } }), {
    reason: 'CANCELLED',
    message: 'train: cancelled',
  });
  const resumed = await fit(smallNetwork(), smallExamples(20), { ...plain, checkpoint: { store } });
  const straight = await fit(smallNetwork(), smallExamples(20), plain);
  assert.deepEqual(weightBytes(resumed.model.weights), weightBytes(straight.model.weights));
});

test('fit shows a network without penalties the same loss as one with, whose gradients have them', async () => {
  const examples = smallExamples(16);
  const options: FitOptions = { ...plain, epochs: 1, batchSize: 16 };
  const with2 = await fit(
    sequential([dense(1, { kernelRegularizer: (w) => mul(0.5, reduceSum(w)) })]),
    examples,
    options,
  );
  const without = await fit(sequential([dense(1)]), examples, options);
  assert.deepEqual(with2.history[0]?.values, without.history[0]?.values);
  // d/dw of 0.5 · Σw is 0.5; the rate is 0.1.
  const kernel = (weights: Weights): readonly number[] => [...(weights.get('0.dense/kernel')?.data ?? [])];
  assertNear(
    kernel(with2.model.weights),
    kernel(without.model.weights).map((value) => value - 0.05),
    { tolerance: 1e-6, what: 'kernel' },
  );
});
