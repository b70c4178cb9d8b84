// Files and batches by OpenAI's own client against a real server, which is killed in the midst of them.
import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import OpenAI, { APIError, toFile } from 'openai';
import { type ChildServer, startChildServer } from './testing/child-server.ts';
import { createRandom } from './testing/mutations.ts';
import { ADMIN_KEY, startTestServer, type TestServer } from './testing/running-server.ts';
import { deployStories, skipWithoutStories } from './testing/stories.ts';
import { until } from './testing/until.ts';

type Batch = OpenAI.Batch;

const skip = skipWithoutStories;
const FINAL: readonly Batch['status'][] = ['completed', 'failed', 'expired', 'cancelled'];

let server: TestServer;
let client: OpenAI;

before(async () => {
  server = await startTestServer();
  client = clientOf(ADMIN_KEY);
  if (!skip) await deployStories(server);
});
after(() => server?.stop());

function clientOf(apiKey: string, { url }: { readonly url: string } = server): OpenAI {
  return new OpenAI({ baseURL: `${url}/v1`, apiKey, maxRetries: 0 });
}

async function createKey(name: string, models: readonly string[] = ['*']): Promise<string> {
  const headers = { 'content-type': 'application/json' };
  const body = JSON.stringify({ name, scopes: ['infer'], models });
  const reply = await server.request('/admin/v1/keys', { method: 'POST', headers, body });
  assert.equal(reply.status, 201);
  return ((await reply.json()) as { readonly key: string }).key; // just created
}

/** Fails unless it is an error of OpenAI's form with these. */
function refused(status: number, code: string, param: string | null = null) {
  return (error: unknown) => {
    assert.ok(error instanceof APIError, String(error));
    assert.deepEqual([error.status, error.code, error.param], [status, code, param]);
    return true;
  };
}

/** What the tests look at of whichever body it is. */
interface Body {
  readonly choices?: readonly { readonly text?: string; readonly message?: OpenAI.ChatCompletionMessage }[];
  readonly usage?: OpenAI.CompletionUsage;
  readonly error?: { readonly code: string };
}

interface Line {
  readonly id: string;
  readonly custom_id: string;
  readonly response: {
    readonly status_code: number;
    readonly request_id: string;
    readonly body: Body;
  } | null;
  readonly error: { readonly code: string } | null;
}

async function linesOf(by: OpenAI, fileId: string | null | undefined): Promise<readonly Line[]> {
  if (typeof fileId !== 'string') return [];
  const text = await (await by.files.content(fileId)).text();
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Line); // what the tests check
}

async function uploadLines(by: OpenAI, url: string, bodies: readonly object[]): Promise<string> {
  const lines = bodies.map((body, index) => JSON.stringify({ custom_id: `line-${index}`, method: 'POST', url, body }));
  const file = await toFile(Buffer.from(`${lines.join('\n')}\n`), 'lines.jsonl');
  return (await by.files.create({ file, purpose: 'batch' })).id;
}

type Endpoint = OpenAI.BatchCreateParams['endpoint'];

async function run(by: OpenAI, endpoint: Endpoint, bodies: readonly object[]): Promise<Batch> {
  const input_file_id = await uploadLines(by, endpoint, bodies);
  const { id } = await by.batches.create({ input_file_id, endpoint, completion_window: '24h' });
  let batch = await by.batches.retrieve(id);
  await until('the batch ends', async () => {
    batch = await by.batches.retrieve(id);
    return FINAL.includes(batch.status);
  });
  return batch;
}

function sorted(texts: readonly string[]): readonly string[] {
  return texts.toSorted();
}

/** Each start takes seconds. */
const KILLS = 6;

test('files are uploaded, listed, read and deleted', async () => {
  const content = Buffer.alloc(30_000_000, 'ü and more\r\n--');
  const file = await toFile(content, 'ünï "large".jsonl');
  const created = await client.files.create({
    file,
    purpose: 'fine-tune',
    expires_after: { anchor: 'created_at', seconds: 7200 },
  });
  assert.deepEqual(
    [created.object, created.bytes, created.filename, created.purpose, (created.expires_at ?? 0) - created.created_at],
    ['file', content.byteLength, 'ünï "large".jsonl', 'fine-tune', 7200],
  );
  assert.deepEqual(await client.files.retrieve(created.id), created);
  assert.ok(Buffer.from(await (await client.files.content(created.id)).arrayBuffer()).equals(content));
  const small = [];
  for (let index = 0; index < 5; index++) {
    const one = await toFile(Buffer.from(String(index)), `${index}.jsonl`);
    small.push((await client.files.create({ file: one, purpose: 'batch' })).id);
  }
  const listed = [];
  for await (const { id } of client.files.list({ limit: 2, purpose: 'batch', order: 'asc' })) listed.push(id);
  assert.deepEqual(listed, small);
  assert.deepEqual(await client.files.delete(created.id), { id: created.id, object: 'file', deleted: true });
  await assert.rejects(client.files.retrieve(created.id), refused(404, 'artifact_not_found'));
  await assert.rejects(client.files.content(created.id), refused(404, 'artifact_not_found'));
});

