import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DTYPES } from '@amaas/core';
import { DTYPE_BY_ONNX_CODE, onnxCodeOf } from './dtype-codes.ts';

test('DTYPE_BY_ONNX_CODE covers 1 to 26 without a gap and reverses onnxCodeOf', () => {
  assert.deepEqual(
    [...DTYPE_BY_ONNX_CODE.keys()].sort((a, b) => a - b),
    Array.from({ length: 26 }, (_, i) => i + 1),
  );
  for (const dtype of DTYPES) assert.equal(DTYPE_BY_ONNX_CODE.get(onnxCodeOf(dtype)), dtype);
});

test('onnxCodeOf gives the numbers of onnx.proto', () => {
  assert.deepEqual(
    (['float32', 'uint8', 'int64', 'string', 'bool', 'float16', 'float64', 'bfloat16', 'int4', 'int2'] as const).map(
      onnxCodeOf,
    ),
    [1, 2, 7, 8, 9, 10, 11, 16, 22, 26],
  );
});
