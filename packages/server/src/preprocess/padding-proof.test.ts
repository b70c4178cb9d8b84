import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createTensor, type NamedTensors, type Tensor } from '@amaas/core';
import { whyNotPadded } from './padding-proof.ts';

/** Rows of lengths 2, 1, 2 with these values, alone by length and filled up with zeros under a mask. */
const rows = [[3, 4], [5], [7, 8]];
const inputsOf = (chosen: readonly number[], width: number): NamedTensors => {
  const own = chosen.map((row) => rows[row] ?? []);
  const fill = (pick: (row: readonly number[]) => readonly number[]) =>
    Float32Array.from(own.flatMap((row) => [...pick(row), ...new Array(width - row.length).fill(0)]));
  const shape = [chosen.length, width];
  return new Map([
    [
      'x',
      createTensor(
        'float32',
        shape,
        fill((row) => row),
      ),
    ],
    [
      'mask',
      createTensor(
        'float32',
        shape,
        fill((row) => row.map(() => 1)),
      ),
    ],
  ]);
};
const padding = {
  apart: [
    { rows: [0, 2], inputs: inputsOf([0, 2], 2) },
    { rows: [1], inputs: inputsOf([1], 1) },
  ],
  filled: inputsOf([0, 1, 2], 2),
};

/** A model that works row by row on its values and its mask. */
const model =
  (work: (values: readonly number[], mask: readonly number[]) => number | readonly number[]) =>
  async (inputs: NamedTensors): Promise<NamedTensors> => {
    const [x, mask] = [inputs.get('x'), inputs.get('mask')] as [
      Tensor & { dtype: 'float32' },
      Tensor & { dtype: 'float32' },
    ];
    const [count = 0, width = 0] = x.shape;
    const answers = Array.from({ length: count }, (_, row) =>
      [
        work(
          [...x.data.subarray(row * width, (row + 1) * width)],
          [...mask.data.subarray(row * width, (row + 1) * width)],
        ),
      ].flat(),
    );
    const perRow = answers[0]?.length ?? 0;
    return new Map([['y', createTensor('float32', [count, perRow], Float32Array.from(answers.flat()))]]);
  };
const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);

test('whyNotPadded lets a model be filled up that looks at what the mask shows', async () => {
  const mean = (values: readonly number[], mask: readonly number[]) => sum(values) / sum(mask);
  assert.equal(await whyNotPadded(model(mean), padding), null);
  const noisy = (values: readonly number[], mask: readonly number[]) => mean(values, mask) * (1 + 2e-5 * values.length);
  assert.equal(await whyNotPadded(model(noisy), padding), null, 'rounding is no difference');
});

test('whyNotPadded finds a model that takes padding for tokens', async () => {
  assert.equal(
    await whyNotPadded(
      model((values) => sum(values) / values.length),
      padding,
    ),
    'output "y" of a text is 5 by itself and 2.5 when it is filled up',
  );
});

test('whyNotPadded compares what a model says of each token as far as the text goes', async () => {
  assert.equal(
    await whyNotPadded(
      model((values) => values.map((value) => value * 2)),
      padding,
    ),
    null,
  );
  const backwards = await whyNotPadded(
    model((values) => values.toReversed()),
    padding,
  );
  assert.equal(backwards, 'output "y" of a text is 5 by itself and 0 when it is filled up');
});

test('whyNotPadded does not fill up what it could not try', async () => {
  const failing = async () => Promise.reject(new Error('no such shape'));
  assert.equal(await whyNotPadded(failing, padding), 'a run on made-up texts fails: no such shape');
  const one = { apart: padding.apart.slice(0, 1), filled: padding.filled };
  assert.match((await whyNotPadded(model(sum), one)) ?? '', /no two lengths/);
  const total = async (inputs: NamedTensors): Promise<NamedTensors> =>
    new Map([['y', createTensor('float32', [], Float32Array.of(inputs.size))]]);
  assert.match(
    (await whyNotPadded(total, padding)) ?? '',
    /output "y" has shape \[\] for texts of one length and \[\]/,
  );
});
