// OpenAI's own client against a real server: text whole and streamed, log-probabilities, choices, errors, callers who leave.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { after, before, test } from 'node:test';
import { Ajv2020 } from 'ajv/dist/2020.js';
import OpenAI from 'openai';
import { adminCall, deployFiles } from './testing/admin-call.ts';
import { ADMIN_KEY, startTestServer, type TestServer } from './testing/running-server.ts';
import { deployStories, publishedStory, skipWithoutStories } from './testing/stories.ts';
import { halfPlusModel } from './testing/tfs-models.ts';

const skip = skipWithoutStories;
const TELLER = resolve(import.meta.dirname, '../models/story-teller/1');
const GREEDY = { temperature: 0, max_tokens: 200 };
const START = { model: 'stories', prompt: '' };
const CHAT = { model: 'stories', messages: [{ role: 'user' as const, content: '' }] };

let server: TestServer;
let client: OpenAI;
let story = '';

before(async () => {
  if (skip) return;
  server = await startTestServer();
  client = clientOf(ADMIN_KEY);
  story = await publishedStory();
  await deployStories(server);
});
after(() => server?.stop());

function clientOf(apiKey: string): OpenAI {
  return new OpenAI({ baseURL: `${server.url}/v1`, apiKey, maxRetries: 0 });
}

/** Deploys the larger story-teller, which takes long enough to be left, with one sequence only. */
async function deployTeller(name: string): Promise<void> {
  const files = { 'model.gguf': await readFile(join(TELLER, 'model.gguf')) };
  const language = { threads: 1, parallel: 1, contextTokens: 4096 };
  const manifest = { language, limits: { maxQueueSize: 2 } };
  const answer = await deployFiles(server, name, files, { manifest });
  assert.equal(answer.status, 201, answer.text);
}

async function told(stream: AsyncIterable<OpenAI.Completion>): Promise<string> {
  let text = '';
  for await (const chunk of stream) text += chunk.choices[0]?.text ?? '';
  return text;
}

async function said(stream: AsyncIterable<OpenAI.ChatCompletionChunk>): Promise<string> {
  let text = '';
  for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? '';
  return text;
}

test('the published story comes whole and streamed, plain and as chat, alone and four at once', { skip }, async () => {
  const ways: readonly (() => Promise<string | null | undefined>)[] = [
    async () => (await client.completions.create({ ...START, ...GREEDY })).choices[0]?.text,
    async () => told(await client.completions.create({ ...START, ...GREEDY, stream: true })),
    async () => (await client.chat.completions.create({ ...CHAT, ...GREEDY })).choices[0]?.message.content,
    async () => said(await client.chat.completions.create({ ...CHAT, ...GREEDY, stream: true })),
  ];
  for (const way of ways) assert.equal((await way())?.slice(0, 428), story);
  for (const text of await Promise.all(ways.map((way) => way()))) assert.equal(text?.slice(0, 428), story);
});

test('a chat says what it used, why it ended and which version of the model was asked', { skip }, async () => {
  const reply = await client.chat.completions.create({ ...CHAT, model: 'stories@1', ...GREEDY, max_tokens: 7 });
  assert.deepEqual([reply.object, reply.model, reply.choices.length], ['chat.completion', 'stories@1', 1]);
  assert.match(reply.id, /^chatcmpl-[0-9a-f]{32}$/);
  assert.match(reply.system_fingerprint ?? '', /^amaas-/);
  const [choice] = reply.choices;
  assert.deepEqual(choice?.message, { role: 'assistant', content: story.slice(0, 27), refusal: null });
  assert.deepEqual([choice?.finish_reason, choice?.logprobs], ['length', null]);
  assert.deepEqual([reply.usage?.prompt_tokens, reply.usage?.completion_tokens, reply.usage?.total_tokens], [1, 7, 8]);
  const stopped = await client.chat.completions.create({ ...CHAT, ...GREEDY, stop: ['little', 'never'] });
  assert.equal(stopped.choices[0]?.message.content, story.slice(0, story.indexOf('little')));
  assert.equal(stopped.choices[0]?.finish_reason, 'stop');
});

