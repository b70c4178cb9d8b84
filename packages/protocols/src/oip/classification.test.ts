import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createTensor, type Tensor } from '@amaas/core';
import { classify } from './classification.ts';

function strings(tensor: ReturnType<typeof classify>): readonly string[] {
  return tensor.data.map((element) => new TextDecoder().decode(element));
}

function doubles(...values: readonly number[]): Tensor {
  return createTensor('float64', [values.length], Float64Array.from(values));
}

describe('classify', () => {
  test('answers the top classes of each row with six decimals and labels', () => {
    const scores = createTensor('float32', [2, 3], Float32Array.from([0.05, 0.25, 0.7, 0.9, 0.0625, 0.0375]));
    const top = classify(scores, 2, { labels: ['cat', 'dog', 'bird'] });
    assert.deepEqual(top.shape, [2, 2]);
    assert.deepEqual(strings(top), ['0.700000:2:bird', '0.250000:1:dog', '0.900000:0:cat', '0.062500:1:dog']);
  });

  test('takes the other dims as one, keeps no batch dim when told so, and leaves out missing labels', () => {
    const scores = createTensor('int32', [1, 2, 2], Int32Array.from([7, -3, 40, 7]));
    const options = { labels: ['a', '', 'c'] };
    assert.deepEqual(classify(scores, 3, options).shape, [1, 3]);
    assert.deepEqual(strings(classify(scores, 3, options)), ['40:2:c', '7:0:a', '7:3']);
    assert.deepEqual(classify(scores, 9, { batched: false }).shape, [4]);
    assert.deepEqual(strings(classify(scores, 9, { batched: false })), ['40:2', '7:0', '7:3', '-3:1']);
    const vector = createTensor('uint8', [2], Uint8Array.from([4, 5]));
    assert.deepEqual(classify(vector, 5, { batched: true }).shape, [2, 1]);
    assert.deepEqual(strings(classify(vector, 5, { batched: true })), ['4:0', '5:0']);
    assert.deepEqual(strings(classify(vector, 1)), ['5:1']);
  });

  test('keeps every digit of 64-bit integers and orders them as integers', () => {
    const scores = createTensor('uint64', [3], BigUint64Array.from([2n ** 64n - 2n, 2n ** 64n - 1n, 3n]));
    assert.deepEqual(strings(classify(scores, 2)), ['18446744073709551615:1', '18446744073709551614:0']);
  });

  test('handles scalars, no rows, rows without elements and no classes', () => {
    assert.deepEqual(strings(classify(createTensor('float32', [], Float32Array.of(3)), 4)), ['3.000000:0']);
    assert.deepEqual(classify(createTensor('float32', [0, 5], new Float32Array(0)), 3).shape, [0, 3]);
    assert.deepEqual(classify(createTensor('float32', [2, 0], new Float32Array(0)), 3).shape, [2, 0]);
    assert.deepEqual(classify(doubles(1, 2), 0).data, []);
  });

  test('puts NaN last and writes what C writes', () => {
    const odd = doubles(Number.NaN, 1e22, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY, -0, 0.0078125, 0.0234375);
    assert.deepEqual(strings(classify(odd, 7)), [
      'inf:3',
      '10000000000000000000000.000000:1',
      '0.023438:6', // exactly between two: to even, as glibc
      '0.007812:5',
      '-0.000000:4',
      '-inf:2',
      'nan:0',
    ]);
  });

  test('agrees with sorting all scores, for few and for many classes', () => {
    let state = 12345;
    const next = (): number => {
      state = (state * 1103515245 + 12345) % 2147483648;
      return state;
    };
    for (let round = 0; round < 200; round++) {
      const length = 1 + (next() % 70);
      // Few distinct values, so that ties are common; now and then NaN.
      const values = Array.from({ length }, () => (next() % 20 === 0 ? Number.NaN : (next() % 9) - 4));
      const rank = (value: number): number => (Number.isNaN(value) ? Number.NEGATIVE_INFINITY : value);
      const expected = values
        .map((value, index) => ({ value: rank(value), index }))
        .sort((a, b) => (a.value === b.value ? a.index - b.index : b.value > a.value ? 1 : -1));
      for (const classes of [1, 5, 32, 33, 100]) {
        const got = strings(classify(doubles(...values), classes)).map((entry) => Number(entry.split(':')[1]));
        assert.deepEqual(
          got,
          expected.slice(0, classes).map(({ index }) => index),
        );
      }
    }
  });

  test('refuses types without an order to compare by, as Triton does', () => {
    for (const tensor of [
      createTensor('float16', [1], Uint16Array.of(1)),
      createTensor('bool', [1], Uint8Array.of(1)),
    ]) {
      assert.throws(() => classify(tensor, 1), {
        reason: 'INVALID_ARGUMENT',
        message: /class result not available for output due to unsupported type '(FP16|BOOL)'/,
      });
    }
    assert.throws(() => classify(createTensor('string', [1], [new Uint8Array(1)]), 1), /unsupported type 'BYTES'/);
  });
});
