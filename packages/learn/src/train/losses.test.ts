import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Tensor } from '@amaas/core';
import { constantOf, gradients, input, mul, reduceSum, sigmoid, softmax, type Value } from '../graph/index.ts';
import { evaluate, numbersOf } from '../reference/index.ts';
import { madeIndices, madeNumbers } from './testing/made-numbers.ts';
import { assertNear, torchValues } from './testing/torch-values.ts';
import {
  binaryCrossentropy,
  categoricalCrossentropy,
  hinge,
  huber,
  type Loss,
  lossFor,
  meanAbsoluteError,
  meanSquaredError,
  sparseCategoricalCrossentropy,
} from './losses.ts';

type Numbers = Iterable<number>;

interface LossCase {
  readonly loss: Loss;
  /** What the network ends in, over the fixture's numbers; default nothing. */
  readonly end?: (x: Value) => Value;
  readonly shape?: readonly number[];
  readonly target: Numbers;
  readonly targetShape?: readonly number[];
}

const ROWS = [6, 4];
const others = [...madeNumbers(2, 24, 2)];
const bits = madeIndices(4, 24, 2);
const shares = Array.from(madeNumbers(5, 24, 0.5), (value) => value + 0.5);
/** The shares with every row's sum 1. */
const distributions = shares.map((value, index) => {
  const row = Math.floor(index / 4);
  return value / shares.slice(4 * row, 4 * row + 4).reduce((sum, each) => sum + each, 0);
});
const classes = madeIndices(6, 6, 4);
const sequences = { shape: [6, 3, 4], target: madeIndices(7, 18, 4), targetShape: [6, 3], end: softmax } as const;
/** The same number, but not straight from its activation. */
const hidden =
  (activation: (x: Value) => Value) =>
  (x: Value): Value =>
    mul(activation(x), 1);

const CASES: Readonly<Record<string, LossCase>> = {
  meanSquaredError: { loss: meanSquaredError, target: others },
  meanAbsoluteError: { loss: meanAbsoluteError, target: others },
  huber: { loss: huber(), target: others },
  'huber 0.6': { loss: huber(0.6), target: others },
  'binaryCrossentropy of sigmoid': { loss: binaryCrossentropy(), end: sigmoid, target: bits },
  'binaryCrossentropy of probabilities': { loss: binaryCrossentropy(), end: hidden(sigmoid), target: bits },
  'binaryCrossentropy soft': { loss: binaryCrossentropy(), end: sigmoid, target: shares },
  'binaryCrossentropy smoothed': { loss: binaryCrossentropy({ labelSmoothing: 0.2 }), end: sigmoid, target: bits },
  'binaryCrossentropy weighted': {
    loss: binaryCrossentropy({ classWeights: [0.5, 2.5], fromLogits: true }),
    target: bits,
  },
  'categoricalCrossentropy of softmax': { loss: categoricalCrossentropy(), end: softmax, target: distributions },
  'categoricalCrossentropy of probabilities': {
    loss: categoricalCrossentropy(),
    end: hidden(softmax),
    target: distributions,
  },
  'categoricalCrossentropy smoothed': {
    loss: categoricalCrossentropy({ labelSmoothing: 0.2, fromLogits: true }),
    target: distributions,
  },
  'sparseCategoricalCrossentropy of softmax': {
    loss: sparseCategoricalCrossentropy(),
    end: softmax,
    target: classes,
    targetShape: [6, 1],
  },
  'sparseCategoricalCrossentropy smoothed': {
    loss: sparseCategoricalCrossentropy({ labelSmoothing: 0.3, fromLogits: true }),
    target: classes,
    targetShape: [6],
  },
  'sparseCategoricalCrossentropy of sequences': { loss: sparseCategoricalCrossentropy(), ...sequences },
  'sparseCategoricalCrossentropy weighted sequences': {
    loss: sparseCategoricalCrossentropy({ classWeights: [0.5, 2, 1.25, 3] }),
    ...sequences,
  },
  hinge: { loss: hinge, target: bits },
};

interface Built {
  readonly x: Value;
  readonly data: Float64Array;
  readonly rows: Value;
  readonly rowWeights: Value | undefined;
}

