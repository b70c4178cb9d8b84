// What the reference executor adds to the contract: sizes that only runs know, and integers it would get wrong.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { NamedTensors } from '@amaas/core';
import { intAttribute, intsAttribute, type OnnxNode, tensorValueInfo, writeModel } from '../onnx/index.ts';
import { createReferenceExecutor } from './reference-executor.ts';

function modelOf(dtype: 'float32' | 'int64', nodes: readonly OnnxNode[]): Uint8Array {
  return writeModel({
    irVersion: 8,
    opsetImports: [{ version: 18 }],
    graph: {
      nodes,
      initializers: [],
      inputs: [tensorValueInfo('x', dtype, ['N', 2])],
      outputs: [tensorValueInfo('y', dtype, null)],
    },
  });
}

const constants = (name: string, values: readonly number[]): OnnxNode => ({
  opType: 'Constant',
  inputs: [],
  outputs: [name],
  attributes: [intsAttribute('value_ints', values)],
});

test('ReferenceExecutor computes with sizes that only the run brings', async () => {
  // The first half of the rows: N / 2 is worked out from x's shape.
  const halves = modelOf('float32', [
    { opType: 'Shape', inputs: ['x'], outputs: ['rows'], attributes: [intAttribute('end', 1)] },
    constants('two', [2]),
    constants('zero', [0]),
    { opType: 'Div', inputs: ['rows', 'two'], outputs: ['half'] },
    { opType: 'Slice', inputs: ['x', 'zero', 'half', 'zero'], outputs: ['y'] },
  ]);
  const compiled = await createReferenceExecutor().compile(halves);
  for (const rows of [2, 6, 2]) {
    const data = Float32Array.from({ length: rows * 2 }, (_, index) => index - 3.5);
    const y = (await compiled.run(new Map([['x', { dtype: 'float32', shape: [rows, 2], data }]]))).get('y');
    assert.deepEqual(y, { dtype: 'float32', shape: [rows / 2, 2], data: data.slice(0, rows) });
  }
  await compiled.dispose();
});

test('ReferenceExecutor refuses integers that float64 cannot hold, where it computes with them', async () => {
  const twice = modelOf('int64', [{ opType: 'Add', inputs: ['x', 'x'], outputs: ['y'] }]);
  const compiled = await createReferenceExecutor().compile(twice);
  const inputs = (value: bigint): NamedTensors =>
    new Map([['x', { dtype: 'int64', shape: [1, 2], data: BigInt64Array.of(7n, value) }]]);
  await assert.rejects(compiled.run(inputs(2n ** 53n)), {
    reason: 'UNSUPPORTED_TENSOR',
    message: 'run: input "x": 9007199254740992 is beyond ±2^53, where the reference cannot count',
  });
  const y = (await compiled.run(inputs(2n ** 50n))).get('y');
  assert.deepEqual(y?.data, BigInt64Array.of(14n, 2n ** 51n));
});
