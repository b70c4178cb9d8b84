// Whatever the bytes, the decoders answer with a result or an AmaasError, never with another exception.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AmaasError, assertInputsFit, type Signature } from '@amaas/core';
import { createRandom } from '../json/testing/random.ts';
import { decodeExamples, decodePredict } from './index.ts';

const SIGNATURE: Signature = {
  method: 'classify',
  inputs: [
    { name: 'a', dtype: 'float32', shape: ['n', null] },
    { name: 'b', dtype: 'int64', shape: ['n'] },
    { name: 's', dtype: 'string', shape: ['n'], optional: true },
  ],
  outputs: [],
};
const SIGNATURES = new Map([['serving_default', SIGNATURE]]);

const BODIES = [
  '{"instances": [{"a": [1.5, 2], "b": 3, "s": "x"}, {"a": [3, 4e-1], "b": -9223372036854775808, "s": {"b64": "AA=="}}]}',
  '{"signature_name": "serving_default", "inputs": {"a": [[1, 2], [3, NaN]], "b": [1, 2], "s": ["\\u00e9", "\\ud83d\\ude00"]}}',
  '{"context": {"s": "x"}, "examples": [{"a": [1.5, 2], "b": true}, {"a": [1, 2.5], "b": 7}]}',
];

test('decodePredict and decodeExamples survive mutated bodies', () => {
  const random = createRandom(7);
  const roll = (sides: number): number => random.integer(0, sides - 1);
  const tokens = [
    '[',
    ']',
    '{',
    '}',
    ',',
    ':',
    '"',
    '0',
    '-',
    '1e9',
    '1e999',
    'null',
    'true',
    '[]',
    '{}',
    '"b64"',
    '\\u',
    '\ud800',
    'NaN',
  ];
  let accepted = 0;
  for (let round = 0; round < 8_000; round++) {
    let text = BODIES[roll(BODIES.length)] ?? '';
    for (let edit = 0; edit <= roll(3); edit++) {
      const at = roll(text.length);
      const removed = roll(4) === 0 ? roll(20) : roll(2);
      text = text.slice(0, at) + (roll(3) === 0 ? '' : tokens[roll(tokens.length)]) + text.slice(at + removed);
    }
    const bytes = new TextEncoder().encode(text);
    if (roll(10) === 0) bytes[roll(bytes.length)] = roll(256);
    for (const decode of [
      () => decodePredict(bytes, SIGNATURES),
      () => decodeExamples('classify', bytes, SIGNATURES),
    ]) {
      try {
        const { inputs } = decode();
        accepted++;
        for (const tensor of inputs.values()) {
          const size = tensor.shape.reduce((product, dim) => product * dim, 1);
          assert.equal(tensor.data.length, size, text);
          if (tensor.dtype === 'string')
            for (const element of tensor.data) assert.ok(element instanceof Uint8Array, text);
        }
        assertInputsFit('m', SIGNATURE.inputs, inputs);
      } catch (error) {
        assert.ok(error instanceof AmaasError, `${text}: ${error}`);
        assert.ok(error.message.length < 2_000, error.message);
      }
    }
  }
  assert.ok(accepted > 300, `${accepted} accepted`);
});
