import assert from 'node:assert/strict';
import { appendFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { readFineTuningRequest } from '@amaas/protocols/fine-tuning';
import { computeDigest } from '../artifacts/index.ts';
import { loadEvents, noteEvent } from './folder.ts';
import { type FineTuningRecord, FineTuningStore } from './store.ts';

let directory: string;

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'amaas-fine-tunings-'));
});
after(() => rm(directory, { recursive: true, force: true }));

function record(id: string, sequence: number): FineTuningRecord {
  return {
    ...{ id, sequence, owner: null, createdBy: 'anyone', createdAtMs: 5, seed: 1, model: 'ft-a-00000000' },
    request: readFineTuningRequest({ model: 'a', training_file: 'file-1', metadata: { b: 'c' } }),
    ...{ base: { model: 'a', version: 2 }, validation: null, intent: 'run', job: null, isPausing: false, end: null },
    training: { name: 'x.jsonl', digest: computeDigest(new Uint8Array(3)), dataset: null },
  };
}

async function added(store: FineTuningStore, id: string): Promise<FineTuningRecord> {
  await store.makeFolder(id);
  const made = record(id, store.nextSequence());
  await store.add(made);
  return made;
}

test('FineTuningStore has after a restart what was there before it, and nothing that was not acknowledged', async () => {
  const store = await FineTuningStore.open(join(directory, 'kept'));
  const first = await added(store, 'ftjob-0000000000000001');
  await added(store, 'ftjob-0000000000000002');
  await store.makeFolder('ftjob-0000000000000003');
  await mkdir(join(directory, 'kept', 'something else'));
  await store.remove('ftjob-0000000000000002');
  const again = await FineTuningStore.open(join(directory, 'kept'));
  assert.deepEqual(again.list(), [first]);
  assert.equal(again.nextSequence(), 2);
  assert.throws(() => again.get('ftjob-0000000000000003'), { reason: 'JOB_NOT_FOUND' });
});

test('FineTuningStore holds changes at once, and keeps the last of them', async () => {
  const store = await FineTuningStore.open(join(directory, 'changed'));
  const { id } = await added(store, 'ftjob-0000000000000004');
  const writes = Array.from({ length: 20 }, (_, index) => store.update(id, { job: `job_${index}` }));
  assert.equal(store.get(id).job, 'job_19');
  await store.update(id, { intent: 'pause' });
  await Promise.all(writes);
  const { job, intent } = (await FineTuningStore.open(join(directory, 'changed'))).get(id);
  assert.deepEqual([job, intent], ['job_19', 'pause']);
});

test('loadEvents gives events by their places, and a line that a crash cut spoils no other', async () => {
  const store = await FineTuningStore.open(join(directory, 'events'));
  const id = 'ftjob-0000000000000005';
  const paths = await store.makeFolder(id);
  assert.deepEqual(await loadEvents(paths, id), []);
  const note = (message: string) => noteEvent(paths, 7, { level: 'info', type: 'message', message, data: {} });
  await note('a');
  await appendFile(paths.events, '\n{"createdAtMs": 7, "mess');
  await note('b');
  assert.deepEqual(
    (await loadEvents(paths, id)).map((event) => [event.id, event.message, event.createdAtMs]),
    [
      ['ftevent-0000000000000005-0', 'a', 7],
      ['ftevent-0000000000000005-2', 'b', 7],
    ],
  );
});

test('noteEvent loses an event where it cannot be written, and nothing else', async () => {
  const store = await FineTuningStore.open(join(directory, 'lost'));
  const paths = store.pathsOf('ftjob-0000000000000006'); // its folder is a file
  await writeFile(paths.folder, '');
  await noteEvent(paths, 7, { level: 'info', type: 'message', message: 'a', data: {} });
});
