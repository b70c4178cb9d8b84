import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AmaasError } from '@amaas/core';
import { inCallerNames } from './caller-names.ts';

const NAMES = new Map([
  ['topP', 'options.top_p'],
  ['logProbabilities.top', 'top_logprobs'],
]);

function renamed(message: string, details: Readonly<Record<string, unknown>>) {
  const error = new AmaasError('INVALID_ARGUMENT', message, { details, retryable: true });
  const { reason, message: shown, details: told, retryable } = inCallerNames(error, NAMES);
  return { reason, shown, told, retryable };
}

test('inCallerNames says the field in the words of the protocol, in message and details', () => {
  assert.deepEqual(renamed('generate: topP must be 0 … 1, got 3', { field: 'topP', got: 3 }), {
    reason: 'INVALID_ARGUMENT',
    shown: 'generate: options.top_p must be 0 … 1, got 3',
    told: { field: 'options.top_p', got: 3 },
    retryable: true,
  });
  assert.equal(
    renamed('generate: logProbabilities.top must be 0 … 100', { field: 'logProbabilities.top' }).shown,
    'generate: top_logprobs must be 0 … 100',
  );
});

test('inCallerNames touches neither other words, nor later places, nor errors of other fields', () => {
  const shown = renamed('generate: topPs, a.topP, topP: got "topP"', { field: 'topP' }).shown;
  assert.equal(shown, 'generate: topPs, a.topP, options.top_p: got "topP"');
  const error = new AmaasError('INVALID_ARGUMENT', 'generate: topP and minP', { details: { field: 'minP' } });
  assert.equal(inCallerNames(error, NAMES), error);
  const bare = new AmaasError('QUEUE_FULL', 'topP');
  assert.equal(inCallerNames(bare, NAMES), bare);
});
