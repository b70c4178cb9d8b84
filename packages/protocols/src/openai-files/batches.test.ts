import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AmaasError } from '@amaas/core';
import { addUsage, encodeLineResult, isLineProblem, NO_USAGE, readBatchLine } from './batch-lines.ts';
import { encodeBatch, readBatchOrder } from './batches.ts';

const ORDER = { input_file_id: 'file-1', endpoint: '/v1/embeddings', completion_window: '24h' };

test('readBatchOrder reads what a batch is made of', () => {
  assert.deepEqual(readBatchOrder(ORDER), {
    inputFileId: 'file-1',
    endpoint: '/v1/embeddings',
    metadata: null,
    outputExpiresAfterSeconds: null,
  });
  const metadata = Object.fromEntries(Array.from({ length: 16 }, (_, index) => [`key${index}`, 'v'.repeat(512)]));
  const full = { ...ORDER, metadata, output_expires_after: { anchor: 'created_at', seconds: 3601 } };
  assert.deepEqual(readBatchOrder(full), {
    inputFileId: 'file-1',
    endpoint: '/v1/embeddings',
    metadata,
    outputExpiresAfterSeconds: 3601,
  });
});

test('readBatchOrder refuses by name what it does not take', () => {
  const cases: readonly (readonly [string, object])[] = [
    ['input_file_id', { ...ORDER, input_file_id: undefined }],
    ['endpoint', { ...ORDER, endpoint: '/v1/images/generations' }],
    ['completion_window', { ...ORDER, completion_window: '1h' }],
    ['metadata', { ...ORDER, metadata: { a: 1 } }],
    ['metadata', { ...ORDER, metadata: { ['k'.repeat(65)]: '' } }],
    ['metadata', { ...ORDER, metadata: Object.fromEntries(Array.from({ length: 17 }, (_, index) => [index, ''])) }],
    ['output_expires_after.anchor', { ...ORDER, output_expires_after: { anchor: 'now', seconds: 4000 } }],
    [
      'output_expires_after.hours',
      { ...ORDER, output_expires_after: { anchor: 'created_at', seconds: 4000, hours: 1 } },
    ],
    ['priority', { ...ORDER, priority: 1 }],
  ];
  for (const [field, body] of cases) {
    assert.throws(
      () => readBatchOrder(body),
      (error) => {
        assert.ok(error instanceof AmaasError);
        assert.deepEqual([error.reason, error.details['field']], ['INVALID_ARGUMENT', field]);
        return true;
      },
    );
  }
});

test('encodeBatch has every key, null where nothing is known yet', () => {
  const base = { ...readBatchOrder(ORDER), id: 'batch_1', problems: [], outputFileId: null, errorFileId: null };
  const counts = { total: 3, completed: 1, failed: 2 };
  const time = { createdAtMs: 1_700_000_000_500, expiresAtMs: 1_700_086_400_500 };
  const fresh = encodeBatch({ ...base, ...time, state: 'validating', times: {}, counts, usage: null, model: null });
  assert.deepEqual(fresh, {
    id: 'batch_1',
    object: 'batch',
    endpoint: '/v1/embeddings',
    model: null,
    errors: null,
    input_file_id: 'file-1',
    completion_window: '24h',
    status: 'validating',
    output_file_id: null,
    error_file_id: null,
    created_at: 1_700_000_000,
    in_progress_at: null,
    expires_at: 1_700_086_400,
    finalizing_at: null,
    completed_at: null,
    failed_at: null,
    expired_at: null,
    cancelling_at: null,
    cancelled_at: null,
    request_counts: counts,
    metadata: null,
  });
  const usage = { inputTokens: 5, cachedTokens: 2, outputTokens: 7, reasoningTokens: 3 };
  const problem = { code: 'invalid_url', message: 'no', line: 4, param: 'url' };
  const times = { in_progress: 1_700_000_001_000, cancelled: 1_700_000_009_999 };
  const ended = encodeBatch({
    ...{ ...base, ...time, counts, usage, times },
    ...{ state: 'cancelled', problems: [problem], model: 'm' },
  });
  assert.deepEqual(
    { ...fresh, ...ended },
    {
      ...fresh,
      model: 'm',
      status: 'cancelled',
      errors: { object: 'list', data: [problem] },
      in_progress_at: 1_700_000_001,
      cancelled_at: 1_700_000_009,
      usage: {
        input_tokens: 5,
        input_tokens_details: { cached_tokens: 2 },
        output_tokens: 7,
        output_tokens_details: { reasoning_tokens: 3 },
        total_tokens: 12,
      },
    },
  );
});

test('readBatchLine reads a request or says what is wrong with it', () => {
  const line = { custom_id: 'a', method: 'POST', url: '/v1/x', body: { model: 'm', n: 2 } };
  assert.deepEqual(readBatchLine(JSON.stringify(line)), {
    customId: 'a',
    url: '/v1/x',
    body: { model: 'm', n: 2 },
    model: 'm',
  });
  const cases: readonly (readonly [string, string | null, unknown])[] = [
    ['invalid_json_line', null, '{'],
    ['invalid_json_line', null, '[]'],
    ['invalid_json_line', null, 'null'],
    ['missing_required_parameter', 'custom_id', { ...line, custom_id: undefined }],
    ['missing_required_parameter', 'custom_id', { ...line, custom_id: 7 }],
    ['missing_required_parameter', 'custom_id', { ...line, custom_id: '' }],
    ['invalid_value', 'custom_id', { ...line, custom_id: 'x'.repeat(513) }],
    ['invalid_method', 'method', { ...line, method: 'GET' }],
    ['missing_required_parameter', 'url', { ...line, url: 1 }],
    ['missing_required_parameter', 'body', { ...line, body: [] }],
    ['unknown_parameter', 'extra', { ...line, extra: 1 }],
    ['invalid_value', 'body.stream', { ...line, body: { model: 'm', stream: true } }],
  ];
  for (const [code, param, sent] of cases) {
    const read = readBatchLine(typeof sent === 'string' ? sent : JSON.stringify(sent));
    assert.ok(isLineProblem(read), JSON.stringify(sent));
    assert.deepEqual([read.code, read.param], [code, param]);
  }
});

test('encodeLineResult and addUsage write results and sum what they used, of either kind', () => {
  const body = { usage: { prompt_tokens: 3, completion_tokens: 4, prompt_tokens_details: { cached_tokens: 1 } } };
  const response = { statusCode: 200, requestId: 'r', body };
  assert.deepEqual(encodeLineResult({ id: 'b', customId: 'a', response, error: null }), {
    id: 'b',
    custom_id: 'a',
    response: { status_code: 200, request_id: 'r', body },
    error: null,
  });
  const responses = {
    usage: { input_tokens: 10, output_tokens: 20, output_tokens_details: { reasoning_tokens: 5 }, total_tokens: 99 },
  };
  const sum = [body, responses, { usage: null }, null, 'text', { usage: { prompt_tokens: -1 } }].reduce(
    addUsage,
    NO_USAGE,
  );
  assert.deepEqual(sum, { inputTokens: 13, cachedTokens: 1, outputTokens: 24, reasoningTokens: 5 });
});
