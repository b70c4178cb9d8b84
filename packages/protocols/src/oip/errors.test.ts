import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { AmaasError, ERROR_CATALOGUE, ERROR_CODES, type ErrorReason } from '@amaas/core';
import { decodeOipError, encodeOipError, OIP_STATUS } from './errors.ts';

describe('encodeOipError', () => {
  test('maps every code and every reason of the catalogue to an error status', () => {
    assert.deepEqual(Object.keys(OIP_STATUS).sort(), [...ERROR_CODES].sort());
    for (const reason of Object.keys(ERROR_CATALOGUE)) {
      const { status } = encodeOipError(new AmaasError(reason as ErrorReason, 'x')); // keys of the catalogue are reasons
      assert.ok(status >= 400 && status <= 599, reason);
    }
  });

  test('answers what Triton answers', () => {
    for (const [reason, status] of [
      ['MALFORMED_REQUEST', 400],
      ['INPUT_MISMATCH', 400],
      ['MODEL_NOT_FOUND', 404],
      ['ROUTE_NOT_FOUND', 404],
      ['METHOD_NOT_ALLOWED', 405],
      ['MODEL_NOT_READY', 503],
      ['UNSUPPORTED_FEATURE', 501],
      ['REQUEST_TOO_LARGE', 413],
      ['INTERNAL', 500],
      ['MISSING_KEY', 401],
      ['FORBIDDEN', 403],
      ['QUEUE_FULL', 429],
      ['DEADLINE_EXCEEDED', 504],
      ['CANCELLED', 499],
      ['UNSUPPORTED_MEDIA_TYPE', 415],
      ['NAME_TAKEN', 400],
    ] as const) {
      assert.equal(encodeOipError(new AmaasError(reason, 'x')).status, status, reason);
    }
  });

  test('writes {"error": text} and never the text of an internal failure', () => {
    const { body } = encodeOipError(new AmaasError('INVALID_ARGUMENT', 'got "\u{1f600}"\n\u0001'));
    assert.equal(new TextDecoder().decode(body), '{"error":"got \\"\u{1f600}\\"\\n\\u0001"}');
    const internal = new TextDecoder().decode(encodeOipError(new AmaasError('INTERNAL', 'secret')).body);
    assert.ok(!internal.includes('secret'), internal);
  });
});

describe('decodeOipError', () => {
  test('is the way back as far as a status can tell', () => {
    for (const reason of ['MODEL_NOT_FOUND', 'QUEUE_FULL', 'DEADLINE_EXCEEDED', 'UNSUPPORTED_FEATURE'] as const) {
      const { status, body } = encodeOipError(new AmaasError(reason, 'why'));
      const error = decodeOipError(status, body);
      assert.equal(error.reason, reason);
      assert.equal(error.message, 'why');
    }
    const route = new AmaasError('ROUTE_NOT_FOUND', 'Not Found');
    assert.equal(decodeOipError(404, encodeOipError(route).body).reason, 'ROUTE_NOT_FOUND');
  });

  test('quotes bodies that are not of the protocol and never throws', () => {
    const html = new TextEncoder().encode(`<html>${'x'.repeat(5000)}`);
    const error = decodeOipError(418, html);
    assert.equal(error.reason, 'INVALID_ARGUMENT');
    assert.equal(error.message.length, 200);
    assert.equal(decodeOipError(502, html).reason, 'INTERNAL');
    assert.equal(decodeOipError(500, new Uint8Array(0)).message, 'the server answered 500 without a message');
    assert.equal(decodeOipError(400, new TextEncoder().encode('{"error":5}')).message, '{"error":5}');
    assert.equal(decodeOipError(400, Uint8Array.of(0xff, 0xfe)).reason, 'INVALID_ARGUMENT');
  });
});
