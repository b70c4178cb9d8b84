// CTC against PyTorch's values and gradients, against the sum over every single path, and against finite differences.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Tensor } from '@amaas/core';
import { compileToOnnx } from '../compile/index.ts';
import { constantOf, gradients, input, logSoftmax, mul, reduceSum, type Value, verifyGraph } from '../graph/index.ts';
import { evaluate, numbersOf } from '../reference/index.ts';
import { checkGradient } from '../reference/testing/check-gradient.ts';
import { ctc, ctcLoss, type Loss, type LossBatch } from './index.ts';
import { madeNumbers } from './testing/made-numbers.ts';
import { ortExecutor } from './testing/small-training.ts';
import { torchSequenceLosses } from './testing/torch-sequence-losses.ts';
import { assertNear } from './testing/torch-values.ts';

interface CtcCase {
  readonly shape: readonly [batch: number, frames: number, classes: number];
  readonly labels: readonly (readonly number[])[];
  readonly frames: readonly number[];
  readonly loss: Loss;
}

const LENGTHS = { fromLogits: true, frameLengths: 'frames' } as const;

const CASES: Readonly<Record<string, CtcCase>> = {
  ctc: {
    shape: [4, 7, 5],
    labels: [[1, 2, 3], [2, 2, 4], [4], [1, 1, 1]],
    frames: [7, 5, 3, 6],
    loss: ctc(LENGTHS),
  },
  'ctc blank last': {
    shape: [2, 9, 4],
    labels: [
      [0, 1, 2, 0],
      [1, 1],
    ],
    frames: [9, 8],
    loss: ctc({
      ...LENGTHS,
      blank: 3,
      padding: -7,
      frameLengths: ({ inputs }) => inputs.get('frames') ?? assert.fail(),
    }),
  },
  'ctc zeroInfinity': {
    shape: [3, 4, 4],
    labels: [[1, 1, 1], [2, 3], []],
    frames: [4, 3, 2],
    loss: ctc({ ...LENGTHS, zeroInfinity: true }),
  },
};

function padded(labels: CtcCase['labels'], padding: number): { shape: readonly number[]; ids: readonly number[] } {
  const width = Math.max(1, ...labels.map(({ length }) => length));
  return {
    shape: [labels.length, width],
    ids: labels.flatMap((row) => [...row, ...Array<number>(width - row.length).fill(padding)]),
  };
}

interface Built {
  readonly x: Value;
  readonly rows: Value;
  readonly gradient: Value;
}

function build(name: string, dtype: 'float32' | 'float64'): Built {
  const { shape, labels, frames, loss } = CASES[name] ?? assert.fail();
  const x = input('x', dtype, shape);
  const target = padded(labels, name === 'ctc blank last' ? -7 : -1);
  const batch: LossBatch = {
    inputs: new Map([['frames', constantOf('int32', [frames.length, 1], frames)]]),
    weights: constantOf(dtype, [frames.length], frames),
  };
  const rows = loss.perRow(x, constantOf('int64', target.shape, target.ids), batch);
  const weights = Array.from(madeNumbers(3, frames.length), (value) => value + 1.5);
  const [gradient = x] = gradients(reduceSum(mul(rows, constantOf(dtype, [frames.length], weights))), [x]);
  verifyGraph([rows, gradient]);
  return { x, rows, gradient };
}

for (const name of Object.keys(CASES)) {
  const expected = torchSequenceLosses[name] ?? assert.fail('no fixture');
  const { shape } = CASES[name] ?? assert.fail();
  const data = madeNumbers(1, shape[0] * shape[1] * shape[2], 3);

  test(`${name}: rows and gradient are PyTorch's, in float64`, () => {
    const { x, rows, gradient } = build(name, 'float64');
    const [found, slope] = evaluate([rows, gradient], new Map([[x, { dtype: 'float64', shape, data }]])).map(numbersOf);
    assertNear(found?.data ?? [], expected.rows ?? [], { tolerance: 1e-8, what: 'rows' });
    assertNear(slope?.data ?? [], expected.gradient, { tolerance: 1e-8, what: 'gradient' });
  });

  test(`${name}: rows and gradient are PyTorch's, on ONNX Runtime`, async () => {
    const { x, rows, gradient } = build(name, 'float32');
    const outputs = new Map([
      ['rows', rows],
      ['gradient', gradient],
    ]);
    const compiled = await (await ortExecutor()).compile(compileToOnnx(outputs, { inputs: [x] }));
    const found = await compiled.run(new Map([['x', { dtype: 'float32', shape, data: Float32Array.from(data) }]]));
    await compiled.dispose();
    for (const [what, values] of [
      ['rows', expected.rows ?? []],
      ['gradient', expected.gradient],
    ] as const) {
      const tensor = found.get(what);
      assert(tensor?.dtype === 'float32');
      assertNear(tensor.data, values, { tolerance: 1e-5, what });
    }
  });
}

