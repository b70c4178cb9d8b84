// Losses of sequences and of what belongs together, against PyTorch's values and gradients, and inside training.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Tensor } from '@amaas/core';
import { compileToOnnx } from '../compile/index.ts';
import { cast, constantOf, div, gradients, input, mul, reduceSum, type Value, verifyGraph } from '../graph/index.ts';
import { dense, functional } from '../layers/index.ts';
import { evaluate, numbersOf } from '../reference/index.ts';
import {
  adam,
  ctc,
  evaluateExamples,
  fit,
  infoNce,
  type Loss,
  type LossBatch,
  negativeSampling,
  noiseContrastive,
  sequenceCrossentropy,
} from './index.ts';
import { madeIndices, madeNumbers } from './testing/made-numbers.ts';
import { integers, matrix, ortExecutor, weightBytes } from './testing/small-training.ts';
import { torchSequenceLosses } from './testing/torch-sequence-losses.ts';
import { assertNear } from './testing/torch-values.ts';

interface LossCase {
  readonly loss: Loss;
  readonly shape: readonly number[];
  readonly scale?: number;
  readonly target: { readonly shape: readonly number[]; readonly ids: readonly number[] };
  readonly weights?: readonly number[];
  readonly inputs?: ReadonlyMap<string, Value>;
}

/** The ids of PyTorch's fixture, the third row's and some more not counting. */
const steps = madeIndices(7, 15, 6).map((id, at) => (at === 3 || at === 4 || at === 7 || at > 10 ? -100 : id));
const sequence = { shape: [3, 5, 6], target: { shape: [3, 5], ids: steps } };
const pairs = { shape: [5, 2, 4], scale: 2, target: { shape: [5], ids: [0, 1, 2, 3, 4] } };
const candidates = { shape: [4, 4], target: { shape: [4, 4], ids: madeIndices(6, 16, 6) } };

const CASES: Readonly<Record<string, LossCase>> = {
  sequence: { loss: sequenceCrossentropy(), ...sequence },
  'sequence smoothed': { loss: sequenceCrossentropy({ labelSmoothing: 0.2 }), ...sequence },
  infoNce: { loss: infoNce({ temperature: 0.2 }), ...pairs },
  'infoNce symmetric': { loss: infoNce({ temperature: 0.2, symmetric: true }), ...pairs },
  'infoNce shared': {
    loss: infoNce({ temperature: 0.2, symmetric: true }),
    ...pairs,
    target: { shape: [5], ids: [3, 1, 3, 0, 7] },
    weights: [1, 1, 1, 1, 0],
  },
  negativeSampling: { loss: negativeSampling(), ...candidates },
  noiseContrastive: { loss: noiseContrastive([1, 2, 3, 4, 5, 6].map((each) => each / 21)), ...candidates },
};

/** Rows as the fixture weighs them, and the gradient; sequences by their mean over the steps that count. */
function build({ loss, shape, target, weights, inputs = new Map() }: LossCase, dtype: 'float32' | 'float64') {
  const x = input('x', dtype, shape);
  const [batch = 0] = shape;
  const ids = constantOf('int64', target.shape, target.ids);
  const drawn = Array.from(madeNumbers(3, batch), (value, row) => (value + 1.5) * (weights?.[row] ?? 1));
  const given: LossBatch = {
    inputs,
    weights: constantOf(dtype, [batch], weights ?? Array<number>(batch).fill(1)),
  };
  const rows = loss.perRow(x, ids, given);
  const shares = loss.rowWeights?.(ids, given);
  const total =
    shares === undefined
      ? reduceSum(mul(rows, constantOf(dtype, [batch], drawn)))
      : div(reduceSum(mul(rows, cast(shares, dtype))), cast(reduceSum(shares), dtype));
  const [gradient = x] = gradients(total, [x]);
  verifyGraph([rows, total, gradient]);
  return { x, rows, total, gradient };
}

for (const [name, lossCase] of Object.entries(CASES)) {
  const expected = torchSequenceLosses[name] ?? assert.fail('no fixture');
  const { shape, scale = 3 } = lossCase;
  const data = madeNumbers(
    1,
    shape.reduce((product, size) => product * size),
    scale,
  );
  test(`${name}: loss and gradient are PyTorch's, in float64 and on ONNX Runtime`, async () => {
    const exact = build(lossCase, 'float64');
    const wanted = expected.rows ?? [expected.mean ?? Number.NaN];
    const [found, slope] = evaluate(
      [expected.rows ? exact.rows : exact.total, exact.gradient],
      new Map([[exact.x, { dtype: 'float64', shape, data }]]),
    ).map(numbersOf);
    assertNear(found?.data ?? [], wanted, { tolerance: 1e-6, what: 'loss' });
    assertNear(slope?.data ?? [], expected.gradient, { tolerance: 1e-6, what: 'gradient' });

    const { x, rows, total, gradient } = build(lossCase, 'float32');
    const outputs = new Map([
      ['loss', expected.rows ? rows : total],
      ['gradient', gradient],
    ]);
    const compiled = await (await ortExecutor()).compile(compileToOnnx(outputs, { inputs: [x] }));
    const results = await compiled.run(new Map([['x', { dtype: 'float32', shape, data: Float32Array.from(data) }]]));
    await compiled.dispose();
    for (const [what, values] of [['loss', wanted] as const, ['gradient', expected.gradient] as const]) {
      const tensor = results.get(what);
      assert(tensor?.dtype === 'float32');
      assertNear(tensor.data, values, { tolerance: 1e-5, what });
    }
  });
}

