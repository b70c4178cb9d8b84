// The queue with real processes: order, progress, every bad end, and that each job ends once.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { AmaasError, type Clock, systemClock } from '@amaas/core';
import { skipOrFail } from '../../../../tools/test-data.ts';
import { rejectsWith } from '../registry/testing/rejects-with.ts';
import { DATABASE_KINDS } from '../storage/testing/databases.ts';
import { createJobsFixture } from './testing/jobs-fixture.ts';
import type { JobEvent } from './types.ts';

const DAY_MS = 86_400_000;

/** Processes of others can be looked at there only. */
const skipWithoutProc = existsSync('/proc/self/cmdline') ? false : skipOrFail('needs /proc, which Linux has');

for (const { dialect, skip } of DATABASE_KINDS) {
  const check = (behaviour: string, body: (context: TestContext) => Promise<void>): void => {
    test(`Jobs(${dialect}) ${behaviour}`, { skip }, body);
  };

  check('runs a job to its result and remembers all of it', async (t) => {
    const { jobs, submit, ended, events, log, directory } = await createJobsFixture(t, { dialect });
    const submitted = await submit({ steps: 3, model: 'counter' });
    assert.equal(submitted.state, 'queued');
    const job = await ended(submitted.id);
    assert.deepEqual(job, {
      ...submitted,
      state: 'succeeded',
      attempt: 1,
      progress: { phase: 'count', fraction: 1, step: 3, totalSteps: 3, loss: 1 / 3 },
      result: { counted: 3, attempt: 1, inputs: null },
      startedAt: job.startedAt,
      endedAt: job.endedAt,
    });
    assert.equal(job.model, 'counter');
    assert.ok(job.createdAt <= (job.startedAt ?? '') && (job.startedAt ?? '') <= (job.endedAt ?? ''));
    const all = await events(job.id);
    assert.deepEqual(
      all.map(({ id }) => id),
      all.map((_, index) => index + 1),
    );
    const states = all.filter(({ type }) => type === 'state').map(({ data }) => data);
    assert.deepEqual(states, [
      { state: 'running', attempt: 1 },
      { state: 'succeeded', attempt: 1 },
    ]);
    assert.deepEqual(all.findLast(({ type }) => type === 'progress')?.data, job.progress);
    assert.match(await log(job.id), /^\S+Z -- attempt 1\n\S+Z counting from 0 to 3\n/);
    assert.deepEqual((await readdir(`${directory}/${job.id}`)).toSorted(), ['events.jsonl', 'log.txt']);
    assert.deepEqual(await jobs.list(), [job]);
  });

  check('runs one at a time: by priority, then in order', async (t) => {
    const order: string[] = [];
    const onStarted = (job: { readonly id: string }) => void order.push(job.id);
    const { jobs, submit, ended } = await createJobsFixture(t, { dialect, onStarted });
    const first = await submit({ steps: 5, stepMs: 50 });
    const low = await submit({ steps: 1 }, { priority: -1 });
    const second = await submit({ steps: 1 });
    const third = await submit({ steps: 1 });
    const urgent = await submit({ steps: 1 }, { priority: 5 });
    assert.deepEqual(jobs.counts, { waiting: 4, running: 1 });
    for (const { id } of [first, low, second, third, urgent]) assert.equal((await ended(id)).state, 'succeeded');
    assert.deepEqual(order, [first.id, urgent.id, second.id, third.id, low.id]);
    const times = await Promise.all([first, urgent, second, third, low].map(({ id }) => jobs.get(id)));
    for (const [index, job] of times.slice(1).entries()) {
      assert.ok((times[index]?.endedAt ?? '') <= (job.startedAt ?? ''), 'never two at once');
    }
    const ids = (await jobs.list()).map(({ id }) => id);
    assert.deepEqual(
      ids,
      [urgent, third, second, low, first].map(({ id }) => id),
    );
    assert.deepEqual(
      (await jobs.list({ before: second.id, limit: 1 })).map(({ id }) => id),
      [low.id],
    );
    assert.deepEqual(await jobs.list({ state: 'failed' }), []);
    assert.deepEqual(await jobs.list({ kind: 'x\u0000' }), []);
    await rejectsWith(jobs.list({ before: 'job_0000' }), 'JOB_NOT_FOUND');
  });

  check('resumes after a killed process from its checkpoint, and gives up after three', async (t) => {
    const { submit, ended, log, events, problems } = await createJobsFixture(t, { dialect });
    const once = await submit({ steps: 6, at: 4, trouble: 'die', once: true });
    const always = await submit({ steps: 3, at: 1, trouble: 'die' });
    const job = await ended(once.id);
    assert.deepEqual([job.state, job.attempt, job.crashes], ['succeeded', 2, 1]);
    assert.deepEqual(job.result, { counted: 6, attempt: 2, inputs: null });
    assert.match(await log(once.id), /its process was killed by SIGKILL\n\S+ -- attempt 2\n\S+ counting from 4 to 6\n/);
    const states = (await events(once.id)).filter(({ type }) => type === 'state').map(({ data }) => data);
    assert.deepEqual(states, [
      { state: 'running', attempt: 1 },
      { state: 'interrupted', attempt: 1 },
      { state: 'running', attempt: 2 },
      { state: 'succeeded', attempt: 2 },
    ]);
    const failed = await ended(always.id);
    assert.deepEqual([failed.state, failed.attempt, failed.crashes], ['failed', 3, 3]);
    assert.equal(failed.error?.reason, 'ENGINE_CRASHED');
    assert.match(failed.error.message, /was killed by SIGKILL in attempt 3; .* given up after 3 crashes/);
    assert.equal(problems.length, 4);
  });

  check('goes on after a stop where it was, and the queue with it', async (t) => {
    const fixture = await createJobsFixture(t, { dialect });
    const running = await fixture.submit({ steps: 40, stepMs: 20 });
    const waiting = await fixture.submit({ steps: 1 });
    const iterator = fixture.jobs.follow(running.id, 0, new AbortController().signal);
    for await (const { type } of iterator) if (type === 'checkpoint') break;
    const next = await fixture.reopen();
    const job = await next.ended(running.id);
    assert.deepEqual([job.state, job.attempt, job.crashes], ['succeeded', 2, 0]);
    assert.equal((await next.ended(waiting.id)).attempt, 1);
    assert.ok((job.endedAt ?? '') <= ((await next.jobs.get(waiting.id)).startedAt ?? ''), 'it kept its place');
    const events = await next.events(job.id);
    const ids = events.map(({ id }) => id ?? 0);
    assert.deepEqual(
      ids,
      ids.toSorted((a, b) => a - b),
    );
    assert.equal(new Set(ids).size, ids.length, 'ids go on');
    assert.deepEqual(fixture.problems, []);
  });

  check('cancels what waits and what runs, for good', async (t) => {
    const fixture = await createJobsFixture(t, { dialect });
    const { jobs, submit, ended } = fixture;
    const running = await submit({ steps: 100_000, stepMs: 10 });
    const waiting = await submit({ steps: 1 });
    const cancelled = await jobs.cancel(waiting.id);
    assert.deepEqual([cancelled.state, cancelled.attempt], ['cancelled', 0]);
    assert.equal(cancelled.error?.reason, 'CANCELLED');
    for await (const { type } of jobs.follow(running.id, 0, new AbortController().signal)) {
      if (type === 'checkpoint') break;
    }
    assert.equal((await jobs.cancel(running.id)).state, 'cancelling');
    await jobs.cancel(running.id).catch((error) => assert.equal(error.reason, 'JOB_ENDED')); // twice is once
    assert.equal((await ended(running.id)).state, 'cancelled');
    await rejectsWith(jobs.cancel(running.id), 'JOB_ENDED', /its state is cancelled/);
    await rejectsWith(jobs.cancel('job_00'), 'JOB_NOT_FOUND');
    const next = await fixture.reopen();
    assert.deepEqual(next.jobs.counts, { waiting: 0, running: 0 });
    assert.equal((await next.jobs.get(running.id)).state, 'cancelled');
  });
}