test("the client's own accumulator takes the stream, usage at its end", { skip }, async () => {
  const stream = client.chat.completions.stream({ ...CHAT, ...GREEDY, stream_options: { include_usage: true } });
  const reply = await stream.finalChatCompletion();
  assert.equal(reply.choices[0]?.message.content?.slice(0, 428), story);
  assert.equal(reply.choices[0]?.finish_reason, 'length');
  assert.deepEqual([reply.usage?.prompt_tokens, reply.usage?.completion_tokens], [1, 200]);
});

test('a prompt of tokens, several prompts and echoes are continued as their texts are', { skip }, async () => {
  const few = { model: 'stories', temperature: 0, max_tokens: 4 };
  const [one, two] = (await client.completions.create({ ...few, prompt: ['Lily', 'The dog'], echo: true })).choices;
  assert.match(one?.text ?? '', /^Lily/);
  assert.match(two?.text ?? '', /^The dog/);
  const alone = await client.completions.create({ ...few, prompt: 'Lily' });
  assert.equal(`Lily${alone.choices[0]?.text}`, one?.text);
  assert.equal(alone.usage?.completion_tokens, 4);
  const tokens = await client.completions.create({ ...few, prompt: [1], max_tokens: 20 });
  assert.ok(story.startsWith(tokens.choices[0]?.text ?? '?'));
  const parts = await told(await client.completions.create({ ...few, prompt: 'Lily', echo: true, stream: true }));
  assert.equal(parts, one?.text);
});

test('choices are drawn by seeds of their own, the same again and alone', { skip }, async () => {
  const drawn = { ...CHAT, temperature: 1.2, top_p: 0.95, max_tokens: 12 };
  const three = (await client.chat.completions.create({ ...drawn, n: 3, seed: 40 })).choices;
  assert.deepEqual(
    three.map(({ index }) => index),
    [0, 1, 2],
  );
  const texts = three.map(({ message }) => message.content);
  assert.equal(new Set(texts).size, 3);
  const alone = await client.chat.completions.create({ ...drawn, seed: 42 });
  assert.equal(alone.choices[0]?.message.content, texts[2]);
  const streamed = ['', '', ''];
  for await (const chunk of await client.chat.completions.create({ ...drawn, n: 3, seed: 40, stream: true })) {
    for (const { index, delta } of chunk.choices) streamed[index] += delta.content ?? '';
  }
  assert.deepEqual(streamed, texts);
});

test('log-probabilities belong to the text, and a bias of −100 forbids a token', { skip }, async () => {
  const request = { ...CHAT, temperature: 0, max_tokens: 10 };
  const reply = await client.chat.completions.create({ ...request, logprobs: true, top_logprobs: 3 });
  const tokens = reply.choices[0]?.logprobs?.content ?? [];
  assert.equal(tokens.length, 10);
  for (const { token, logprob, bytes, top_logprobs: top } of tokens) {
    assert.deepEqual([top[0]?.token, top[0]?.logprob, top.length], [token, logprob, 3]);
    assert.ok(logprob <= 0 && logprob >= (top[1]?.logprob ?? 0));
    assert.equal(Buffer.from(bytes ?? []).toString(), token);
  }
  const plain = await client.completions.create({ ...START, temperature: 0, max_tokens: 10, logprobs: 3 });
  const columns = plain.choices[0]?.logprobs;
  assert.deepEqual(
    columns?.token_logprobs,
    tokens.map(({ logprob }) => logprob),
  );
  assert.deepEqual(Object.keys(columns?.top_logprobs?.[0] ?? {}).length, 3);
  for (const [at, offset] of (columns?.text_offset ?? []).entries()) {
    assert.ok(
      plain.choices[0]?.text
        .slice(offset)
        .trimStart()
        .startsWith(columns?.tokens?.[at]?.trim() ?? '?'),
    );
  }
  const said403 = await client.chat.completions.create({ ...request, logit_bias: { 403: -100 } });
  assert.notEqual(said403.choices[0]?.message.content, reply.choices[0]?.message.content);
});

