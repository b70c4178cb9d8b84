// Models pulled from a hub by a real server: a hub of two HTTP servers that speak as Hugging Face's do, a language model and
// an ONNX model out of it, a server killed in the middle, and what must not happen: a token shown, an internal address reached.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import { createClient, type PullEvent, type PullOptions } from '@amaas/client';
import {
  checkAgainst,
  PullDoneSchema,
  PullProgressSchema,
  PullRequestSchema,
  PullStartedSchema,
} from '@amaas/protocols/admin';
import {
  commitOf,
  patternBytes,
  sha256Of,
  startTestHub,
  type TestHub,
  type TestRepository,
} from '../packages/server/src/hub/testing/test-hub.ts';
import { runCommand } from '../packages/cli/src/testing/run-command.ts';
import { startChildServer } from './testing/child-server.ts';
import { externalDataModel } from './testing/external-data-model.ts';
import { ADMIN_KEY, startTestServer, type TestServer } from './testing/running-server.ts';
import { until } from './testing/until.ts';

const GGUF = await readFile(join(import.meta.dirname, '../models/story-teller/1/model.gguf'));
const LANGUAGE = { language: { threads: 1, parallel: 1, contextTokens: 256 } };
const TOKEN = 'hf_test_token_0123456789';

const STORIES: TestRepository = {
  license: 'apache-2.0',
  files: new Map([
    ['README.md', { bytes: new TextEncoder().encode('# stories'), isLarge: false }],
    ['story-teller-Q8_0.gguf', { bytes: GGUF, isLarge: true }],
  ]),
};
const external = externalDataModel('model.onnx_data', [2, 3, 5]);
const TIMES: TestRepository = {
  files: new Map([
    ['onnx/model.onnx', { bytes: external.model, isLarge: true }],
    ['onnx/model.onnx_data', { bytes: external.weights, isLarge: true }],
    ['config.json', { bytes: new TextEncoder().encode('{"model_type":"times"}'), isLarge: false }],
    ['model.safetensors', { bytes: patternBytes(5_000), isLarge: true }],
  ]),
};

let hub: TestHub;
const stopping: (() => Promise<unknown>)[] = [];

before(async () => {
  hub = await startTestHub();
});
after(() => hub.close());
beforeEach(() => {
  hub.repositories.clear();
  hub.repositories.set('tiny/Story-Teller-GGUF', STORIES).set('tiny/times', TIMES);
  for (const list of [hub.requests, hub.cdnRequests, hub.hubFaults, hub.cdnFaults]) list.length = 0;
});
afterEach(async () => {
  for (const stop of stopping.splice(0).reverse()) await stop();
});

async function start(flags: Readonly<Record<string, string>> = {}): Promise<TestServer> {
  const server = await startTestServer({ hubUrl: hub.url, allowPrivateUrls: 'on', ...flags });
  stopping.push(() => server.stop());
  return server;
}

interface Pulled {
  readonly started: Extract<PullEvent, { readonly type: 'started' }>;
  readonly done: Extract<PullEvent, { readonly type: 'done' }>;
}

/** Pulls by the SDK; every event has to fit its schema. */
async function pull(url: string, options: PullOptions): Promise<Pulled> {
  let started: Pulled['started'] | null = null;
  for await (const event of createClient({ url, apiKey: ADMIN_KEY, retry: { maxAttempts: 1 } }).pull(options)) {
    const { type, ...data } = event;
    const schema = { started: PullStartedSchema, progress: PullProgressSchema, done: PullDoneSchema }[type];
    checkAgainst(schema, JSON.parse(JSON.stringify(data)), { what: type });
    if (event.type === 'started') started = event;
    if (event.type === 'done') return { started: started ?? assert.fail('nothing was started'), done: event };
  }
  return assert.fail('the events have no end');
}

async function bytesIn(directory: string): Promise<number> {
  const names = await readdir(directory).catch(() => []);
  const parts = names.filter((name) => name.endsWith('.part'));
  const sizes = await Promise.all(parts.map(async (name) => (await stat(join(directory, name))).size));
  return sizes.reduce((sum, size) => sum + size, 0);
}

