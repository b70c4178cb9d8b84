import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { AmaasError } from '@amaas/core';
import { CodecPool } from './codec-pool.ts';

const pool = new CodecPool({ minBytes: 1000, threads: 2 });
after(() => pool.dispose());

function body(values: readonly number[]): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(
    JSON.stringify({ inputs: [{ name: 'x', shape: [values.length], datatype: 'FP32', data: values }] }),
  );
}

test('CodecPool.run converts small bodies on the spot and large ones in a thread, with the same result', async () => {
  const small = pool.run('decodeOip', { body: body([1, 2.5]), headerLength: null, model: 'm' }, { bytes: 10 });
  assert.ok(!(small instanceof Promise));
  assert.deepEqual(small.inputs.get('x')?.data, Float32Array.of(1, 2.5));
  const values = Array.from({ length: 2000 }, (_, index) => index / 7);
  const large = pool.run('decodeOip', { body: body(values), headerLength: null, model: 'm' }, { bytes: 20_000 });
  assert.ok(large instanceof Promise);
  assert.deepEqual((await large).inputs.get('x')?.data, Float32Array.from(values));
});

test('CodecPool.run gives each of many calls at once its own result', async () => {
  const results = await Promise.all(
    Array.from({ length: 50 }, (_, index) =>
      pool.run('decodeOip', { body: body([index, index + 0.5]), headerLength: null, model: 'm' }, { bytes: 5000 }),
    ),
  );
  for (const [index, result] of results.entries())
    assert.deepEqual(result.inputs.get('x')?.data, Float32Array.of(index, index + 0.5));
});

test('CodecPool.run carries refusals out of the thread with their reason and message', async () => {
  const broken = new TextEncoder().encode('{"inputs":[{"name":"x","shape":[3],"datatype":"FP32","data":[1]}]}');
  await assert.rejects(
    Promise.resolve(pool.run('decodeOip', { body: broken, headerLength: null, model: 'm' }, { bytes: 5000 })),
    (error: unknown) =>
      error instanceof AmaasError &&
      error.code === 'INVALID_ARGUMENT' &&
      /Shape does not match true shape/.test(error.message),
  );
});

test('CodecPool.run refuses after dispose', async () => {
  const other = new CodecPool({ minBytes: 0, threads: 1 });
  await other.dispose();
  await assert.rejects(
    Promise.resolve(other.run('decodeOip', { body: body([1]), headerLength: null, model: 'm' }, { bytes: 1 })),
    (error: unknown) => error instanceof AmaasError && error.reason === 'SHUTTING_DOWN',
  );
});