/** A schema that ends: every value it allows is one of a few. */
const PAINTED = {
  type: 'object',
  properties: { colour: { type: 'string', enum: ['red', 'blue'] }, again: { type: 'boolean' } },
  required: ['colour', 'again'],
  additionalProperties: false,
};
const PAINT = {
  type: 'function' as const,
  function: { name: 'paint', description: 'Paints the ball', parameters: PAINTED, strict: true },
};
const isPainted = new Ajv2020().compile(PAINTED);

test('a tool that must be called is, whole and streamed, and its result is taken', { skip }, async () => {
  await deployStories(server, 'roomy', { contextTokens: 2048 });
  const ask = { role: 'user' as const, content: 'Paint the ball.' };
  const request = { model: 'roomy', messages: [ask], tools: [PAINT], temperature: 0, max_tokens: 100 };
  const named = { type: 'function' as const, function: { name: 'paint' } };
  const one = { tool_choice: named, parallel_tool_calls: false };
  const [choice] = (await client.chat.completions.create({ ...request, ...one })).choices;
  assert.deepEqual([choice?.finish_reason, choice?.message.content], ['tool_calls', null]);
  const [call] = choice?.message.tool_calls ?? [];
  assert(call?.type === 'function' && choice !== undefined);
  assert.equal(call.function.name, 'paint');
  assert.ok(isPainted(JSON.parse(call.function.arguments)), call.function.arguments);
  const result = { role: 'tool' as const, tool_call_id: call.id, content: 'done' };
  const messages = [ask, choice.message, result];
  const said = await client.chat.completions.create({ ...request, messages, tool_choice: 'none', max_tokens: 5 });
  assert.deepEqual([said.choices[0]?.finish_reason, said.choices[0]?.message.tool_calls], ['length', undefined]);

  const stream = client.chat.completions.stream({ ...request, tool_choice: 'required', parallel_tool_calls: false });
  let pieces = 0;
  stream.on('tool_calls.function.arguments.delta', () => pieces++);
  const final = await stream.finalChatCompletion();
  assert.ok(pieces > 1);
  const [streamed] = final.choices[0]?.message.tool_calls ?? [];
  assert(streamed?.type === 'function');
  assert.deepEqual([streamed.function.name, final.choices[0]?.finish_reason], ['paint', 'tool_calls']);
  assert.ok(isPainted(JSON.parse(streamed.function.arguments)));
});

test('an answer by a schema, an expression or a choice is one, and what cannot be held to is refused', {
  skip,
}, async () => {
  const request = { ...CHAT, messages: [{ role: 'user' as const, content: 'A ball.' }], max_tokens: 100 };
  const byForm = async (more: object): Promise<string> => {
    const reply = await client.chat.completions.create({ ...request, temperature: 1.5, seed: 11, ...more });
    assert.equal(reply.choices[0]?.finish_reason, 'stop');
    return reply.choices[0]?.message.content ?? '';
  };
  const json_schema = { name: 'painted', schema: PAINTED, strict: true };
  const format = { type: 'json_schema' as const, json_schema };
  assert.ok(isPainted(JSON.parse(await byForm({ response_format: format }))));
  assert.match(await byForm({ guided_regex: '[a-c]{3}-[0-9]' }), /^[a-c]{3}-[0-9]$/);
  assert.match(await byForm({ structured_outputs: { choice: ['yes.', 'no (never)'] } }), /^(yes\.|no \(never\))$/);
  assert.match(await byForm({ grammar: 'root ::= "up" | "down"' }), /^(up|down)$/);
  const streamed = client.chat.completions.stream({ ...request, response_format: format });
  assert.ok(isPainted(JSON.parse((await streamed.finalContent()) ?? '')));
  const odd = {
    type: 'json_schema' as const,
    json_schema: { name: 'odd', schema: { type: 'string', contentEncoding: 'x' } },
  };
  await assert.rejects(byForm({ response_format: odd }), {
    constructor: OpenAI.BadRequestError,
    message: /contentEncoding/,
  });
});

