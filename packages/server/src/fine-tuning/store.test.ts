import assert from 'node:assert/strict';
import { appendFile, mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { AmaasError } from '@amaas/core';
import { type Database, openDatabase } from '../storage/index.ts';
import { createTestDatabase, createTestDirectory, DATABASE_KINDS } from '../storage/testing/databases.ts';
import { type FineTuningPaths, fineTuningPaths, keepJson, loadEvents, noteEvent } from './folder.ts';
import { FineTuningStore } from './store.ts';
import { addFineTuning } from './testing/open-queue.ts';

function note(paths: FineTuningPaths, message: string): Promise<void> {
  return noteEvent(paths, 7, { level: 'info', type: 'message', message, data: {} });
}

const PLAN = { epochs: 2, batchSize: 1, learningRateMultiplier: 1, examples: 3, tokens: 40 };
const EPOCH = { epoch: 1, step: 3, atMs: 6, loss: 0.25, accuracy: 0.5, validationLoss: null, validationAccuracy: null };
const END = { state: 'succeeded', atMs: 9, trainedTokens: 80, resultFiles: ['file-3'], error: null } as const;
const [FIRST, SECOND, THIRD] = ['ftjob-0000000000000001', 'ftjob-0000000000000002', 'ftjob-0000000000000003'] as const;

for (const { dialect, skip } of DATABASE_KINDS) {
  const check = (name: string, run: (context: TestContext) => Promise<void>) =>
    test(`FineTuningStore(${dialect}) ${name}`, { skip }, run);

  const open = async (t: TestContext): Promise<{ readonly database: Database; readonly directory: string }> => {
    const database = await openDatabase(await createTestDatabase(t, dialect));
    t.after(() => database.close());
    return { database, directory: join(await createTestDirectory(t), 'fine-tuning') };
  };

  check('has after a restart what was there before it, and nothing that was not acknowledged', async (t) => {
    const { database, directory } = await open(t);
    const store = await FineTuningStore.open(database, directory);
    const first = await addFineTuning(store, FIRST);
    await addFineTuning(store, SECOND);
    await store.makeFolder(THIRD);
    await mkdir(join(directory, 'something else'));
    await store.remove(SECOND);
    const again = await FineTuningStore.open(database, directory);
    assert.deepEqual(again.list(), [first]);
    assert.equal(again.nextSequence(), 2);
    assert.throws(() => again.get(THIRD), { reason: 'JOB_NOT_FOUND' });
    assert.deepEqual((await readdir(directory)).toSorted(), [FIRST, 'something else']);
    assert.equal(await again.hasFolder(FIRST), true);
    await rm(again.pathsOf(FIRST).training);
    assert.equal(await again.hasFolder(FIRST), false);
  });

  check('knows of nothing that could not be written', async (t) => {
    const { database, directory } = await open(t);
    const store = await FineTuningStore.open(database, directory);
    await addFineTuning(store, FIRST);
    await assert.rejects(addFineTuning(store, SECOND, { sequence: 1 })); // which is taken
    assert.throws(() => store.get(SECOND), { reason: 'JOB_NOT_FOUND' });
    await store.update(FIRST, { job: 'job_1' }); // goes on
    assert.deepEqual((await FineTuningStore.open(database, directory)).list(), [store.get(FIRST)]);
  });

  check('holds changes at once, and keeps the last of them', async (t) => {
    const { database, directory } = await open(t);
    const store = await FineTuningStore.open(database, directory);
    await addFineTuning(store, FIRST);
    const writes = Array.from({ length: 20 }, (_, index) => store.update(FIRST, { job: `job_${index}` }));
    assert.equal(store.get(FIRST).job, 'job_19');
    await store.update(FIRST, { intent: 'pause' });
    await Promise.all(writes);
    const { job, intent } = (await FineTuningStore.open(database, directory)).get(FIRST);
    assert.deepEqual([job, intent], ['job_19', 'pause']);
  });

  check('keeps what happened to one that ended in its row, and its folder no longer', async (t) => {
    const { database, directory } = await open(t);
    const store = await FineTuningStore.open(database, directory);
    await addFineTuning(store, FIRST);
    const paths = store.pathsOf(FIRST);
    assert.deepEqual([await store.plan(FIRST), await store.history(FIRST)], [null, { epochs: [], events: [] }]);
    await keepJson(paths.plan, PLAN);
    await keepJson(paths.epochs, [EPOCH]);
    await note(paths, 'a\0');
    const history = await store.history(FIRST);
    assert.deepEqual([history.epochs, history.events.map(({ message }) => message)], [[EPOCH], ['a\0']]);
    const ending = store.end(FIRST, END);
    const other = store.end(FIRST, { ...END, state: 'cancelled' });
    assert.equal(store.get(FIRST).end, null); // not before it is on disk
    await store.update(FIRST, { job: 'job_1' }); // and it undoes nothing of it
    await Promise.all([ending, other]);
    await store.end(FIRST, { ...END, state: 'failed' });
    assert.deepEqual(await readdir(directory), []);
    await mkdir(paths.folder); // as a crash before its removal leaves it
    const again = await FineTuningStore.open(database, directory);
    assert.deepEqual(await readdir(directory), []);
    for (const each of [store, again]) {
      assert.deepEqual(each.get(FIRST).end, { ...END, plan: PLAN });
      assert.equal(each.get(FIRST).job, 'job_1');
      assert.deepEqual([await each.plan(FIRST), await each.history(FIRST)], [PLAN, history]);
    }
  });

  check('has not ended one whose end could not be written', async (t) => {
    const { database, directory } = await open(t);
    const store = await FineTuningStore.open(
      {
        ...database,
        transaction: async (work) => {
          if (isFull) throw new AmaasError('STORAGE_FULL', 'full');
          return database.transaction(work);
        },
      },
      directory,
    );
    let isFull = false;
    await addFineTuning(store, FIRST);
    await note(store.pathsOf(FIRST), 'a');
    isFull = true;
    await assert.rejects(store.end(FIRST, END), { reason: 'STORAGE_FULL' });
    assert.equal(store.get(FIRST).end, null);
    assert.equal((await store.history(FIRST)).events.length, 1);
    isFull = false;
    await store.end(FIRST, END);
    assert.equal(store.get(FIRST).end?.state, 'succeeded');
    assert.equal((await store.history(FIRST)).events.length, 1);
  });
}

test('loadEvents gives events by their places, and a line that a crash cut spoils no other', async (t) => {
  const paths = fineTuningPaths(await createTestDirectory(t));
  const id = 'ftjob-0000000000000005';
  assert.deepEqual(await loadEvents(paths, id), []);
  await note(paths, 'a');
  await appendFile(paths.events, '\n{"createdAtMs": 7, "mess');
  await note(paths, 'b');
  assert.deepEqual(
    (await loadEvents(paths, id)).map((event) => [event.id, event.message, event.createdAtMs]),
    [
      ['ftevent-0000000000000005-0', 'a', 7],
      ['ftevent-0000000000000005-2', 'b', 7],
    ],
  );
});

test('noteEvent loses an event where it cannot be written, and nothing else', async (t) => {
  const paths = fineTuningPaths(join(await createTestDirectory(t), 'a file'));
  await writeFile(paths.folder, '');
  await note(paths, 'a');
});