test('what is wrong with an upload is said by name, and nothing stays of it', async () => {
  const file = await toFile(Buffer.from('x'), 'x');
  const purpose = 'nothing' as 'batch'; // what the client's types forbid
  await assert.rejects(client.files.create({ file, purpose }), refused(400, 'invalid_argument', 'purpose'));
  const soon = { anchor: 'created_at', seconds: 60 } as const;
  await assert.rejects(
    client.files.create({ file, purpose: 'batch', expires_after: soon }),
    refused(400, 'invalid_argument', 'expires_after.seconds'),
  );
  const forms: readonly (readonly [string, readonly (readonly [string, string | Blob])[]])[] = [
    ['file', [['purpose', 'batch']]],
    [
      'file',
      [
        ['purpose', 'batch'],
        ['file', 'no file name'],
      ],
    ],
    [
      'file',
      [
        ['file', new Blob(['x'])],
        ['file', new Blob(['y'])],
        ['purpose', 'batch'],
      ],
    ],
    [
      'model',
      [
        ['file', new Blob(['x'])],
        ['model', 'stories'],
        ['purpose', 'batch'],
      ],
    ],
    ['purpose', [['file', new Blob(['x'])]]],
  ];
  const before = (await client.files.list()).data.length;
  for (const [field, parts] of forms) {
    const body = new FormData();
    for (const [name, value] of parts) body.append(name, value);
    const reply = await server.request('/v1/files', { method: 'POST', body });
    const { error } = (await reply.json()) as { readonly error: { readonly param: string } };
    assert.deepEqual([reply.status, error.param], [400, field]);
  }
  const reply = await server.request('/v1/files', {
    method: 'POST',
    body: '{}',
    headers: { 'content-type': 'application/json' },
  });
  assert.equal(reply.status, 415);
  assert.equal((await client.files.list()).data.length, before);
  await assert.rejects(client.uploads.create({ bytes: 1, filename: 'x', mime_type: 'x', purpose: 'batch' }), {
    status: 404,
    code: 'route_not_found',
  });
});

test('an upload that is given up leaves nothing behind', async () => {
  const { hostname, port } = new URL(server.url);
  const before = (await client.files.list()).data.length;
  const socket = connect(Number(port), hostname);
  const head = ['POST /v1/files HTTP/1.1', `Host: ${hostname}:${port}`, `Authorization: Bearer ${ADMIN_KEY}`];
  const type = ['Content-Type: multipart/form-data; boundary=b', 'Content-Length: 99999999'];
  const part = ['--b', 'Content-Disposition: form-data; name="file"; filename="a"'];
  socket.write([...head, ...type, '', ...part, '', 'x'.repeat(1_000_000)].join('\r\n'));
  const unfinished = join(server.dataDir, 'artifacts', 'tmp');
  await until('it is being written', async () => (await readdir(unfinished)).length > 0);
  socket.destroy();
  await until('it is gone', async () => (await readdir(unfinished)).length === 0);
  assert.equal((await client.files.list()).data.length, before);
});

test('a key has room for so many bytes of files, and gets it back with what it deletes', async (t) => {
  const small = await startTestServer({ maxDatasetBytes: '3000' });
  t.after(() => small.stop());
  const headers = { 'content-type': 'application/json' };
  const body = JSON.stringify({ name: 'small', scopes: ['deploy'] });
  const made = await small.request('/admin/v1/keys', { method: 'POST', headers, body });
  const { key } = (await made.json()) as { readonly key: string }; // just created
  const by = clientOf(key, small);
  const upload = async (bytes: number, who = by) => {
    return who.files.create({ file: await toFile(Buffer.alloc(bytes), 'a'), purpose: 'fine-tune' });
  };
  await assert.rejects(upload(3001), refused(413, 'request_too_large'));
  const first = await upload(2000);
  await assert.rejects(upload(1001), refused(413, 'request_too_large'));
  await upload(1000);
  await assert.rejects(upload(1), refused(429, 'storage_full'));
  assert.equal((await upload(2500, clientOf(ADMIN_KEY, small))).bytes, 2500);
  await by.files.delete(first.id);
  assert.equal((await upload(2000)).bytes, 2000);
});

