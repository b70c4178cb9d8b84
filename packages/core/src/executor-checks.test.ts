import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertRunInputs, assertRunOutputs, assertThreads, disposedModel } from './executor-checks.ts';
import { AmaasError, type ErrorReason } from './errors.ts';
import type { TensorSpec } from './signature.ts';
import type { Tensor } from './tensor.ts';

const specs: readonly TensorSpec[] = [
  { name: 'x', dtype: 'float32', shape: ['N', 3] },
  { name: 'mask', dtype: 'bool', shape: null },
];
const x: Tensor = { dtype: 'float32', shape: [2, 3], data: new Float32Array(6) };
const mask: Tensor = { dtype: 'bool', shape: [2], data: Uint8Array.of(1, 0) };

function refused(act: () => void, reason: ErrorReason, message: string): void {
  assert.throws(act, (error) => {
    assert.ok(error instanceof AmaasError);
    assert.deepEqual([error.reason, error.message], [reason, message]);
    return true;
  });
}

test('assertRunInputs lets exactly what is declared pass', () => {
  assertRunInputs(
    specs,
    new Map<string, Tensor>([
      ['mask', mask],
      ['x', x],
    ]),
  ); // in any order
});

test('assertRunInputs names the input, what was expected and what came', () => {
  const given = (name: string, tensor: Tensor) => () =>
    assertRunInputs(
      specs,
      new Map<string, Tensor>([
        ['x', x],
        ['mask', mask],
        [name, tensor],
      ]),
    );
  refused(
    () => assertRunInputs(specs, new Map([['mask', mask]])),
    'INPUT_MISMATCH',
    'run: input "x", float32 [N,3], is missing',
  );
  refused(given('y', x), 'INPUT_MISMATCH', 'run: there is no input "y"; the inputs are "x", "mask"');
  refused(
    given('x', { ...x, shape: [3, 2] }),
    'INPUT_MISMATCH',
    'run: input "x" expects float32 [N,3], got float32 [3,2]',
  );
  refused(
    given('x', { ...x, shape: [1, 3] }),
    'INVALID_SHAPE',
    'run: input "x": float32 [1,3] needs 3 stored values, got 6',
  );
  refused(
    given('mask', { ...mask, data: Uint8Array.of(0, 2) }),
    'INVALID_ARGUMENT',
    'run: input "mask": a bool is stored as 0 or 1, got 2 at 1',
  );
});

test('assertRunOutputs names the output that is not there', () => {
  assertRunOutputs(specs, ['mask']);
  refused(
    () => assertRunOutputs(specs, ['x', 'z']),
    'UNKNOWN_OUTPUT',
    'run: there is no output "z"; the outputs are "x", "mask"',
  );
});

test('assertThreads takes whole numbers from 1', () => {
  assertThreads('compile', 3);
  for (const threads of [0, 1.5, Number.NaN]) {
    refused(
      () => assertThreads('compile', threads),
      'INVALID_CONFIG',
      `compile: threads must be a whole number ≥ 1, got ${threads}`,
    );
  }
});

test('disposedModel is not worth trying again', () => assert.equal(disposedModel().retryable, false));