test('a language model is pulled by its quantisation, answers, and is not pulled twice', async () => {
  const server = await start();
  const reference = 'hf.co/tiny/Story-Teller-GGUF:q8_0';
  const { started, done } = await pull(server.url, { reference, manifest: LANGUAGE, labels: ['production'] });
  const source = `hf:tiny/Story-Teller-GGUF@${commitOf(STORIES)}:story-teller-Q8_0.gguf`;
  assert.deepEqual([started.model, started.source, started.license], ['story-teller', source, 'apache-2.0']);
  assert.deepEqual([started.totalBytes, started.missingBytes], [GGUF.byteLength, GGUF.byteLength]);
  const { version, unchanged } = done;
  assert.deepEqual([version.version, version.state, version.labels, unchanged], [1, 'READY', ['production'], false]);
  assert.deepEqual([version.lineage['source'], version.lineage['license']], [source, 'apache-2.0']);
  assert.deepEqual(version.files, [
    { path: 'story-teller-Q8_0.gguf', sizeBytes: GGUF.byteLength, digest: `sha256:${sha256Of(GGUF)}` },
  ]);

  const reply = await server.request('/v1/completions', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      model: 'story-teller:production',
      prompt: 'Once upon a time',
      max_tokens: 12,
      temperature: 0,
    }),
  });
  const answer = (await reply.json()) as { readonly choices?: readonly { readonly text: string }[] }; // checked by what follows
  assert.match(answer.choices?.[0]?.text ?? JSON.stringify(answer), /^[ ,]\w* ?\w/);

  hub.cdnRequests.length = 0;
  const again = await pull(server.url, { reference, labels: ['canary'] });
  assert.deepEqual([again.done.unchanged, again.started.missingBytes, again.done.version.version], [true, 0, 1]);
  assert.deepEqual(again.done.version.labels.toSorted(), ['canary', 'production']);
  assert.equal(hub.cdnRequests.length, 0);
});

test('an ONNX model is pulled with the file its weights are in, and answers; a changed one is the next version', async () => {
  const server = await start();
  const { done } = await pull(server.url, { reference: 'hf:tiny/times' });
  assert.deepEqual(done.version.files.map(({ path }) => path).toSorted(), [
    'config.json',
    'model.onnx',
    'model.onnx_data',
  ]);
  const ask = async (): Promise<unknown> => {
    const { outputs } = await createClient({ url: server.url, apiKey: ADMIN_KEY }).infer('times', {
      x: [[1, 10, 100]],
    });
    return [...(outputs.get('scores')?.data ?? [])];
  };
  assert.deepEqual(await ask(), [2, 30, 500]);
  assert.ok(
    !hub.cdnRequests.some(({ path }) => path.includes(sha256Of(patternBytes(5_000)))),
    'other formats stay there',
  );
  assert.equal((await pull(server.url, { reference: 'hf:tiny/times' })).done.unchanged, true);

  const { weights } = externalDataModel('model.onnx_data', [2, 3, 7]);
  hub.repositories.set('tiny/times', {
    files: new Map([...TIMES.files, ['onnx/model.onnx_data', { bytes: weights, isLarge: true }]]),
  });
  hub.cdnRequests.length = 0;
  const changed = await pull(server.url, { reference: 'hf:tiny/times' });
  assert.deepEqual([changed.done.version.version, changed.done.unchanged], [2, false]);
  assert.deepEqual(
    hub.cdnRequests.map(({ path }) => path.split('/').at(-1)),
    [sha256Of(weights)],
  );
  assert.deepEqual(await ask(), [2, 30, 700]);
});

test('a server killed in the middle goes on where it was: no byte is sent twice', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'amaas-test-'));
  stopping.push(() => rm(dataDir, { recursive: true, force: true }));
  const flags = { hubUrl: hub.url, allowPrivateUrls: 'on' };
  const options = { reference: 'hf:tiny/Story-Teller-GGUF', manifest: LANGUAGE };
  const first = (await startChildServer({ dataDir, flags })) ?? assert.fail('it ended');
  hub.cdnFaults.push({ kind: 'stall', afterBytes: 300_000 });
  const broken = assert.rejects(pull(first.url, options), {
    reason: 'TRANSPORT_FAILED',
    message: /goes on where it was/,
  });
  const partial = join(dataDir, 'pulls', 'partial');
  await until('the first part has come', async () => (await bytesIn(partial)) === 300_000);
  await first.kill();
  await broken;

  const second = (await startChildServer({ dataDir, flags })) ?? assert.fail('it ended');
  stopping.push(() => second.stop());
  const { started, done } = await pull(second.url, options);
  assert.deepEqual([started.totalBytes, started.missingBytes], [GGUF.byteLength, GGUF.byteLength - 300_000]);
  assert.equal(done.version.state, 'READY');
  assert.deepEqual(
    hub.cdnRequests.map(({ headers, sentBytes }) => [headers.range, sentBytes]),
    [
      [undefined, 300_000],
      ['bytes=300000-', GGUF.byteLength - 300_000],
    ],
  );
  assert.deepEqual(await readdir(partial), []);
});

