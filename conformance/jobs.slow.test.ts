// Jobs of a whole server that is killed, stopped and started again: each ends once, events go on where they were.
import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type AmaasClient, createClient, type Job, type JobEvent } from '@amaas/client';
import { type ChildServer, startChildServer } from './testing/child-server.ts';
import { COUNTED } from './testing/counting-kind.ts';
import { createRandom } from './testing/mutations.ts';
import { ADMIN_KEY } from './testing/running-server.ts';
import { until } from './testing/until.ts';

interface Place {
  readonly dataDir: string;
  readonly start: (flags?: Readonly<Record<string, string>>) => Promise<ChildServer>;
}

async function createPlace(t: TestContext): Promise<Place> {
  const dataDir = await mkdtemp(join(tmpdir(), 'amaas-jobs-'));
  t.after(() => rm(dataDir, { recursive: true, force: true }));
  return {
    dataDir,
    async start(flags = {}) {
      const server = await startChildServer({ dataDir, flags, script: 'counting-server-child.ts' });
      assert.ok(server !== null);
      t.after(() => server.kill());
      return server;
    },
  };
}

function clientOf({ url }: { readonly url: string }): AmaasClient {
  return createClient({ url, apiKey: ADMIN_KEY });
}

/** Processes that work on a job; Linux only. */
function processesOf(job: Job): readonly string[] {
  return globSync('/proc/[0-9]*/cmdline').filter((path) => {
    try {
      return readFileSync(path, 'utf8').split('\0').includes(job.id);
    } catch {
      return false; // it has gone meanwhile
    }
  });
}

async function runningFor(client: AmaasClient, job: Job, steps: number): Promise<void> {
  for await (const event of client.jobs.events(job.id)) {
    if (event.type === 'progress' && (event.progress.step ?? 0) >= steps) return;
  }
}

test('kill -9 of the server in the middle of a job: it goes on at the next start and ends once', async (t) => {
  const { dataDir, start } = await createPlace(t);
  const random = createRandom(20260404);
  let server = await start();
  const submitted = await clientOf(server).jobs.submit({ kind: 'count', configuration: { steps: 1000, stepMs: 5 } });
  const behind = await clientOf(server).jobs.submit({ kind: 'count', configuration: { steps: 2 } });
  for (const steps of [20, 150]) {
    await runningFor(clientOf(server), submitted, steps + Math.floor(random() * 50));
    await server.kill();
    await until('the process of the job is gone as well', () => processesOf(submitted).length === 0);
    server = await start();
  }
  const client = clientOf(server);
  const job = await client.jobs.wait(submitted.id);
  assert.deepEqual([job.state, job.attempt, job.crashes], ['succeeded', 3, 2]);
  assert.deepEqual(job.result, { run: submitted.id.replace('job_', 'run_'), counted: 1000 });
  const log = await client.jobs.log(job.id);
  const starts = [...log.matchAll(/counting from (\d+) to 1000/g)].map(([, from]) => Number(from));
  assert.equal(starts.length, 3);
  assert.ok(starts[0] === 0 && (starts[1] ?? 0) >= 20 && (starts[2] ?? 0) >= 150, `it began at ${starts}`);
  const after = await client.jobs.wait(behind.id);
  assert.ok((after.startedAt ?? '') >= (job.endedAt ?? ''), 'the queue keeps its order');
  const runs = await client.runs.list();
  assert.deepEqual(
    runs.map(({ job: by, state, metrics }) => [by, state, metrics['counted']]),
    [
      [behind.id, 'succeeded', 2],
      [submitted.id, 'succeeded', 1000],
    ],
  );
  assert.equal((await client.datasets.get(COUNTED)).versions.length, 2, 'each handed over once');
  assert.equal(existsSync(join(dataDir, 'jobs', job.id, 'work')), false);
  assert.equal(await server.stop(), 0);
});

test('kill -9 of the server while a result is handed over: it is handed over once and not computed again', async (t) => {
  const { dataDir, start } = await createPlace(t);
  const first = await start();
  const { id } = await clientOf(first).jobs.submit({ kind: 'count', configuration: { steps: 3 } });
  await until('there is a result', () => existsSync(join(dataDir, 'jobs', id, 'result.json')));
  await until('half of it is handed over', async () => {
    const { datasets } = clientOf(first);
    return (await datasets.list()).some(({ name }) => name === COUNTED);
  });
  await first.kill();
  const client = clientOf(await start());
  const job = await client.jobs.wait(id);
  assert.deepEqual([job.state, job.attempt], ['succeeded', 2]);
  assert.equal([...(await client.jobs.log(id)).matchAll(/counting from/g)].length, 1);
  assert.equal((await client.datasets.get(COUNTED)).versions.length, 1);
  const [run, ...others] = await client.runs.list();
  assert.deepEqual([run?.state, others], ['succeeded', []]);
});

