// LangChain's client for OpenAI's protocol, against a real server.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { AIMessage, HumanMessage, ToolMessage, type UsageMetadata } from '@langchain/core/messages';
import { ChatOpenAI, OpenAI, OpenAIEmbeddings } from '@langchain/openai';
import { ADMIN_KEY, startTestServer, type TestServer } from './testing/running-server.ts';
import { deployStories, publishedStory, skipWithoutStories } from './testing/stories.ts';

const skip = skipWithoutStories;
const NOTHING_SAID = [new HumanMessage('')];

let server: TestServer;
let story = '';

before(async () => {
  if (skip) return;
  server = await startTestServer();
  story = await publishedStory();
  await deployStories(server, 'stories', { contextTokens: 2048 });
});
after(() => server?.stop());

function options(model: string) {
  const configuration = { baseURL: `${server.url}/v1` };
  return { model, apiKey: ADMIN_KEY, configuration, maxRetries: 0 };
}

function chat(more: object = {}): ChatOpenAI {
  return new ChatOpenAI({ ...options('stories'), temperature: 0, maxTokens: 200, ...more });
}

test('invoke, stream and batch tell the published story', { skip }, async () => {
  const reply = await chat().invoke(NOTHING_SAID);
  assert.equal(reply.text.slice(0, 428), story);
  const usage = reply.usage_metadata as UsageMetadata | undefined; // its type gets lost among its generics
  assert.deepEqual([usage?.input_tokens, usage?.output_tokens], [1, 200]);
  assert.equal(reply.response_metadata['finish_reason'], 'length');
  let told = '';
  for await (const chunk of await chat().stream(NOTHING_SAID)) told += chunk.text;
  assert.equal(told, reply.text);
  const batch = await chat().batch([NOTHING_SAID, NOTHING_SAID, NOTHING_SAID, NOTHING_SAID]);
  for (const each of batch) assert.equal(each.text.slice(0, 428), story);
  const plain = new OpenAI({ ...options('stories'), temperature: 0, maxTokens: 20 });
  assert.match(await plain.invoke('Lily saw a'), /\w/);
});

const PAINT = {
  type: 'function' as const,
  function: {
    name: 'paint',
    description: 'Paints the ball',
    parameters: {
      type: 'object',
      properties: { colour: { type: 'string', enum: ['red', 'blue'] } },
      required: ['colour'],
      additionalProperties: false,
    },
  },
};

test('bindTools calls a tool, and its result goes back', { skip }, async () => {
  const asked = new HumanMessage('Paint the ball.');
  const model = chat({ maxTokens: 80 }).bindTools([PAINT], { tool_choice: 'required', parallel_tool_calls: false });
  const reply = await model.invoke([asked]);
  const [call] = reply.tool_calls ?? [];
  assert.equal(call?.name, 'paint');
  assert.match(String(call?.args['colour']), /^(red|blue)$/);
  const result = new ToolMessage({ content: 'done', tool_call_id: call?.id ?? '' });
  const said = await chat({ maxTokens: 10 }).invoke([asked, reply, result]);
  assert.ok(said instanceof AIMessage);
  let streamed = '';
  for await (const chunk of await model.stream([asked])) {
    for (const part of chunk.tool_call_chunks ?? []) streamed += part.args ?? '';
  }
  assert.deepEqual(JSON.parse(streamed), call?.args);
});

test('withStructuredOutput gives what its schema asks for, by schema and by tool', { skip }, async () => {
  const schema = {
    title: 'Animal',
    type: 'object',
    properties: { animal: { type: 'string', enum: ['cat', 'dog'] }, big: { type: 'boolean' } },
    required: ['animal', 'big'],
    additionalProperties: false,
  };
  for (const method of ['jsonSchema', 'functionCalling'] as const) {
    const model = chat({ maxTokens: 80 }).withStructuredOutput<{ animal: string; big: boolean }>(schema, { method });
    const { animal, big } = await model.invoke('An animal.');
    assert.ok(['cat', 'dog'].includes(animal), method);
    assert.equal(typeof big, 'boolean');
  }
});

test('OpenAIEmbeddings gives vectors of documents and queries', { skip }, async () => {
  const embeddings = new OpenAIEmbeddings(options('stories'));
  const documents = await embeddings.embedDocuments(['a red ball', 'the end']);
  const query = await embeddings.embedQuery('the end');
  assert.deepEqual([documents.length, query.length], [2, 64]);
  for (const [index, value] of query.entries()) {
    assert.ok(Math.abs(value - (documents[1]?.[index] ?? Number.NaN)) < 1e-4);
  }
});

test('errors say what was wrong, and a caller may stop', { skip }, async () => {
  await assert.rejects(new ChatOpenAI(options('nope')).invoke(NOTHING_SAID), { status: 404, code: 'model_not_found' });
  const long = 'Once upon a time. '.repeat(2000);
  await assert.rejects(chat().invoke(long), { name: /ContextOverflow|Error/, message: /leave no room for an answer/ });
  const leaving = new AbortController();
  let chunks = 0;
  await assert.rejects(async () => {
    for await (const _ of await chat().stream(NOTHING_SAID, { signal: leaving.signal })) {
      chunks++;
      leaving.abort();
    }
  });
  assert.ok(chunks > 0 && chunks < 50);
});
