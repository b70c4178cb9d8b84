// A refusal with its reason and message, for tests.
import assert from 'node:assert/strict';
import { AmaasError, type ErrorReason } from '@amaas/core';

export function rejectsWith(promise: Promise<unknown>, reason: ErrorReason, message: RegExp = /./): Promise<void> {
  return assert.rejects(promise, (error) => {
    assert(error instanceof AmaasError, String(error));
    assert.equal(error.reason, reason, error.message);
    assert.match(error.message, message);
    return true;
  });
}