test('without authentication batches are everybody’s, and run', async (t) => {
  const open = await startTestServer({ auth: 'off', bundledModels: 'on' });
  t.after(() => open.stop());
  const anyone = clientOf('none', open);
  const batch = await run(anyone, '/v1/moderations' as Endpoint, [{ model: 'spam', input: 'You have won a prize' }]);
  assert.deepEqual([batch.status, batch.request_counts?.completed], ['completed', 1]);
  await until('it is counted among those that ended', async () => {
    const metrics = await (await open.request('/metrics')).text();
    return (
      /^amaas_batches_open 0$/m.test(metrics) && /^amaas_batches_ended_total\{state="completed"\} 1$/m.test(metrics)
    );
  });
});

test('files and batches are for the key that made them, and for the admin scope', { skip }, async () => {
  const alice = clientOf(await createKey('alice'));
  const bob = clientOf(await createKey('bob'));
  const batch = await run(alice, '/v1/completions', [{ model: 'stories', prompt: 'a', max_tokens: 2 }]);
  for (const id of [batch.input_file_id, batch.output_file_id ?? '']) {
    assert.equal((await alice.files.retrieve(id)).id, id);
    assert.equal((await client.files.retrieve(id)).id, id);
    await assert.rejects(bob.files.retrieve(id), refused(404, 'artifact_not_found'));
    await assert.rejects(bob.files.content(id), refused(404, 'artifact_not_found'));
    await assert.rejects(bob.files.delete(id), refused(404, 'artifact_not_found'));
  }
  await assert.rejects(bob.batches.retrieve(batch.id), refused(404, 'job_not_found'));
  await assert.rejects(bob.batches.cancel(batch.id), refused(404, 'job_not_found'));
  const order = { endpoint: '/v1/completions', completion_window: '24h' } as const;
  await assert.rejects(
    bob.batches.create({ ...order, input_file_id: batch.input_file_id }),
    refused(404, 'artifact_not_found'),
  );
  assert.deepEqual([(await bob.files.list()).data, (await bob.batches.list()).data], [[], []]);
  assert.deepEqual(
    (await alice.batches.list()).data.map(({ id }) => id),
    [batch.id],
  );
});

test('a batch of chats answers as the route does, request by request', { skip }, async () => {
  const bodies = ['', 'One day', 'Lily', 'There was'].flatMap((content) =>
    [3, 30].map((max_tokens) => ({
      model: 'stories',
      messages: [{ role: 'user' as const, content }],
      max_tokens,
      temperature: 0,
    })),
  );
  const wrong = { model: 'stories', messages: [] };
  const batch = await run(client, '/v1/chat/completions', [...bodies, wrong]);
  assert.deepEqual(
    [batch.status, batch.request_counts, batch.model],
    ['completed', { total: 9, completed: 8, failed: 1 }, 'stories'],
  );
  const output = await linesOf(client, batch.output_file_id);
  let used = 0;
  for (const [index, body] of bodies.entries()) {
    const line = output.find(({ custom_id }) => custom_id === `line-${index}`);
    const direct = await client.chat.completions.create(body);
    assert.deepEqual([line?.response?.status_code, line?.error], [200, null]);
    assert.deepEqual(line?.response?.body.choices?.[0]?.message, direct.choices[0]?.message);
    assert.equal(line?.response?.body.usage?.completion_tokens, direct.usage?.completion_tokens);
    used += direct.usage?.total_tokens ?? 0;
  }
  assert.equal(batch.usage?.total_tokens, used);
  const [failed, ...others] = await linesOf(client, batch.error_file_id);
  assert.deepEqual([failed?.custom_id, failed?.response?.status_code, others], ['line-8', 400, []]);
  const ids = output.map(({ response }) => response?.request_id);
  assert.equal(new Set(ids).size, 8);
});

