// Vercel's AI SDK with its provider for servers of OpenAI's protocol, against a real server.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { APICallError, embed, embedMany, generateObject, generateText, jsonSchema, streamText, tool } from 'ai';
import { ADMIN_KEY, startTestServer, type TestServer } from './testing/running-server.ts';
import { deployStories, publishedStory, skipWithoutStories } from './testing/stories.ts';

const skip = skipWithoutStories;
const GREEDY = { temperature: 0, maxOutputTokens: 200, maxRetries: 0 };

let server: TestServer;
let provider: ReturnType<typeof createOpenAICompatible>;
let story = '';

before(async () => {
  if (skip) return;
  server = await startTestServer();
  provider = createOpenAICompatible({
    name: 'amaas',
    baseURL: `${server.url}/v1`,
    apiKey: ADMIN_KEY,
    includeUsage: true,
    supportsStructuredOutputs: true,
  });
  story = await publishedStory();
  await deployStories(server, 'stories', { contextTokens: 2048 });
});
after(() => server?.stop());

test('generateText and streamText tell the published story', { skip }, async () => {
  const model = provider('stories');
  const messages = [{ role: 'user' as const, content: '' }];
  const { text, finishReason, usage } = await generateText({ model, messages, ...GREEDY });
  assert.equal(text.slice(0, 428), story);
  assert.deepEqual([finishReason, usage.inputTokens, usage.outputTokens], ['length', 1, 200]);
  const streamed = streamText({ model, messages, ...GREEDY });
  let told = '';
  for await (const part of streamed.textStream) told += part;
  assert.equal(told, text);
  assert.deepEqual([await streamed.finishReason, (await streamed.usage).outputTokens], ['length', 200]);
});

test('a completion model goes on with a text', { skip }, async () => {
  const { text } = await generateText({
    model: provider.completionModel('stories'),
    prompt: 'Lily saw a',
    ...GREEDY,
    maxOutputTokens: 5,
  });
  assert.match(text, /\w/);
});

test('a tool is called and what it gives goes back', { skip }, async () => {
  const seen: unknown[] = [];
  const paint = tool({
    description: 'Paints the ball',
    inputSchema: jsonSchema<{ colour: string }>({
      type: 'object',
      properties: { colour: { type: 'string', enum: ['red', 'blue'] } },
      required: ['colour'],
      additionalProperties: false,
    }),
    execute: async (input) => {
      seen.push(input);
      return `painted ${input.colour}`;
    },
  });
  const providerOptions = { amaas: { parallel_tool_calls: false } }; // small models know no end
  const asked = {
    model: provider('stories'),
    prompt: 'Paint the ball.',
    ...GREEDY,
    maxOutputTokens: 80,
    providerOptions,
  };
  const { toolCalls, toolResults, finishReason } = await generateText({
    ...asked,
    tools: { paint },
    toolChoice: { type: 'tool', toolName: 'paint' },
  });
  assert.equal(finishReason, 'tool-calls');
  assert.equal(toolCalls[0]?.toolName, 'paint');
  assert.deepEqual(seen, [toolCalls[0]?.input]);
  assert.match(JSON.stringify(toolResults[0]?.output), /painted (red|blue)/);
  const streamed = streamText({ ...asked, tools: { paint }, toolChoice: 'required' });
  await streamed.consumeStream();
  assert.deepEqual([(await streamed.toolCalls)[0]?.toolName, await streamed.finishReason], ['paint', 'tool-calls']);
});

test('generateObject gives what its schema asks for', { skip }, async () => {
  const schema = jsonSchema<{ animal: string; big: boolean }>({
    type: 'object',
    properties: { animal: { type: 'string', enum: ['cat', 'dog'] }, big: { type: 'boolean' } },
    required: ['animal', 'big'],
    additionalProperties: false,
  });
  const { object } = await generateObject({ model: provider('stories'), schema, prompt: 'An animal.', ...GREEDY });
  assert.ok(['cat', 'dog'].includes(object.animal));
  assert.equal(typeof object.big, 'boolean');
});

test('embed and embedMany give vectors', { skip }, async () => {
  const model = provider.embeddingModel('stories');
  const many = await embedMany({ model, values: ['a red ball', 'the end'] });
  const { embedding } = await embed({ model, value: 'the end' });
  assert.deepEqual([many.embeddings.length, embedding.length], [2, 64]);
  for (const [index, value] of embedding.entries()) {
    assert.ok(Math.abs(value - (many.embeddings[1]?.[index] ?? Number.NaN)) < 1e-4);
  }
});

test('a caller who stops, and one who asks for what is not there', { skip }, async () => {
  const stop = new AbortController();
  const streamed = streamText({
    model: provider('stories'),
    messages: [{ role: 'user', content: '' }],
    temperature: 0,
    abortSignal: stop.signal,
    onError: () => {},
  });
  let isAborted = false;
  for await (const part of streamed.fullStream) {
    if (part.type === 'text-delta') stop.abort();
    if (part.type === 'abort') isAborted = true;
  }
  assert.equal(isAborted, true);
  const prompt = 'Hi';
  await assert.rejects(generateText({ model: provider('nope'), prompt, maxRetries: 0 }), (thrown) => {
    assert(APICallError.isInstance(thrown));
    assert.deepEqual([thrown.statusCode, thrown.isRetryable], [404, false]);
    assert.match(thrown.message, /nope/);
    return true;
  });
  const long = 'Once upon a time. '.repeat(800);
  await assert.rejects(generateText({ model: provider('stories'), prompt: long, maxRetries: 0 }), {
    message: /tokens leave no room for an answer in the context of 2048 tokens/,
  });
});
