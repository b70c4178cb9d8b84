import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createTensor, type NamedTensors, type Tensor } from '@amaas/core';
import type { TokenPlan } from './text-plan.ts';
import { type EncodedInput, layOutTokens } from './token-tensors.ts';

const plan: TokenPlan = {
  ids: { name: 'ids', dtype: 'int64' },
  mask: { name: 'mask', dtype: 'float32' },
  typeIds: { name: 'types', dtype: 'int32' },
  tokenizer: 't.json',
  pair: false,
  maxTokens: 9,
  rowTokens: null,
  length: 'longest',
  padding: null,
  truncate: 'refuse',
  addSpecialTokens: true,
};

function encodedInput(rows: readonly (readonly number[])[], more: Partial<EncodedInput> = {}): EncodedInput {
  const ids = Int32Array.from(rows.flat());
  const encoded = {
    lengths: Int32Array.from(rows, (row) => row.length),
    ids,
    typeIds: ids.map((id) => id % 2),
  };
  return { plan, encoded, padding: 77, mayPad: true, ...more };
}

const none: NamedTensors = new Map();
const shown = (tensor: Tensor | undefined) => [tensor?.dtype, tensor?.shape, Array.from(tensor?.data ?? [], Number)];

test('layOutTokens fills rows up with the padding, which the mask hides', () => {
  const [part, second] = layOutTokens('m', [encodedInput([[1, 2, 3], [4], [6, 5]])], none);
  assert.equal(second, undefined);
  assert.equal(part?.rows, null);
  assert.deepEqual(shown(part?.inputs.get('ids')), ['int64', [3, 3], [1, 2, 3, 4, 77, 77, 6, 5, 77]]);
  assert.deepEqual(shown(part?.inputs.get('mask')), ['float32', [3, 3], [1, 1, 1, 1, 0, 0, 1, 1, 0]]);
  assert.deepEqual(shown(part?.inputs.get('types')), ['int32', [3, 3], [1, 0, 1, 0, 0, 0, 0, 1, 0]]);
});

test('layOutTokens gives rows the length of the graph where that is fixed, one without tokens included', () => {
  const fixed = { ...plan, rowTokens: 4, mask: { name: 'mask', dtype: 'bool' }, typeIds: null } as const;
  const [part] = layOutTokens('m', [encodedInput([[1, 2], []], { plan: fixed })], none);
  assert.deepEqual(shown(part?.inputs.get('ids')), ['int64', [2, 4], [1, 2, 77, 77, 77, 77, 77, 77]]);
  assert.deepEqual(shown(part?.inputs.get('mask')), ['bool', [2, 4], [1, 1, 0, 0, 0, 0, 0, 0]]);
  assert.equal(part?.inputs.has('types'), false);
});

test('layOutTokens has rows of one length run together and others apart, each with its rows of other inputs', () => {
  const others: NamedTensors = new Map<string, Tensor>([
    ['n', createTensor('int64', [4, 2], BigInt64Array.of(0n, 1n, 10n, 11n, 20n, 21n, 30n, 31n))],
    [
      's',
      createTensor(
        'string',
        [4],
        [0, 1, 2, 3].map((byte) => Uint8Array.of(byte)),
      ),
    ],
  ]);
  const rows = [[1, 2], [3], [4, 5], [6]];
  const parts = layOutTokens('m', [encodedInput(rows, { mayPad: false })], others);
  assert.deepEqual(
    parts.map((part) => part.rows),
    [
      [0, 2],
      [1, 3],
    ],
  );
  assert.deepEqual(shown(parts[0]?.inputs.get('ids')), ['int64', [2, 2], [1, 2, 4, 5]]);
  assert.deepEqual(shown(parts[1]?.inputs.get('ids')), ['int64', [2, 1], [3, 6]]);
  assert.deepEqual(shown(parts[1]?.inputs.get('mask')), ['float32', [2, 1], [1, 1]]);
  assert.deepEqual(shown(parts[1]?.inputs.get('n')), ['int64', [2, 2], [10, 11, 30, 31]]);
  assert.deepEqual(shown(parts[1]?.inputs.get('s')), ['string', [2], [1, 3]]);
  const other = { ...plan, ids: { name: 'b', dtype: 'int32' }, mask: null, typeIds: null, length: 'exact' } as const;
  const second = encodedInput([[9], [9], [8, 8], [7]], { plan: other, mayPad: false });
  const both = layOutTokens('m', [encodedInput(rows, { mayPad: false }), second], none);
  assert.deepEqual(
    both.map((part) => part.rows),
    [[0], [1, 3], [2]],
  );
  assert.deepEqual(shown(both[1]?.inputs.get('b')), ['int32', [2, 1], [9, 7]]);
});

test('layOutTokens refuses what has no rows to go with, and more ids than a request may have', () => {
  const apart = encodedInput([[1, 2], [3]], { mayPad: false });
  const three = createTensor('float32', [3], new Float32Array(3));
  assert.throws(() => layOutTokens('m', [apart], new Map([['n', three]])), {
    reason: 'INPUT_MISMATCH',
    message:
      'text: input "n" of model "m" has shape [3] beside 2 texts of different lengths; it must have a row for each',
  });
  const [even] = layOutTokens('m', [encodedInput([[1], [2]], { mayPad: false })], new Map([['n', three]]));
  assert.equal(even?.inputs.get('n'), three, 'what runs together is the model’s to judge');
  assert.throws(() => layOutTokens('m', [encodedInput([[1], []])], none), {
    message: /text 1 of 2 for input "ids" of model "m" has no token/,
  });
  const long = { ...plan, rowTokens: 1_100_000 };
  assert.throws(() => layOutTokens('m', [encodedInput([[1], [2]], { plan: long })], none), {
    reason: 'REQUEST_TOO_LARGE',
    message:
      'text: the texts for input "ids" of model "m" become 2200000 ids; at most 2097152 are taken in one request',
  });
});
