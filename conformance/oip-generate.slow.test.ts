// A language model by the Open Inference Protocol: what generate and generate_stream write, and what the routes for tensors
// say of a model that takes none.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { startTestServer, type TestServer } from './testing/running-server.ts';
import { biasModel } from './testing/models.ts';
import { deployStories, publishedStory, skipWithoutStories } from './testing/stories.ts';

const skip = skipWithoutStories;
const GREEDY = { temperature: 0, max_tokens: 200 };
let server: TestServer;
let published = '';

before(async () => {
  if (skip) return;
  server = await startTestServer();
  await deployStories(server);
  await server.deploy('bias', biasModel(1));
  published = await publishedStory();
});
after(() => server?.stop());

interface Reply {
  readonly id?: string;
  readonly model_name?: string;
  readonly model_version?: string;
  readonly text_output?: string;
  readonly details?: { readonly finish_reason: string | null; readonly logprobs: readonly { readonly text: string }[] };
  readonly error?: string;
}

async function post(path: string, body: object): Promise<Response> {
  return server.request(path, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
}

async function generate(body: object, path = '/v2/models/stories/generate'): Promise<readonly [number, Reply]> {
  const reply = await post(path, body);
  assert.match(reply.headers.get('content-type') ?? '', /^application\/json/);
  return [reply.status, (await reply.json()) as Reply]; // what the assertions are about
}

async function generateStream(body: object, version = ''): Promise<readonly Reply[]> {
  const reply = await post(`/v2/models/stories${version}/generate_stream`, body);
  assert.deepEqual([reply.status, reply.headers.get('content-type')], [200, 'text/event-stream; charset=utf-8']);
  const text = await reply.text();
  return text
    .split('\n\n')
    .slice(0, -1)
    .map((block) => {
      assert.match(block, /^data: \{/);
      return JSON.parse(block.slice('data: '.length)) as Reply; // as above
    });
}

function textOf(replies: readonly Reply[]): string {
  return replies.map(({ text_output: text }) => text).join('');
}

test('generate: greedy text is the published one, streamed and not, alone and in a full batch', { skip }, async () => {
  const [status, alone] = await generate({ id: 'mine', text_input: '', parameters: GREEDY });
  assert.equal(status, 200);
  assert.deepEqual([alone.id, alone.model_name, alone.model_version], ['mine', 'stories', '1']);
  assert.equal(alone.text_output?.slice(0, 428), published);
  const together = await Promise.all(
    Array.from({ length: 5 }, async (_, index) => {
      if (index % 2 === 0) return textOf(await generateStream({ text_input: '', ...GREEDY, stream: true }));
      return (await generate({ text_input: '', ...GREEDY }, '/v2/models/stories/versions/1/generate'))[1].text_output;
    }),
  );
  for (const text of together) assert.equal(text, alone.text_output);
});

test('generate: twenty tokens where nothing is said, and details where they are asked for', { skip }, async () => {
  const parameters = { temperature: 0, details: true };
  const [, { text_output: text, details }] = await generate({ text_input: 'Once upon a time', parameters });
  assert.deepEqual([details?.finish_reason, details?.logprobs.length], ['length', 20]);
  assert.equal(details?.logprobs.map((token) => token.text).join(''), text);
  const streamed = await generateStream({ text_input: 'Once upon a time', parameters }, '/versions/1');
  assert.equal(textOf(streamed), text);
  assert.deepEqual(
    streamed.flatMap((reply) => reply.details?.logprobs ?? []),
    details?.logprobs,
  );
  assert.equal(streamed.at(-1)?.details?.finish_reason, 'length');
  const stop = text?.slice(20, 28) ?? '';
  const [, stopped] = await generate({ text_input: 'Once upon a time', parameters: { ...parameters, stop } });
  assert.deepEqual([stopped.text_output, stopped.details?.finish_reason], [text?.slice(0, 20), 'stop_sequence']);
});

test('generate: a seed gives the same text again', { skip }, async () => {
  const written = async (seed: number) =>
    (await generate({ text_input: 'A dog', parameters: { temperature: 1.2, seed } }))[1].text_output;
  assert.equal(await written(5), await written(5));
  assert.notEqual(await written(5), await written(6));
});

test('generate: refusals are errors of the protocol, also where a stream was asked for', { skip }, async () => {
  const refused: readonly (readonly [string, object, number, RegExp])[] = [
    ['stories', { text_input: 'x', beams: 2 }, 400, /^beams: is not supported/],
    ['stories', { text_input: 'Once upon a time. '.repeat(200) }, 400, /leave no room for an answer .* 512/],
    ['absent', { text_input: 'x' }, 404, /unknown model/],
    ['stories/versions/9', { text_input: 'x' }, 404, /version 9/],
    ['bias', { text_input: 'x' }, 501, /no language model: it takes tensors/],
  ];
  for (const action of ['generate', 'generate_stream']) {
    for (const [model, body, status, message] of refused) {
      const [answered, { error }] = await generate(body, `/v2/models/${model}/${action}`);
      assert.equal(answered, status, `${model} ${action}`);
      assert.match(error ?? '', message);
    }
  }
  assert.match((await generate({ text_input: 'x', stream: true }))[1].error ?? '', /^stream: /);
  const [status, { error }] = await generate({ inputs: [] }, '/v2/models/stories/infer');
  assert.equal(status, 501);
  assert.match(error ?? '', /is a language model: it takes text, .*\/v2\/models\/stories\/generate/);
});

async function get(path: string): Promise<unknown> {
  const reply = await server.request(path);
  assert.equal(reply.status, 200, path);
  return reply.json();
}

test('a language model is shown where models of tensors are', { skip }, async () => {
  const metadata = {
    name: 'stories',
    versions: ['1'],
    platform: 'llama.cpp',
    inputs: [{ name: 'text_input', datatype: 'BYTES', shape: [1] }],
    outputs: [{ name: 'text_output', datatype: 'BYTES', shape: [1] }],
  };
  for (const path of ['/v2/models/stories', '/v2/models/stories/versions/1']) {
    assert.deepEqual(await get(path), metadata);
    assert.deepEqual(await get(`${path}/ready`), { name: 'stories', ready: true });
    const { backend, platform, model_transaction_policy, input } = (await get(`${path}/config`)) as Readonly<
      Record<string, unknown>
    >; // an object of the protocol
    assert.deepEqual([backend, platform, model_transaction_policy], ['llama.cpp', 'llama.cpp', { decoupled: true }]);
    assert.match(JSON.stringify(input), /"name":"text_input","data_type":"TYPE_STRING"/);
    assert.match(
      JSON.stringify(await get(`${path}/stats`)),
      /"name":"stories","version":"1".*"memory_usage":\[\{"type"/,
    );
  }
  assert.match(JSON.stringify(await get('/v2/models/stats')), /"name":"bias".*"name":"stories"/);
  const index = await (await post('/v2/repository/index', { ready: true })).json();
  assert.match(JSON.stringify(index), /"name":"stories","version":"1","state":"READY"/);
});

test('a language model is unloaded and loaded again, and labelled, as others are', { skip }, async () => {
  assert.equal((await post('/v2/repository/models/stories/unload', {})).status, 200);
  assert.equal((await post('/v2/repository/models/stories/load', {})).status, 200);
  assert.equal((await generate({ text_input: 'x' }))[0], 200);
  const label = await server.request('/admin/v1/models/stories/labels/stable', {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: '{"version":1}',
  });
  assert.equal(label.status, 200);
  for (const path of ['/v1/models/stories', '/v1/models/stories/versions/1', '/v1/models/stories/labels/stable']) {
    assert.match(JSON.stringify(await get(path)), /"version":"1","state":"AVAILABLE"/, path);
  }
});
