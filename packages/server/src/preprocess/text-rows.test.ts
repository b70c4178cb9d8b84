import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createTensor, type Manifest, type TensorOf } from '@amaas/core';
import { planTexts, type TokenPlan } from './text-plan.ts';
import { readTexts } from './text-rows.ts';

const model = {
  inputs: [
    { name: 'ids', dtype: 'int64', shape: ['N', 'T'] },
    { name: 'mask', dtype: 'bool', shape: ['N', 'T'] },
    { name: 'fixed', dtype: 'int32', shape: ['N', 8] },
  ],
  outputs: [],
} as const;

function plan(name: string, more: object): TokenPlan {
  const preprocess = { [name]: { kind: 'tokens', tokenizer: 't.json', ...more } } as NonNullable<
    Manifest['preprocess']
  >;
  const first = planTexts({ preprocess }, model)?.inputs[0];
  assert.ok(first !== undefined);
  return first;
}

function strings(shape: readonly number[], ...elements: readonly (string | Uint8Array)[]): TensorOf<'string'> {
  return createTensor(
    'string',
    shape,
    elements.map((element) => Buffer.from(element)),
  );
}

test('planTexts decides from the graph what a manifest leaves open', () => {
  const { maxTokens, rowTokens, length, truncate, addSpecialTokens, padding, pair } = plan('fixed', {});
  assert.deepEqual(
    [maxTokens, rowTokens, length, truncate, addSpecialTokens, padding, pair],
    [8, 8, 'fixed', 'refuse', true, null, false],
  );
  const lengthOf = (name: string, more: object) => {
    const { length, rowTokens } = plan(name, more);
    return [length, rowTokens];
  };
  assert.deepEqual(lengthOf('fixed', { maxTokens: 5 }), ['fixed', 8]);
  assert.deepEqual(lengthOf('ids', { maxTokens: 5 }), ['exact', null]);
  assert.deepEqual(lengthOf('ids', { maxTokens: 5, mask: 'mask' }), ['longest', null]);
  assert.deepEqual(lengthOf('ids', { maxTokens: 5, mask: 'mask', length: 'exact' }), ['exact', null]);
  assert.deepEqual(lengthOf('ids', { maxTokens: 5, length: 'fixed' }), ['fixed', 5]);
  assert.equal(planTexts({}, model), null);
  assert.throws(() => plan('fixed', { mask: 'ids', typeIds: 'mask' }), {
    reason: 'INVALID_CONFIG',
    message:
      'manifest: preprocess."fixed".typeIds: input "mask" must be int32, int64 [N,8], but the model has bool [N,T]',
  });
});

test('readTexts takes lists and columns of texts byte for byte, marks of byte order and NUL included', () => {
  const single = plan('ids', { maxTokens: 5 });
  const texts = ['\ufeffa', 'b\0c', 'é\u0301', ''];
  for (const shape of [[4], [4, 1]])
    assert.deepEqual(readTexts('m', single, strings(shape, ...texts)), { texts, rows: 4, rowBytes: 4 });
  assert.equal(readTexts('m', single, strings([], 'alone')).rows, 1);
  const pairs = readTexts('m', plan('ids', { maxTokens: 5, pair: true }), strings([2, 2], ...texts));
  assert.deepEqual(pairs, { texts, rows: 2, rowBytes: 7 });
});

test('readTexts refuses other shapes and names the row of what is no text', () => {
  const single = plan('ids', { maxTokens: 5 });
  const pair = plan('ids', { maxTokens: 5, pair: true });
  const wrong: readonly (readonly [TokenPlan, readonly number[], number])[] = [
    [single, [1, 2], 2],
    [single, [0], 0],
    [single, [1, 1, 1], 1],
    [pair, [2], 2],
    [pair, [2, 1], 2],
    [pair, [0, 2], 0],
  ];
  for (const [own, shape, count] of wrong) {
    const tensor = strings(shape, ...new Array<string>(count).fill('a'));
    assert.throws(() => readTexts('m', own, tensor), { reason: 'INPUT_MISMATCH' });
  }
  for (const bytes of [[0xff], [0xc3], [0xed, 0xa0, 0x80], [0xc0, 0xaf]])
    assert.throws(() => readTexts('m', pair, strings([2, 2], 'a', 'b', 'c', Uint8Array.from(bytes))), {
      reason: 'INVALID_ARGUMENT',
      message: 'text: text 1 of 2 for input "ids" of model "m" is not valid UTF-8',
    });
  assert.throws(() => readTexts('m', single, strings([2], 'a', Buffer.alloc(512 * 1024 + 1))), {
    reason: 'REQUEST_TOO_LARGE',
    message: 'text: text 1 of 2 for input "ids" of model "m" has 524289 bytes; at most 524288 are taken',
  });
});