/** P(labels | frames) by writing out every path, its repeats and blanks removed. */
function enumerate(probabilities: readonly (readonly number[])[], labels: readonly number[], blank: number): number {
  const spell = (path: readonly number[]): string =>
    path.filter((id, at) => id !== blank && (at === 0 || id !== path[at - 1])).join();
  const visit = (path: readonly number[], probability: number): number => {
    const frame = probabilities[path.length];
    if (frame === undefined) return spell(path) === labels.join() ? probability : 0;
    return frame.reduce((sum, each, id) => sum + visit([...path, id], probability * each), 0);
  };
  return visit([], 1);
}

test('ctcLoss is the sum over every path: repeats, nothing to spell, no frames, too few frames', () => {
  const blank = 1;
  const [frames, classes] = [5, 3];
  const spellings = [[], [0], [2, 0], [0, 0], [0, 0, 2], [2, 2, 2], [0, 2, 0, 2], [0, 0, 0, 2]];
  const cases = spellings.flatMap((labels) => [0, 1, 3, 4, 5].map((length) => ({ labels, length })));
  const { shape, ids } = padded(
    cases.map(({ labels }) => labels),
    blank,
  );
  const batch = cases.length;
  const x = input('x', 'float64', [batch, frames, classes]);
  const logs = logSoftmax(x);
  const { loss, possible } = ctcLoss(logs, {
    labels: constantOf('int64', shape, ids),
    labelLengths: constantOf(
      'int64',
      [batch],
      cases.map(({ labels }) => labels.length),
    ),
    frameLengths: constantOf(
      'int64',
      [batch],
      cases.map(({ length }) => length),
    ),
    blank,
  });
  const [slope = x] = gradients(reduceSum(loss), [x]);
  const data = madeNumbers(8, batch * frames * classes, 2);
  const feeds = new Map([[x, { dtype: 'float64', shape: [batch, frames, classes], data } as const]]);
  const [found, can, logValues, gradient] = evaluate([loss, possible, logs, slope], feeds).map(
    (array) => numbersOf(array).data,
  );
  for (const [row, { labels, length }] of cases.entries()) {
    const probabilities = Array.from({ length }, (_, frame) =>
      Array.from({ length: classes }, (__, id) => Math.exp(logValues?.[(row * frames + frame) * classes + id] ?? 0)),
    );
    const expected = enumerate(probabilities, labels, blank);
    const what = `${labels} in ${length} frames`;
    assert.equal(can?.[row], expected > 0 ? 1 : 0, what);
    if (expected > 0) assertNear([found?.[row] ?? 0], [-Math.log(expected)], { tolerance: 1e-10, what });
    // What is behind a row's frames, and rows that cannot be, move nothing.
    const still = gradient?.subarray(
      (row * frames + (expected > 0 ? length : 0)) * classes,
      (row + 1) * frames * classes,
    );
    assert(still?.every((value) => value === 0) ?? false, what);
  }
});

test('ctcLoss: the gradient is that of finite differences', () => {
  checkGradient({
    shapes: [[3, 6, 4]],
    build: (x) =>
      ctcLoss(logSoftmax(x), {
        labels: constantOf('int64', [3, 3], [1, 1, 2, 3, 2, 0, 2, 0, 0]),
        labelLengths: constantOf('int64', [3], [3, 2, 1]),
        frameLengths: constantOf('int64', [3], [6, 4, 5]),
        blank: 0,
      }).loss,
  });
});