function buildLoss({ loss, end = (x) => x, shape = ROWS, target, targetShape = shape }: LossCase): Built {
  const x = input('x', 'float64', shape);
  const dtype = loss.targetDType === 'int64' ? 'int64' : 'float64';
  const typed = constantOf(dtype, targetShape, target);
  // Class weights are float32 constants, and so are one-hot rows of float32 predictions.
  return {
    x,
    data: madeNumbers(
      1,
      shape.reduce((product, size) => product * size),
      3,
    ),
    rows: loss.perRow(end(x), typed),
    rowWeights: loss.rowWeights?.(typed),
  };
}

for (const [name, lossCase] of Object.entries(CASES)) {
  test(`${name}: rows and gradient are PyTorch's`, () => {
    const { x, data, rows } = buildLoss(lossCase);
    const expected = torchValues.losses[name] ?? assert.fail('no fixture');
    const weights = constantOf(
      'float64',
      [6],
      Array.from(madeNumbers(3, 6), (value) => value + 1.5),
    );
    const [gradient = x] = gradients(reduceSum(mul(rows, weights)), [x]);
    const feeds = new Map([[x, { dtype: 'float64', shape: x.shape.map(Number), data } as const]]);
    const [found, slope] = evaluate([rows, gradient], feeds).map(numbersOf);
    assertNear(found?.data ?? [], expected.rows, { tolerance: 1e-6, what: 'rows' });
    assertNear(slope?.data ?? [], expected.gradient, { tolerance: 1e-6, what: 'gradient' });
  });
}

test('sparseCategoricalCrossentropy of many classes is categoricalCrossentropy of rows with a one', () => {
  const [rows, steps, size] = [3, 2, 300];
  const labels = madeIndices(8, rows * steps, size);
  const ones = new Float64Array(rows * steps * size);
  for (const [index, label] of labels.entries()) ones[index * size + Number(label)] = 1;
  const classWeights = Array.from(madeNumbers(9, size), (value) => value + 1.5);
  const shape = [rows, steps, size];
  for (const options of [{}, { labelSmoothing: 0.3 }, { classWeights }] as const) {
    for (const [end, fromLogits] of [
      [softmax, false],
      [(x: Value) => x, true],
    ] as const) {
      const sparse = { loss: sparseCategoricalCrossentropy({ ...options, fromLogits }), target: labels };
      const full = { loss: categoricalCrossentropy({ ...options, fromLogits }), target: ones, targetShape: shape };
      const [found, expected] = [{ ...sparse, targetShape: [rows, steps] }, full].map((lossCase) => {
        const { x, data, rows: losses } = buildLoss({ ...lossCase, end, shape });
        const weights = constantOf('float64', [rows], [0.5, 2, 1.25]);
        const [gradient = x] = gradients(reduceSum(mul(losses, weights)), [x]);
        const feeds = new Map([[x, { dtype: 'float64', shape, data } as const]]);
        return evaluate([losses, gradient], feeds).map((array) => numbersOf(array).data);
      });
      for (const [part, what] of ['rows', 'gradient'].entries()) {
        assertNear(found?.[part] ?? [], [...(expected?.[part] ?? assert.fail())], { tolerance: 1e-7, what });
      }
    }
  }
});

test('row weights make the mean over rows the weighted mean over all elements, as PyTorch reduces it', () => {
  const weights = [0.5, 2, 1.25, 3];
  const cases: readonly (readonly [LossCase, number])[] = [
    [
      { loss: sparseCategoricalCrossentropy({ classWeights: weights }), ...sequences },
      torchValues.weightedMeans.sparse,
    ],
    [
      { loss: categoricalCrossentropy({ classWeights: weights }), end: softmax, target: distributions },
      torchValues.weightedMeans.categorical,
    ],
    [
      { loss: binaryCrossentropy({ classWeights: [0.5, 2.5] }), end: sigmoid, target: bits },
      torchValues.weightedMeans.binary,
    ],
  ];
  for (const [lossCase, expected] of cases) {
    const { x, data, rows, rowWeights } = buildLoss(lossCase);
    assert(rowWeights);
    const feeds = new Map([[x, { dtype: 'float64', shape: x.shape.map(Number), data } as const]]);
    const [losses, found] = evaluate([rows, rowWeights], feeds).map((array) => [...numbersOf(array).data]);
    const sum = (losses ?? []).reduce((total, value, row) => total + value * (found?.[row] ?? 0), 0);
    const mean = sum / (found ?? []).reduce((total, value) => total + value, 0);
    assertNear([mean], [expected], { tolerance: 1e-6, what: lossCase.loss.name });
  }
});

