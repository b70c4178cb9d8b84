// What every blob store must do. An implementation's test file calls this with a way to make an empty store.
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { test, type TestContext } from 'node:test';
import { AmaasError, type ErrorReason } from '@amaas/core';
import type { BlobStore, ListedBlob } from '../blob-store.ts';
import type { Digest } from '../digest.ts';

export interface StoreUnderTest {
  readonly store: BlobStore;
  /** Names of whatever is stored beside complete blobs. */
  listLeftovers(): Promise<readonly string[]>;
  /** Moves the store's clock on. */
  advance(ms: number): void;
  /** Damages a stored blob behind the store's back. */
  damage(digest: Digest): Promise<void>;
}

export function sha256(bytes: Uint8Array | string): Digest {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

async function* inPieces(bytes: Uint8Array, pieceBytes: number): AsyncGenerator<Uint8Array> {
  for (let start = 0; start < bytes.length; start += pieceBytes) yield bytes.subarray(start, start + pieceBytes);
}

async function collect(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of source) pieces.push(piece);
  return Buffer.concat(pieces);
}

export async function listAll(store: BlobStore): Promise<ListedBlob[]> {
  const blobs: ListedBlob[] = [];
  for await (const blob of store.list()) blobs.push(blob);
  return blobs;
}

export function rejectsWith(promise: Promise<unknown>, reason: ErrorReason, message: RegExp = /./): Promise<void> {
  return assert.rejects(promise, (error) => {
    assert(error instanceof AmaasError, String(error));
    assert.equal(error.reason, reason, error.message);
    assert.match(error.message, message);
    return true;
  });
}

