import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createTensor } from '@amaas/core';
import { createOrtNodeExecutor } from '@amaas/engine-ort-node';
import { compileToOnnx } from '../compile/index.ts';
import { input } from '../graph/index.ts';
import { fitLength } from './fixed-length.ts';

const executor = await createOrtNodeExecutor();

test('fitLength cuts, fills up with zeros, and keeps numbers that are none where they are', async () => {
  const x = input('x', 'float32', ['N', 'any']);
  const compiled = await executor.compile(compileToOnnx(new Map([['y', fitLength(x, 3)]]), { inputs: [x] }));
  const fit = async (rows: readonly (readonly number[])[]): Promise<readonly number[]> => {
    const tensor = createTensor('float32', [rows.length, rows[0]?.length ?? 0], Float32Array.from(rows.flat()));
    const y = (await compiled.run(new Map([['x', tensor]]))).get('y');
    assert(y?.dtype === 'float32');
    assert.deepEqual(y.shape, [rows.length, 3]);
    return [...y.data];
  };
  assert.deepEqual(
    await fit([
      [1, 2, 3, 4, 5],
      [6, 7, 8, 9, 10],
    ]),
    [1, 2, 3, 6, 7, 8],
  );
  assert.deepEqual(await fit([[1], [2]]), [1, 0, 0, 2, 0, 0]);
  assert.deepEqual(
    await fit([
      [Number.NaN, 5],
      [Number.POSITIVE_INFINITY, 6],
    ]),
    [Number.NaN, 5, 0, Number.POSITIVE_INFINITY, 6, 0],
  );
  assert.deepEqual(await fit([[], []]), [0, 0, 0, 0, 0, 0]);
  await compiled.dispose();
});

test('fitLength takes whole numbers', async () => {
  const x = input('x', 'int64', ['N', 'any']);
  const compiled = await executor.compile(compileToOnnx(new Map([['y', fitLength(x, 2)]]), { inputs: [x] }));
  const y = (await compiled.run(new Map([['x', createTensor('int64', [2, 1], BigInt64Array.of(7n, -8n))]]))).get('y');
  assert.deepEqual(y?.data, BigInt64Array.of(7n, 0n, -8n, 0n));
  await compiled.dispose();
});