test('batches of embeddings, responses and moderations go the same way', { skip }, async () => {
  const bodies = ['One day', 'a cat'].map((input) => ({ model: 'stories', input, encoding_format: 'float' as const }));
  const batch = await run(client, '/v1/embeddings', bodies);
  assert.deepEqual([batch.status, batch.request_counts?.completed], ['completed', 2]);
  const direct = await client.embeddings.create(bodies[1] ?? { model: '', input: '' });
  const lines = await linesOf(client, batch.output_file_id);
  const body: unknown = lines.find(({ custom_id }) => custom_id === 'line-1')?.response?.body;
  assert.deepEqual((body as OpenAI.CreateEmbeddingResponse).data, direct.data);
  const written = { model: 'stories', input: 'One day', max_output_tokens: 20, temperature: 0, store: false };
  const responses = await run(client, '/v1/responses', [written]);
  const [response] = await linesOf(client, responses.output_file_id);
  const { output } = (response?.response?.body ?? {}) as { readonly output?: OpenAI.Responses.Response['output'] };
  const [message] = (await client.responses.create(written)).output;
  assert.ok(message?.type === 'message');
  assert.deepEqual(
    output?.map((item) => item.type === 'message' && item.content),
    [message.content],
  );
  assert.equal(responses.usage?.output_tokens, 20);
  const none = await run(client, '/v1/moderations', [{ input: 'a' }]);
  assert.deepEqual([none.status, none.model, none.output_file_id], ['completed', null, null]);
  const [line] = await linesOf(client, none.error_file_id);
  assert.deepEqual([line?.response?.status_code, line?.response?.body.error?.code], [404, 'model_not_found']);
});

test('a wrong input fails with its lines, and what is wrong with an order is said by name', { skip }, async () => {
  const bodies = [
    { model: 'stories', prompt: 'a' },
    { model: 'stories', prompt: 'b', stream: true },
    { model: 'other' },
  ];
  const failed = await run(client, '/v1/completions', bodies);
  assert.equal(failed.status, 'failed');
  assert.deepEqual(
    failed.errors?.data?.map(({ line, code, param }) => [line, code, param]),
    [
      [2, 'invalid_value', 'body.stream'],
      [3, 'mismatched_model', 'body.model'],
    ],
  );
  const order = { input_file_id: failed.input_file_id, endpoint: '/v1/completions', completion_window: '24h' } as const;
  const endpoint = '/v1/images/edits' as Endpoint;
  await assert.rejects(client.batches.create({ ...order, endpoint }), refused(400, 'invalid_argument', 'endpoint'));
  await assert.rejects(
    client.batches.create({ ...order, input_file_id: 'file-none' }),
    refused(404, 'artifact_not_found'),
  );
  await assert.rejects(client.batches.cancel(failed.id), refused(400, 'job_ended'));
  await assert.rejects(client.batches.retrieve('batch_none'), refused(404, 'job_not_found'));
});

test('requests are made with the rights that the key has when they are made', { skip }, async () => {
  const limited = clientOf(await createKey('limited', ['other*']));
  const body = { model: 'stories', prompt: 'a', max_tokens: 1 };
  const batch = await run(limited, '/v1/completions', [body, body]);
  const errors = await linesOf(limited, batch.error_file_id);
  assert.deepEqual(
    errors.map(({ response }) => [response?.status_code, response?.body.error?.code]),
    [
      [403, 'forbidden'],
      [403, 'forbidden'],
    ],
  );
  const revoked = clientOf(await createKey('revoked'));
  const bodies = Array.from({ length: 150 }, () => ({ model: 'stories', prompt: '', max_tokens: 100, temperature: 0 }));
  const input_file_id = await uploadLines(revoked, '/v1/completions', bodies);
  const order = { input_file_id, endpoint: '/v1/completions', completion_window: '24h' } as const;
  const { id } = await revoked.batches.create(order);
  await until('it has begun', async () => ((await client.batches.retrieve(id)).request_counts?.completed ?? 0) > 5);
  await server.request('/admin/v1/keys/revoked', { method: 'DELETE' });
  await until('it ends', async () => FINAL.includes((await client.batches.retrieve(id)).status));
  const ended = await client.batches.retrieve(id);
  const refusals = await linesOf(client, ended.error_file_id);
  assert.ok(refusals.length > 0 && (ended.request_counts?.completed ?? 0) > 5);
  assert.deepEqual([...new Set(refusals.map(({ response }) => response?.status_code))], [401]);
});

