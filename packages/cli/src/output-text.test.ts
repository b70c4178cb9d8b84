import assert from 'node:assert/strict';
import test from 'node:test';
import { createTensor, type Tensor } from '@amaas/core';
import { outputsText } from './output-text.ts';

function textOf(tensor: Tensor, labels: readonly string[] | null = null): string {
  return outputsText(new Map([['out', tensor]]), labels);
}

test('outputsText shows small tensors whole, with six digits', () => {
  const tensor = createTensor('float32', [2, 2], Float32Array.of(0.1, 1 / 3, -2, 1e-7));
  assert.equal(textOf(tensor), 'out  float32 [2,2]\n  [[0.1, 0.333333],\n   [-2, 1e-7]]');
  assert.equal(
    textOf(createTensor('int64', [], BigInt64Array.of(9007199254740993n))),
    'out  int64 []\n  9007199254740993',
  );
  assert.equal(textOf(createTensor('string', [1], [new TextEncoder().encode('a"b')])), 'out  string [1]\n  ["a\\"b"]');
  assert.equal(textOf(createTensor('float32', [0, 4], new Float32Array())), 'out  float32 [0,4]\n  []');
});

test('outputsText shows the best classes of scores, and names of class indices', () => {
  const labels = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];
  const scores = createTensor('float32', [1, 7], Float32Array.of(0.1, 0.5, 0.05, 0.2, 0.01, 0.04, 0.1));
  assert.equal(textOf(scores, labels), 'out  float32 [1,7]\n  b 0.5\n  d 0.2\n  a 0.1\n  g 0.1\n  c 0.05');
  assert.equal(textOf(createTensor('int64', [2], BigInt64Array.of(6n, 0n)), labels), 'out  int64 [2]\n  6  g\n  0  a');
  assert.equal(textOf(createTensor('int64', [1], BigInt64Array.of(7n)), labels), 'out  int64 [1]\n  [7]');
});

test('outputsText counts the best classes of many rows', () => {
  const scores = Float32Array.from({ length: 24 }, (_, index) => [0.9, 0.1, 0.2, 0.8, 0.7, 0.3][index % 6] ?? 0);
  const text = textOf(createTensor('float32', [1, 12, 2], scores), ['none', 'face']);
  assert.equal(text, 'out  float32 [1,12,2]\n  rows by best class: 8 none, 4 face');
});

test('outputsText sums large tensors up', () => {
  const tensor = createTensor(
    'float32',
    [1, 100],
    Float32Array.from({ length: 100 }, (_, index) => index - 3),
  );
  assert.equal(
    textOf(tensor),
    'out  float32 [1,100]\n  -3, -2, -1, 0, 1, 2, 3, 4, 5, 6, …\n  100 elements from -3 to 96, mean 46.5',
  );
});
