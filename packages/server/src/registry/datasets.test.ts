// Datasets of the registry, on SQLite and on PostgreSQL.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { DATABASE_KINDS } from '../storage/testing/databases.ts';
import { rejectsWith } from './testing/rejects-with.ts';
import { createTrainingFixture } from './testing/training-fixture.ts';

const NOW = '2026-01-02T03:04:05.678Z';
const DAY_MS = 86_400_000;

for (const { dialect, skip } of DATABASE_KINDS) {
  const check = (behaviour: string, body: (context: TestContext) => Promise<void>): void => {
    test(`Datasets(${dialect}) ${behaviour}`, { skip }, body);
  };

  check('add gives back every field, and so does every later read', async (t) => {
    const { datasets, blob } = await createTrainingFixture(t, dialect);
    const file = await blob('a,b\n1,2\n');
    const { record, isNew } = await datasets.add({
      name: 'heart',
      blob: file,
      mediaType: 'text/csv',
      fileName: 'hëart "1".csv',
      createdBy: 'admin',
    });
    assert.equal(isNew, true);
    assert.deepEqual(record, {
      name: 'heart',
      version: 1,
      digest: file.digest,
      sizeBytes: 8,
      mediaType: 'text/csv',
      fileName: 'hëart "1".csv',
      summary: null,
      createdAt: NOW,
      createdBy: 'admin',
    });
    assert.deepEqual(await datasets.get('heart'), record);
    assert.deepEqual(await datasets.get('heart', 1), record);
    assert.deepEqual(await datasets.versions('heart'), [record]);
    assert.deepEqual(await datasets.list(), [record]);
  });

  check('add counts up, repeats the newest contents and refuses other contents under a number', async (t) => {
    const { datasets, add, blob } = await createTrainingFixture(t, dialect);
    assert.equal((await add('d', 'one')).version, 1);
    assert.equal((await add('d', 'one')).version, 1); // an upload that is repeated
    assert.equal((await add('d', 'two')).version, 2);
    assert.equal((await add('d', 'one')).version, 3); // not the newest any more: somebody means to go back
    const numbered = { name: 'd', mediaType: 'text/csv', createdBy: 'x' };
    assert.equal((await datasets.add({ ...numbered, blob: await blob('two'), version: 2 })).isNew, false);
    await rejectsWith(
      datasets.add({ ...numbered, blob: await blob('other'), version: 2 }),
      'DATASET_EXISTS',
      /version 2 of dataset "d" exists with other contents/,
    );
    assert.equal((await datasets.add({ ...numbered, blob: await blob('later'), version: 40 })).isNew, true);
    assert.equal((await add('d', 'next')).version, 41);
    await datasets.delete('d');
    assert.equal((await add('d', 'again')).version, 42, 'a number never means two things');
  });

  check('add gives simultaneous uploads different numbers', async (t) => {
    const { add, datasets } = await createTrainingFixture(t, dialect);
    const records = await Promise.all(Array.from({ length: 9 }, (_, index) => add('d', `contents ${index}`)));
    assert.deepEqual(records.map(({ version }) => version).toSorted(), [1, 2, 3, 4, 5, 6, 7, 8, 9]);
    assert.equal((await datasets.versions('d')).length, 9);
  });

  check('refuses names, numbers and files that cannot be', async (t) => {
    const { datasets, blob } = await createTrainingFixture(t, dialect);
    const file = await blob('x');
    const base = { mediaType: 'text/csv', createdBy: 'x', blob: file };
    for (const name of ['', 'Über', 'a..b', '../x', 'a\u0000b']) {
      await rejectsWith(datasets.add({ ...base, name }), 'INVALID_NAME');
      await rejectsWith(datasets.get(name), 'DATASET_NOT_FOUND');
      await rejectsWith(datasets.delete(name), 'DATASET_NOT_FOUND');
    }
    for (const version of [0, -1, 1.5, 2 ** 53]) {
      await rejectsWith(datasets.add({ ...base, name: 'd', version }), 'INVALID_ARGUMENT');
    }
    const absent = { digest: `sha256:${'0'.repeat(64)}`, sizeBytes: 1 } as const;
    await rejectsWith(datasets.add({ ...base, name: 'd', blob: absent }), 'ARTIFACT_NOT_FOUND');
    await datasets.add({ ...base, name: 'd' });
    await rejectsWith(datasets.get('d', 2), 'DATASET_NOT_FOUND', /no version 2; its versions are 1/);
  });

  check('setSummary keeps plain JSON as it is', async (t) => {
    const { datasets, add } = await createTrainingFixture(t, dialect);
    await add('d', 'x');
    const summary = { columns: [{ name: '__proto__', missing: 0.25 }], rows: 10, note: null };
    await datasets.setSummary('d', 1, summary);
    assert.deepEqual((await datasets.get('d')).summary, summary);
    await rejectsWith(datasets.setSummary('d', 2, {}), 'DATASET_NOT_FOUND');
  });

  check('delete is refused while a run refers to it, unless forced', async (t) => {
    const { datasets, runs, add, run } = await createTrainingFixture(t, dialect);
    await add('d', 'one');
    const second = await add('d', 'two');
    const { id } = await runs.start({ ...run('a'), datasets: [{ role: 'train', name: 'd', version: 2 }] });
    await rejectsWith(datasets.delete('d', { version: 2 }), 'DATASET_IN_USE', /version 2 .*run_a/);
    await rejectsWith(datasets.delete('d'), 'DATASET_IN_USE', /dataset "d" was read by the run run_a/);
    await datasets.delete('d', { version: 1 });
    await datasets.delete('d', { version: 2, force: true });
    await rejectsWith(datasets.versions('d'), 'DATASET_NOT_FOUND');
    assert.deepEqual((await runs.get(id)).datasets, [{ role: 'train', name: 'd', version: 2, digest: second.digest }]);
  });

  check('collectGarbage keeps the files of datasets and runs, and takes those that are gone', async (t) => {
    const { datasets, runs, add, run, blob, registry, blobs, advance } = await createTrainingFixture(t, dialect);
    const kept = await add('kept', 'kept');
    const gone = await add('gone', 'gone');
    const report = await blob('<html>');
    await runs.start(run('a'));
    await runs.end('run_a', {
      state: 'succeeded',
      files: [{ name: 'report.html', mediaType: 'text/html', ...report }],
    });
    await datasets.delete('gone');
    advance(DAY_MS);
    assert.equal((await registry.collectGarbage()).blobs, 1);
    assert.deepEqual(
      [await blobs.has(kept.digest), await blobs.has(report.digest), await blobs.has(gone.digest)],
      [true, true, false],
    );
    await runs.delete('run_a');
    assert.equal((await registry.collectGarbage()).blobs, 1);
    assert.equal(await blobs.has(report.digest), false);
  });
}