test('Jobs kills a process that hangs, spins or does not listen, when it is cancelled', async (t) => {
  const { jobs, submit, ended } = await createJobsFixture(t, { graceMs: 300, maxConcurrentJobs: 3 });
  const stubborn = await Promise.all([
    submit({ steps: 3, at: 1, trouble: 'hang' }),
    submit({ steps: 3, at: 1, trouble: 'spin' }),
    submit({ steps: 100_000, stepMs: 1, isDeaf: true }),
  ]);
  for (const { id } of stubborn) {
    for await (const { type } of jobs.follow(id, 0, new AbortController().signal)) if (type === 'checkpoint') break;
    await jobs.cancel(id);
  }
  for (const { id } of stubborn) assert.equal((await ended(id)).state, 'cancelled');
});

test('Jobs fails with the reason of the child, and tells nothing of what it did not expect', async (t) => {
  const { submit, ended, log } = await createJobsFixture(t);
  const known = await ended((await submit({ steps: 3, at: 1, trouble: 'throw' })).id);
  assert.deepEqual([known.state, known.attempt], ['failed', 1]);
  const { reason, message, details } = known.error ?? {};
  assert.deepEqual([reason, message, details], ['INVALID_DATA', 'column "age" has 3 rows of text', { column: 'age' }]);
  const unknown = await ended((await submit({ steps: 3, at: 1, trouble: 'throw-plain' })).id);
  assert.equal(unknown.error?.reason, 'INTERNAL');
  assert.doesNotMatch(JSON.stringify(unknown), /secret/);
  assert.match(await log(unknown.id), /Error: a secret in an unexpected place\n/);
});

