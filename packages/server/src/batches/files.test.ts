// Files on SQLite and PostgreSQL alike: who sees them, in which order, and until when; and that their blobs stay as long.
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { AmaasError } from '@amaas/core';
import { Registry } from '../registry/index.ts';
import { ArtifactTrees, FileBlobStore } from '../artifacts/index.ts';
import { FakeClock } from '../scheduler/testing/fake-clock.ts';
import { openDatabase } from '../storage/index.ts';
import { createTestDatabase, createTestDirectory, DATABASE_KINDS } from '../storage/testing/databases.ts';
import { Files, type NewFile } from './files.ts';
import { ADMIN, ALICE, BOB } from './testing/batches-fixture.ts';

function rejectsWith(promise: Promise<unknown>, reason: string): Promise<void> {
  return assert.rejects(promise, (error) => error instanceof AmaasError && error.reason === reason);
}

for (const { dialect, skip } of DATABASE_KINDS) {
  const check = (name: string, run: (context: TestContext) => Promise<void>) =>
    test(`${name} (${dialect})`, { skip }, run);

  const open = async (t: TestContext) => {
    const database = await openDatabase(await createTestDatabase(t, dialect));
    t.after(() => database.close());
    const clock = new FakeClock();
    const directory = await createTestDirectory(t);
    const blobs = new FileBlobStore(directory, clock);
    const files = await Files.open({ database, blobs, clock });
    const add = async (fileName: string, more: Partial<NewFile> = {}) => {
      const blob = more.blob ?? (await blobs.put(Buffer.from(fileName)));
      return files.add({ owner: 'alice', purpose: 'batch', fileName, blob, expiresAfterSeconds: null, ...more });
    };
    return { database, clock, directory, blobs, files, add };
  };

  check('Files are for the key that brought them, and for those who administer the server', async (t) => {
    const { files, add, database, blobs, clock } = await open(t);
    const mine = await add('mine');
    const theirs = await add('theirs', { owner: 'bob' });
    const nobodys = await add('nobody’s', { owner: null });
    assert.deepEqual(await files.get(mine.id, ALICE), mine);
    assert.match(mine.id, /^file-[0-9a-f]{24}$/);
    for (const { id } of [theirs, nobodys]) await rejectsWith(files.get(id, ALICE), 'ARTIFACT_NOT_FOUND');
    await rejectsWith(files.get(nobodys.id, { keyId: null, seesAll: false }), 'ARTIFACT_NOT_FOUND');
    await rejectsWith(files.delete(theirs.id, ALICE), 'ARTIFACT_NOT_FOUND');
    for (const id of ['file-\0', '', `file-${'0'.repeat(24)}`]) {
      await rejectsWith(files.get(id, ADMIN), 'ARTIFACT_NOT_FOUND');
    }
    const names = async (viewer = ALICE) =>
      (await files.list({ limit: 10 }, viewer)).items.map((each) => each.fileName);
    assert.deepEqual(await names(), ['mine']);
    assert.deepEqual(await names(BOB), ['theirs']);
    assert.deepEqual(await names(ADMIN), ['nobody’s', 'theirs', 'mine']);
    const reopened = await Files.open({ database, blobs, clock });
    assert.deepEqual(await reopened.get(mine.id, ALICE), mine);
    const later = await reopened.add({ ...theirs, blob: theirs, expiresAfterSeconds: null });
    assert.equal(later.sequence, nobodys.sequence + 1);
    const used = await Promise.all(['alice', 'bob', null, 'carol'].map((owner) => files.usedBytes(owner)));
    assert.deepEqual(used, ['mine'.length, 2 * 'theirs'.length, 'nobody’s'.length + 2, 0]);
    await files.delete(mine.id, ADMIN);
    await rejectsWith(files.get(mine.id, ALICE), 'ARTIFACT_NOT_FOUND');
  });

  check('Files.list gives pages in either order, of one purpose', async (t) => {
    const { files, add } = await open(t);
    const all = [];
    for (const name of ['a', 'b', 'c', 'd']) {
      all.push(await add(name, name === 'c' ? { purpose: 'fine-tune' } : {}));
    }
    const page = async (request: Parameters<Files['list']>[0]) => {
      const { items, hasMore } = await files.list(request, ALICE);
      return `${items.map(({ fileName }) => fileName).join('')}${hasMore ? '…' : ''}`;
    };
    const [, b, , d] = all;
    assert.equal(await page({ limit: 2 }), 'dc…');
    assert.equal(await page({ limit: 2, order: 'asc' }), 'ab…');
    assert.equal(await page({ limit: 2, order: 'asc', after: b?.id ?? '' }), 'cd');
    assert.equal(await page({ limit: 1, after: d?.id ?? '' }), 'c…');
    assert.equal(await page({ limit: 9, purpose: 'batch' }), 'dba');
    assert.equal(await page({ limit: 9, purpose: 'fine-tune' }), 'c');
    await rejectsWith(files.list({ limit: 1, after: 'file-none' }, ALICE), 'ARTIFACT_NOT_FOUND');
  });

  check('Files expire at their second, before anybody has cleaned up', async (t) => {
    const { files, add, clock } = await open(t);
    const short = await add('short', { expiresAfterSeconds: 3600 });
    await add('long', { expiresAfterSeconds: 7200 });
    await add('for ever');
    const count = async () => (await files.list({ limit: 10 }, ALICE)).items.length;
    await clock.advance(3_599_999);
    assert.deepEqual([await count(), await files.forgetExpired()], [3, 0]);
    assert.equal((await files.get(short.id, ALICE)).id, short.id);
    await clock.advance(1);
    assert.equal(await count(), 2);
    await rejectsWith(files.get(short.id, ALICE), 'ARTIFACT_NOT_FOUND');
    assert.deepEqual([await files.forgetExpired(), await files.forgetExpired()], [1, 0]);
  });

  check('Files keep their blobs from the collection of garbage, and so do batches that have not ended', async (t) => {
    const { files, add, blobs, clock, directory, database } = await open(t);
    const trees = new ArtifactTrees(`${directory}/trees`, blobs);
    const registry = new Registry({
      database,
      blobs,
      trees,
      clock,
      onListenerError: (error) => assert.fail(String(error)),
    });
    const kept = await add('kept');
    const gone = await add('gone');
    const input = await blobs.put(Buffer.from('input'));
    const row = { sequence: 1, owner: null, model: null, input_file: 'x', input_digest: input.digest, input_bytes: 5 };
    const more = { output_file: null, error_file: null, request: '{}', progress: '{}', created_at: '', expires_at: '' };
    await database.db
      .insertInto('batches')
      .values({ id: 'batch_1', state: 'in_progress', ...row, ...more })
      .execute();
    await files.delete(gone.id, ALICE);
    const old = { graceMs: -60_000 };
    assert.equal((await registry.collectGarbage(old)).blobs, 1);
    assert.deepEqual([await blobs.has(kept.digest), await blobs.has(input.digest)], [true, true]);
    await database.db.updateTable('batches').set({ state: 'completed' }).execute();
    assert.equal((await registry.collectGarbage(old)).blobs, 1);
    assert.deepEqual([await blobs.has(kept.digest), await blobs.has(input.digest)], [true, false]);
  });
}

test('Files.add refuses names that no file has', async (t) => {
  const database = await openDatabase(await createTestDatabase(t, 'sqlite'));
  t.after(() => database.close());
  const clock = new FakeClock();
  const blobs = new FileBlobStore(await createTestDirectory(t), clock);
  const files = await Files.open({ database, blobs, clock });
  const blob = await blobs.put(Buffer.from('x'));
  for (const fileName of ['', 'a\nb', 'a\0', 'x'.repeat(256)]) {
    const file = { owner: null, purpose: 'batch', fileName, blob, expiresAfterSeconds: null } as const;
    await rejectsWith(files.add(file), 'INVALID_ARGUMENT');
  }
});