test('errors are those the client has classes for, naming the field', { skip }, async () => {
  await assert.rejects(clientOf('wrong-key-0123456789abcdef').chat.completions.create(CHAT), {
    constructor: OpenAI.AuthenticationError,
    status: 401,
    code: 'invalid_api_key',
  });
  for (const model of ['gpt-nope', 'stories@9', 'stories:nope', 'Org/Model']) {
    await assert.rejects(client.chat.completions.create({ ...CHAT, model }), {
      constructor: OpenAI.NotFoundError,
      status: 404,
      code: 'model_not_found',
    });
  }
  const long = 'Once upon a time. '.repeat(200);
  await assert.rejects(client.completions.create({ ...START, prompt: long }), {
    constructor: OpenAI.BadRequestError,
    code: 'context_length_exceeded',
    message: /tokens leave no room for an answer in the context of 512 tokens/,
  });
  await assert.rejects(client.chat.completions.create({ ...CHAT, modalities: ['text', 'audio'] }), {
    constructor: OpenAI.BadRequestError,
    param: 'modalities',
  });
  await assert.rejects(client.chat.completions.create({ ...CHAT, logit_bias: { '99999': 3 } }), {
    constructor: OpenAI.BadRequestError,
    param: 'logit_bias',
    message: /logit_bias names token 99999/,
  });
  const messages = [{ role: 'user', content: long }] as const;
  const streamed = client.chat.completions.create({ ...CHAT, messages: [...messages], stream: true });
  await assert.rejects(streamed, { constructor: OpenAI.BadRequestError, code: 'context_length_exceeded' });
  await server.deploy('half', halfPlusModel(2));
  await assert.rejects(client.chat.completions.create({ ...CHAT, model: 'half' }), {
    constructor: OpenAI.BadRequestError,
    message: /"half" is no language model: it takes tensors/,
  });
  const made = await adminCall(server, 'POST', 'keys', { name: 'other', scopes: ['infer'], models: ['half'] });
  const { key } = JSON.parse(made.text) as { readonly key: string }; // as the route says
  await assert.rejects(clientOf(key).chat.completions.create(CHAT), {
    constructor: OpenAI.PermissionDeniedError,
    code: 'forbidden',
  });
});

test('language models stand among the models', { skip }, async () => {
  const { data } = await client.models.list();
  const found = data.find(({ id }) => id === 'stories');
  assert.deepEqual([found?.object, found?.owned_by], ['model', 'amaas']);
  assert.deepEqual(await client.models.retrieve('stories'), {
    ...found,
    model_version_status: [{ version: '1', state: 'AVAILABLE', status: { error_code: 'OK', error_message: '' } }],
  });
});

test('a model is deleted by whoever may deploy it, one version or all', { skip }, async () => {
  await server.deploy('spare', halfPlusModel(2));
  await server.deploy('spare', halfPlusModel(3));
  const made = await adminCall(server, 'POST', 'keys', { name: 'reader', scopes: ['infer'], models: ['spare'] });
  const { key } = JSON.parse(made.text) as { readonly key: string }; // as the route says
  const PermissionDenied = { constructor: OpenAI.PermissionDeniedError };
  await assert.rejects(clientOf(key).models.delete('spare'), PermissionDenied);
  assert.deepEqual(await client.models.delete('spare@1'), { id: 'spare@1', object: 'model', deleted: true });
  const { model_version_status: left } = Object(await client.models.retrieve('spare'));
  assert.deepEqual(
    left.map(({ version }: { readonly version: string }) => version),
    ['2'],
  );
  const labelled = await server.request('/v1/models/spare%3Astable', { method: 'DELETE' });
  assert.deepEqual([labelled.status, Object(await labelled.json()).error.param], [400, 'model']);
  assert.deepEqual(await client.models.delete('spare'), { id: 'spare', object: 'model', deleted: true });
  await assert.rejects(client.models.retrieve('spare'), { constructor: OpenAI.NotFoundError });
  await assert.rejects(client.models.delete('spare'), { constructor: OpenAI.NotFoundError, code: 'model_not_found' });
});

