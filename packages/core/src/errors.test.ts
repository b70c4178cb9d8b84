import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  AmaasError,
  deserializeError,
  ERROR_CATALOGUE,
  ERROR_CODES,
  isErrorReason,
  serializeError,
  toAmaasError,
} from './errors.ts';

const docs = join(import.meta.dirname, '..', '..', '..', 'docs', 'errors.md');

test('ERROR_CATALOGUE is what docs/errors.md says, row for row', () => {
  const rows = readFileSync(docs, 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
  const expected = Object.entries(ERROR_CATALOGUE).map(([reason, { code, retryable, summary }]) => [
    `\`${reason}\``,
    code,
    retryable ? 'yes' : 'no',
    summary,
  ]);
  assert.deepEqual(rows, expected);
});

test("ERROR_CATALOGUE uses gRPC's codes, stable words and whole sentences", () => {
  // Source: grpc/grpc doc/statuscodes.md; the numbers are their positions, OK being 0.
  assert.equal(ERROR_CODES.length, 16);
  assert.equal(ERROR_CODES.indexOf('UNAUTHENTICATED') + 1, 16);
  assert.equal(ERROR_CODES.indexOf('NOT_FOUND') + 1, 5);
  for (const [reason, entry] of Object.entries(ERROR_CATALOGUE)) {
    assert.match(reason, /^[A-Z]+(_[A-Z]+)*$/);
    assert.ok(ERROR_CODES.includes(entry.code), reason);
    assert.match(entry.summary, /^[A-Z].*\.$/, reason);
  }
});

test('AmaasError shows its own message, except where the catalogue keeps it inside', () => {
  const shown = new AmaasError('MODEL_NOT_FOUND', 'model "x" is not known', { details: { model: 'x' } });
  assert.equal(shown.code, 'NOT_FOUND');
  assert.equal(shown.publicMessage, 'model "x" is not known');
  assert.equal(shown.retryable, false);
  const hidden = new AmaasError('INTERNAL', 'password is hunter2');
  assert.doesNotMatch(hidden.publicMessage, /hunter2/);
  assert.equal(new AmaasError('QUEUE_FULL', 'x').retryable, true);
  assert.equal(new AmaasError('FETCH_FAILED', 'x', { retryable: false }).retryable, false);
});

test('toAmaasError leaves its own kind alone and keeps anything else inside', () => {
  const own = new AmaasError('CANCELLED', 'x');
  assert.equal(toAmaasError(own), own);
  for (const thrown of [new Error('hunter2'), 'hunter2', undefined, null, { message: 'hunter2' }]) {
    const error = toAmaasError(thrown);
    assert.equal(error.reason, 'INTERNAL');
    assert.equal(error.cause, thrown);
    assert.doesNotMatch(`${error.message} ${error.publicMessage}`, /hunter2/);
  }
});

test('serializeError and deserializeError carry an error over structured clone', () => {
  const error = new AmaasError('MEMORY_LIMIT', 'too much', { details: { limitBytes: 5 }, retryable: true });
  const back = deserializeError(structuredClone(serializeError(error)));
  assert.ok(back instanceof AmaasError);
  assert.deepEqual(
    [back.reason, back.code, back.message, back.details, back.retryable],
    ['MEMORY_LIMIT', 'RESOURCE_EXHAUSTED', 'too much', { limitBytes: 5 }, true],
  );
  const unexpected = serializeError(new TypeError('x is not a function'));
  assert.equal(unexpected.reason, 'INTERNAL');
  assert.equal(unexpected.message, 'x is not a function'); // for the log on the other side of a process border
  assert.doesNotMatch(deserializeError(unexpected).publicMessage, /function/);
});

test('isErrorReason knows the catalogue and nothing an object has by birth', () => {
  assert.ok(isErrorReason('QUEUE_FULL'));
  for (const reason of ['constructor', '__proto__', 'toString', 'queue_full', '', 3, null]) {
    assert.ok(!isErrorReason(reason), String(reason));
  }
});
