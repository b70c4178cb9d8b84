import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AmaasError, createTensor } from '@amaas/core';
import { compileToOnnx, createReferenceExecutor } from '../compile/index.ts';
import { cast, input, mul, reduceSum } from '../graph/index.ts';
import { runRows } from './run-rows.ts';

test('runRows gives what one run over all rows would, whatever their number', async () => {
  const x = input('x', 'float32', ['N', 2]);
  const outputs = new Map([
    ['double', mul(x, 2)],
    ['whole', cast(reduceSum(x, { axes: [1] }), 'int64')],
  ]);
  const compiled = await createReferenceExecutor().compile(compileToOnnx(outputs, { inputs: [x] }));
  for (const rows of [1, 255, 256, 257, 600]) {
    const data = Float32Array.from({ length: rows * 2 }, (_, at) => at - 7);
    const asked: [number, number][] = [];
    const results = await runRows(compiled, {
      rows,
      feeds(start, end) {
        asked.push([start, end]);
        return new Map([['x', createTensor('float32', [end - start, 2], data.slice(2 * start, 2 * end))]]);
      },
    });
    assert.deepEqual(results.get('double'), {
      dtype: 'float32',
      shape: [rows, 2],
      data: data.map((value) => value * 2),
    });
    const sums = Array.from({ length: rows }, (_, row) => BigInt(4 * row - 13));
    assert.deepEqual(results.get('whole'), { dtype: 'int64', shape: [rows], data: BigInt64Array.from(sums) });
    assert(asked.every(([start, end]) => end - start <= 256));
  }
  await compiled.dispose();
});

test('runRows stops between two runs when it is called off', async () => {
  const x = input('x', 'float32', ['N']);
  const compiled = await createReferenceExecutor().compile(compileToOnnx(new Map([['y', mul(x, 2)]]), { inputs: [x] }));
  const controller = new AbortController();
  let runs = 0;
  const running = runRows(compiled, {
    rows: 10_000,
    feeds(start, end) {
      runs++;
      setTimeout(() => controller.abort());
      return new Map([['x', createTensor('float32', [end - start], new Float32Array(end - start))]]);
    },
    signal: controller.signal,
  });
  await assert.rejects(running, (error) => error instanceof AmaasError && error.reason === 'CANCELLED');
  assert(runs < 5, `${runs}`);
  await compiled.dispose();
});
