// OpenAI's Responses against a real server, by OpenAI's own client.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import OpenAI from 'openai';
import { ADMIN_KEY, startTestServer, type TestServer } from './testing/running-server.ts';
import { deployStories, publishedStory, skipWithoutStories } from './testing/stories.ts';

const skip = skipWithoutStories;
let server: TestServer;
let client: OpenAI;
let published = '';

before(async () => {
  if (skip) return;
  server = await startTestServer();
  await deployStories(server, 'stories', { contextTokens: 1024 }); // a tool takes room
  client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: ADMIN_KEY, maxRetries: 0 });
  published = await publishedStory();
});
after(() => server?.stop());

const GREEDY = { model: 'stories', temperature: 0, max_output_tokens: 200 } as const;

test('responses: greedy text is the published one, streamed and not', { skip }, async () => {
  const whole = await client.responses.create({ ...GREEDY, input: '' });
  assert.equal(whole.output_text.slice(0, 428), published);
  assert.deepEqual([whole.status, whole.incomplete_details?.reason], ['incomplete', 'max_output_tokens']);
  assert.deepEqual([whole.usage?.input_tokens, whole.usage?.output_tokens], [1, 200]);
  let text = '';
  const types = new Set<string>();
  let sequence = 0;
  const stream = await client.responses.create({ ...GREEDY, input: '', stream: true });
  for await (const event of stream) {
    assert.equal(event.sequence_number, sequence++);
    types.add(event.type);
    if (event.type === 'response.output_text.delta') text += event.delta;
    if (event.type === 'response.incomplete') assert.equal(event.response.output_text ?? text, text);
  }
  assert.equal(text.slice(0, 428), published);
  assert.deepEqual(
    [...types],
    [
      'response.created',
      'response.in_progress',
      'response.output_item.added',
      'response.content_part.added',
      'response.output_text.delta',
      'response.output_text.done',
      'response.content_part.done',
      'response.output_item.done',
      'response.incomplete',
    ],
  );
});

test('responses: the client puts a stream together as one response', { skip }, async () => {
  const final = await client.responses.stream({ ...GREEDY, input: 'Once', max_output_tokens: 20 }).finalResponse();
  const whole = await client.responses.create({ ...GREEDY, input: 'Once', max_output_tokens: 20 });
  assert.equal(final.output_text, whole.output_text);
  assert.deepEqual(final.usage?.output_tokens, 20);
});

test('responses: a stored one is there for the next, for its own key alone, until it is deleted', {
  skip,
}, async () => {
  const first = await client.responses.create({ ...GREEDY, input: 'Once upon a time', max_output_tokens: 8 });
  const next = await client.responses.create({
    ...GREEDY,
    input: ' Then',
    previous_response_id: first.id,
    max_output_tokens: 8,
  });
  const together = await client.responses.create({
    ...GREEDY,
    input: `Once upon a time${first.output_text} Then`,
    max_output_tokens: 8,
  });
  assert.equal(next.output_text, together.output_text);
  assert.equal(next.usage?.input_tokens, together.usage?.input_tokens);
  assert.deepEqual((await client.responses.retrieve(first.id)).output, first.output);
  const items = await client.responses.inputItems.list(next.id);
  assert.deepEqual(
    items.data.map((item) => ('content' in item ? item.content : null)),
    [[{ type: 'input_text', text: ' Then' }]],
  );
  const created = await server.request('/admin/v1/keys', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ name: 'other', scopes: ['infer'], models: ['*'] }),
  });
  const { key } = (await created.json()) as { readonly key: string };
  const other = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: key, maxRetries: 0 });
  await assert.rejects(other.responses.retrieve(first.id), OpenAI.NotFoundError);
  await assert.rejects(
    other.responses.create({ ...GREEDY, input: '', previous_response_id: first.id }),
    OpenAI.NotFoundError,
  );
  await client.responses.delete(first.id);
  await assert.rejects(client.responses.retrieve(first.id), OpenAI.NotFoundError);
  const kept = await client.responses.create({ ...GREEDY, input: '', store: false, max_output_tokens: 1 });
  await assert.rejects(client.responses.retrieve(kept.id), OpenAI.NotFoundError);
});

