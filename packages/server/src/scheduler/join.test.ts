import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AmaasError, createTensor, type NamedTensors } from '@amaas/core';
import { joinRows, splitRows } from './join.ts';

const bytes = (text: string) => new TextEncoder().encode(text);

function request(first: number, count: number): NamedTensors {
  const ids = Array.from({ length: count }, (_, index) => first + index);
  return new Map<string, ReturnType<typeof createTensor>>([
    ['f16', createTensor('float16', [count, 2], Uint16Array.from(ids.flatMap((id) => [id, id + 1000])))],
    ['i64', createTensor('int64', [count], BigInt64Array.from(ids.map(BigInt)))],
    [
      'text',
      createTensor(
        'string',
        [count, 1],
        ids.map((id) => bytes(`row ${id}`)),
      ),
    ],
  ]) as NamedTensors; // three dtypes in one Map
}

test('splitRows undoes joinRows for every dtype, also for requests without rows', () => {
  const requests = [request(3, 2), request(50, 0), request(7, 1), request(90, 4)];
  const joined = joinRows(requests);
  assert.deepEqual(joined.get('f16')?.shape, [7, 2]);
  const parts = splitRows(joined, [2, 0, 1, 4]);
  for (const [index, part] of parts.entries()) {
    for (const [name, tensor] of requests[index] ?? []) {
      assert.deepEqual(part.get(name)?.shape, tensor.shape);
      assert.deepEqual([...(part.get(name)?.data ?? [])], [...tensor.data]);
    }
  }
});

test('splitRows refuses an output whose rows are not the rows that went in', () => {
  const outputs: NamedTensors = new Map([['y', createTensor('float32', [3, 1], Float32Array.of(1, 2, 3))]]);
  assert.throws(
    () => splitRows(outputs, [1, 1]),
    (error) =>
      error instanceof AmaasError &&
      error.reason === 'INTERNAL' &&
      /"y" has shape \[3,1\] for 2 rows/.test(error.message),
  );
});
