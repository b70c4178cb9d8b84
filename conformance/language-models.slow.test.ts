// Language models as versions like all others: delivered by every way, tried in quarantine, in memory while they are used, and
// back after their process was killed.
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { sharedDataPath } from '../tools/test-data.ts';
import { adminCall, deployBytes, deployFiles } from './testing/admin-call.ts';
import { startTestServer, type TestServer } from './testing/running-server.ts';
import { deployStories, publishedStory, skipWithoutStories } from './testing/stories.ts';
import { until } from './testing/until.ts';

const skip = skipWithoutStories;
const MODEL = sharedDataPath('llm/stories260K.gguf');
let server: TestServer;
let published = '';

before(async () => {
  if (skip) return;
  // Room for two models with 512 tokens, for one with 2,000.
  server = await startTestServer({ rescanIntervalMs: '200', languageMemoryBytes: '9000000' });
  published = await publishedStory();
});
after(() => server?.stop());

interface Reply {
  readonly status: number;
  readonly text: string;
  readonly reason: string | null;
  readonly message: string;
  readonly cachedTokens: number;
}

async function complete(model: string, more: object = {}): Promise<Reply> {
  const response = await server.request('/v1/completions', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model, prompt: '', temperature: 0, max_tokens: 20, ...more }),
  });
  const body = await response.json();
  return {
    status: response.status,
    text: body.choices?.[0]?.text ?? '',
    reason: response.headers.get('x-amaas-reason'),
    message: body.error?.message ?? '',
    cachedTokens: body.usage?.prompt_tokens_details?.cached_tokens ?? 0,
  };
}

async function detail(model: string, version = 1) {
  const { text } = await adminCall(server, 'GET', `models/${model}/versions/${version}`);
  return JSON.parse(text);
}

const CONTEXT = { contextTokens: 512, parallel: 1, threads: 1 } as const;

test('a GGUF file is served from the models folder, as one file and as a version', { skip }, async () => {
  await copyFile(MODEL, join(server.modelsDir, 'dropped.gguf'));
  await mkdir(join(server.modelsDir, 'foldered/7'), { recursive: true });
  await writeFile(join(server.modelsDir, 'foldered/7/amaas.json'), JSON.stringify({ language: CONTEXT }));
  await copyFile(MODEL, join(server.modelsDir, 'foldered/7/model.gguf'));
  for (const model of ['dropped', 'foldered']) {
    await until(`${model} answers`, async () => (await complete(model)).status === 200);
    assert.equal((await complete(model, { max_tokens: 200 })).text.slice(0, 428), published);
  }
  assert.equal((await detail('foldered', 7)).format, 'gguf');
});

test('a GGUF file sent without a name is known by how it begins', { skip }, async () => {
  const answer = await deployBytes(server, 'sent', await readFile(MODEL));
  assert.equal(answer.status, 201, answer.text);
  const { format, files, lineage, signatures } = JSON.parse(answer.text);
  assert.deepEqual([format, files[0].path, signatures], ['gguf', 'model.gguf', {}]);
  assert.equal(lineage.languageModel.architecture, 'llama');
  assert.equal((await complete('sent')).text, published.slice(0, (await complete('sent')).text.length));
});

test('threads are measured in quarantine, shown, and not measured again', { skip }, async () => {
  await deployStories(server, 'measured', { threads: undefined });
  assert.equal((await complete('measured')).status, 200);
  const { language } = await detail('measured');
  assert.equal(language.isLoaded, true);
  assert(language.threads.measured.length > 0 && language.threads.measured[0].generatedTokensPerSecond > 0);
  const again = await detail('measured');
  assert.deepEqual(again.language.threads, language.threads);
});