const TOOL = {
  type: 'function',
  name: 'paint',
  description: 'Paints the sky.',
  strict: true,
  parameters: {
    type: 'object',
    properties: { colour: { enum: ['red', 'blue'] }, twice: { type: 'boolean' } },
    required: ['colour', 'twice'],
    additionalProperties: false,
  },
} as const;

test('responses: a forced call has arguments by its schema, and its answer goes back', { skip }, async () => {
  const request = { ...GREEDY, input: 'Paint the sky.', tool_choice: 'required' as const, parallel_tool_calls: false };
  const first = await client.responses.create({ ...request, tools: [TOOL] });
  const call = first.output.find((item) => item.type === 'function_call');
  assert(call?.type === 'function_call', JSON.stringify(first.output));
  const { colour, twice, ...rest } = JSON.parse(call.arguments);
  assert(['red', 'blue'].includes(colour) && typeof twice === 'boolean' && Object.keys(rest).length === 0);
  assert.equal(first.status, 'completed');
  let streamed = '';
  const stream = await client.responses.create({ ...request, tools: [TOOL], stream: true });
  for await (const event of stream)
    if (event.type === 'response.function_call_arguments.delta') streamed += event.delta;
  assert.equal(streamed, call.arguments);
  const second = await client.responses.create({
    ...GREEDY,
    previous_response_id: first.id,
    input: [{ type: 'function_call_output', call_id: call.call_id, output: 'The sky is painted.' }],
    max_output_tokens: 5,
  });
  assert.equal(second.usage?.output_tokens, 5);
});

test('responses: an answer by a schema follows it', { skip }, async () => {
  const schema = {
    type: 'object',
    properties: { ok: { type: 'boolean' } },
    required: ['ok'],
    additionalProperties: false,
  };
  const format = { type: 'json_schema', name: 'verdict', schema, strict: true } as const;
  const answer = await client.responses.create({ ...GREEDY, input: 'Is it?', text: { format } });
  assert.equal(typeof JSON.parse(answer.output_text).ok, 'boolean');
  const odd = { ...format, schema: { type: 'object', unevaluatedProperties: false } };
  await assert.rejects(
    client.responses.create({ ...GREEDY, input: '', text: { format: odd } }),
    /unevaluatedProperties/,
  );
});

test('responses: what is not supported is refused by name', { skip }, async () => {
  const refused = (more: object, param: string): Promise<void> =>
    assert.rejects(client.responses.create({ ...GREEDY, input: '', ...more }), (error) => {
      assert(error instanceof OpenAI.BadRequestError, String(error));
      assert.equal(error.param, param);
      return true;
    });
  await refused({ background: true }, 'background');
  await refused({ tools: [{ type: 'web_search' }] }, 'tools[0].type');
  await refused(
    { input: [{ role: 'user', content: [{ type: 'input_image', image_url: 'x' }] }] },
    'input[0].content[0]',
  );
  await refused({ conversation: 'conv_1' }, 'conversation');
  await refused({ temperature: 3 }, 'temperature');
  await refused({ include: ['file_search_call.results'] }, 'include');
  await assert.rejects(client.responses.create({ model: 'nobody', input: '' }), OpenAI.NotFoundError);
});

test('responses: a caller who leaves ends the work', { skip }, async () => {
  const stream = await client.responses.create({ ...GREEDY, input: '', max_output_tokens: 400, stream: true });
  for await (const event of stream) if (event.type === 'response.output_text.delta') break;
  stream.controller.abort();
  const after = await client.responses.create({ ...GREEDY, input: '', max_output_tokens: 2 });
  assert.equal(after.usage?.output_tokens, 2);
});