test('a caller that leaves ends the download, and the next one goes on', async () => {
  const server = await start();
  const options = { reference: 'hf:tiny/Story-Teller-GGUF', manifest: LANGUAGE };
  hub.cdnFaults.push({ kind: 'stall', afterBytes: 200_000 });
  const leaving = new AbortController();
  const first = assert.rejects(pull(server.url, { ...options, signal: leaving.signal }), { reason: 'CANCELLED' });
  await until(
    'the first part has come',
    async () => (await bytesIn(join(server.dataDir, 'pulls/partial'))) === 200_000,
  );
  leaving.abort();
  await first;
  await until('the hub is left alone', () => hub.cdnRequests[0]?.status === 200);
  const { done } = await pull(server.url, options);
  assert.equal(done.version.state, 'READY');
  assert.equal(hub.cdnRequests[1]?.headers.range, 'bytes=200000-');
});

test('a server that is told to stop ends its pulls at once, and says that they can be gone on with', async () => {
  const server = await start();
  hub.cdnFaults.push({ kind: 'stall', afterBytes: 100_000 });
  const options = { reference: 'hf:tiny/Story-Teller-GGUF' };
  const first = assert.rejects(pull(server.url, options), { reason: 'SHUTTING_DOWN', message: /goes on where it was/ });
  await until(
    'the first part has come',
    async () => (await bytesIn(join(server.dataDir, 'pulls/partial'))) === 100_000,
  );
  await Promise.all([first, server.server.stop()]); // the hub would be silent for half a minute
});

test('the token goes to the hub and nowhere else: not to who has the bytes, not into the log', async () => {
  hub.repositories.set('tiny/Story-Teller-GGUF', { ...STORIES, token: TOKEN });
  const server = await start({ hubToken: TOKEN, logLevel: 'trace' });
  hub.cdnFaults.push({ kind: 'status', status: 500 });
  const { done } = await pull(server.url, { reference: 'hf:tiny/Story-Teller-GGUF', manifest: LANGUAGE });
  assert.equal(done.version.state, 'READY');
  for (const { headers } of hub.requests) assert.equal(headers.authorization, `Bearer ${TOKEN}`);
  assert.equal(hub.cdnRequests.length, 2);
  for (const { headers } of hub.cdnRequests) assert.ok(!JSON.stringify(headers).includes(TOKEN));
  assert.ok(!server.log().includes(TOKEN));
  assert.ok(!server.log().includes('secret-signature'));
});

test('what the hub refuses is said with what helps', async () => {
  const server = await start();
  const refused = (reference: string, reason: string, message: RegExp): Promise<void> =>
    assert.rejects(pull(server.url, { reference }), { reason, message });
  hub.repositories.set('tiny/gated', { ...STORIES, token: TOKEN, isGated: true });
  await refused(
    'hf:tiny/gated',
    'FORBIDDEN',
    /gated is gated: accept its conditions on http.*\/tiny\/gated,.*AMAAS_HUB_TOKEN/,
  );
  await refused('hf:tiny/nothing', 'FORBIDDEN', /nothing \(main\) is not there, or it is private .*AMAAS_HUB_TOKEN/);
  await refused('hf:tiny/times@v9', 'ARTIFACT_NOT_FOUND', /no such revision: tiny\/times \(v9\)/);
  await refused(
    'hf:tiny/times:other.onnx',
    'ARTIFACT_NOT_FOUND',
    /no file other.onnx. There are:\n {2}onnx\/model.onnx/,
  );
  await refused('tiny/times', 'INVALID_ARGUMENT', /expected hf:owner\/repo/);
  hub.cdnFaults.push({ kind: 'corrupt' });
  await refused('hf:tiny/Story-Teller-GGUF', 'DIGEST_MISMATCH', /expected sha256:/);
  assert.deepEqual((await createClient({ url: server.url, apiKey: ADMIN_KEY }).models.list()).length, 0);
});

test('a hub at an internal address is refused before it is asked', async () => {
  const server = await start({ allowPrivateUrls: 'off' });
  await assert.rejects(pull(server.url, { reference: 'hf:tiny/times' }), {
    reason: 'URL_REFUSED',
    message: /loopback/,
  });
  assert.equal(hub.requests.length, 0);
});

test('a key pulls only into models it may deploy, and the name of another model is not taken by chance', async () => {
  const server = await start();
  const admin = createClient({ url: server.url, apiKey: ADMIN_KEY });
  const { key } = await admin.keys.create({ name: 'chat-only', scopes: ['deploy'], models: ['chat*'] });
  const pullAs = async (body: object): Promise<readonly [number, string]> => {
    const reply = await server.request('/admin/v1/pulls', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(checkAgainst(PullRequestSchema, body, { what: 'test' })),
      key,
    });
    return [reply.status, await reply.text()];
  };
  const [status, text] = await pullAs({ reference: 'hf:tiny/times' });
  assert.deepEqual([status, /may not deploy on model \\"times\\"/.test(text)], [403, true], text);
  assert.equal(hub.requests.length, 0);
  assert.deepEqual([(await pullAs({ reference: 'hf:tiny/times', name: 'chat-times' }))[0]], [200]);

  hub.repositories.set('other/times', TIMES);
  await pull(server.url, { reference: 'hf:tiny/times' });
  await assert.rejects(pull(server.url, { reference: 'hf:other/times' }), {
    reason: 'NAME_TAKEN',
    message: /does not come from/,
  });
  assert.equal((await pull(server.url, { reference: 'hf:other/times', name: 'times' })).done.unchanged, true);
});