test('sequenceCrossentropy leaves out what its mask hides, as if it were to be ignored', () => {
  const hidden = new Set([1, 7, 14]);
  const mask = constantOf(
    'bool',
    [3, 5],
    Array.from({ length: 15 }, (_, at) => (hidden.has(at) ? 0 : 1)),
  );
  const ids = [...madeIndices(7, 15, 6)];
  const masked = build(
    {
      ...sequence,
      loss: sequenceCrossentropy({ mask: 'mask' }),
      target: { shape: [3, 5], ids },
      inputs: new Map([['mask', mask]]),
    },
    'float64',
  );
  const ignored = build(
    {
      ...sequence,
      loss: sequenceCrossentropy({ ignore: -1 }),
      target: { shape: [3, 5], ids: ids.map((id, at) => (hidden.has(at) ? -1 : id)) },
    },
    'float64',
  );
  const [a, b] = [masked, ignored].map(({ x, total, gradient }) => {
    const feeds = new Map([[x, { dtype: 'float64', shape: [3, 5, 6], data: madeNumbers(1, 90, 3) } as const]]);
    return evaluate([total, gradient], feeds).map((array) => [...numbersOf(array).data]);
  });
  assert.deepEqual(a, b);
  for (const at of hidden) assert.deepEqual(a?.[1]?.slice(6 * at, 6 * at + 6), [0, 0, 0, 0, 0, 0]);
});

test('losses of sequences and pairs refuse what they cannot mean', () => {
  const x = input('x', 'float32', [2, 3]);
  const ids = input('ids', 'int64', [2, 2]);
  const refused: readonly (readonly [() => unknown, string])[] = [
    [() => infoNce({ temperature: 0 }), 'infoNce: temperature must be a positive number, got 0'],
    [() => infoNce().perRow(x, ids), 'infoNce: expected predictions [batch, 2, width], got [2,3]'],
    [
      () => noiseContrastive([0.5, 0.4]),
      'noiseContrastive: the noise must be probabilities above 0 that sum to 1, their sum is 0.9',
    ],
    [
      () => noiseContrastive([1, 0]),
      'noiseContrastive: the noise must be probabilities above 0 that sum to 1, their sum is 1',
    ],
    [
      () => negativeSampling().perRow(x, ids),
      'negativeSampling: expected scores and ids [batch, 1 + drawn], got [2,3] and [2,2]',
    ],
    [() => sequenceCrossentropy().perRow(x, ids), 'sequenceCrossentropy: expected targets [2], got [2,2]'],
    [() => sequenceCrossentropy({ labelSmoothing: 1 }), 'loss: labelSmoothing must be in [0, 1), got 1'],
    [
      () => sequenceCrossentropy({ ignore: 0 }).assertTargets?.(integers([2, 2], [1, 0, 6, 2]), [2, 2, 6]),
      'sequenceCrossentropy: targets must be whole numbers of 0 … 5, as the network gives 6 classes, or 0; row 1 has 6',
    ],
    [
      () => noiseContrastive([0.5, 0.5]).assertTargets?.(integers([1, 2], [1, 2]), [1, 2]),
      'noiseContrastive: targets must be whole numbers of 0 … 1, as the network gives 2 classes; row 0 has 2',
    ],
  ];
  for (const [attempt, message] of refused) assert.throws(attempt, { message });
});

test('fit trains by a loss that reads an input of the network: what lies behind the frames changes nothing', async () => {
  const [rows, frames] = [11, 6];
  const lengths = Array.from({ length: rows }, (_, row) => 4 + (row % 3));
  const network = functional(['x', 'frames'], (inputs, scope) =>
    dense(4).apply(inputs.get('x'), scope.inside('dense')),
  );
  const loss = ctc({ fromLogits: true, frameLengths: 'frames' });
  const executor = await ortExecutor();
  const train = async (behind: number, accumulate: number) => {
    const numbers = madeNumbers(1, rows * frames * 3, 2).map((value, at) => {
      const row = Math.floor(at / (3 * frames));
      return Math.floor(at / 3) % frames < (lengths[row] ?? 0) ? value : behind;
    });
    const examples = {
      inputs: new Map<string, Tensor>([
        ['x', matrix([rows, frames, 3], numbers)],
        ['frames', integers([rows], lengths)],
      ]),
      target: integers(
        [rows, 2],
        lengths.flatMap((length, row) => [1 + (row % 3), length === 5 ? -1 : 2]),
      ),
    };
    const { model, history } = await fit(network, examples, {
      ...{ executor, loss, optimizer: adam({ learningRate: 0.05 }), epochs: 12, batchSize: 4, seed: 1, accumulate },
    });
    const measured = await evaluateExamples(model, examples, { executor, loss, metrics: [], batchSize: 4 });
    return { weights: weightBytes(model.weights), history, measured: measured.get('loss') ?? Number.NaN };
  };
  for (const accumulate of [1, 2]) {
    const [first, second] = [await train(0.5, accumulate), await train(-7, accumulate)];
    assert.deepEqual(first, second);
    assert(first.measured < 0.9 * (first.history[0]?.values.loss ?? 0), JSON.stringify(first.history));
  }
});
