import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtemp, mkdir, readdir, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { AmaasError } from '@amaas/core';
import { FileBlobStore } from './file-blob-store.ts';
import { listAll, sha256, type StoreUnderTest, testBlobStore } from './testing/blob-store-contract.ts';
import { mountTinyDisk } from './testing/tiny-disk.ts';

async function createRoot(context: TestContext): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), 'amaas-blobs-'));
  context.after(() => rm(root, { recursive: true, force: true }));
  return root;
}

function createStore(root: string): StoreUnderTest {
  let nowMs = Date.UTC(2026, 0, 2, 3, 4, 5, 678);
  const store = new FileBlobStore(root, { wallTime: () => new Date(nowMs) });
  return {
    store,
    listLeftovers: () => readdir(join(root, 'tmp')),
    advance(ms) {
      nowMs += ms;
    },
    damage: async (digest) => truncate(await store.path(digest), 10),
  };
}

testBlobStore('FileBlobStore', async (context) => createStore(await createRoot(context)));

test('FileBlobStore finds its blobs again and sweeps away what interrupted puts left', async (t) => {
  const root = await createRoot(t);
  const { digest } = await createStore(root).store.put(randomBytes(1000));
  await writeFile(join(root, 'tmp', 'left-behind'), 'half a model');
  const { store } = createStore(root);
  await store.sweepTemporary();
  assert.deepEqual(await readdir(root), ['blobs']);
  assert.equal(await store.verify(digest), true);
  await store.put(randomBytes(10));
});

test('FileBlobStore keeps blobs read-only and does not list what is not a blob', async (t) => {
  const root = await createRoot(t);
  const { store } = createStore(root);
  const { digest } = await store.put(randomBytes(1000));
  assert.equal((await stat(await store.path(digest))).mode & 0o777, 0o444);
  await mkdir(join(root, 'blobs', 'zz'));
  await writeFile(join(root, 'blobs', 'zz', '.DS_Store'), 'x');
  assert.deepEqual(
    (await listAll(store)).map((blob) => blob.digest),
    [digest],
  );
});

test('FileBlobStore.put on a full disk says STORAGE_FULL, leaves nothing, and works again once there is space', async (t) => {
  const root = mountTinyDisk(t, 1024);
  if (root === null) return;
  const { store, listLeftovers } = createStore(root);
  const first = await store.put(randomBytes(300_000));
  async function* large(): AsyncGenerator<Uint8Array> {
    for (let piece = 0; piece < 20; piece++) yield randomBytes(100_000);
  }
  for (const source of [large(), randomBytes(900_000)]) {
    await assert.rejects(store.put(source), (error) => {
      assert(error instanceof AmaasError);
      assert.equal(error.reason, 'STORAGE_FULL');
      assert.equal(error.retryable, true);
      return true;
    });
    assert.deepEqual(await listLeftovers(), []);
  }
  assert.equal((await listAll(store)).length, 1);
  assert.equal(await store.verify(first.digest), true);
  const fitting = randomBytes(500_000);
  assert.equal((await store.put(fitting)).digest, sha256(fitting));
});

test('FileBlobStore.delete never takes a blob that a simultaneous put has promised', async (t) => {
  const root = await createRoot(t);
  let nowMs = Date.UTC(2026, 0, 2, 3, 4, 5, 678);
  let onClock = (): void => {};
  const wallTime = (): Date => {
    onClock();
    return new Date(nowMs);
  };
  const store = new FileBlobStore(root, { wallTime });
  const content = randomBytes(2000);
  const digest = sha256(content);
  await store.put(content);
  for (let round = 0; round < 20; round++) {
    nowMs += 10_000;
    const unlessTouchedSince = new Date(nowMs);
    // The store asks for the time after it found the blob and before it marks it: the worst moment for a collection.
    let deleting: Promise<boolean> | undefined;
    onClock = () => {
      deleting ??= store.delete(digest, { unlessTouchedSince });
    };
    await store.put(content);
    assert.equal(await deleting, false);
    assert.equal(await store.has(digest), true, `round ${round}`);
  }
});
