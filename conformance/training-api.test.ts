// Datasets, runs and jobs of the management API: what each route answers, checked against the schemas it publishes, who
// sees what, and how it refuses.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createClient } from '@amaas/client';
import {
  CreatedKeySchema,
  DatasetListSchema,
  DatasetSchema,
  DatasetVersionSchema,
  JobListSchema,
  JobSchema,
  RunListSchema,
  RunSchema,
} from '@amaas/protocols/admin';
import {
  type AdminRequest,
  assertAdminError,
  assertEmpty,
  callAdmin,
  digestOf,
  sendAdmin,
} from './testing/checked-admin-call.ts';
import { COUNTED, countingKinds } from './testing/counting-kind.ts';
import { biasModel } from './testing/models.ts';
import { ADMIN_KEY, startTestServer, type TestServer } from './testing/running-server.ts';

let server: TestServer;

before(async () => {
  server = await startTestServer({ maxDatasetBytes: '100000' }, { jobKinds: countingKinds });
});

after(() => server.stop());

const CSV = { 'content-type': 'text/csv; charset=utf-8' };

function upload(target: string, text: string): AdminRequest {
  return { method: 'POST', path: `/datasets/${target}`, body: text, headers: CSV };
}

function added(target: string, text: string) {
  return callAdmin(server, upload(target, text), { status: 201, schema: DatasetVersionSchema });
}

const get = (path: string, key?: string): AdminRequest => ({
  method: 'GET',
  path,
  ...(key === undefined ? {} : { key }),
});

async function submitted(configuration: object, key?: string) {
  const request = { method: 'POST', path: '/jobs', body: { kind: 'count', configuration }, ...(key ? { key } : {}) };
  return callAdmin(server, request, { status: 201, schema: JobSchema });
}

async function createKey(name: string, request: object): Promise<string> {
  const body = { name, ...request };
  const { key } = await callAdmin(
    server,
    { method: 'POST', path: '/keys', body },
    { status: 201, schema: CreatedKeySchema },
  );
  return key;
}

const client = () => createClient({ url: server.url, apiKey: ADMIN_KEY });

test('datasets are uploaded, listed, shown, downloaded and deleted', async () => {
  const text = 'age,target\n63,1\n';
  const first = await added('heart/versions?fileName=he%C3%A4rt%20%221%22.csv', text);
  const { createdAt, ...rest } = first;
  assert.ok(Math.abs(Date.parse(createdAt) - Date.now()) < 60_000);
  assert.deepEqual(rest, {
    name: 'heart',
    version: 1,
    digest: digestOf(Buffer.from(text)),
    sizeBytes: 16,
    mediaType: 'text/csv',
    fileName: 'heärt "1".csv',
    summary: null,
    createdBy: 'admin',
  });
  assert.deepEqual(await added('heart/versions', text), first, 'the same contents again are the same version');
  const second = await added('heart/versions', `${text}37,0\n`);
  assert.deepEqual([second.version, second.fileName], [2, null]);
  assert.equal((await added('heart/versions?version=9', 'x')).version, 9);
  const heart = await callAdmin(server, get('/datasets/heart'), { schema: DatasetSchema });
  assert.deepEqual(
    heart.versions.map(({ version }) => version),
    [1, 2, 9],
  );
  const { datasets } = await callAdmin(server, get('/datasets'), { schema: DatasetListSchema });
  assert.deepEqual(datasets, [heart]);
  assert.deepEqual(
    await callAdmin(server, get('/datasets/heart/versions/2'), { schema: DatasetVersionSchema }),
    second,
  );

  const file = await sendAdmin(server, get('/datasets/heart/versions/1/content'));
  assert.equal(await file.text(), text);
  assert.equal(file.headers.get('content-type'), 'application/octet-stream');
  assert.equal(file.headers.get('content-length'), '16');
  assert.equal(file.headers.get('etag'), `"${first.digest}"`);
  assert.equal(
    file.headers.get('content-disposition'),
    `attachment; filename="he_rt _1_.csv"; filename*=UTF-8''he%C3%A4rt%20%221%22.csv`,
  );
  const head = await sendAdmin(server, { method: 'HEAD', path: '/datasets/heart/versions/1/content' });
  assert.deepEqual([head.status, head.headers.get('content-length'), await head.text()], [200, '16', '']);

  await assertEmpty(server, { method: 'DELETE', path: '/datasets/heart/versions/9' });
  await assertEmpty(server, { method: 'DELETE', path: '/datasets/heart' });
  await assertAdminError(server, get('/datasets/heart'), { status: 404, reason: 'DATASET_NOT_FOUND' });
});

