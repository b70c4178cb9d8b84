// Models with one right answer reach it: least squares its closed form, ridge and logistic regression scikit-learn's
// coefficients (1.9, Ridge and LogisticRegression with newton-cg to 1e-12) on the same made rows.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { l2, linearRegression, logisticRegression, softmaxRegression } from '../layers/index.ts';
import { exponentialDecay, type FitOptions, fit, sgd, type TrainedModel } from './index.ts';
import { madeNumbers } from './testing/made-numbers.ts';
import { integers, matrix, ortExecutor } from './testing/small-training.ts';
import { assertNear } from './testing/torch-values.ts';

const ROWS = 60;
const x = matrix([ROWS, 3], madeNumbers(31, ROWS * 3, 2));
const column = (row: number, index: number): number => x.data[3 * row + index] ?? 0;
const each = (numberOf: (row: number) => number): readonly number[] =>
  Array.from({ length: ROWS }, (_, row) => numberOf(row));

const executor = await ortExecutor();
/** Gradient descent over all rows at once. */
const descent: Omit<FitOptions, 'loss'> = { executor, batchSize: ROWS, shuffle: false, epochs: 600 };
const quick = sgd({ learningRate: 0.2, momentum: 0.9 });

function parts({ weights }: TrainedModel): readonly [readonly number[], readonly number[]] {
  const [kernel, bias] = [...weights.values()];
  return [[...(kernel?.data ?? [])], [...(bias?.data ?? [])]];
}

const noise = madeNumbers(34, ROWS, 0.5);
const target = matrix(
  [ROWS],
  each((row) => 0.5 * column(row, 0) - 2 * column(row, 1) + column(row, 2) + 3 + (noise[row] ?? 0)),
);

test('linear regression converges to the closed form of least squares', async () => {
  const { model } = await fit(
    linearRegression(),
    { inputs: new Map([['x', x]]), target },
    { ...descent, loss: 'meanSquaredError', optimizer: quick },
  );
  const columns = [...[0, 1, 2].map((index) => each((row) => column(row, index))), each(() => 1)];
  const dot = (a: readonly number[], b: ArrayLike<number>): number =>
    a.reduce((sum, value, k) => sum + value * (b[k] ?? 0), 0);
  const expected = solve(columns.map((a) => [...columns.map((b) => dot(a, b)), dot(a, target.data)]));
  assertNear(parts(model).flat(), expected, { tolerance: 2e-6, what: 'coefficients' });
});

/** The solution of linear equations, one row each, the right side last. */
function solve(rows: readonly (readonly number[])[]): readonly number[] {
  const [pivot, ...rest] = rows.toSorted((a, b) => Math.abs(b[0] ?? 0) - Math.abs(a[0] ?? 0));
  if (pivot === undefined) return [];
  const [first = 1, ...others] = pivot;
  const reduced = rest.map(([head = 0, ...tail]) => tail.map((value, k) => value - (head / first) * (others[k] ?? 0)));
  const tail = solve(reduced);
  const known = tail.reduce((sum, value, k) => sum + value * (others[k] ?? 0), 0);
  return [((others.at(-1) ?? 0) - known) / first, ...tail];
}

test('ridge regression converges to scikit-learn’s coefficients', async () => {
  // Σ error² + 0.8 · |w|², divided by the rows.
  const { model } = await fit(
    linearRegression(l2(0.8 / ROWS)),
    { inputs: new Map([['x', x]]), target },
    { ...descent, loss: 'mse', optimizer: quick },
  );
  assertNear(parts(model).flat(), [0.533776544, -1.9751827, 0.970186347, 2.99361717], {
    tolerance: 2e-6,
    what: 'ridge',
  });
});

const margins = madeNumbers(32, ROWS, 2.5);
const answers = integers(
  [ROWS],
  each((row) => (1.2 * column(row, 0) - 0.7 * column(row, 1) + 0.4 + (margins[row] ?? 0) > 0 ? 1 : 0)),
);

test('logistic regression by plain gradient descent converges to scikit-learn’s coefficients', async () => {
  const expected = {
    plain: [1.82695467, -1.00888611, 0.491484545, 0.902736858],
    regularised: [1.62249623, -0.900468411, 0.442205518, 0.834777556],
  };
  const options: FitOptions = {
    ...descent,
    loss: 'binaryCrossentropy',
    optimizer: sgd({ learningRate: 1 }),
    epochs: 400,
  };
  const rows = { inputs: new Map([['x', x]]), target: answers };
  const plain = await fit(logisticRegression(), rows, options);
  assertNear(parts(plain.model).flat(), expected.plain, { tolerance: 2e-5, what: 'plain' });
  // scikit-learn: C · Σ loss + |w|² / 2 with C = 2.
  const regularised = await fit(logisticRegression(l2(1 / (2 * 2 * ROWS))), rows, options);
  assertNear(parts(regularised.model).flat(), expected.regularised, { tolerance: 2e-5, what: 'regularised' });
});

test('softmax regression converges to scikit-learn’s coefficients', async () => {
  const spread = madeNumbers(33, ROWS * 3, 2);
  const scores = (row: number): readonly number[] =>
    [column(row, 0), 0.8 * column(row, 1), -0.5 * column(row, 2) + 0.2].map(
      (score, k) => score + (spread[3 * row + k] ?? 0),
    );
  const labels = each((row) => scores(row).indexOf(Math.max(...scores(row))));
  const { model } = await fit(
    softmaxRegression(3, l2(1 / (2 * ROWS))),
    { inputs: new Map([['x', x]]), target: integers([ROWS], labels) },
    {
      ...descent,
      loss: 'sparseCategoricalCrossentropy',
      optimizer: sgd({ learningRate: 0.5, momentum: 0.8 }),
    },
  );
  const [kernel, bias] = parts(model);
  const byClass = [
    [0.900101911, -0.0245250526, 0.186981658],
    [-0.508726757, 0.385858691, 0.28462102],
    [-0.391375154, -0.361333639, -0.471602678],
  ];
  assertNear(
    kernel,
    [0, 1, 2].flatMap((feature) => byClass.map((row) => row[feature] ?? 0)),
    { tolerance: 1e-5, what: 'kernel' },
  );
  // A constant added to every bias changes nothing; scikit-learn's add up to 0, ours as they were drawn: zeros.
  assertNear(bias, [-0.0251036533, -0.0120984723, 0.0372021256], { tolerance: 1e-5, what: 'bias' });
});

test('batches of a few rows come near the same answer with a falling rate', async () => {
  const { model } = await fit(
    linearRegression(),
    { inputs: new Map([['x', x]]), target },
    {
      ...{ executor, loss: 'mse', epochs: 200, batchSize: 7 },
      optimizer: sgd({ learningRate: exponentialDecay(0.1, 1800, 1e-3) }),
    },
  );
  const whole = await fit(
    linearRegression(),
    { inputs: new Map([['x', x]]), target },
    { ...descent, loss: 'mse', optimizer: quick },
  );
  assertNear(parts(model).flat(), parts(whole.model).flat(), { tolerance: 0.01, what: 'coefficients' });
  assert(model.weights.size === 2);
});
