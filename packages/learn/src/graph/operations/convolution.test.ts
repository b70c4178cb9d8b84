import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkOperation, type OperationCase } from '../../reference/testing/check-operation.ts';
import { input } from '../value.ts';
import * as op from './index.ts';

const cases: Readonly<Record<string, OperationCase>> = {
  conv: {
    shapes: [
      [2, 3, 5, 6],
      [4, 3, 3, 2],
    ],
    build: (x, w) => op.conv(x, w),
  },
  'conv with a bias': { shapes: [[2, 2, 4, 4], [3, 2, 3, 3], [3]], build: (x, w, bias) => op.conv(x, w, { bias }) },
  'conv, 3×3 same': {
    shapes: [
      [2, 2, 5, 4],
      [3, 2, 3, 3],
    ],
    build: (x, w) => op.conv(x, w, { padding: 'same' }),
  },
  'conv, an even kernel, same': {
    shapes: [
      [1, 2, 5, 4],
      [3, 2, 2, 4],
    ],
    build: (x, w) => op.conv(x, w, { padding: 'same' }),
  },
  'conv with strides and a rest at the end': {
    shapes: [
      [2, 2, 7, 8],
      [3, 2, 3, 3],
    ],
    build: (x, w) => op.conv(x, w, { strides: [2, 3], padding: 1 }),
  },
  'conv with strides, same': {
    shapes: [
      [1, 2, 7, 8],
      [2, 2, 3, 5],
    ],
    build: (x, w) => op.conv(x, w, { strides: 2, padding: 'same' }),
  },
  'conv with dilations': {
    shapes: [
      [2, 2, 7, 6],
      [2, 2, 3, 2],
    ],
    build: (x, w) => op.conv(x, w, { dilations: [2, 3] }),
  },
  'conv with dilations and strides, same': {
    shapes: [
      [1, 1, 9, 8],
      [2, 1, 3, 3],
    ],
    build: (x, w) => op.conv(x, w, { dilations: 2, strides: [1, 2], padding: 'same' }),
  },
  'conv with asymmetric padding': {
    shapes: [
      [2, 2, 4, 5],
      [2, 2, 3, 3],
    ],
    build: (x, w) => op.conv(x, w, { padding: [0, 2, 1, 0] }),
  },
  'conv with more padding than the kernel reaches': {
    shapes: [
      [1, 2, 3, 3],
      [2, 2, 2, 2],
    ],
    build: (x, w) => op.conv(x, w, { padding: 3 }),
  },
  'conv in groups': {
    shapes: [
      [2, 4, 5, 4],
      [6, 2, 3, 3],
    ],
    build: (x, w) => op.conv(x, w, { groups: 2, padding: 1 }),
  },
  'conv in groups, valid': {
    shapes: [
      [2, 4, 5, 4],
      [6, 2, 3, 3],
    ],
    build: (x, w) => op.conv(x, w, { groups: 2 }),
  },
  'conv per channel with strides': {
    shapes: [
      [2, 3, 6, 6],
      [3, 1, 3, 3],
    ],
    build: (x, w) => op.conv(x, w, { groups: 3, strides: 2, padding: 1 }),
  },
  'conv 1×1': {
    shapes: [
      [2, 3, 4, 5],
      [4, 3, 1, 1],
    ],
    build: (x, w) => op.conv(x, w),
  },
  'conv 1×1 with strides': {
    shapes: [
      [2, 3, 5, 5],
      [4, 3, 1, 1],
    ],
    build: (x, w) => op.conv(x, w, { strides: 2 }),
  },
  'conv over one axis': {
    shapes: [[2, 3, 9], [4, 3, 4], [4]],
    build: (x, w, bias) => op.conv(x, w, { bias, strides: 2, padding: [1, 2] }),
  },
  'conv over one axis with dilation, same': {
    shapes: [
      [2, 2, 7],
      [2, 2, 3],
    ],
    build: (x, w) => op.conv(x, w, { dilations: 2, padding: 'same' }),
  },
  convTranspose: {
    shapes: [
      [2, 3, 3, 4],
      [3, 2, 3, 2],
    ],
    build: (x, w) => op.convTranspose(x, w),
  },
  'convTranspose with strides, padding, output padding and a bias': {
    shapes: [[2, 3, 3, 4], [3, 2, 3, 3], [2]],
    build: (x, w, bias) =>
      op.convTranspose(x, w, { bias, strides: [2, 3], padding: [1, 0, 0, 1], outputPadding: [1, 2] }),
  },
  'convTranspose, same': {
    shapes: [
      [1, 2, 3, 4],
      [2, 2, 3, 5],
    ],
    build: (x, w) => op.convTranspose(x, w, { strides: 2, padding: 'same' }),
  },
  'convTranspose, same, with a kernel smaller than the stride': {
    shapes: [
      [1, 2, 3],
      [2, 2, 2],
    ],
    build: (x, w) => op.convTranspose(x, w, { strides: 3, padding: 'same' }),
  },
  'convTranspose in groups with dilation': {
    shapes: [
      [2, 4, 3, 3],
      [4, 3, 2, 2],
    ],
    build: (x, w) => op.convTranspose(x, w, { groups: 2, dilations: 2 }),
  },
  'convTranspose over one axis': {
    shapes: [
      [2, 2, 5],
      [2, 3, 4],
    ],
    build: (x, w) => op.convTranspose(x, w, { strides: 2, padding: 1 }),
  },
  im2col: {
    shapes: [[2, 2, 5, 6]],
    build: (x) => op.im2col(x, [3, 2], { strides: [2, 1], dilations: [1, 2], padding: [1, 0, 0, 2] }),
  },
  'im2col over one axis': { shapes: [[2, 3, 7]], build: (x) => op.im2col(x, [3], { strides: 2 }) },
  'gatherPatches with the batch last': {
    shapes: [[2, 12, 3]],
    build: (x) =>
      op.gatherPatches(x, 1, { image: [3, 4], counts: [2, 2], kernel: [2, 2], strides: [1, 2], dilations: [1, 1] }),
  },
  col2Im: {
    shapes: [[2, 12, 6]],
    build: (x) => op.col2Im(x, [5, 4], [3, 2], { strides: [2, 1], padding: [0, 0, 1, 0] }),
  },
  'col2Im over one axis': { shapes: [[2, 6, 3]], build: (x) => op.col2Im(x, [7], [3], { strides: 2 }) },
};