test('datasets are refused where they cannot be', async () => {
  const bad: readonly (readonly [string, number, string])[] = [
    ['%C3%9Cber/versions', 400, 'INVALID_NAME'],
    ['a..b/versions', 400, 'INVALID_NAME'],
    ['d/versions?version=0', 400, 'MALFORMED_REQUEST'],
    ['d/versions?version=1.5', 400, 'MALFORMED_REQUEST'],
    ['d/versions?fileName=a%2Fb.csv', 400, 'INVALID_ARGUMENT'],
    ['d/versions?fileName=', 400, 'INVALID_ARGUMENT'],
    ['d/versions?color=red', 400, 'MALFORMED_REQUEST'],
  ];
  for (const [target, status, reason] of bad) await assertAdminError(server, upload(target, 'x'), { status, reason });
  await assertAdminError(server, upload('d/versions', 'x'.repeat(100_001)), {
    status: 413,
    reason: 'REQUEST_TOO_LARGE',
  });
  await assertAdminError(server, get('/datasets/d'), { status: 404, reason: 'DATASET_NOT_FOUND' });
  await added('d/versions?version=3', 'x');
  await assertAdminError(server, upload('d/versions?version=3', 'y'), {
    status: 409,
    reason: 'DATASET_EXISTS',
    message: /version 3 of dataset "d" exists with other contents/,
  });
  for (const path of [
    '/datasets/d/versions/1',
    '/datasets/d/versions/x',
    '/datasets/d/versions/3e0/content',
    '/datasets/none',
  ]) {
    await assertAdminError(server, get(path), { status: 404, reason: 'DATASET_NOT_FOUND' });
  }
  const forced = { method: 'DELETE', path: '/datasets/d?force=maybe' };
  await assertAdminError(server, forced, { status: 400, reason: 'MALFORMED_REQUEST', message: /true or false/ });
});

