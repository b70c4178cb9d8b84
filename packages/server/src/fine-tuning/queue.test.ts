import assert from 'node:assert/strict';
import { readdir, rm } from 'node:fs/promises';
import { test } from 'node:test';
import { UNAUTHENTICATED_PRINCIPAL } from '../gateway/index.ts';
import { dataDirLayout, openDatabase } from '../storage/index.ts';
import { createTestDirectory } from '../storage/testing/databases.ts';
import { FineTuningStore } from './store.ts';
import { addFineTuning, openQueue } from './testing/open-queue.ts';

const RUNNING = 'ftjob-0000000000000001';
const PAUSED = 'ftjob-0000000000000002';
const CANCELLED = 'ftjob-0000000000000003';
const WHOLE = 'ftjob-0000000000000004';

test('FineTuningQueue fails those whose folder is gone when it opens, and leaves the others as they are', async (t) => {
  const dataDir = await createTestDirectory(t);
  const { databasePath, fineTuningDirectory } = dataDirLayout(dataDir);
  const database = await openDatabase({ path: databasePath });
  t.after(() => database.close());
  const { registry } = await openQueue(database, dataDir);
  const run = { kind: 'fine-tune', configuration: {}, datasets: [], codeVersion: '1', createdBy: 'anyone' };
  await registry.runs.start({ id: 'run_0000000000000001', ...run });
  const store = await FineTuningStore.open(database, fineTuningDirectory);
  await addFineTuning(store, RUNNING, { job: 'job_1' });
  await addFineTuning(store, PAUSED, { intent: 'pause' });
  await addFineTuning(store, CANCELLED, { intent: 'cancel' });
  await addFineTuning(store, WHOLE, { intent: 'pause' });
  for (const id of [RUNNING, PAUSED, CANCELLED]) await rm(store.pathsOf(id).folder, { recursive: true });

  for (const _start of ['the first', 'another']) {
    const { queue, problems } = await openQueue(database, dataDir);
    const page = { after: null, limit: 10, metadata: [] };
    const shown = async () =>
      (await queue.list(page, UNAUTHENTICATED_PRINCIPAL)).items.map(({ id, status }) => [id, status]);
    const expected = [
      [WHOLE, 'paused'],
      [CANCELLED, 'cancelled'],
      [PAUSED, 'failed'],
      [RUNNING, 'failed'],
    ];
    assert.deepEqual(await shown(), expected); // before any job begins
    await queue.start();
    assert.deepEqual(await shown(), expected);
    const { error, finishedAtMs } = await queue.get(RUNNING, UNAUTHENTICATED_PRINCIPAL);
    assert.equal(error?.code, 'artifact_not_found');
    assert.match(error.message, /its training file and its checkpoint are not in the data directory/);
    assert.ok(finishedAtMs !== null);
    const { items } = await queue.events(RUNNING, { after: null, limit: 10 }, UNAUTHENTICATED_PRINCIPAL);
    assert.deepEqual(
      items.map(({ message }) => message.slice(0, 31)),
      [`The job failed: fine-tuning job`],
    );
    assert.deepEqual(problems, []);
    assert.deepEqual(await readdir(fineTuningDirectory), [WHOLE]);
  }
  const { state, error } = await registry.runs.get('run_0000000000000001');
  assert.deepEqual([state, error?.reason], ['failed', 'ARTIFACT_NOT_FOUND']);
});
