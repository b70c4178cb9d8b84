// Runs of the registry, on SQLite and on PostgreSQL.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { DATABASE_KINDS } from '../storage/testing/databases.ts';
import { rejectsWith } from './testing/rejects-with.ts';
import { createTrainingFixture } from './testing/training-fixture.ts';
import type { RunRecord } from './training-types.ts';

for (const { dialect, skip } of DATABASE_KINDS) {
  const check = (behaviour: string, body: (context: TestContext) => Promise<void>): void => {
    test(`Runs(${dialect}) ${behaviour}`, { skip }, body);
  };

  check('start and end give back every field, and so does every later read', async (t) => {
    const { runs, add, blob, advance } = await createTrainingFixture(t, dialect);
    const train = await add('heart', 'a,b\n');
    const held = await add('heart-test', 'c,d\n');
    const started = await runs.start({
      id: 'run_1',
      kind: 'train',
      job: 'job_1',
      model: 'heart',
      configuration: { target: 'target', nested: { __proto__x: [1, null] } },
      datasets: [
        { role: 'train', name: 'heart', version: 1 },
        { role: 'test', name: 'heart-test', version: 1 },
      ],
      codeVersion: '0.1.0',
      seed: 9_007_199_254_740_991,
      parent: { model: 'heart', version: 7, run: 'run_0' },
      createdBy: 'admin',
    });
    const expected: RunRecord = {
      id: 'run_1',
      kind: 'train',
      state: 'running',
      job: 'job_1',
      model: 'heart',
      version: null,
      configuration: { target: 'target', nested: { __proto__x: [1, null] } },
      datasets: [
        { role: 'test', name: 'heart-test', version: 1, digest: held.digest },
        { role: 'train', name: 'heart', version: 1, digest: train.digest },
      ],
      codeVersion: '0.1.0',
      seed: 9_007_199_254_740_991,
      metrics: new Map(),
      parent: { model: 'heart', version: 7, run: 'run_0' },
      files: [],
      error: null,
      createdAt: '2026-01-02T03:04:05.678Z',
      endedAt: null,
      createdBy: 'admin',
    };
    assert.deepEqual(started, expected);
    assert.deepEqual(await runs.get('run_1'), expected);
    advance(1000);
    const files = [{ name: 'report.json', mediaType: 'application/json', ...(await blob('{}')) }];
    const metrics = new Map([
      ['z', 0.25],
      ['__proto__', 1e300],
    ]);
    const ended = await runs.end('run_1', { state: 'succeeded', version: 8, metrics, files });
    assert.deepEqual(ended, {
      ...expected,
      state: 'succeeded',
      version: 8,
      metrics,
      files,
      endedAt: '2026-01-02T03:04:06.678Z',
    });
    assert.deepEqual(await runs.get('run_1'), ended);
    assert.deepEqual([...ended.metrics.keys()], ['z', '__proto__']);
  });

  check('start of an id that is there begins it anew and keeps what it was', async (t) => {
    const { runs, run, add } = await createTrainingFixture(t, dialect);
    await add('d', 'x');
    const use = { role: 'train', name: 'd', version: 1 };
    const first = await runs.start({ ...run('a'), datasets: [use] });
    const error = { reason: 'INTERNAL', message: 'x', details: {}, retryable: false } as const;
    assert.deepEqual((await runs.end('run_a', { state: 'failed', error })).error, error);
    assert.deepEqual(await runs.start({ ...run('a'), kind: 'other', datasets: [] }), first);
    assert.equal((await runs.list()).length, 1);
  });

  check('record keeps a run done elsewhere, replaces it when repeated, and leaves those of jobs alone', async (t) => {
    const { runs, run, add, advance } = await createTrainingFixture(t, dialect);
    const { digest } = await add('d', 'x');
    const datasets = [{ role: 'train', name: 'd', version: 1 }];
    const metrics = new Map([['loss', 0.5]]);
    const first = await runs.record({ ...run('a'), model: 'm', datasets }, { state: 'succeeded', version: 2, metrics });
    assert.deepEqual(first, await runs.get('run_a'));
    assert.deepEqual([first.version, first.datasets], [2, [{ ...datasets[0], digest }]]);
    advance(1000);
    const second = await runs.record({ ...run('a'), seed: 3 }, { state: 'failed' });
    assert.deepEqual(second, await runs.get('run_a'));
    assert.deepEqual([second.seed, second.model, second.metrics.size, second.datasets], [3, null, 0, []]);
    assert.deepEqual([second.createdAt, second.endedAt], [first.createdAt, '2026-01-02T03:04:06.678Z']);
    await runs.start({ ...run('b'), job: 'job_b' });
    await rejectsWith(runs.record(run('b'), { state: 'succeeded' }), 'NAME_TAKEN', /belongs to the job job_b/);
    const absent = [{ role: 'train', name: 'none', version: 1 }];
    await rejectsWith(runs.record({ ...run('a'), datasets: absent }, { state: 'succeeded' }), 'DATASET_NOT_FOUND');
    assert.deepEqual(await runs.get('run_a'), second, 'a refusal changes nothing');
  });

  check('list filters, newest first, page by page', async (t) => {
    const { runs, run, add, advance } = await createTrainingFixture(t, dialect);
    await add('d', 'x');
    for (const [index, id] of ['e', 'd', 'c', 'b', 'a'].entries()) {
      const datasets = index === 1 ? [{ role: 'train', name: 'd', version: 1 }] : [];
      await runs.start({ ...run(id), kind: index < 3 ? 'train' : 'tune', job: `job_${index}`, datasets });
      if (index % 2 === 1) advance(1000); // the others share a moment
    }
    await runs.end('run_e', { state: 'cancelled' });
    const ids = async (filter: Parameters<typeof runs.list>[0]) => (await runs.list(filter)).map(({ id }) => id);
    const all = ['run_a', 'run_c', 'run_b', 'run_e', 'run_d'];
    assert.deepEqual(await ids({}), all);
    assert.deepEqual(await ids({ limit: 2 }), all.slice(0, 2));
    for (const [index, id] of all.entries()) assert.deepEqual(await ids({ before: id }), all.slice(index + 1));
    assert.deepEqual(await ids({ kind: 'tune' }), ['run_a', 'run_b']);
    assert.deepEqual(await ids({ state: 'cancelled' }), ['run_e']);
    assert.deepEqual(await ids({ dataset: 'd' }), ['run_d']);
    assert.deepEqual(await ids({ job: 'job_2', kind: 'train' }), ['run_c']);
    assert.deepEqual(await ids({ model: 'a\u0000' }), []);
    await rejectsWith(runs.list({ limit: 0 }), 'INVALID_ARGUMENT');
    await rejectsWith(runs.list({ before: 'run_x' }), 'RUN_NOT_FOUND');
  });

  check('refuses what cannot be, and leaves nothing of it', async (t) => {
    const { runs, run } = await createTrainingFixture(t, dialect);
    await rejectsWith(
      runs.start({ ...run('a'), datasets: [{ role: 'train', name: 'absent', version: 1 }] }),
      'DATASET_NOT_FOUND',
    );
    await rejectsWith(runs.start({ ...run('a'), id: 'a\u0000' }), 'INVALID_ARGUMENT', /an id like run_3f2a/);
    await rejectsWith(runs.start({ ...run('a'), seed: 0.5 }), 'INVALID_ARGUMENT');
    const twice = { role: 'train', name: 'd', version: 1 };
    await rejectsWith(runs.start({ ...run('a'), datasets: [twice, twice] }), 'INVALID_ARGUMENT', /a role of its own/);
    assert.deepEqual(await runs.list(), []);
    await rejectsWith(runs.get('run_a'), 'RUN_NOT_FOUND');
    await rejectsWith(runs.get("'; drop table runs; --\u0000"), 'RUN_NOT_FOUND');
    await rejectsWith(runs.end('run_a', { state: 'failed' }), 'RUN_NOT_FOUND');
    await runs.start(run('a'));
    const metrics = new Map([['loss', Number.NaN]]);
    await rejectsWith(
      runs.end('run_a', { state: 'succeeded', metrics }),
      'INVALID_ARGUMENT',
      /"loss" must be a finite/,
    );
    const absent = { name: 'r', mediaType: 'text/html', digest: `sha256:${'0'.repeat(64)}`, sizeBytes: 1 } as const;
    await rejectsWith(runs.end('run_a', { state: 'succeeded', files: [absent] }), 'ARTIFACT_NOT_FOUND');
    await rejectsWith(runs.delete('run_a'), 'INVALID_ARGUMENT', /is running/);
    await runs.end('run_a', { state: 'succeeded' });
    await runs.delete('run_a');
    await rejectsWith(runs.delete('run_a'), 'RUN_NOT_FOUND');
  });
}