test('a job is submitted, followed, and leaves a run with its report and lineage', async () => {
  const source = await added('source/versions', 'a\n1\n');
  const job = await submitted({ steps: 3, model: 'counter' });
  assert.deepEqual([job.state, job.model, job.createdBy], ['queued', 'counter', 'admin']);
  const ended = await client().jobs.wait(job.id);
  assert.deepEqual(ended, await callAdmin(server, get(`/jobs/${job.id}`), { schema: JobSchema }));
  assert.equal(ended.state, 'succeeded');
  const { run: runId } = ended.result as { readonly run: string }; // counting-kind.ts
  const run = await callAdmin(server, get(`/runs/${runId}`), { schema: RunSchema });
  assert.deepEqual(
    { ...run, createdAt: '', endedAt: '', files: run.files.map(({ name }) => name) },
    {
      id: runId,
      kind: 'count',
      state: 'succeeded',
      job: job.id,
      model: 'counter',
      version: null,
      configuration: { steps: 3, model: 'counter' },
      datasets: [{ role: 'train', name: 'source', version: 1, digest: source.digest }],
      codeVersion: run.codeVersion,
      seed: 7,
      metrics: { counted: 3 },
      parent: null,
      files: ['report.html', 'report.json'],
      error: null,
      createdAt: '',
      endedAt: '',
      createdBy: 'admin',
    },
  );
  assert.match(run.codeVersion, /^\d+\.\d+/);
  const page = await sendAdmin(server, get(`/runs/${runId}/report`));
  assert.equal(page.headers.get('content-type'), 'text/html; charset=utf-8');
  assert.match(page.headers.get('content-security-policy') ?? '', /sandbox.*default-src 'none'/);
  assert.match(await page.text(), new RegExp(`<title>${runId}</title>`));
  const json = await sendAdmin(server, { ...get(`/runs/${runId}/report`), headers: { accept: 'application/json' } });
  assert.deepEqual([json.headers.get('content-type'), await json.json()], ['application/json', { counted: 3 }]);
  const log = await sendAdmin(server, get(`/jobs/${job.id}/log`));
  assert.equal(log.headers.get('content-type'), 'text/plain; charset=utf-8');
  const text = await log.text();
  assert.match(text, /counting from 0 to 3/);
  const tail = await (await sendAdmin(server, get(`/jobs/${job.id}/log?tailBytes=40`))).text();
  assert.ok(tail.length <= 40 && text.endsWith(tail), tail);

  const { runs } = await callAdmin(server, get(`/runs?dataset=source&model=counter`), { schema: RunListSchema });
  assert.deepEqual(runs, [run]);
  for (const query of ['kind=other', 'state=failed', 'model=none', 'job=job_00', 'limit=5&dataset=none']) {
    assert.deepEqual((await callAdmin(server, get(`/runs?${query}`), { schema: RunListSchema })).runs, [], query);
  }
  const inUse = { method: 'DELETE', path: '/datasets/source' };
  await assertAdminError(server, inUse, { status: 422, reason: 'DATASET_IN_USE', message: new RegExp(runId) });
  await assertEmpty(server, { method: 'DELETE', path: '/datasets/source?force=true' });
  const { datasets } = await callAdmin(server, get(`/runs/${runId}`), { schema: RunSchema });
  assert.equal(datasets[0]?.digest, source.digest, 'the run keeps the digest');
  await assertEmpty(server, { method: 'DELETE', path: `/runs/${runId}` });
  await assertAdminError(server, get(`/runs/${runId}`), { status: 404, reason: 'RUN_NOT_FOUND' });
});

test('a run done elsewhere is recorded with its report, which goes both ways with a version', async () => {
  const { runs, deploy, models } = client();
  const run = 'run_by-hand-1';
  const version = await deploy({
    name: 'by-hand',
    files: [{ path: 'model.onnx', content: Uint8Array.from(biasModel(1)) }],
    lineage: { run },
  });
  const recorded = await runs.record(run, {
    kind: 'train',
    model: 'by-hand',
    version: version.version,
    configuration: { target: 'y' },
    codeVersion: '0.1.0',
    seed: 42,
    metrics: { accuracy: 0.875 },
    parent: { model: 'by-hand', version: 1 },
    files: [{ name: 'report.html', mediaType: 'text/html', content: new TextEncoder().encode('<title>by hand') }],
  });
  assert.deepEqual(recorded, await callAdmin(server, get(`/runs/${run}`), { schema: RunSchema }));
  assert.deepEqual([recorded.state, recorded.version, recorded.job, recorded.seed], ['succeeded', 1, null, 42]);
  assert.equal((await models.getVersion('by-hand', 1)).lineage['run'], run);
  assert.equal(await runs.report(run, 'html'), '<title>by hand');
  const put = (id: string, body: object): AdminRequest => ({ method: 'PUT', path: `/runs/${id}`, body });
  const least = { kind: 'train', configuration: {}, codeVersion: '1' };
  const absent = { name: 'report.json', mediaType: 'application/json', digest: `sha256:${'0'.repeat(64)}` };
  const [ofJob] = (await runs.list({ kind: 'count' })).map(({ id }) => id);
  const bad: readonly (readonly [string, object, number, string])[] = [
    ['by-hand', least, 400, 'INVALID_ARGUMENT'],
    [run, { ...least, kind: 'Train!' }, 400, 'MALFORMED_REQUEST'],
    [run, { ...least, files: [absent] }, 404, 'ARTIFACT_NOT_FOUND'],
    [run, { ...least, datasets: [{ role: 'train', name: 'none', version: 1 }] }, 404, 'DATASET_NOT_FOUND'],
    ...(ofJob === undefined ? [] : [[ofJob, least, 409, 'NAME_TAKEN'] as const]),
  ];
  for (const [id, body, status, reason] of bad) await assertAdminError(server, put(id, body), { status, reason });
  assert.deepEqual(await runs.get(run), recorded);
});