test('embeddings come in one call, as numbers, as bytes and shorter', { skip }, async () => {
  const input = ['a red ball', 'a big red ball', 'the end'];
  const create = (more: object) => client.embeddings.create({ model: 'stories', input, ...more });
  const bytes = await create({}); // the client asks for base64 by itself
  const numbers = await create({ encoding_format: 'float' });
  assert.deepEqual(
    bytes.data.map(({ embedding }) => [...embedding]),
    numbers.data.map(({ embedding }) => [...Float32Array.from(embedding)]),
  );
  assert.deepEqual([numbers.data.length, numbers.model, numbers.data[0]?.embedding.length], [3, 'stories', 64]);
  for (const { embedding } of numbers.data) assert.ok(Math.abs(dot(embedding, embedding) - 1) < 1e-5);
  const [red, bigRed, end] = numbers.data.map(({ embedding }) => embedding);
  assert.ok(dot(red, bigRed) > dot(red, end));
  const alone = await create({ input: 'the end', encoding_format: 'float' });
  assert.ok(dot(alone.data[0]?.embedding, end) > 0.9999);
  const short = await create({ dimensions: 16, encoding_format: 'float' });
  assert.ok(Math.abs(dot(short.data[0]?.embedding, short.data[0]?.embedding) - 1) < 1e-5);
  assert.equal(short.data[0]?.embedding.length, 16);
  await assert.rejects(create({ dimensions: 65 }), { constructor: OpenAI.BadRequestError, param: 'dimensions' });
  await assert.rejects(create({ input: [] }), { constructor: OpenAI.BadRequestError, param: 'input' });
});

function dot(left: readonly number[] = [], right: readonly number[] = []): number {
  return left.reduce((sum, value, index) => sum + value * (right[index] ?? 0), 0);
}

/** Without the token that ends a text it goes on for seconds. */
const TOLD = { model: 'teller', prompt: 'Once upon a time', max_tokens: 4000, temperature: 0, logit_bias: { 0: -100 } };

test('a caller who leaves frees the only sequence, and a full queue is said so', { skip }, async () => {
  await deployTeller('teller');
  for (let round = 0; round < 3; round++) {
    const stream = await client.completions.create({ ...TOLD, stream: true });
    for await (const chunk of stream) if (chunk.choices[0]?.text !== '') break;
  }
  const leaving = new AbortController();
  const left = client.completions.create(TOLD, { signal: leaving.signal });
  setTimeout(() => leaving.abort(), 10);
  await assert.rejects(left, OpenAI.APIUserAbortError);
  // One is written, two wait, the rest is refused; all of them together would take a multiple of the queue's length.
  const crowd = Array.from({ length: 5 }, () => client.completions.create({ ...TOLD, max_tokens: 60 }));
  const outcomes = await Promise.allSettled(crowd);
  const refused = outcomes.filter((outcome) => outcome.status === 'rejected').map(({ reason }) => reason);
  assert.ok(refused.length >= 2 && refused.length <= 3, `${refused.length} of 5 were refused`);
  for (const error of refused) {
    assert(error instanceof OpenAI.RateLimitError);
    assert.deepEqual([error.code, error.headers?.get('retry-after')], ['queue_full', '1']);
  }
  const metrics = await (await server.request('/metrics')).text();
  assert.match(metrics, /requests_total\{model="teller",version="1",protocol="openai",code="CANCELLED"\} [34]\n/);
});

test('an engine that dies in the middle of a stream is said there, and is back for the next', { skip }, async () => {
  const stream = await client.completions.create({ ...TOLD, stream: true });
  await assert.rejects(
    async () => {
      let isKilled = false;
      for await (const chunk of stream) {
        if (chunk.choices[0]?.text === '' || isKilled) continue;
        isKilled = true;
        killChildren();
      }
    },
    { constructor: OpenAI.APIError, code: 'engine_crashed', type: 'server_error' },
  );
  const patient = clientOf(ADMIN_KEY).withOptions({ maxRetries: 5 });
  const again = await patient.completions.create({ ...TOLD, max_tokens: 5 });
  assert.equal(again.usage?.completion_tokens, 5);
});

/** Ends the processes that this one has started: those of the models. */
function killChildren(): void {
  const listed = execFileSync('ps', ['-o', 'pid=,args=', '--ppid', String(process.pid)], { encoding: 'utf8' });
  for (const line of listed.split('\n').filter((each) => each.includes('llama'))) {
    process.kill(Number.parseInt(line, 10), 'SIGKILL');
  }
}