export function testBlobStore(name: string, create: (context: TestContext) => Promise<StoreUnderTest>): void {
  const content = randomBytes(3_300_017); // some pieces and a rest
  const digest = sha256(content);

  test(`${name}.put stores bytes under their digest, however they arrive`, async (t) => {
    for (const source of [
      content,
      inPieces(content, 65_536),
      inPieces(content, 7 * 300_001),
      inPieces(content, 999_983),
    ]) {
      const { store, listLeftovers } = await create(t);
      assert.deepEqual(await store.put(source), { digest, sizeBytes: content.length });
      assert(content.equals(await collect(await store.openRead(digest))));
      assert(content.equals(await readFile(await store.path(digest))));
      assert.equal(await store.verify(digest), true);
      assert.deepEqual(await listLeftovers(), []);
    }
  });

  test(`${name}.put stores nothing at all, too`, async (t) => {
    const { store } = await create(t);
    const empty = sha256('');
    assert.deepEqual(await store.put(new Uint8Array()), { digest: empty, sizeBytes: 0 });
    assert.deepEqual(await store.put(inPieces(new Uint8Array(), 1)), { digest: empty, sizeBytes: 0 });
    assert.equal((await collect(await store.openRead(empty))).length, 0);
    assert.equal(await store.verify(empty), true);
  });

  test(`${name}.put keeps one copy of the same bytes, also when put at the same time`, async (t) => {
    const { store, listLeftovers } = await create(t);
    const results = await Promise.all(Array.from({ length: 8 }, () => store.put(inPieces(content, 100_000))));
    for (const result of results) assert.deepEqual(result, { digest, sizeBytes: content.length });
    const listed = await listAll(store);
    assert.equal(listed.length, 1);
    assert.deepEqual(await listLeftovers(), []);
    assert.equal(await store.verify(digest), true);
  });

  test(`${name}.put replaces a blob that was cut short behind its back`, async (t) => {
    const { store, damage } = await create(t);
    await store.put(content);
    await damage(digest);
    assert.equal(await store.verify(digest), false);
    await store.put(content);
    assert.equal(await store.verify(digest), true);
  });

  test(`${name}.put refuses bytes that do not have the expected digest and keeps nothing of them`, async (t) => {
    const { store, listLeftovers } = await create(t);
    const expectedDigest = sha256('something else');
    await rejectsWith(
      store.put(content, { expectedDigest }),
      'DIGEST_MISMATCH',
      new RegExp(`${expectedDigest}.*${digest}`),
    );
    assert.deepEqual(await listAll(store), []);
    assert.deepEqual(await listLeftovers(), []);
    await store.put(content, { expectedDigest: digest });
  });

  test(`${name}.put accepts exactly maxBytes and stops reading beyond`, async (t) => {
    const { store, listLeftovers } = await create(t);
    await store.put(content, { maxBytes: content.length });
    let given = 0;
    let isClosed = false;
    async function* endless(): AsyncGenerator<Uint8Array> {
      try {
        for (;;) {
          given += 1000;
          yield new Uint8Array(1000);
        }
      } finally {
        isClosed = true;
      }
    }
    await rejectsWith(store.put(endless(), { maxBytes: 5_500 }), 'REQUEST_TOO_LARGE', /at most 5500 bytes/);
    assert.equal(given, 6000);
    assert.equal(isClosed, true);
    assert.deepEqual(await listLeftovers(), []);
    assert.equal((await listAll(store)).length, 1);
  });

  test(`${name}.put passes on what the source throws and keeps nothing`, async (t) => {
    const { store, listLeftovers } = await create(t);
    async function* failing(): AsyncGenerator<Uint8Array> {
      yield content;
      throw new Error('socket closed');
    }
    await assert.rejects(store.put(failing()), /socket closed/);
    assert.deepEqual(await listLeftovers(), []);
    assert.deepEqual(await listAll(store), []);
  });

  test(`${name}.put ends when its signal fires, even while the source is silent`, async (t) => {
    const { store, listLeftovers } = await create(t);
    const controller = new AbortController();
    async function* silent(): AsyncGenerator<Uint8Array> {
      yield content;
      setImmediate(() => controller.abort(new Error('client left')));
      await new Promise(() => {});
    }
    await rejectsWith(store.put(silent(), { signal: controller.signal }), 'CANCELLED');
    await rejectsWith(store.put(content, { signal: AbortSignal.abort() }), 'CANCELLED');
    assert.deepEqual(await listLeftovers(), []);
    assert.deepEqual(await listAll(store), []);
    const unfired = new AbortController();
    assert.equal((await store.put(inPieces(content, 400_000), { signal: unfired.signal })).digest, digest);
  });

  test(`${name} says what it has not got`, async (t) => {
    const { store } = await create(t);
    const other = sha256('never stored');
    assert.equal(await store.has(other), false);
    assert.equal(await store.touch(other), false);
    assert.equal(await store.delete(other), false);
    for (const ask of [() => store.path(other), () => store.openRead(other), () => store.verify(other)]) {
      await rejectsWith(ask(), 'ARTIFACT_NOT_FOUND', new RegExp(other));
    }
    assert.deepEqual(await listAll(store), []);
  });

  test(`${name}.delete removes a blob and spares one touched since`, async (t) => {
    const { store, advance } = await create(t);
    await store.put(content);
    const [first] = await listAll(store);
    assert(first !== undefined);
    assert.equal(first.sizeBytes, content.length);
    const since = new Date(first.touchedAt.getTime() + 500);
    advance(1000);
    await store.put(content); // known already: counts as a touch
    assert.equal(await store.delete(digest, { unlessTouchedSince: since }), false);
    assert.equal(await store.has(digest), true);
    const later = new Date(since.getTime() + 1000);
    advance(1000);
    assert.equal(await store.touch(digest), true);
    assert.equal(await store.delete(digest, { unlessTouchedSince: later }), false);
    assert.equal(await store.delete(digest, { unlessTouchedSince: new Date(later.getTime() + 1000) }), true);
    assert.equal(await store.has(digest), false);
    await store.put(content);
    assert.equal(await store.delete(digest), true);
    assert.deepEqual(await listAll(store), []);
  });

  test(`${name}.openRead closes when the reader stops early`, async (t) => {
    const { store } = await create(t);
    await store.put(content);
    for await (const piece of await store.openRead(digest)) {
      assert(piece.length > 0);
      break;
    }
    await store.openRead(digest); // never iterated: holds nothing
    assert.equal(await store.delete(digest), true);
  });
}
