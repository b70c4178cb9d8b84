import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AmaasError } from './errors.ts';
import { assertInputsFit, formatSpec, shapeFits, type TensorSpec } from './signature.ts';
import { createTensor, type NamedTensors, type Tensor } from './tensor.ts';

const specs: readonly TensorSpec[] = [
  { name: 'x', dtype: 'float32', shape: ['N', 4] },
  { name: '__proto__', dtype: 'int64', shape: [] },
  { name: 'mask', dtype: 'bool', shape: null, optional: true },
];

const x = createTensor('float32', [2, 4], new Float32Array(8));
const scalar = createTensor('int64', [], BigInt64Array.of(5n));

function inputs(...entries: readonly (readonly [string, Tensor])[]): NamedTensors {
  return new Map(entries);
}

function mismatch(given: NamedTensors): string {
  try {
    assertInputsFit('m', specs, given);
  } catch (error) {
    assert.ok(error instanceof AmaasError);
    assert.equal(error.reason, 'INPUT_MISMATCH');
    return error.message;
  }
  return assert.fail('expected a refusal');
}

test('shapeFits takes symbols and unknown dims as wildcards', () => {
  assert.ok(shapeFits([7, 4], ['N', 4]));
  assert.ok(shapeFits([0, 4], [null, 4]));
  assert.ok(shapeFits([1, 2, 3], null));
  assert.ok(shapeFits([], []));
  assert.ok(!shapeFits([7, 5], ['N', 4]));
  assert.ok(!shapeFits([7, 4, 1], ['N', 4]));
  assert.ok(!shapeFits([4], ['N', 4]));
  assert.ok(!shapeFits([1], []));
});

test('assertInputsFit accepts what fits, with and without optional inputs', () => {
  assertInputsFit('m', specs, inputs(['x', x], ['__proto__', scalar]));
  const mask = createTensor('bool', [1, 1, 1], new Uint8Array(1));
  assertInputsFit('m', specs, inputs(['mask', mask], ['__proto__', scalar], ['x', x]));
  assertInputsFit('m', [], inputs());
});

test('assertInputsFit names the input, what was expected and what came', () => {
  const wrongType = createTensor('int64', [3, 5], new BigInt64Array(15));
  assert.equal(
    mismatch(inputs(['x', wrongType], ['__proto__', scalar])),
    'infer: input "x" of model "m" expects float32 [N,4], got int64 [3,5]',
  );
  const wrongShape = createTensor('float32', [2, 3], new Float32Array(6));
  assert.match(
    mismatch(inputs(['x', wrongShape], ['__proto__', scalar])),
    /expects float32 \[N,4\], got float32 \[2,3\]/,
  );
  const wrongRank = createTensor('int64', [1], BigInt64Array.of(5n));
  assert.match(
    mismatch(inputs(['x', x], ['__proto__', wrongRank])),
    /"__proto__" .* expects int64 \[\], got int64 \[1\]/,
  );
});

test("assertInputsFit lists missing inputs in Triton's words", () => {
  assert.equal(
    mismatch(inputs(['x', x])),
    "expected 2 inputs but got 1 inputs for model 'm'. Got input(s) ['x'], but missing required input(s) ['__proto__']. " +
      'Please provide all required input(s).',
  );
});

test('assertInputsFit refuses inputs the model does not have', () => {
  const message = mismatch(inputs(['x', x], ['__proto__', scalar], ['constructor', scalar]));
  assert.match(
    message,
    /unexpected inference input 'constructor' for model 'm'; its inputs are 'x', '__proto__', 'mask'/,
  );
});

test('formatSpec writes dtype and shape', () => {
  assert.equal(formatSpec({ name: 'x', dtype: 'uint8', shape: ['N', null, 3] }), 'uint8 [N,?,3]');
  assert.equal(formatSpec({ name: 'x', dtype: 'string', shape: null }), 'string [any rank]');
});
