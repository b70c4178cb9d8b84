import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compileToOnnx } from '../compile/index.ts';
import { add, input } from '../graph/index.ts';
import {
  parseTableDescription,
  readTableDescription,
  TABLE_METADATA,
  type TableModelDescription,
} from './table-description.ts';

const description: TableModelDescription = {
  format: 'amaas-table-1',
  target: { task: 'multiclass', column: '__proto__', classes: ['a', 'b', ''] },
  columns: [{ name: 'größe "x"', kind: 'number', dtype: 'float32', role: 'numeric' }],
  dataDigest: 'sha256:ab',
};

function modelWith(metadata: ReadonlyMap<string, string>): Uint8Array {
  const x = input('x', 'float32', ['N']);
  return compileToOnnx(new Map([['y', add(x, 1)]]), { inputs: [x], metadata });
}

test('readTableDescription finds what a table model says about its columns', () => {
  const onnx = modelWith(new Map([[TABLE_METADATA, JSON.stringify(description)]]));
  assert.deepEqual(readTableDescription(onnx), description);
});

test('readTableDescription refuses other models and other files', () => {
  const asked = { reason: 'INVALID_MODEL', message: /expected a model that amaas trained from a table$/ };
  assert.throws(() => readTableDescription(modelWith(new Map())), asked);
  assert.throws(() => readTableDescription(modelWith(new Map([[TABLE_METADATA, '{']]))), asked);
  assert.throws(() => readTableDescription(new TextEncoder().encode('a,b\n1,2\n')), { reason: 'INVALID_MODEL' });
});

test('parseTableDescription refuses what is damaged', () => {
  const [column] = description.columns;
  const damaged: readonly unknown[] = [
    null,
    [],
    { ...description, format: 'amaas-table-2' },
    { ...description, columns: {} },
    { ...description, columns: [{ ...column, name: 7 }] },
    { ...description, columns: [{ ...column, kind: 'date' }] },
    { ...description, columns: [{ ...column, dtype: 'int64' }] },
    { ...description, target: { ...description.target, classes: [1, 2] } },
    { ...description, target: { task: 'regression', column: 'y', mean: 1 } },
    { ...description, target: { task: 'ranking', column: 'y', classes: ['a'] } },
  ];
  for (const value of damaged) {
    assert.throws(() => parseTableDescription(value), { reason: 'INVALID_MODEL' }, JSON.stringify(value));
  }
  assert.deepEqual(parseTableDescription(JSON.parse(JSON.stringify(description))), description);
});
