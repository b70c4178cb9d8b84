// Kill -9 at any moment: what was acknowledged is there and whole, what was not is either whole or invisible, and the
// next start works.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { systemClock } from '@amaas/core';
import { ArtifactTrees, computeTreeDigest, FileBlobStore } from '../artifacts/index.ts';
import { dataDirLayout, lockDataDir, openDatabase } from '../storage/index.ts';
import { createTestDirectory } from '../storage/testing/databases.ts';
import { Registry } from './registry.ts';

interface Acknowledged {
  readonly model: string;
  readonly version: number;
  readonly digest: string;
}

const ROUNDS = 12;

test('Registry and FileBlobStore survive kill -9 at random moments', async (t) => {
  const dataDir = await createTestDirectory(t);
  const acknowledged: Acknowledged[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    acknowledged.push(...(await deployUntilKilled(dataDir, Math.random() * 250)));
    await checkDataDir(dataDir, acknowledged);
  }
  assert(acknowledged.length > ROUNDS, `only ${acknowledged.length} versions were acknowledged`);
  t.diagnostic(`${acknowledged.length} versions acknowledged in ${ROUNDS} rounds`);
});

async function deployUntilKilled(dataDir: string, afterMs: number): Promise<Acknowledged[]> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'testing/durability-child.ts'), dataDir], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const lines: string[] = [];
  const reader = createInterface(child.stdout);
  reader.on('line', (line) => lines.push(line));
  const ended = Promise.all([once(child, 'exit'), once(reader, 'close')]);
  const started = await Promise.race([once(reader, 'line'), once(child, 'exit')]);
  assert.equal(started[0], 'started', 'the start after a kill must work');
  setTimeout(() => child.kill('SIGKILL'), afterMs);
  await ended;
  return lines.slice(1).map((line) => JSON.parse(line));
}

async function checkDataDir(dataDir: string, acknowledged: readonly Acknowledged[]): Promise<void> {
  const { databasePath, artifactsDirectory } = dataDirLayout(dataDir);
  const lock = lockDataDir(dataDir, systemClock);
  const database = await openDatabase({ path: databasePath });
  const blobs = new FileBlobStore(artifactsDirectory, systemClock);
  const trees = new ArtifactTrees(join(artifactsDirectory, 'trees'), blobs);
  await blobs.sweepTemporary();
  await trees.sweepTemporary();
  const registry = new Registry({ database, blobs, trees, clock: systemClock, onListenerError: () => {} });

  const versions = new Map<string, string>();
  const wanted = new Set<string>();
  for (const model of await registry.listModels()) {
    const newest = model.versions.at(-1)?.version;
    assert.deepEqual(model.labels, new Map([['newest', newest]]), 'the label moved with the version or neither did');
    assert.equal(model.versions.length, newest, 'numbers have no gaps');
    for (const { version, digest, files } of model.versions) {
      versions.set(`${model.name}@${version}`, digest);
      assert.equal(computeTreeDigest(files), digest);
      for (const file of files) {
        wanted.add(file.digest);
        assert.equal(await blobs.verify(file.digest), true, `${model.name}@${version} ${file.path}`);
      }
    }
  }
  for (const { model, version, digest } of acknowledged) assert.equal(versions.get(`${model}@${version}`), digest);
  for await (const { digest } of blobs.list()) assert.equal(await blobs.verify(digest), true); // orphans are whole, too
  await registry.collectGarbage({ graceMs: -60_000 });
  for await (const { digest } of blobs.list()) assert(wanted.has(digest));
  // A kill may come before the first deployment has created these two, or even the folder that they are in.
  const left = existsSync(artifactsDirectory) ? await readdir(artifactsDirectory) : [];
  assert.deepEqual(
    left.filter((name) => name !== 'blobs' && name !== 'trees'),
    [],
  );
  await database.close();
  lock.release();
}