test('an offline server pulls what it has and refuses the rest by name', async () => {
  const server = await start();
  await pull(server.url, { reference: 'hf:tiny/times' });
  const { dataDir } = server;
  await server.server.stop();
  const { startServer } = await import('@amaas/server');
  const offline = await startServer({
    flags: { dataDir, port: '0', bundledModels: 'off', adminKey: ADMIN_KEY, hubUrl: hub.url, offline: 'on' },
    environment: {},
    cwd: dataDir,
    logDestination: { write: () => {} },
  });
  stopping.push(() => offline.stop());
  await offline.ready;
  hub.requests.length = 0;
  const { done } = await pull(offline.url, { reference: 'hf:tiny/times', name: 'copy' });
  assert.deepEqual([done.version.model, done.version.state], ['copy', 'READY']);
  const refused = { reason: 'FETCH_FAILED', message: /this server is offline \(AMAAS_OFFLINE\)/ };
  await assert.rejects(pull(offline.url, { reference: 'hf:tiny/Story-Teller-GGUF' }), refused);
  assert.equal(hub.requests.length, 0);
});

test('amaas pull is ended by Ctrl-C and goes on when it is run again', async () => {
  const server = await start();
  const argv = ['pull', 'hf:tiny/Story-Teller-GGUF', '--manifest', 'language.json', '--url', server.url];
  await writeFile(join(server.dataDir, 'language.json'), JSON.stringify(LANGUAGE));
  const environment = { PATH: process.env['PATH'] ?? '', AMAAS_API_KEY: ADMIN_KEY };
  const launcher = join(import.meta.dirname, '../packages/cli/bin/amaas.mjs');
  hub.cdnFaults.push({ kind: 'stall', afterBytes: 250_000 });
  const child = spawn(process.execPath, [launcher, ...argv], { cwd: server.dataDir, env: environment });
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => {
    said += chunk.toString();
  });
  await until(
    'the first part has come',
    async () => (await bytesIn(join(server.dataDir, 'pulls/partial'))) === 250_000,
  );
  await until('it says what it pulls', () => said.includes(' as story-teller: 1 file'));
  child.kill('SIGINT');
  const [code] = await once(child, 'close');
  assert.equal(code, 1, said);
  assert.match(said, /the same command goes on where it was/);
  const again = await runCommand(argv, { environment, cwd: server.dataDir });
  assert.equal(again.code, 0, again.stderr);
  assert.match(again.stderr, /to download, license apache-2.0/);
  assert.equal(hub.cdnRequests[1]?.headers.range, 'bytes=250000-');
});

test('amaas pull shows what came, as text and as JSON, and what went wrong', async () => {
  const server = await start();
  const environment = { AMAAS_URL: server.url, AMAAS_API_KEY: ADMIN_KEY };
  const shown = await runCommand(['pull', 'hf:tiny/times', '--label', 'production'], { environment });
  assert.equal(shown.code, 0, shown.stderr);
  assert.match(shown.stderr, /^hf:tiny\/times@[0-9a-f]{40}:onnx\/model.onnx as times: 2 files, \d+ B/);
  assert.match(shown.stdout, /times@1/);
  const json = await runCommand(['pull', 'hf:tiny/times', '--json'], { environment });
  const { model, version, unchanged } = JSON.parse(json.stdout);
  assert.deepEqual([model, version, unchanged], ['times', 1, true]);
  const failed = await runCommand(['pull', 'hf:tiny/times:a.gguf', '--json'], { environment });
  assert.deepEqual([failed.code, JSON.parse(failed.stdout).error.reason], [1, 'ARTIFACT_NOT_FOUND']);
  const tired = { kind: 'status', status: 429, headers: { 'retry-after': '86400' } } as const;
  hub.hubFaults.push(tired, tired, tired, tired); // the SDK asks again what the server has given up
  const busy = await runCommand(['pull', 'hf:tiny/times'], { environment });
  assert.match(busy.stderr, /answered with status 429/);
  assert.doesNotMatch(busy.stderr, /goes on where it was/, 'nothing has come');
});