test('SIGTERM lets a job keep a checkpoint: it is interrupted, not crashed, and the server ends with 0', async (t) => {
  const { start } = await createPlace(t);
  const first = await start();
  const job = await clientOf(first).jobs.submit({
    kind: 'count',
    configuration: { steps: 60, at: 50, trouble: 'wait', once: true },
  });
  await runningFor(clientOf(first), job, 50);
  const follower = clientOf(first).jobs.events(job.id, { patienceMs: 0 }); // would keep its connection open
  await follower.next();
  assert.equal(await first.stop(), 0);
  await follower.return(undefined);
  const client = clientOf(await start());
  const waiting = await client.jobs.get(job.id);
  assert.ok(['interrupted', 'running'].includes(waiting.state), waiting.state);
  const ended = await client.jobs.wait(job.id);
  assert.deepEqual([ended.state, ended.attempt, ended.crashes], ['succeeded', 2, 0]);
});

test('kill -9 of the server ends the process of a job that listens to nothing', async (t) => {
  const { start } = await createPlace(t);
  const server = await start();
  const spinning = { kind: 'count', configuration: { steps: 3, at: 1, trouble: 'spin' } };
  const job = await clientOf(server).jobs.submit(spinning);
  await runningFor(clientOf(server), job, 1);
  assert.equal(processesOf(job).length, 1);
  await server.kill();
  await until('the process is gone', () => processesOf(job).length === 0);
});

test('cancelled before a kill is cancelled after it', async (t) => {
  const { start } = await createPlace(t);
  const first = await start();
  const deaf = { kind: 'count', configuration: { steps: 100_000, stepMs: 5, isDeaf: true } };
  const job = await clientOf(first).jobs.submit(deaf);
  await runningFor(clientOf(first), job, 3);
  assert.equal((await clientOf(first).jobs.cancel(job.id)).state, 'cancelling');
  await first.kill();
  const client = clientOf(await start());
  assert.equal((await client.jobs.get(job.id)).state, 'cancelled');
  assert.equal((await client.runs.list())[0]?.state, 'cancelled');
});

test('who follows a job over a kill of the server hears everything once, in order', async (t) => {
  const { start } = await createPlace(t);
  const first = await start();
  const { port } = new URL(first.url);
  const client = clientOf(first);
  const job = await client.jobs.submit({ kind: 'count', configuration: { steps: 800, stepMs: 5 } });
  const heard: JobEvent[] = [];
  let restarted: Promise<ChildServer> | undefined;
  for await (const event of client.jobs.events(job.id)) {
    heard.push(event);
    if (event.type !== 'progress' || (event.progress.step ?? 0) < 100) continue;
    restarted ??= first.kill().then(() => start({ port }));
  }
  const server = await restarted;
  const ids = heard.flatMap((event) => ('id' in event && event.id !== null ? [event.id] : []));
  assert.deepEqual(
    ids,
    ids.toSorted((a, b) => a - b),
  );
  assert.equal(new Set(ids).size, ids.length);
  const last = heard.at(-1);
  assert.ok(last?.type === 'end' && last.job.state === 'succeeded' && last.job.attempt === 2);
  assert.ok(heard.filter(({ type }) => type === 'job').length >= 2, 'it came back');

  // The same as raw HTTP.
  const follow = (headers: Readonly<Record<string, string>>): Promise<Response> | undefined =>
    server?.request(`/admin/v1/jobs/${job.id}/events`, { headers });
  const whole = await follow({});
  assert.equal(whole?.headers.get('content-type'), 'text/event-stream');
  const text = (await whole?.text()) ?? '';
  const idsIn = (stream: string): number[] => [...stream.matchAll(/^id: (\d+)$/gm)].map(([, id]) => Number(id));
  assert.match(text, /^event: job\ndata: \{"id":"job_/);
  assert.match(text, /\n\nevent: end\ndata: \{"id":"job_[^\n]*"state":"succeeded"[^\n]*\n\n$/);
  const all = idsIn(text);
  assert.deepEqual(
    all,
    all.map((_, index) => index + 1),
  );
  const middle = all[Math.floor(all.length / 2)] ?? 0;
  const rest = await follow({ 'last-event-id': String(middle) });
  assert.deepEqual(idsIn((await rest?.text()) ?? ''), all.slice(middle));
  const nothing = await follow({ 'last-event-id': String(all.length) });
  assert.deepEqual([nothing?.status, await nothing?.text()], [204, '']);
  assert.equal((await follow({ 'last-event-id': '-1' }))?.status, 400);
});