test('Jobs is not impressed by floods of progress and prints', async (t) => {
  const { submit, ended, events, log } = await createJobsFixture(t);
  for (const trouble of ['flood', 'flood-raw', 'print'] as const) {
    const { id } = await submit({ steps: 2, at: 1, trouble });
    globalThis.gc?.();
    const beforeBytes = process.memoryUsage().rss;
    const job = await ended(id);
    const grownBytes = process.memoryUsage().rss - beforeBytes;
    assert.equal(job.state, 'succeeded', trouble);
    const told: readonly JobEvent[] = await events(id);
    assert.ok(told.length < 400, `${trouble}: ${told.length} events`);
    assert.ok(grownBytes < 100e6, `${trouble}: ${grownBytes} bytes`);
    const text = await log(id);
    assert.ok(text.length <= 8.5 * 1024 * 1024, `${trouble}: a log of ${text.length} bytes`);
    if (trouble === 'print') assert.match(text, /line 199999 -+\n/);
    t.diagnostic(`${trouble}: ${told.length} events, memory grew by ${(grownBytes / 1e6).toFixed(1)} MB`);
  }
});

test('Jobs calls the hooks of a kind in order, with what they need, and fails where they refuse', async (t) => {
  const calls: string[] = [];
  const { COUNTING_KIND } = await import('./testing/jobs-fixture.ts');
  const refusing = new AmaasError('DATASET_NOT_FOUND', 'there is no dataset "d"');
  const hooked = {
    ...COUNTING_KIND,
    async prepare(configuration: unknown) {
      calls.push('prepare');
      const { steps } = configuration as { readonly steps: number };
      if (steps === 99) throw refusing;
      return { steps: steps + 1 };
    },
    async begin(job: { readonly configuration: unknown; readonly attempt: number; readonly runId: string }) {
      calls.push(`begin ${job.attempt} ${JSON.stringify(job.configuration)}`);
      if ((job.configuration as { readonly steps: number }).steps === 51) throw refusing;
      return { run: job.runId };
    },
    async finish(_job: unknown, result: unknown) {
      calls.push(`finish ${(result as { readonly counted: number }).counted}`);
      return { finished: true };
    },
    async abandon(_job: unknown, error: AmaasError) {
      calls.push(`abandon ${error.reason}`);
      throw new Error('abandoning fails');
    },
  };
  const { submit, ended, jobs, problems } = await createJobsFixture(t, { kinds: [hooked] });
  await rejectsWith(submit({ steps: 99 }), 'DATASET_NOT_FOUND');
  assert.deepEqual(await jobs.list(), []);
  const good = await submit({ steps: 2 });
  assert.deepEqual(good.configuration, { steps: 3 });
  assert.deepEqual((await ended(good.id)).result, { finished: true });
  const bad = await ended((await submit({ steps: 50 })).id);
  assert.deepEqual([bad.state, bad.error?.reason], ['failed', 'DATASET_NOT_FOUND']);
  assert.deepEqual(calls, [
    'prepare',
    'prepare',
    'begin 1 {"steps":3}',
    'finish 3',
    'prepare',
    'begin 1 {"steps":51}',
    'abandon DATASET_NOT_FOUND',
  ]);
  assert.equal(problems.length, 1);
});

