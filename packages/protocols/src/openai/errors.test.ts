import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AmaasError, ERROR_CATALOGUE, type ErrorReason } from '@amaas/core';
import { encodeOpenAiError, encodeOpenAiErrorChunk } from './errors.ts';

function statusAndCode(reason: ErrorReason): readonly unknown[] {
  const { status, body } = encodeOpenAiError(new AmaasError(reason, 'why'));
  return [status, body.error.type, body.error.code];
}

test('encodeOpenAiError has the statuses and codes that clients look at', () => {
  assert.deepEqual(statusAndCode('MODEL_NOT_FOUND'), [404, 'invalid_request_error', 'model_not_found']);
  assert.deepEqual(statusAndCode('INVALID_NAME'), [404, 'invalid_request_error', 'model_not_found']);
  assert.deepEqual(statusAndCode('CONTEXT_OVERFLOW'), [400, 'invalid_request_error', 'context_length_exceeded']);
  assert.deepEqual(statusAndCode('INVALID_KEY'), [401, 'authentication_error', 'invalid_api_key']);
  assert.deepEqual(statusAndCode('QUEUE_FULL'), [429, 'rate_limit_error', 'queue_full']);
  assert.deepEqual(statusAndCode('ENGINE_CRASHED'), [503, 'server_error', 'engine_crashed']);
  assert.deepEqual(statusAndCode('UNSUPPORTED_FEATURE'), [400, 'invalid_request_error', 'unsupported_feature']);
});

test('encodeOpenAiError tells clients what it is of no use to repeat', () => {
  for (const reason of Object.keys(ERROR_CATALOGUE) as ErrorReason[]) {
    // its keys are the reasons
    const error = new AmaasError(reason, 'why');
    const { status, headers } = encodeOpenAiError(error);
    const isRepeated = [409, 429].includes(status) || status >= 500;
    assert.equal(headers['x-should-retry'], isRepeated && !error.retryable ? 'false' : undefined, reason);
  }
});

test('encodeOpenAiError names the field, and never what is not for callers', () => {
  const details = { field: 'messages[1].role' };
  const { body } = encodeOpenAiError(new AmaasError('INVALID_ARGUMENT', 'messages[1].role: is needed', { details }));
  assert.deepEqual(body.error, {
    message: 'messages[1].role: is needed',
    type: 'invalid_request_error',
    param: 'messages[1].role',
    code: 'invalid_argument',
  });
  const secret = encodeOpenAiErrorChunk(new AmaasError('INTERNAL', 'secret'));
  assert.match(
    secret,
    /^data: \{"error":\{"message":"[^"]+","type":"server_error","param":null,"code":"internal"\}\}\n\n$/,
  );
  assert.doesNotMatch(secret, /secret/);
});

test('encodeOpenAiError names settings that an engine refuses as OpenAI does', () => {
  const details = { field: 'logProbabilities.top' };
  const thrown = new AmaasError('INVALID_ARGUMENT', 'generate: logProbabilities.top must be 0 … 100, got 200', {
    details,
  });
  const { error } = encodeOpenAiError(thrown).body;
  assert.deepEqual([error.param, error.message], ['top_logprobs', 'generate: top_logprobs must be 0 … 100, got 200']);
});
