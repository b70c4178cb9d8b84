import assert from 'node:assert/strict';
import test from 'node:test';
import { AmaasError } from '@amaas/core';
import { DEFAULT_RETRY, type FailedAttempt, parseRetryAfterMs, planRetryMs } from './retry.ts';

const policy = { maxAttempts: 4, baseDelayMs: 100, maxDelayMs: 350 };

function failed(changes: Partial<FailedAttempt>): FailedAttempt {
  return {
    attempt: 1,
    error: new AmaasError('QUEUE_FULL', 'full'),
    status: 429,
    retryAfterMs: null,
    repeatable: true,
    ...changes,
  };
}

test('planRetryMs draws from an interval that doubles up to maxDelayMs', () => {
  const bounds = [1, 2, 3].map((attempt) => planRetryMs(failed({ attempt }), policy, () => 0.75));
  assert.deepEqual(bounds, [75, 150, 0.75 * 350]);
  assert.equal(
    planRetryMs(failed({}), policy, () => 0),
    0,
  );
});

test('planRetryMs gives up after maxAttempts', () => {
  assert.equal(
    planRetryMs(failed({ attempt: 4 }), policy, () => 0.5),
    null,
  );
  assert.equal(
    planRetryMs(failed({ attempt: 1 }), { ...policy, maxAttempts: 1 }, () => 0.5),
    null,
  );
});

test('planRetryMs waits as long as the server asks, and its own share on top', () => {
  assert.equal(
    planRetryMs(failed({ retryAfterMs: 7000 }), policy, () => 0.5),
    7050,
  );
});

test('planRetryMs repeats 429 and 503 always, 502 and lost replies only where that is harmless, the rest never', () => {
  const lost = new AmaasError('TRANSPORT_FAILED', 'lost');
  const plan = (changes: Partial<FailedAttempt>) => planRetryMs(failed(changes), DEFAULT_RETRY, () => 0.5) !== null;
  const table = [429, 503, 502, null, 400, 404, 409, 500, 501, 504, 507].map((status) => [
    status,
    plan({ status, error: lost, repeatable: true }),
    plan({ status, error: lost, repeatable: false }),
  ]);
  assert.deepEqual(table, [
    [429, true, true],
    [503, true, true],
    [502, true, false],
    [null, true, false],
    [400, false, false],
    [404, false, false],
    [409, false, false],
    [500, false, false],
    [501, false, false],
    [504, false, false],
    [507, false, false],
  ]);
});

test('planRetryMs never repeats what the error itself calls final', () => {
  const final = new AmaasError('QUEUE_FULL', 'quota used up', { retryable: false });
  assert.equal(
    planRetryMs(failed({ error: final }), policy, () => 0.5),
    null,
  );
});

test('parseRetryAfterMs reads seconds and dates', () => {
  const now = new Date('2026-03-04T05:06:07Z');
  assert.equal(parseRetryAfterMs('3', now), 3000);
  assert.equal(parseRetryAfterMs('Wed, 04 Mar 2026 05:06:19 GMT', now), 12_000);
  assert.equal(parseRetryAfterMs('Wed, 04 Mar 2026 05:06:01 GMT', now), 0);
  assert.equal(parseRetryAfterMs('soon', now), null);
  assert.equal(parseRetryAfterMs('-2', now), null);
  assert.equal(parseRetryAfterMs(null, now), null);
});