test('Jobs writes down the end of a job when the database takes it again', async (t) => {
  const quick: Clock = { ...systemClock, schedule: (delayMs, action) => systemClock.schedule(delayMs / 50, action) };
  let refusals = 0;
  let isFull = false;
  const { jobs, submit, problems, database } = await createJobsFixture(t, {
    clock: quick,
    wrapDatabase: (inner) => ({
      ...inner,
      transaction(work) {
        if (!isFull) return inner.transaction(work);
        if (++refusals === 4) isFull = false;
        return Promise.reject(new AmaasError('STORAGE_FULL', 'there is no space left'));
      },
    }),
  });
  const { id } = await submit({ steps: 30, stepMs: 10 });
  for await (const { type } of jobs.follow(id, 0, new AbortController().signal)) if (type === 'checkpoint') break;
  isFull = true;
  await rejectsWith(submit({ steps: 1 }), 'STORAGE_FULL'); // not acknowledged, so not there
  for await (const _ of jobs.follow(id, 0, new AbortController().signal)); // to the end
  assert.equal((await jobs.get(id)).state, 'succeeded');
  assert.deepEqual([refusals, problems.length], [4, 3]);
  assert.equal((await database.db.selectFrom('jobs').select('id').execute()).length, 1);
});

test('Jobs ends a process that outlived its server before it starts the next attempt', {
  skip: skipWithoutProc,
}, async (t) => {
  const { jobs, submit, ended, directory } = await createJobsFixture(t);
  const first = await submit({ steps: 100_000, stepMs: 5 });
  const second = await submit({ steps: 1 });
  const leftover = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)', 'child-main', second.id]);
  t.after(() => leftover.kill('SIGKILL'));
  const exited = once(leftover, 'exit');
  await mkdir(join(directory, second.id), { recursive: true });
  await writeFile(join(directory, second.id, 'pid'), String(leftover.pid));
  await jobs.cancel(first.id);
  assert.equal((await ended(second.id)).state, 'succeeded');
  assert.deepEqual(await exited, [null, 'SIGKILL']);
  // A number that means another process by now is left alone.
  const third = await submit({ steps: 1 });
  await mkdir(join(directory, third.id), { recursive: true });
  await writeFile(join(directory, third.id, 'pid'), String(process.pid));
  assert.equal((await ended(third.id)).state, 'succeeded');
});

test('Jobs forgets what ended long ago, and folders of nobody', async (t) => {
  let nowMs = Date.now();
  const clock: Clock = { ...systemClock, wallTime: () => new Date(nowMs) };
  const fixture = await createJobsFixture(t, { clock });
  const failed = await fixture.submit({ steps: 2, at: 1, trouble: 'throw' });
  const good = await fixture.submit({ steps: 1 });
  for (const { id } of [failed, good]) await fixture.ended(id);
  await mkdir(join(fixture.directory, 'job_abcd'));
  const folders = async () => (await readdir(fixture.directory)).toSorted();
  const until = async (isTrue: () => Promise<boolean>) => {
    while (!(await isTrue())) await new Promise((resolve) => setTimeout(resolve, 20));
  };
  nowMs += 8 * DAY_MS;
  let next = await fixture.reopen({ clock });
  await until(async () => !(await readdir(join(fixture.directory, failed.id))).includes('work'));
  await until(async () => !(await folders()).includes('job_abcd'));
  assert.deepEqual(await folders(), [failed.id, good.id].toSorted());
  assert.match(await next.log(failed.id), /counting/);
  nowMs += 23 * DAY_MS;
  next = await next.reopen({ clock });
  await until(async () => (await folders()).length === 0);
  assert.deepEqual(await next.jobs.list(), []);
});

test('Jobs refuses kinds and configurations there are not', async (t) => {
  const fixture = await createJobsFixture(t);
  const { submit, jobs } = fixture;
  await rejectsWith(submit({}, { kind: 'nope' }), 'UNSUPPORTED_FEATURE', /no kind "nope"; this server has count/);
  await rejectsWith(submit({ steps: -1 }), 'MALFORMED_REQUEST', /kind count: \/steps .*got -1/);
  await rejectsWith(submit({ steps: 1, color: 'red' }), 'MALFORMED_REQUEST');
  await rejectsWith(submit({ steps: 1, model: 'x'.repeat(300_000) }), 'REQUEST_TOO_LARGE');
  await rejectsWith(jobs.get('../../etc'), 'JOB_NOT_FOUND');
  await rejectsWith(jobs.get('job_0\u0000'), 'JOB_NOT_FOUND');
  const { id } = await submit({ steps: 1_000_000, stepMs: 20 });
  const next = await fixture.reopen({ kinds: [] });
  const job = await next.ended(id);
  assert.deepEqual([job.state, job.error?.reason], ['failed', 'UNSUPPORTED_FEATURE']);
  await rejectsWith(fixture.submit({ steps: 1 }), 'SHUTTING_DOWN');
});