const vector = (...data: readonly number[]): Tensor => ({
  dtype: 'float32',
  shape: [data.length],
  data: Float32Array.from(data),
});

test('assertTargets names the first row whose target the loss cannot take', () => {
  const refused: readonly (readonly [Loss, Tensor, string])[] = [
    [
      sparseCategoricalCrossentropy(),
      { dtype: 'int64', shape: [3, 2], data: BigInt64Array.of(0n, 3n, 1n, 2n, 4n, 0n) },
      'sparseCategoricalCrossentropy: targets must be whole numbers of 0 … 3, as the network gives 4 classes; row 2 has 4',
    ],
    [
      sparseCategoricalCrossentropy(),
      { dtype: 'int32', shape: [3], data: Int32Array.of(0, -1, 1) },
      'sparseCategoricalCrossentropy: targets must be whole numbers of 0 … 3, as the network gives 4 classes; row 1 has -1',
    ],
    [
      sparseCategoricalCrossentropy(),
      vector(2, 0.5),
      'sparseCategoricalCrossentropy: targets must be whole numbers of 0 … 3, as the network gives 4 classes; row 1 has 0.5',
    ],
    [binaryCrossentropy(), vector(0, 1, 0.5, 2), 'binaryCrossentropy: targets must be numbers of 0 … 1; row 3 has 2'],
    [
      categoricalCrossentropy(),
      vector(0, -0.25),
      'categoricalCrossentropy: targets must be numbers of 0 … 1; row 1 has -0.25',
    ],
    [hinge, vector(1, -1, 0, 0.5), 'hinge: targets must be 1 and −1 (or 0); row 3 has 0.5'],
    [huber(), vector(1, Number.NaN), 'huber: targets must be finite numbers; row 1 has NaN'],
    [meanSquaredError, vector(-1e30, Infinity), 'meanSquaredError: targets must be finite numbers; row 1 has Infinity'],
  ];
  for (const [loss, target, message] of refused) {
    assert.throws(() => loss.assertTargets?.(target, [8, 4]), { reason: 'INVALID_DATA', message });
  }
  sparseCategoricalCrossentropy().assertTargets?.(vector(0, 3), [8, 4]);
  binaryCrossentropy().assertTargets?.(vector(0, 0.3, 1), [8, 1]);
  hinge.assertTargets?.(vector(0, 1, -1), [8, 1]);
});

test('losses refuse what they cannot mean', () => {
  const x = input('x', 'float32', [6, 4]);
  const row = input('row', 'float32', [6]);
  const refused: readonly (readonly [() => unknown, RegExp])[] = [
    // @ts-expect-error: JavaScript may pass any text
    [() => lossFor('mean squared'), /^loss: expected one of meanSquaredError, .*, got mean squared$/],
    [() => huber(0), /^huber: delta must be a positive number, got 0$/],
    [() => binaryCrossentropy({ labelSmoothing: 1 }), /^loss: labelSmoothing must be in \[0, 1\), got 1$/],
    [() => binaryCrossentropy({ classWeights: [1] }), /classWeights must be 2 finite numbers of at least 0, got 1$/],
    [
      () => sparseCategoricalCrossentropy({ classWeights: [1, 2, -3, 1] }).perRow(x, input('t', 'int64', [6])),
      /classWeights must be 4 finite numbers of at least 0, got 1, 2, -3, 1$/,
    ],
    [
      () => categoricalCrossentropy({ classWeights: [1, 2] }).perRow(x, x),
      /classWeights must be 4 finite numbers of at least 0, got 1, 2$/,
    ],
    [
      () => meanSquaredError.perRow(x, row),
      /^meanSquaredError: the targets have shape \[6\], the network's output needs \[6,4\]$/,
    ],
    [
      () => categoricalCrossentropy().perRow(x, row),
      /expected predictions and targets of one shape with the classes last, got \[6,4\] and \[6\]$/,
    ],
    [() => sparseCategoricalCrossentropy().perRow(row, row), /expected predictions and targets of one shape/],
  ];
  for (const [attempt, message] of refused) assert.throws(attempt, { message });
  assert.equal(lossFor('mae'), meanAbsoluteError);
  assert.equal(lossFor(hinge), hinge);
});

test('every fixture of a loss is used', () => {
  assert.deepEqual(Object.keys(CASES).toSorted(), Object.keys(torchValues.losses).toSorted());
});