for (const [name, operation] of Object.entries(cases)) test(name, () => checkOperation(operation));

test('conv keeps sizes that are symbols', () => {
  const weight = input('w', 'float32', [4, 3, 3, 3]);
  const x = input('x', 'float32', ['N', 3, 'H', 'W']);
  assert.deepEqual(op.conv(x, weight, { padding: 'same' }).shape, ['N', 4, 'H', 'W']);
  assert.deepEqual(op.conv(x, weight, { padding: [0, 1] }).shape, ['N', 4, 'H-2', 'W']);
  assert.deepEqual(op.conv(x, weight, { padding: 1, strides: 2 }).shape, ['N', 4, '(H-1)/2+1', '(W-1)/2+1']);
  assert.throws(() => op.conv(x, weight, { padding: 'same', strides: 2 }), {
    message: 'Conv: same padding with stride 2 needs to know size H',
  });
});

test('conv pads as Keras and PyTorch do for same', () => {
  // Keras: an image of 7 and of 8 with a kernel of 3 and stride 2 both give 4 windows, zeros 1 and 1, or 0 and 1.
  for (const [size, pads] of [
    [7, [1, 1]],
    [8, [0, 1]],
  ] as const) {
    const windows = op.resolveWindows([size], [3], { strides: 2, padding: 'same', operation: 'test' });
    assert.deepEqual(windows.pads, pads);
    assert.deepEqual(op.countWindows([size], windows, 'test'), [4]);
  }
});

test('conv refuses what does not fit, naming itself', () => {
  const x = input('x', 'float32', [1, 4, 5, 5]);
  const weight = (shape: readonly number[]) => input('w', 'float32', shape);
  assert.throws(() => op.conv(x, weight([4, 3, 3, 3])), {
    reason: 'INVALID_GRAPH',
    message: 'Conv: weights [4,3,3,3] in 1 group(s) do not fit [1,4,5,5]',
  });
  assert.throws(() => op.conv(x, weight([4, 4, 7, 3])), {
    message: 'Conv: a window of 7 does not fit into 5 with 0 and 0 added',
  });
  assert.throws(() => op.conv(x, weight([4, 4, 3])), {
    message: 'Conv: a kernel [3] does not slide over [5,5]',
  });
  assert.throws(() => op.conv(x, weight([4, 4, 3, 3]), { strides: 0 }), {
    message: 'Conv: strides must be 2 whole numbers of 1 or more, got [0,0]',
  });
  assert.throws(() => op.conv(x, weight([4, 4, 3, 3]), { bias: input('b', 'float32', [3]) }), {
    message: 'Conv: expected bias [4], got [3]',
  });
  assert.throws(() => op.convTranspose(x, weight([4, 2, 3, 3]), { strides: 2, outputPadding: 2 }), {
    message: 'ConvTranspose: padding 0 and 0, output padding 2 do not fit stride 2 and size 5',
  });
});
