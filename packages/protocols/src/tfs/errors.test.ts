import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AmaasError, ERROR_CODES, type ErrorReason, toAmaasError } from '@amaas/core';
import { encodeError, HTTP_STATUSES, type TfsRoute } from './index.ts';

test('HTTP_STATUSES has the status TensorFlow Serving gives for every code', () => {
  const codesByStatus = {
    400: ['FAILED_PRECONDITION', 'INVALID_ARGUMENT', 'OUT_OF_RANGE'],
    401: ['UNAUTHENTICATED'],
    403: ['PERMISSION_DENIED'],
    404: ['NOT_FOUND'],
    409: ['ABORTED', 'ALREADY_EXISTS'],
    429: ['RESOURCE_EXHAUSTED'],
    499: ['CANCELLED'],
    500: ['DATA_LOSS', 'INTERNAL', 'UNKNOWN'],
    501: ['UNIMPLEMENTED'],
    503: ['UNAVAILABLE'],
    504: ['DEADLINE_EXCEEDED'],
  };
  const actual = Object.groupBy([...ERROR_CODES].toSorted(), (code) => HTTP_STATUSES[code]);
  assert.deepEqual({ ...actual }, codesByStatus);
});

test('encodeError keeps the words of unexpected failures to itself', () => {
  const { status, body } = encodeError(toAmaasError(new Error('password=hunter2')));
  assert.equal(status, 500);
  assert.doesNotMatch(body, /hunter2/);
  assert.equal(typeof JSON.parse(body).error, 'string');
});

test('encodeError quotes the message as JSON', () => {
  const { status, body } = encodeError(new AmaasError('INPUT_MISMATCH', 'JSON Value: "x" \u0001'));
  assert.equal(status, 400);
  assert.deepEqual(JSON.parse(body), { error: 'JSON Value: "x" \u0001' });
});

test('encodeError has TensorFlow Serving words for what is not there', () => {
  const predict = { kind: 'predict', target: { model: 'm' } } as const;
  const status = { kind: 'status', target: { model: 'm' } } as const;
  const cases: readonly (readonly [ErrorReason, TfsRoute, number, string])[] = [
    ['MODEL_NOT_FOUND', predict, 404, 'Servable not found for request: Latest(m)'],
    [
      'VERSION_NOT_FOUND',
      { kind: 'classify', target: { model: 'm', version: 5 } },
      404,
      'Servable not found for request: Specific(m, 5)',
    ],
    ['MODEL_NOT_FOUND', { kind: 'metadata', target: { model: 'm' } }, 404, 'Servable not found for request: Latest(m)'],
    ['MODEL_NOT_FOUND', status, 404, 'Could not find any versions of model m'],
    [
      'VERSION_NOT_FOUND',
      { kind: 'status', target: { model: 'm', version: 5 } },
      404,
      'Could not find version 5 of model m',
    ],
    [
      'LABEL_NOT_FOUND',
      { kind: 'predict', target: { model: 'm', label: 'x' } },
      400,
      'Unrecognized servable version label: x',
    ],
    ['QUEUE_FULL', predict, 429, 'ours'],
    ['MODEL_NOT_READY', predict, 503, 'ours'],
  ];
  for (const [reason, route, expectedStatus, message] of cases) {
    const reply = encodeError(new AmaasError(reason, 'ours'), route);
    assert.deepEqual(reply, { status: expectedStatus, body: JSON.stringify({ error: message }) });
  }
  assert.equal(encodeError(new AmaasError('MODEL_NOT_FOUND', 'ours')).body, '{"error":"ours"}');
});
