// Child process of the durability test: deploys one new version after another into the data directory named in its first
// argument and writes a line per acknowledged version, until it is killed or its input closes.
import { randomBytes } from 'node:crypto';
import { writeSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '@amaas/core';
import { ArtifactTrees, FileBlobStore } from '../../artifacts/index.ts';
import { dataDirLayout, lockDataDir, openDatabase } from '../../storage/index.ts';
import { Registry } from '../registry.ts';

const dataDir = process.argv[2] ?? '';
const { databasePath, artifactsDirectory } = dataDirLayout(dataDir);
lockDataDir(dataDir, systemClock);
const blobs = new FileBlobStore(artifactsDirectory, systemClock);
const trees = new ArtifactTrees(join(artifactsDirectory, 'trees'), blobs);
await blobs.sweepTemporary();
await trees.sweepTemporary();
const registry = new Registry({
  database: await openDatabase({ path: databasePath }),
  blobs,
  trees,
  clock: systemClock,
  onListenerError: () => {},
});
process.stdin.on('end', () => process.exit()).resume(); // nobody is left who would kill it
writeSync(1, 'started\n');

async function* inPieces(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let start = 0; start < bytes.length; start += 4096) yield bytes.subarray(start, start + 4096);
}

async function deployForEver(model: string): Promise<void> {
  for (;;) {
    const files = [
      { path: 'model.onnx', ...(await blobs.put(inPieces(randomBytes(30_000)))) },
      { path: 'data/weights.bin', ...(await blobs.put(randomBytes(10_000))) },
    ];
    const { record } = await registry.registerVersion({
      model,
      owner: 'api',
      files,
      signatures: new Map(),
      manifest: {},
      labels: ['newest'],
    });
    writeSync(1, `${JSON.stringify({ model, version: record.version, digest: record.digest })}\n`);
    (await trees.materialise(files)).release();
  }
}

await Promise.all([deployForEver('one'), deployForEver('two')]);
