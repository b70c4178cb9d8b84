import assert from 'node:assert/strict';
import test from 'node:test';
import { DTYPES, elementCount } from '@amaas/core';
import { makeUpInputs } from './made-up-inputs.ts';

test('makeUpInputs fills every required input: rows for the first unknown dim, 1 for others', () => {
  const inputs = makeUpInputs(
    [
      { name: 'a', dtype: 'float32', shape: [null, 3, null] },
      { name: 'b', dtype: 'int64', shape: [2] },
      { name: 'c', dtype: 'string', shape: null },
      { name: 'd', dtype: 'float32', shape: [1], optional: true },
    ],
    4,
  );
  assert.deepEqual(
    [...inputs].map(([name, tensor]) => [name, tensor.dtype, tensor.shape]),
    [
      ['a', 'float32', [4, 3, 1]],
      ['b', 'int64', [2]],
      ['c', 'string', [4]],
    ],
  );
  assert.equal(new Set(inputs.get('a')?.data as Float32Array).size, 12); // a float32 input has this data
});

test('makeUpInputs knows every dtype the inference protocol carries, and refuses the others', () => {
  for (const dtype of DTYPES) {
    const make = () => makeUpInputs([{ name: 'x', dtype, shape: [3, 2] }], 1).get('x');
    if (/^(float[48]|u?int[24]$|complex)/.test(dtype)) assert.throws(make, { reason: 'UNSUPPORTED_TENSOR' });
    else assert.equal(make()?.data.length, elementCount([3, 2]));
  }
});