test('jobs are refused, fail and are cancelled with words one can act on', async () => {
  const submit = (body: unknown): AdminRequest => ({ method: 'POST', path: '/jobs', body });
  const bad: readonly (readonly [unknown, number, string, RegExp])[] = [
    [{ kind: 'nope', configuration: {} }, 501, 'UNSUPPORTED_FEATURE', /no kind "nope"; this server has .*count/],
    [{ kind: 'count', configuration: { steps: 'three' } }, 400, 'MALFORMED_REQUEST', /\/steps .*got "three"/],
    [{ kind: 'count', configuration: { steps: 1, colour: 1 } }, 400, 'MALFORMED_REQUEST', /colour/],
    [{ kind: 'count' }, 400, 'MALFORMED_REQUEST', /configuration/],
    [{ kind: 'count', configuration: { steps: 1 }, priority: 5000 }, 400, 'MALFORMED_REQUEST', /priority/],
    [{ kind: 'count', configuration: [] }, 400, 'MALFORMED_REQUEST', /./],
  ];
  for (const [body, status, reason, message] of bad)
    await assertAdminError(server, submit(body), { status, reason, message });
  for (const path of ['/jobs/none', '/jobs/job_00', '/jobs/job_00/log', '/jobs/job_00/events', '/jobs/..%2f..%2fx']) {
    await assertAdminError(server, get(path), { status: 404, reason: 'JOB_NOT_FOUND' });
  }
  await assertAdminError(server, get('/jobs?state=tired'), {
    status: 400,
    reason: 'MALFORMED_REQUEST',
    message: /one of queued/,
  });
  await assertAdminError(server, get('/jobs?limit=1001'), { status: 400, reason: 'INVALID_ARGUMENT' });

  const failing = await submitted({ steps: 2, at: 1, trouble: 'throw' });
  const failed = await client().jobs.wait(failing.id);
  assert.deepEqual(failed.error, {
    code: 'INVALID_ARGUMENT',
    reason: 'INVALID_DATA',
    message: 'column "age" has 3 rows of text',
    details: { column: 'age' },
  });
  const [run] = (await callAdmin(server, get(`/runs?job=${failing.id}`), { schema: RunListSchema })).runs;
  assert.deepEqual([run?.state, run?.error], ['failed', failed.error]);
  await assertAdminError(server, get(`/runs/${run?.id}/report`), { status: 404, reason: 'ARTIFACT_NOT_FOUND' });

  const long = await submitted({ steps: 100_000, stepMs: 5 });
  const behind = await submitted({ steps: 1 });
  for (const { id } of [behind, long]) {
    const answer = await callAdmin(server, { method: 'POST', path: `/jobs/${id}/cancel` }, { schema: JobSchema });
    assert.ok(['cancelling', 'cancelled'].includes(answer.state), answer.state);
    assert.equal((await client().jobs.wait(id)).state, 'cancelled');
    const again = { method: 'POST', path: `/jobs/${id}/cancel` };
    await assertAdminError(server, again, { status: 422, reason: 'JOB_ENDED', message: /its state is cancelled/ });
  }
  const { jobs } = await callAdmin(server, get('/jobs?state=cancelled'), { schema: JobListSchema });
  assert.deepEqual(
    jobs.map(({ id }) => id),
    [behind.id, long.id],
  );
  const page = await callAdmin(server, get(`/jobs?before=${behind.id}&limit=1&kind=count`), { schema: JobListSchema });
  assert.deepEqual(
    page.jobs.map(({ id }) => id),
    [long.id],
  );
});

