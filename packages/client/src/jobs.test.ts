import assert from 'node:assert/strict';
import test from 'node:test';
import { AmaasError, type Clock, systemClock } from '@amaas/core';
import { createClient } from './client.ts';
import type { JobEvent } from './jobs.ts';
import { type Answer, type Asked, startTestServer } from './testing/http-server.ts';

const job = (state: string) => ({ id: 'job_1', kind: 'train', state, result: { model: 'm' } });
const event = (id: number | null, type: string, data: object): string =>
  `${id === null ? '' : `id: ${id}\n`}event: ${type}\ndata: ${JSON.stringify(data)}\n\n`;
const stream = (text: string): Answer => ({
  status: 200,
  headers: { 'content-type': 'text/event-stream' },
  body: text,
});

/** The machine's clock, whose pauses are short. */
const hasty: Clock = { ...systemClock, schedule: (delayMs, action) => systemClock.schedule(delayMs / 100, action) };

const progress = (step: number) => ({ at: 't', phase: 'train', fraction: step / 10, step });

test('jobs.events goes on after the last event over lost connections and ends with the job', async (t) => {
  const server = await startTestServer(t, (asked, count): Answer => {
    if (count === 1)
      return stream(
        event(null, 'job', job('running')) +
          event(1, 'state', { at: 't', state: 'running', attempt: 1 }) +
          event(4, 'progress', progress(4)) +
          event(null, 'progress', progress(5)),
      );
    if (count === 2) return 'drop';
    if (count === 3) return { status: 503, body: { error: 'starting' } };
    assert.equal(asked.headers['last-event-id'], '4');
    return stream(
      event(null, 'job', job('running')) +
        event(6, 'checkpoint', { at: 't', step: 6 }) +
        event(7, 'newer-kind', {}) +
        ': still here\n\n' +
        event(null, 'end', job('succeeded')),
    );
  });
  const client = createClient({ url: server.url, apiKey: 'k', clock: hasty, retry: { maxAttempts: 1 } });
  const events: JobEvent[] = [];
  for await (const each of client.jobs.events('job_1')) events.push(each);
  assert.deepEqual(
    events.map((each) => [each.type, 'id' in each ? each.id : '-']),
    [
      ['job', '-'],
      ['state', 1],
      ['progress', 4],
      ['progress', null],
      ['job', '-'],
      ['checkpoint', 6],
      ['end', '-'],
    ],
  );
  assert.deepEqual(events[2], {
    type: 'progress',
    id: 4,
    at: 't',
    progress: { phase: 'train', fraction: 0.4, step: 4 },
  });
  assert.deepEqual(
    server.asked.map(({ headers }) => headers['last-event-id']),
    [undefined, '4', '4', '4'],
  );
  assert.deepEqual(
    server.asked.map(({ path }) => path),
    Array(4).fill('/admin/v1/jobs/job_1/events'),
  );
});

test('jobs.wait asks for the job where everything has been heard', async (t) => {
  const server = await startTestServer(t, ({ path }): Answer => {
    return path.endsWith('/events') ? { status: 204 } : { status: 200, body: job('failed') };
  });
  const client = createClient({ url: server.url, apiKey: 'k' });
  assert.equal((await client.jobs.wait('job_1', { afterId: 9 })).state, 'failed');
  assert.equal(server.asked[0]?.headers['last-event-id'], '9');
});

test('jobs.events gives up on refusals at once, on an unreachable server after its patience, and when cancelled', async (t) => {
  const error = {
    code: 'NOT_FOUND',
    reason: 'JOB_NOT_FOUND',
    message: 'there is no job',
    details: {},
    retryable: false,
  };
  const refusing = await startTestServer(t, () => ({ status: 404, body: { error } }));
  const reasonOf = async (url: string, options: object): Promise<string> => {
    const client = createClient({ url, apiKey: 'k', clock: hasty, retry: { maxAttempts: 1 } });
    try {
      for await (const _ of client.jobs.events('job_1', options));
    } catch (thrown) {
      assert.ok(thrown instanceof AmaasError);
      return thrown.reason;
    }
    return 'none';
  };
  assert.equal(await reasonOf(refusing.url, {}), 'JOB_NOT_FOUND');
  assert.equal(refusing.asked.length, 1);
  const dropping = await startTestServer(t, () => 'drop');
  assert.equal(await reasonOf(dropping.url, { patienceMs: 50 }), 'TRANSPORT_FAILED');
  assert.ok(dropping.asked.length > 1);
  const hanging = await startTestServer(t, () => 'hang');
  const stop = new AbortController();
  setTimeout(() => stop.abort(), 30);
  assert.equal(await reasonOf(hanging.url, { signal: stop.signal }), 'CANCELLED');
});

test('jobs, runs and datasets ask what they are called for', async (t) => {
  const answer = ({ method, path }: Asked): Answer => {
    if (method === 'DELETE') return { status: 204 };
    if (path.endsWith('/log')) return { status: 200, body: 'a line\n' };
    if (path.endsWith('/content')) return { status: 200, body: 'a,b\n' };
    if (path.endsWith('/report')) return { status: 200, body: '<html>' };
    return { status: 200, body: { jobs: [], runs: [], datasets: [], id: 'job_1', version: 3 } };
  };
  const server = await startTestServer(t, answer);
  const { jobs, runs, datasets } = createClient({ url: server.url, apiKey: 'k' });
  await jobs.submit({ kind: 'train', configuration: { a: 1 }, priority: 2 });
  await jobs.list({ state: 'failed', kind: 'train', limit: 5, before: 'job_9' });
  await jobs.list();
  await jobs.cancel('a/b');
  assert.equal(await jobs.log('job_1'), 'a line\n');
  await runs.list({ model: 'm', dataset: 'd', limit: 1 });
  assert.equal(await runs.report('run_1', 'html'), '<html>');
  await runs.remove('run_1');
  const content = new Blob(['a,b\n']);
  assert.equal((await datasets.upload({ name: 'heart', content, fileName: 'h & m.csv', version: 3 })).version, 3);
  let sentBytes = 0;
  const streamed = () => content.stream() as ReadableStream<Uint8Array>;
  await datasets.upload({ name: 'heart', content: streamed, onProgress: (bytes) => (sentBytes = bytes) });
  assert.equal(sentBytes, 4);
  assert.equal(await new Response(await datasets.download('heart', 3)).text(), 'a,b\n');
  await datasets.remove('heart', { version: 3, force: true });
  await datasets.remove('heart');
  assert.deepEqual(
    server.asked.map(({ method, path }) => `${method} ${path.replace('/admin/v1', '')}`),
    [
      'POST /jobs',
      'GET /jobs?kind=train&state=failed&before=job_9&limit=5',
      'GET /jobs',
      'POST /jobs/a%2Fb/cancel',
      'GET /jobs/job_1/log',
      'GET /runs?model=m&dataset=d&limit=1',
      'GET /runs/run_1/report',
      'DELETE /runs/run_1',
      'POST /datasets/heart/versions?fileName=h+%26+m.csv&version=3',
      'POST /datasets/heart/versions',
      'GET /datasets/heart/versions/3/content',
      'DELETE /datasets/heart/versions/3?force=true',
      'DELETE /datasets/heart',
    ],
  );
  assert.deepEqual(
    server.asked.slice(8, 10).map(({ headers, body }) => [headers['content-type'], String(body)]),
    [
      ['text/csv', 'a,b\n'],
      ['application/octet-stream', 'a,b\n'],
    ],
  );
});
