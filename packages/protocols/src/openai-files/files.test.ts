import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AmaasError } from '@amaas/core';
import { encodeFile, encodePage, readFilePurpose, readFormExpiry, readUploadPurpose } from './files.ts';

function field(expected: string) {
  return (error: unknown) => {
    assert.ok(error instanceof AmaasError, String(error));
    assert.deepEqual([error.reason, error.details['field']], ['INVALID_ARGUMENT', expected]);
    return true;
  };
}

test('readUploadPurpose takes what callers may upload for, and nothing that the server writes', () => {
  assert.equal(readUploadPurpose('batch'), 'batch');
  for (const wrong of ['batch_output', 'Batch', '', undefined]) {
    assert.throws(() => readUploadPurpose(wrong), field('purpose'));
  }
  assert.equal(readFilePurpose('batch_output'), 'batch_output');
  assert.throws(() => readFilePurpose('none'), field('purpose'));
});

test('readFormExpiry reads an anchor and seconds within bounds, and null without both', () => {
  const form = (anchor: string | null, seconds: string | null) =>
    new Map([
      ...(anchor === null ? [] : [['expires_after[anchor]', anchor] as const]),
      ...(seconds === null ? [] : [['expires_after[seconds]', seconds] as const]),
    ]);
  assert.equal(readFormExpiry(form(null, null)), null);
  assert.equal(readFormExpiry(form('created_at', '3600')), 3600);
  assert.equal(readFormExpiry(form('created_at', '2592000')), 2_592_000);
  for (const wrong of ['3599', '2592001', '1e4', '4000.5', '-4000', '']) {
    assert.throws(() => readFormExpiry(form('created_at', wrong)), field('expires_after.seconds'), wrong);
  }
  assert.throws(() => readFormExpiry(form('now', '4000')), field('expires_after.anchor'));
  assert.throws(() => readFormExpiry(form(null, '4000')), field('expires_after.anchor'));
  assert.throws(() => readFormExpiry(form('created_at', null)), field('expires_after.seconds'));
});

test('encodeFile and encodePage give whole seconds and the ids at both ends', () => {
  const file = {
    id: 'file-1',
    purpose: 'batch',
    fileName: 'a.jsonl',
    sizeBytes: 12,
    createdAtMs: 1_700_000_000_999,
    expiresAtMs: null,
  } as const;
  const encoded = encodeFile({ ...file, expiresAtMs: 1_700_003_600_001 });
  assert.deepEqual(encoded, {
    id: 'file-1',
    object: 'file',
    bytes: 12,
    created_at: 1_700_000_000,
    expires_at: 1_700_003_600,
    filename: 'a.jsonl',
    purpose: 'batch',
    status: 'processed',
  });
  assert.deepEqual(encodePage([file, { id: 'file-2' }], [encoded, {}], true), {
    object: 'list',
    data: [encoded, {}],
    first_id: 'file-1',
    last_id: 'file-2',
    has_more: true,
  });
  assert.deepEqual(encodePage([], [], false), {
    object: 'list',
    data: [],
    first_id: null,
    last_id: null,
    has_more: false,
  });
});