test('ctc stays finite in float32 over long inputs', async () => {
  const [frames, classes, labels] = [400, 6, 60];
  const x = input('x', 'float32', [1, frames, classes]);
  const target = constantOf(
    'int64',
    [1, labels],
    Array.from({ length: labels }, (_, at) => 1 + (at % 5)),
  );
  const rows = ctc({ fromLogits: true }).perRow(x, target);
  const [gradient = x] = gradients(reduceSum(rows), [x]);
  const outputs = new Map([
    ['rows', rows],
    ['gradient', gradient],
  ]);
  const data = madeNumbers(5, frames * classes, 20);
  const compiled = await (await ortExecutor()).compile(compileToOnnx(outputs, { inputs: [x] }));
  const feeds = new Map<string, Tensor>([
    ['x', { dtype: 'float32', shape: [1, frames, classes], data: Float32Array.from(data) }],
  ]);
  const found = await compiled.run(feeds);
  await compiled.dispose();
  const exact = input('x', 'float64', [1, frames, classes]);
  const exactRows = ctc({ fromLogits: true }).perRow(exact, target);
  const [exactGradient = exact] = gradients(reduceSum(exactRows), [exact]);
  const expected = evaluate(
    [exactRows, exactGradient],
    new Map([
      [exact, { dtype: 'float64', shape: [1, frames, classes], data: Float64Array.from(data, Math.fround) } as const],
    ]),
  ).map((array) => [...numbersOf(array).data]);
  for (const [index, what] of ['rows', 'gradient'].entries()) {
    const tensor = found.get(what);
    assert(tensor?.dtype === 'float32');
    assertNear(tensor.data, expected[index] ?? [], { tolerance: 2e-3, what });
  }
});

test('ctc checks labels, padding and whether the frames suffice, and names the row', () => {
  const rows = (...data: readonly number[]): Tensor => ({
    dtype: 'int64',
    shape: [data.length / 3, 3],
    data: BigInt64Array.from(data, BigInt),
  });
  const prediction = [2, 4, 5];
  const refused: readonly (readonly [Loss, Tensor, string])[] = [
    [
      ctc(),
      rows(1, 2, 3, 1, 0, 2),
      'ctc: targets must be labels of 0 … 4 but 0, then -1 to the end of the row; row 1 has 0',
    ],
    [ctc(), rows(1, 2, 5), 'ctc: targets must be labels of 0 … 4 but 0, then -1 to the end of the row; row 0 has 5'],
    [
      ctc(),
      rows(1, 2, 3, 1, -1, 2),
      'ctc: targets must be labels of 0 … 4 but 0, then -1 to the end of the row; row 1 has 2 after -1',
    ],
    [
      ctc(),
      rows(1, 2, 3, 3, 3, 3),
      'ctc: the network gives 4 frames, too few to spell row 1 (equal labels need a blank between them)',
    ],
  ];
  for (const [loss, target, message] of refused) {
    assert.throws(() => loss.assertTargets?.(target, prediction), { reason: 'INVALID_DATA', message });
  }
  ctc().assertTargets?.(rows(1, 2, 3, 4, -1, -1, -1, -1, -1, 3, 3, -1), prediction);
  ctc({ zeroInfinity: true }).assertTargets?.(rows(3, 3, 3), prediction);
  ctc({ frameLengths: 'frames' }).assertTargets?.(rows(3, 3, 3), prediction);
  assert.throws(() => ctc({ blank: -1 }), {
    reason: 'INVALID_ARGUMENT',
    message: 'ctc: blank must be a whole number of at least 0 and not the padding -1, got -1',
  });
  const x = input('x', 'float32', [2, 4, 5]);
  assert.throws(() => ctc({ blank: 5 }).perRow(x, input('t', 'int64', [2, 3])), {
    reason: 'INVALID_GRAPH',
    message:
      'ctc: expected predictions [batch, frames, more than 5 classes] and targets [batch, labels], got [2,4,5] and [2,3]',
  });
  assert.throws(() => ctc({ frameLengths: 'frames' }).perRow(x, input('t', 'int64', [2, 3])), {
    reason: 'INVALID_GRAPH',
    message: "ctc: needs the batch's inputs, and was given none",
  });
  assert.throws(
    () =>
      ctc({ frameLengths: 'frames' }).perRow(x, input('t', 'int64', [2, 3]), {
        inputs: new Map([['x', x]]),
        weights: x,
      }),
    { reason: 'INVALID_GRAPH', message: 'ctc: the network has no input frames, only x' },
  );
  assert.throws(() => ctc().perRow(x, input('t', 'int64', [3, 3])), { reason: 'INVALID_GRAPH' });
});

test('ctc is infinite for a row that cannot be spelt, and nothing flows back from it', () => {
  const x = input('x', 'float64', [1, 2, 3]);
  const rows = ctc({ fromLogits: true }).perRow(x, constantOf('int64', [1, 2], [1, 1]));
  const [gradient = x] = gradients(reduceSum(rows), [x]);
  const feeds = new Map([[x, { dtype: 'float64', shape: [1, 2, 3], data: madeNumbers(1, 6) } as const]]);
  const [found, slope] = evaluate([rows, gradient], feeds).map((array) => [...numbersOf(array).data]);
  assert.deepEqual(found, [Infinity]);
  assert.deepEqual(slope, [0, 0, 0, 0, 0, 0]);
});