test('keys see and do what their scope and their models allow', async () => {
  const mine = await createKey('mine', { scopes: ['deploy'], models: ['mine-*'] });
  const caller = await createKey('caller', { scopes: ['infer'] });
  const theirs = await submitted({ steps: 1, model: 'theirs' });
  const own = await submitted({ steps: 1, model: 'mine-1' }, mine);
  const nobodys = await submitted({ steps: 1 }, mine);
  for (const { id } of [theirs, own, nobodys]) await client().jobs.wait(id);
  for (const path of [
    '/jobs',
    '/runs',
    '/datasets',
    `/jobs/${own.id}`,
    `/jobs/${own.id}/log`,
    `/datasets/${COUNTED}`,
  ]) {
    await assertAdminError(server, get(path, caller), { status: 403, reason: 'FORBIDDEN' });
  }
  const theirRun = theirs.id.replace('job_', 'run_');
  const hidden = [
    `/jobs/${theirs.id}`,
    `/jobs/${theirs.id}/log`,
    `/jobs/${theirs.id}/events`,
    `/runs/${theirRun}`,
    `/runs/${theirRun}/report`,
  ];
  for (const path of hidden) await assertAdminError(server, get(path, mine), { status: 403, reason: 'FORBIDDEN' });
  const cancel = { method: 'POST', path: `/jobs/${theirs.id}/cancel`, key: mine };
  await assertAdminError(server, cancel, { status: 403, reason: 'FORBIDDEN' });
  const foreign = {
    method: 'POST',
    path: '/jobs',
    body: { kind: 'count', configuration: { steps: 1, model: 'theirs' } },
    key: mine,
  };
  await assertAdminError(server, foreign, {
    status: 403,
    reason: 'FORBIDDEN',
    message: /may not deploy on model "theirs"/,
  });
  const { jobs } = await callAdmin(server, get('/jobs', mine), { schema: JobListSchema });
  assert.ok(jobs.some(({ id }) => id === own.id) && jobs.every(({ model }) => model === null || model === 'mine-1'));
  const { runs } = await callAdmin(server, get('/runs', mine), { schema: RunListSchema });
  assert.ok(runs.every(({ model }) => model === null || model === 'mine-1'));
});

test('/metrics counts jobs, the log says who and how, and a following caller that goes away costs nothing', async () => {
  const { id } = await submitted({ steps: 100_000, stepMs: 5 });
  const stop = new AbortController();
  const follower = client().jobs.events(id, { signal: stop.signal });
  await follower.next();
  stop.abort();
  await assert.rejects(async () => {
    for await (const _ of follower);
  }, /cancelled by the caller/);
  const metrics = await (await server.request('/metrics')).text();
  assert.match(metrics, /^amaas_jobs_running 1$/m);
  assert.match(metrics, /^amaas_jobs_waiting 0$/m);
  assert.match(metrics, /^amaas_jobs_ended_total\{kind="count",state="failed"\} 1$/m);
  assert.match(metrics, /^amaas_jobs_attempts_total\{kind="count"\} \d+$/m);
  await client().jobs.cancel(id);
  assert.equal((await client().jobs.wait(id)).state, 'cancelled');
  assert.match(
    server.log(),
    new RegExp(`"job":"${id}","kind":"count","attempt":1,"state":"cancelled","reason":"CANCELLED","by":"admin"`),
  );
  assert.match(server.log(), new RegExp(`"path":"/admin/v1/jobs/${id}/cancel","status":200,"by":"admin"`));
});
