// The fine-tunings of a data directory without a server around them: they can be looked at, and none is worked on.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AmaasError, systemClock } from '@amaas/core';
import { readFineTuningRequest } from '@amaas/protocols/fine-tuning';
import type { Admission } from '../../admission/index.ts';
import { ArtifactTrees, computeDigest, FileBlobStore } from '../../artifacts/index.ts';
import type { DataPlane } from '../../dataplane/index.ts';
import type { Jobs } from '../../jobs/index.ts';
import { Registry } from '../../registry/index.ts';
import { type Database, dataDirLayout } from '../../storage/index.ts';
import { FineTuningQueue } from '../queue.ts';
import type { FineTuningRecord, FineTuningStore } from '../store.ts';

export interface OpenQueue {
  readonly queue: FineTuningQueue;
  readonly registry: Registry;
  readonly problems: readonly string[];
}

export async function openQueue(database: Database, dataDir: string): Promise<OpenQueue> {
  const layout = dataDirLayout(dataDir);
  const blobs = new FileBlobStore(layout.artifactsDirectory, systemClock);
  const trees = new ArtifactTrees(join(layout.artifactsDirectory, 'trees'), blobs);
  const registry = new Registry({ database, blobs, trees, clock: systemClock, onListenerError: () => {} });
  const problems: string[] = [];
  const never = () => Promise.reject(new Error('not in this test'));
  const queue = await FineTuningQueue.open({
    ...{ database, registry, blobs, clock: systemClock, codeVersion: '1', entry: 'never run' },
    directory: layout.fineTuningDirectory,
    files: { add: never, get: never },
    admission: {} as Admission, // asked when a job finishes, and none does
    dataPlane: {} as DataPlane, // as above
    onProblem: (id, what, err) => problems.push(`${id}: ${what}: ${String(err)}`),
  });
  const absent = (id: string) => Promise.reject(new AmaasError('JOB_NOT_FOUND', id));
  queue.attach({ get: absent, cancel: absent, submit: never } as unknown as Jobs); // what looking and ending ask of it
  return { queue, registry, problems };
}

/** Adds one as `create` does, with its folder. */
export async function addFineTuning(
  store: FineTuningStore,
  id: string,
  change: Partial<FineTuningRecord> = {},
): Promise<FineTuningRecord> {
  const { training } = await store.makeFolder(id);
  await writeFile(training, '{}');
  const record: FineTuningRecord = {
    ...{ id, sequence: store.nextSequence(), owner: null, createdBy: 'anyone', createdAtMs: 5000, seed: 1 },
    request: readFineTuningRequest({ model: 'a', training_file: 'file-1', metadata: { b: 'c\0' } }),
    ...{ model: 'ft-a-00000000', base: { model: 'a', version: 2 }, validation: null, end: null },
    training: { name: 'x.jsonl', digest: computeDigest(new Uint8Array(3)), dataset: null },
    ...{ intent: 'run', job: null, isPausing: false },
    ...change,
  };
  await store.add(record);
  return record;
}
