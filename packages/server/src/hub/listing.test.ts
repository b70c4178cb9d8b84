import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AmaasError } from '@amaas/core';
import { readListing } from './listing.ts';

const SHA256 = 'ab'.repeat(32);
const OID = '12'.repeat(20);
const SHA = 'c0'.repeat(20);

function answer(sibling: object, rest: object = {}): object {
  return { sha: SHA, siblings: [sibling], ...rest };
}

test('readListing reads large files by SHA-256 and small ones by their git name', () => {
  const siblings = [
    { rfilename: 'a/m.gguf', size: 5, blobId: OID, lfs: { sha256: SHA256, size: 7_000_000_000, pointerSize: 134 } },
    { rfilename: 'config.json', size: 12, blobId: OID },
    { rfilename: 'old.gguf', size: 9, lfs: { oid: `sha256:${SHA256}`, size: 9 } },
  ];
  const listing = readListing('o/r', { sha: SHA, siblings, cardData: { license: 'mit' }, private: false });
  assert.deepEqual(listing, {
    repository: 'o/r',
    commit: SHA,
    license: 'mit',
    files: [
      { path: 'a/m.gguf', sizeBytes: 7_000_000_000, identity: { kind: 'sha256', hex: SHA256 } },
      { path: 'config.json', sizeBytes: 12, identity: { kind: 'git', hex: OID } },
      { path: 'old.gguf', sizeBytes: 9, identity: { kind: 'sha256', hex: SHA256 } },
    ],
  });
});

test('readListing finds the license in the card, in a list of it, or among the tags', () => {
  const license = (rest: object): string | null => readListing('o/r', { sha: SHA, siblings: [], ...rest }).license;
  assert.equal(license({ cardData: { license: ['apache-2.0', 'mit'] } }), 'apache-2.0');
  assert.equal(license({ tags: ['gguf', 'license:llama3.2'] }), 'llama3.2');
  assert.equal(license({ cardData: null, tags: 'none' }), null);
});

test('readListing refuses what it could not check or write, and says what', () => {
  const cases: readonly (readonly [unknown, RegExp])[] = [
    [null, /no commit/],
    [{ sha: 'main', siblings: [] }, /no commit/],
    [{ sha: SHA }, /no list of files/],
    [answer({ size: 1, blobId: OID }), /without a name/],
    [answer({ rfilename: '../../etc/passwd', size: 1, blobId: OID }), /cannot be written here/],
    [answer({ rfilename: '/etc/passwd', size: 1, blobId: OID }), /cannot be written here/],
    [answer({ rfilename: 'a', blobId: OID }), /no size for "a"/],
    [answer({ rfilename: 'a', size: -1, blobId: OID }), /no size for "a"/],
    [answer({ rfilename: 'a', size: 1.5, blobId: OID }), /no size for "a"/],
    [answer({ rfilename: 'a', size: 1 }), /nothing to check "a" against/],
    [answer({ rfilename: 'a', size: 1, blobId: OID, lfs: { size: 1, sha256: OID } }), /nothing to check "a" against/],
  ];
  for (const [body, problem] of cases) {
    assert.throws(
      () => readListing('o/r', body),
      (error) =>
        error instanceof AmaasError &&
        error.reason === 'FETCH_FAILED' &&
        !error.retryable &&
        problem.test(error.message),
      String(problem),
    );
  }
});
