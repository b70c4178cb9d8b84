import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AmaasError, type TensorSpec } from '@amaas/core';
import { signaturesOf } from './signatures.ts';

const x: TensorSpec = { name: 'x', dtype: 'float32', shape: ['N', 4] };
const mask: TensorSpec = { name: 'mask', dtype: 'bool', shape: ['N'], optional: true };
const y: TensorSpec = { name: 'y', dtype: 'float32', shape: ['N', null] };
const model = { inputs: [x, mask], outputs: [y] };

const refuses = (pattern: RegExp) => (error: unknown) =>
  error instanceof AmaasError && error.reason === 'INVALID_CONFIG' && pattern.test(error.message);

test('signaturesOf gives the whole model as serving_default, beside whatever the manifest declares', () => {
  assert.deepEqual(
    [...signaturesOf(model, {})],
    [['serving_default', { method: 'predict', inputs: [x, mask], outputs: [y] }]],
  );
  const signatures = signaturesOf(model, { signatures: { scores: { method: 'classify', inputs: [{ name: 'x' }] } } });
  assert.deepEqual([...signatures.keys()], ['serving_default', 'scores']);
  assert.deepEqual(signatures.get('scores'), { method: 'classify', inputs: [x], outputs: [y] });
});

test('signaturesOf lets a manifest name dims the file leaves open, not contradict those it fixes', () => {
  const declared = (shape: readonly (number | string)[]) => ({
    signatures: { s: { outputs: [{ name: 'y', shape }] } },
  });
  assert.deepEqual(signaturesOf(model, declared(['N', 10])).get('s')?.outputs[0]?.shape, ['N', 10]);
  assert.throws(
    () => signaturesOf(model, { signatures: { s: { inputs: [{ name: 'x', shape: ['N', 5] }] } } }),
    refuses(/"x" is declared with shape \["N",5\], but the model has float32 \[N,4\]/),
  );
  assert.throws(
    () => signaturesOf(model, { signatures: { s: { inputs: [{ name: 'x', dtype: 'int64' }] } } }),
    refuses(/"x" is declared int64, but the model has float32/),
  );
  assert.throws(
    () => signaturesOf(model, { signatures: { s: { outputs: [{ name: 'z' }] } } }),
    refuses(/"z" is not one of the model's: "y"/),
  );
  assert.throws(
    () => signaturesOf(model, { signatures: { s: { inputs: [{ name: 'mask' }] } } }),
    refuses(/leaves out the required input "x"/),
  );
});