test('a batch that is cancelled keeps what is done, and others are answered meanwhile', { skip }, async () => {
  const bodies = Array.from({ length: 400 }, () => ({ model: 'stories', prompt: '', max_tokens: 200, temperature: 0 }));
  const input_file_id = await uploadLines(client, '/v1/completions', bodies);
  const order = { input_file_id, endpoint: '/v1/completions', completion_window: '24h' } as const;
  const { id } = await client.batches.create({ ...order, metadata: { purpose: 'test' } });
  await until('some are done', async () => ((await client.batches.retrieve(id)).request_counts?.completed ?? 0) >= 10);
  const direct = await client.completions.create({ model: 'stories', prompt: 'One', max_tokens: 5 });
  assert.equal(direct.usage?.completion_tokens, 5);
  assert.equal((await client.batches.retrieve(id)).status, 'in_progress');
  assert.ok(['cancelling', 'cancelled'].includes((await client.batches.cancel(id)).status));
  await until('it ends', async () => FINAL.includes((await client.batches.retrieve(id)).status));
  const { status, request_counts, output_file_id, error_file_id, metadata } = await client.batches.retrieve(id);
  assert.deepEqual([status, metadata], ['cancelled', { purpose: 'test' }]);
  const output = await linesOf(client, output_file_id);
  const errors = await linesOf(client, error_file_id);
  assert.deepEqual(request_counts, { total: 400, completed: output.length, failed: errors.length });
  assert.ok(output.length >= 10 && errors.length > 10);
  assert.deepEqual([...new Set(errors.map(({ error }) => error?.code))], ['batch_cancelled']);
  assert.equal(new Set([...output, ...errors].map(({ custom_id }) => custom_id)).size, 400);
});

test('kill -9 at any moment: each request has exactly one result in the end', { skip }, async (t) => {
  const dataDir = await mkdtemp(join(tmpdir(), 'amaas-batches-'));
  const random = createRandom(20261122);
  let current: ChildServer | null = null;
  const start = async (): Promise<ChildServer> => {
    current = await startChildServer({ dataDir });
    assert.ok(current !== null);
    return current;
  };
  t.after(async () => {
    await current?.kill();
    await rm(dataDir, { recursive: true, force: true });
  });
  let child = await start();
  await deployStories(child);
  // Answers of several lengths, so that they come in another order than the requests.
  const bodies = Array.from({ length: 200 }, (_, index) => {
    return {
      model: 'stories',
      prompt: ['', 'Lily', 'One day'][index % 3],
      max_tokens: 5 + ((index * 37) % 90),
      temperature: 0,
    };
  });
  const first = clientOf(ADMIN_KEY, child);
  const input_file_id = await uploadLines(first, '/v1/completions', bodies);
  const order = { input_file_id, endpoint: '/v1/completions', completion_window: '24h' } as const;
  const { id } = await first.batches.create({ ...order, metadata: { a: 'b' } });
  const seen: number[] = [];
  let batch = await first.batches.retrieve(id);
  for (let kills = 0; kills < KILLS; kills++) {
    const by = clientOf(ADMIN_KEY, child);
    const from = batch.request_counts?.completed ?? 0;
    const goal = kills === 0 ? 0 : Math.min(200, from + 5 + Math.floor(random() * 25));
    await until('it goes on', async () => {
      batch = await by.batches.retrieve(id);
      return (batch.request_counts?.completed ?? 0) >= goal || FINAL.includes(batch.status);
    });
    if (FINAL.includes(batch.status)) break;
    await new Promise((resolve) => setTimeout(resolve, random() * 30));
    // A server that is stopped leaves a batch as one that is killed does.
    if (kills % 3 === 1) assert.equal(await child.stop(), 0);
    else await child.kill();
    child = await start();
    batch = await clientOf(ADMIN_KEY, child).batches.retrieve(id);
    seen.push(batch.request_counts?.completed ?? 0);
  }
  assert.equal(seen.length, KILLS, `it had done ${seen}`);
  assert.deepEqual(
    seen,
    seen.toSorted((a, b) => a - b),
  );
  const last = clientOf(ADMIN_KEY, child);
  await until('it ends', async () => {
    batch = await last.batches.retrieve(id);
    return FINAL.includes(batch.status);
  });
  assert.deepEqual([batch.status, batch.request_counts], ['completed', { total: 200, completed: 200, failed: 0 }]);
  const lines = await linesOf(last, batch.output_file_id);
  assert.deepEqual(sorted(lines.map(({ custom_id }) => custom_id)), sorted(bodies.map((_, index) => `line-${index}`)));
  for (const [index, body] of bodies.entries()) {
    if (index % 29 !== 0) continue;
    const line = lines.find(({ custom_id }) => custom_id === `line-${index}`);
    const direct = await last.completions.create({ ...body, prompt: body.prompt ?? '' });
    assert.equal(line?.response?.body.choices?.[0]?.text, direct.choices[0]?.text);
  }
  const files = (await last.files.list()).data.map(({ purpose }) => purpose);
  assert.deepEqual(sorted(files), ['batch', 'batch_output']);
  assert.deepEqual(await readdir(join(dataDir, 'batches')), []);
});