test('what is malformed is refused in quarantine with a reason, and nothing that serves is touched', {
  skip,
}, async () => {
  const good = await readFile(MODEL);
  await deployFiles(server, 'steady', { 'model.gguf': good }, { manifest: { language: CONTEXT } });
  const cut = await deployBytes(server, 'steady', good.subarray(0, good.length - 100_000));
  assert.equal(cut.error?.reason, 'INVALID_MODEL', cut.text);
  const garbled = Uint8Array.from(good);
  garbled.fill(0xff, 8, 16); // the number of tensors
  assert.equal((await deployBytes(server, 'steady', garbled)).error?.reason, 'INVALID_MODEL');
  const chat = await deployFiles(
    server,
    'steady',
    { 'model.gguf': good, 'chat.jinja': new TextEncoder().encode('{% for %}') },
    { manifest: { language: { ...CONTEXT, chatTemplate: 'chat.jinja' } } },
  );
  assert.equal(chat.error?.reason, 'INVALID_CONFIG', chat.text);
  const missing = await deployFiles(
    server,
    'steady',
    { 'model.gguf': good },
    { manifest: { language: { adapters: { a: 'no.gguf' } } } },
  );
  assert.match(missing.error?.message ?? '', /language\.adapters\."a" names "no\.gguf", which is not beside the model/);
  const tensors = await deployFiles(
    server,
    'steady',
    { 'model.gguf': good },
    { manifest: { batching: { maxSize: 4 } } },
  );
  assert.match(tensors.error?.message ?? '', /batching is for models of tensors/);
  assert.equal((await complete('steady')).status, 200);
  assert.equal((await detail('steady')).state, 'READY');
});

test('a model that needs more memory than there is is refused with the numbers', { skip }, async () => {
  const files = { 'model.gguf': await readFile(MODEL) };
  const language = { ...CONTEXT, contextTokens: 500_000 };
  const { error } = await deployFiles(server, 'greedy', files, { manifest: { language } });
  assert.equal(error?.reason, 'MEMORY_LIMIT');
  assert.match(
    error.message,
    /needs [\d,]+ MB \(weights 2 MB, 1 × 500000 tokens of context [\d,]+ MB.* 9 MB are allowed/,
  );
});

test('models idle for longest leave when another needs room, and come back when they are asked', { skip }, async () => {
  const files = { 'model.gguf': await readFile(MODEL) };
  for (const name of ['left', 'right']) {
    await deployFiles(server, name, files, { manifest: { language: { ...CONTEXT, contextTokens: 2000 } } });
  }
  const isLoaded = async (name: string): Promise<boolean> => (await detail(name)).language.isLoaded;
  assert.equal((await complete('left')).status, 200);
  assert.equal(await isLoaded('left'), true);
  assert.equal((await complete('right')).status, 200);
  assert.deepEqual([await isLoaded('left'), await isLoaded('right')], [false, true]);
  assert.equal((await complete('left')).status, 200);
  assert.deepEqual([await isLoaded('left'), await isLoaded('right')], [true, false]);
});

test('a killed process fails its requests with an error that says try again, and another takes its place', {
  skip,
}, async () => {
  await deployStories(server, 'victim', CONTEXT);
  assert.equal((await complete('victim')).status, 200);
  const long = complete('victim', { max_tokens: 500 });
  await until('it writes', async () => (await server.request('/metrics')).ok && childOf('victim') !== null);
  process.kill(childOf('victim') ?? 0, 'SIGKILL');
  const failed = await long;
  assert([200, 503].includes(failed.status), failed.message);
  if (failed.status === 503) assert.equal(failed.reason, 'ENGINE_CRASHED');
  await until('another process answers', async () => {
    const reply = await complete('victim');
    assert([200, 503].includes(reply.status), reply.message);
    return reply.status === 200;
  });
});

test('a new version answers when it is ready, and the old one until then', { skip }, async () => {
  const files = { 'model.gguf': await readFile(MODEL) };
  await deployFiles(server, 'moving', files, { manifest: { language: CONTEXT } });
  let isDone = false;
  const asking = (async () => {
    const statuses = new Set<number>();
    while (!isDone) statuses.add((await complete('moving', { max_tokens: 3 })).status);
    return [...statuses];
  })();
  await deployFiles(server, 'moving', files, { manifest: { language: { ...CONTEXT, maxTokens: 9 } } });
  isDone = true;
  assert.deepEqual(await asking, [200]);
  assert.equal((await detail('moving', 2)).state, 'READY');
  await until('the old one has left', async () => (await detail('moving', 1)).state === 'UNLOADED');
});

/** Process id of the newest child that runs a model; null without one. */
function childOf(_model: string): number | null {
  const children = readdirSync('/proc').filter((name) => {
    if (!/^\d+$/.test(name)) return false;
    try {
      const parent = /^PPid:\s+(\d+)$/m.exec(readFileSync(`/proc/${name}/status`, 'utf8'))?.[1];
      return Number(parent) === process.pid && readFileSync(`/proc/${name}/cmdline`, 'utf8').includes('engines/llama');
    } catch {
      return false;
    }
  });
  return children.length === 0 ? null : Math.max(...children.map(Number));
}
