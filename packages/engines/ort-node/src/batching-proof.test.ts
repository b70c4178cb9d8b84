import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createTensor, type NamedTensors, type Tensor, type TensorSpec } from '@amaas/core';
import { proveBatching, type RunModel, whyShapesForbidBatching } from './batching-proof.ts';
import { floats, longs, named, texts } from './testing/tensors.ts';

const makeRow = (index: number): NamedTensors => named({ x: floats([1, 2], [index + 0.5, -index]) });

/** A model that maps each row (two numbers) to one number, given all rows. */
function rowModel(map: (row: readonly number[], rows: readonly (readonly number[])[]) => number): RunModel {
  return (inputs) => {
    const values = [...(inputs.get('x')?.data ?? [])].map(Number);
    const rows = Array.from({ length: values.length / 2 }, (_, row) => values.slice(row * 2, row * 2 + 2));
    return named({
      y: floats(
        [rows.length, 1],
        rows.map((row) => map(row, rows)),
      ),
    });
  };
}

function reasonOf(run: RunModel): string {
  const proof = proveBatching(run, makeRow);
  return proof.sound ? 'sound' : proof.reason;
}

describe('proveBatching', () => {
  test('finds rows that stand alone sound, NaN and infinities included', () => {
    assert.equal(reasonOf(rowModel(([a = 0, b = 0]) => a * 3 - b)), 'sound');
    assert.equal(reasonOf(rowModel(([a = 0]) => (a > 3 ? Number.NaN : 1 / (a - 0.5)))), 'sound');
  });

  test('lets rounding pass and nothing more', () => {
    const off = (relative: number): RunModel =>
      rowModel(([a = 0], rows) => (rows.length === 1 ? a : a * (1 + relative)));
    assert.equal(reasonOf(off(5e-5)), 'sound');
    assert.match(reasonOf(off(5e-4)), /^output "y" row \d differs by 0\.00\d+ when run together$/);
  });

  test('finds a mean over the rows', () => {
    const mean = rowModel(([a = 0], rows) => a - rows.reduce((sum, [b = 0]) => sum + b, 0) / rows.length);
    assert.match(reasonOf(mean), /^output "y" row 0 differs by 2 when run together$/);
  });

  test('finds a model that looks only at the row before', () => {
    const previous = rowModel((row, rows) => (row[0] ?? 0) + (rows[rows.indexOf(row) - 1]?.[0] ?? 0));
    assert.match(reasonOf(previous), /row 1 differs/);
  });

  test('finds a model that fails on the order of the rows alone', () => {
    // Right as long as the first row is the least: the first joined run cannot tell.
    const sorted = rowModel((row, rows) => Math.max(row[0] ?? 0, rows[0]?.[0] ?? 0));
    assert.match(reasonOf(sorted), /row [1-6] differs/);
  });

  test('finds outputs that do not count the rows', () => {
    const sum: RunModel = (inputs) => named({ y: floats([1], [inputs.get('x')?.shape[0] ?? 0]) });
    assert.equal(reasonOf(sum), 'output "y" has 1 rows for 5 rows of input');
    const scalar: RunModel = () => named({ y: floats([], [1]) });
    assert.equal(reasonOf(scalar), 'output "y" has no batch dim');
    const twice: RunModel = (inputs) => {
      const rows = (inputs.get('x')?.shape[0] ?? 0) === 1 ? 2 : (inputs.get('x')?.shape[0] ?? 0);
      return named({ y: floats([rows], new Float32Array(rows)) });
    };
    assert.equal(reasonOf(twice), 'output "y" has 2 rows for 1 row of input');
  });

  test('finds outputs padded to the longest row', () => {
    const padded: RunModel = (inputs) => {
      const rows = inputs.get('x')?.shape[0] ?? 0;
      return named({ y: floats([rows, rows], new Float32Array(rows * rows)) });
    };
    assert.equal(reasonOf(padded), 'output "y" has shape [1,1] alone and [5,5] together');
  });

  test('compares integers and texts exactly', () => {
    const labels = (make: (value: number, count: number) => Tensor): RunModel => {
      return (inputs) => {
        const count = inputs.get('x')?.shape[0] ?? 0;
        return named({ y: make(count, count) });
      };
    };
    const long = labels((value, count) =>
      longs(
        [count],
        Array.from({ length: count }, () => 2n ** 60n + BigInt(value)),
      ),
    );
    assert.match(reasonOf(long), /row 0 differs/);
    const text = labels((value, count) =>
      texts(
        [count],
        Array.from({ length: count }, () => `label${value}`),
      ),
    );
    assert.equal(reasonOf(text), 'output "y" row 0 has another text when run together');
    const same = labels((_, count) =>
      texts(
        [count],
        Array.from({ length: count }, () => 'label'),
      ),
    );
    assert.equal(reasonOf(same), 'sound');
  });

  test('compares halves by their values', () => {
    const halves =
      (bits: number): RunModel =>
      (inputs) => {
        const count = inputs.get('x')?.shape[0] ?? 0;
        const data = new Uint16Array(count).fill(count === 1 ? 0x3c00 : bits);
        return named({ y: createTensor('float16', [count], data) });
      };
    assert.equal(reasonOf(halves(0x3c01)), 'sound'); // 1 + 2^-10
    assert.match(reasonOf(halves(0x3c20)), /differs by 0\.0313/); // 1 + 2^-5
  });
});

describe('whyShapesForbidBatching', () => {
  const spec = (name: string, shape: TensorSpec['shape']): TensorSpec => ({ name, dtype: 'float32', shape });

  test('wants a free first dim everywhere', () => {
    const y = spec('y', ['N', 2]);
    assert.equal(whyShapesForbidBatching([spec('x', ['N', 3])], [y]), null);
    assert.equal(whyShapesForbidBatching([spec('x', [null, 3])], [spec('y', null)]), null);
    assert.equal(whyShapesForbidBatching([spec('x', [4, 3])], [y]), 'input "x" has fixed first dim 4');
    assert.equal(whyShapesForbidBatching([spec('x', ['N'])], [spec('y', [3, 2])]), 'output "y" has fixed first dim 3');
    assert.equal(whyShapesForbidBatching([spec('x', ['N'])], [spec('y', [1, 2])]), null); // the runs will tell
    assert.equal(whyShapesForbidBatching([spec('x', ['N']), spec('sr', [])], [y]), 'input "sr" has no batch dim');
    assert.equal(whyShapesForbidBatching([], [y]), 'the model has no inputs');
  });

  test('wants a symbol that counts rows only', () => {
    const reason = whyShapesForbidBatching([spec('x', ['N', 'N'])], [spec('y', ['N'])]);
    assert.equal(reason, 'dim "N" counts rows and appears inside input "x" too');
  });
});
