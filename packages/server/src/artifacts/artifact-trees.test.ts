import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { systemClock } from '@amaas/core';
import { ArtifactTrees } from './artifact-trees.ts';
import { FileBlobStore } from './file-blob-store.ts';
import { rejectsWith, sha256 } from './testing/blob-store-contract.ts';
import { mountTinyDisk } from './testing/tiny-disk.ts';
import { computeTreeDigest, type TreeFile } from './tree-files.ts';

interface Fixture {
  readonly root: string;
  readonly blobs: FileBlobStore;
  readonly trees: ArtifactTrees;
  /** Stores contents by path and gives the list of files. */
  store(contents: Readonly<Record<string, string>>): Promise<TreeFile[]>;
}

async function createFixture(context: TestContext): Promise<Fixture> {
  const root = await mkdtemp(join(tmpdir(), 'amaas-trees-'));
  context.after(() => rm(root, { recursive: true, force: true }));
  const blobs = new FileBlobStore(root, systemClock);
  return {
    root,
    blobs,
    trees: new ArtifactTrees(join(root, 'trees'), blobs),
    store: (contents) =>
      Promise.all(
        Object.entries(contents).map(async ([path, text]) => ({ path, ...(await blobs.put(Buffer.from(text))) })),
      ),
  };
}

const CONTENTS = {
  'model.onnx': 'model',
  'weights/part-1.bin': 'one',
  'weights/deep/part-2.bin': 'two',
  'labels.txt': '',
};

async function readTree(directory: string): Promise<Record<string, string>> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return Object.fromEntries(
    await Promise.all(files.map(async (path) => [path.slice(directory.length + 1), await readFile(path, 'utf8')])),
  );
}

test('ArtifactTrees.materialise gives a directory with the files, linked to the blobs and read-only', async (t) => {
  const { trees, store, blobs, root } = await createFixture(t);
  const files = await store(CONTENTS);
  const tree = await trees.materialise(files);
  assert.equal(tree.digest, computeTreeDigest(files));
  assert.deepEqual(await readTree(tree.directory), CONTENTS);
  const blob = await stat(await blobs.path(sha256('model')));
  const laidOut = await stat(join(tree.directory, 'model.onnx'));
  assert.equal(laidOut.ino, blob.ino);
  assert.equal(laidOut.mode & 0o222, 0);
  assert.equal((await readdir(join(root, 'trees'))).length, 1);
});

test('ArtifactTrees.materialise builds once for simultaneous callers and gives later ones the same', async (t) => {
  const { trees, store, root } = await createFixture(t);
  const files = await store(CONTENTS);
  const all = await Promise.all(Array.from({ length: 10 }, () => trees.materialise(files.toReversed())));
  assert.equal(new Set(all.map((tree) => tree.directory)).size, 1);
  assert.deepEqual(await readdir(join(root, 'trees')), [all[0]?.digest.slice(7)]);
  const { ino } = await stat(all[0]?.directory ?? '');
  const again = await trees.materialise(files);
  assert.equal((await stat(again.directory)).ino, ino);
});

test('ArtifactTrees.materialise rebuilds a directory that somebody emptied', async (t) => {
  const { trees, store } = await createFixture(t);
  const files = await store(CONTENTS);
  const first = await trees.materialise(files);
  await rm(join(first.directory, 'weights'), { recursive: true });
  await writeFile(join(first.directory, 'weights'), 'a file where a folder was');
  const second = await trees.materialise(files);
  assert.equal(second.directory, first.directory);
  assert.deepEqual(await readTree(second.directory), CONTENTS);
});

test('ArtifactTrees.materialise rebuilds a directory with a file of the wrong size', async (t) => {
  const { trees, store } = await createFixture(t);
  const files = await store(CONTENTS);
  const first = await trees.materialise(files);
  await rm(join(first.directory, 'model.onnx'));
  await writeFile(join(first.directory, 'model.onnx'), 'mod');
  assert.deepEqual(await readTree((await trees.materialise(files)).directory), CONTENTS);
});

test('ArtifactTrees.materialise refuses unsafe paths and missing blobs and leaves nothing behind', async (t) => {
  const { trees, store, root } = await createFixture(t);
  const [file] = await store({ a: 'x' });
  assert(file !== undefined);
  await rejectsWith(trees.materialise([{ ...file, path: '../../escaped' }]), 'INVALID_ARGUMENT');
  const missing = { path: 'b', digest: sha256('not stored'), sizeBytes: 10 };
  await rejectsWith(trees.materialise([file, missing]), 'ARTIFACT_NOT_FOUND');
  assert.deepEqual(await readdir(join(root, 'trees')), []);
  assert.deepEqual((await readdir(root)).toSorted(), ['blobs', 'tmp', 'trees']);
});

test('ArtifactTrees.collectGarbage removes only what is neither referenced nor in use', async (t) => {
  const { trees, store, root, blobs } = await createFixture(t);
  const used = await trees.materialise(await store({ 'model.onnx': 'used' }));
  const usedTwice = await trees.materialise(await store({ 'model.onnx': 'used twice' }));
  await trees.materialise(await store({ 'model.onnx': 'used twice' }));
  const referenced = await trees.materialise(await store({ 'model.onnx': 'referenced' }));
  const released = await trees.materialise(await store({ 'model.onnx': 'released' }));
  for (const tree of [referenced, released, usedTwice, usedTwice]) tree.release(); // releasing twice counts once
  assert.equal(await trees.collectGarbage(new Set([referenced.digest])), 1);
  const left = await readdir(join(root, 'trees'));
  assert.deepEqual(left.toSorted(), [used, usedTwice, referenced].map((tree) => tree.digest.slice(7)).toSorted());
  assert.equal(await blobs.has(sha256('released')), true); // blobs are not its business
});

test('ArtifactTrees.collectGarbage never takes a directory that a simultaneous materialise gives out', async (t) => {
  const { trees, store } = await createFixture(t);
  const files = await store(CONTENTS);
  for (let round = 0; round < 30; round++) {
    (await trees.materialise(files)).release();
    const [, tree] = await Promise.all([trees.collectGarbage(new Set()), trees.materialise(files)]);
    assert.deepEqual(await readTree(tree.directory), CONTENTS, `round ${round}`);
    tree.release();
  }
});

test('ArtifactTrees.sweepTemporary removes unfinished directories and keeps finished ones', async (t) => {
  const { trees, store, root, blobs } = await createFixture(t);
  const tree = await trees.materialise(await store(CONTENTS));
  await mkdir(join(root, 'trees', '.building-1234', 'weights'), { recursive: true });
  await new ArtifactTrees(join(root, 'trees'), blobs).sweepTemporary();
  assert.deepEqual(await readdir(join(root, 'trees')), [tree.digest.slice(7)]);
});

test('ArtifactTrees.materialise copies where links are impossible, and a full disk leaves nothing', async (t) => {
  const { blobs, store } = await createFixture(t);
  const disk = mountTinyDisk(t, 256); // another file system: linking gives EXDEV
  if (disk === null) return;
  const trees = new ArtifactTrees(disk, blobs);
  const small = await trees.materialise(await store(CONTENTS));
  assert.deepEqual(await readTree(small.directory), CONTENTS);
  const large = await store({ 'model.onnx': 'x'.repeat(200_000), 'data.bin': 'y'.repeat(200_000) });
  await rejectsWith(trees.materialise(large), 'STORAGE_FULL');
  assert.deepEqual(await readdir(disk), [small.digest.slice(7)]);
});
