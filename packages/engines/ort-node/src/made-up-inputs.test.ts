import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { DType, TensorSpec } from '@amaas/core';
import { listShapings, makeUpInputs, type Shaping } from './made-up-inputs.ts';

const spec = (name: string, shape: TensorSpec['shape'], dtype: DType = 'float32'): TensorSpec => ({
  name,
  dtype,
  shape,
});

function shapes(
  specs: readonly TensorSpec[],
  shaping: Partial<Shaping>,
  rows = 1,
): Readonly<Record<string, readonly number[]>> {
  const inputs = makeUpInputs(specs, { size: 8, spread: 'all', rankOfUnknown: 2, ...shaping }, rows, () => 0.25);
  return Object.fromEntries([...inputs].map(([name, tensor]) => [name, tensor.shape]));
}

describe('makeUpInputs', () => {
  test('counts rows along axis 0 and gives a symbol one size everywhere', () => {
    const specs = [spec('a', ['N', 'L', 3]), spec('b', ['N', 'L']), spec('c', ['L', 'N']), spec('d', [2, null])];
    const lead = shapes(specs.slice(0, 2), {}, 5);
    assert.deepEqual(lead, { a: [5, 8, 3], b: [5, 8] });
    // L leads c, so it counts rows there and everywhere.
    assert.deepEqual(shapes(specs, {}, 5), { a: [5, 5, 3], b: [5, 5], c: [5, 5], d: [2, 8] });
  });

  test('spread "last" leaves inner dims at 1, "nchw" and "nhwc" give pictures 3 channels', () => {
    const specs = [spec('x', [null, null, null, null]), spec('y', ['N', 'a', 'b'])];
    assert.deepEqual(shapes(specs, { spread: 'last' }), { x: [1, 1, 1, 8], y: [1, 1, 8] });
    assert.deepEqual(shapes(specs, { spread: 'nchw' }), { x: [1, 3, 8, 8], y: [1, 8, 8] });
    assert.deepEqual(shapes(specs, { spread: 'nhwc' }), { x: [1, 8, 8, 3], y: [1, 8, 8] });
    assert.deepEqual(shapes([spec('p', ['N', 'c', 'h', 'w'])], { spread: 'nchw' }), { p: [1, 3, 8, 8] });
  });

  test('knows scalars, unknown ranks and optional inputs', () => {
    const specs: readonly TensorSpec[] = [spec('s', []), spec('u', null), { ...spec('o', ['N']), optional: true }];
    assert.deepEqual(shapes(specs, { rankOfUnknown: 3 }), { s: [], u: [1, 8, 8] });
  });

  test('fills in values most models take', () => {
    let step = 0;
    const random = (): number => [0.1, 0.9, 0.4][step++ % 3] ?? 0;
    const make = (dtype: DType): unknown => {
      step = 0;
      const inputs = makeUpInputs([spec('x', [3], dtype)], { size: 1, spread: 'all', rankOfUnknown: 1 }, 1, random);
      return inputs.get('x')?.data;
    };
    assert.deepEqual(make('float64'), Float64Array.of(0.1, 0.9, 0.4));
    assert.deepEqual(make('float16'), Uint16Array.of(0x2e66, 0x3b33, 0x3666));
    assert.deepEqual(make('int64'), BigInt64Array.of(0n, 1n, 0n));
    assert.deepEqual(make('uint8'), Uint8Array.of(0, 1, 0));
    assert.deepEqual(make('bool'), Uint8Array.of(0, 1, 0));
    assert.deepEqual(make('string'), [Uint8Array.of(97), Uint8Array.of(99), Uint8Array.of(98)]);
  });
});

describe('listShapings', () => {
  test('tries one shaping where nothing is free, sizes from small to large elsewhere', () => {
    assert.deepEqual(
      listShapings([spec('x', ['N', 4]), spec('s', [])]).map(({ size }) => size),
      [1, 1],
    );
    const sizes = listShapings([spec('x', ['N', 'L'])]).map(({ size }) => size);
    assert.deepEqual([...new Set(sizes)], [1, 2, 4, 8, 16, 32, 64, 128, 224, 256]);
    assert.ok(listShapings([spec('x', [null, null, null, null])]).some(({ spread }) => spread === 'nchw'));
    assert.deepEqual(
      [...new Set(listShapings([spec('x', null)]).map(({ rankOfUnknown }) => rankOfUnknown))],
      [1, 2, 3, 4],
    );
  });
});
