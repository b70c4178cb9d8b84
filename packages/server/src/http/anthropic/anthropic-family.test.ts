// The family with Anthropic's own client, and a model that writes what the test tells it to.
import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, beforeEach, test } from 'node:test';
import { AmaasError, type AnswerEvent, type CallOptions, type LanguageCall, toAmaasError } from '@amaas/core';
import Anthropic from '@anthropic-ai/sdk';
import type { DataPlane, ServedLanguageModel } from '../../dataplane/index.ts';
import { ModelRecorder } from '../../monitoring/index.ts';
import { Exchange } from '../exchange.ts';
import { createAnthropicFamily } from './index.ts';

const recorder = new ModelRecorder({ model: 'chat', version: 2 }, { wallTimeMs: () => 0, onDispose: () => {} });
const clock = { nowMs: () => 0, wallTime: () => new Date(0), schedule: () => () => {} };
const USAGE = {
  ...{ promptTokens: 12, cachedTokens: 5, completionTokens: 8, reasoningTokens: 3 },
  ...{ queueMs: 0, promptMs: 0, generationMs: 0, loadMs: 0 },
};
const STARTED: AnswerEvent = { type: 'started', promptTokens: 12, cachedTokens: 5, loadMs: 0 };

let server: Server;
let client: Anthropic;
let url = '';
/** What the model answers; an error is thrown where it stands. */
let script: readonly (AnswerEvent | Error)[] = [];
let calls: { readonly call: LanguageCall; readonly options: CallOptions }[] = [];
let onYield: (event: AnswerEvent) => Promise<void> = async () => {};

async function* answer(call: LanguageCall, options: CallOptions): AsyncGenerator<AnswerEvent> {
  calls.push({ call, options });
  for (const step of script) {
    if (step instanceof Error) throw step;
    yield step;
    await onYield(step);
  }
}

before(async () => {
  const served = { generate: answer, recorder, countPromptTokens: async () => 17 };
  const dataPlane = {
    // The family asks nothing else of a served version.
    resolveLanguage: () => served as unknown as ServedLanguageModel<ModelRecorder>,
  } as unknown as DataPlane<ModelRecorder>; // nor of the data plane
  const family = createAnthropicFamily({ dataPlane, maxRequestBytes: 10_000 });
  server = createServer((request, response) => {
    const exchange = new Exchange(request, response, { requestId: 'req-7', clock });
    Promise.resolve()
      .then(() => family.match(exchange.method, exchange.path).run(exchange))
      .catch((thrown: unknown) => family.sendError(exchange, toAmaasError(thrown)));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo; // it listens on TCP
  url = `http://127.0.0.1:${port}`;
  client = new Anthropic({ baseURL: url, apiKey: 'any', maxRetries: 0 });
});
after(() => {
  server.closeAllConnections();
  server.close();
});
beforeEach(() => {
  calls = [];
  onYield = async () => {};
});

const FORECAST = {
  name: 'forecast',
  input_schema: { type: 'object' as const, properties: { city: { enum: ['Bonn', 'Rome'] } }, required: ['city'] },
};
const REQUEST: Anthropic.MessageCreateParamsNonStreaming = {
  model: 'chat',
  max_tokens: 50,
  messages: [{ role: 'user', content: 'Weather?' }],
  tools: [FORECAST],
  tool_choice: { type: 'any' },
};

const CALLING: readonly AnswerEvent[] = [
  STARTED,
  { type: 'reasoning', text: 'Rome, ', tokens: [] },
  { type: 'reasoning', text: 'then Bonn.', tokens: [] },
  { type: 'text', text: 'I ask.', tokens: [] },
  { type: 'tool-call', index: 0, id: 'call_a', name: 'forecast' },
  { type: 'tool-arguments', index: 0, text: '{"city":' },
  { type: 'tool-arguments', index: 0, text: '"Rome"}' },
  { type: 'tool-call', index: 1, id: 'call_b', name: 'forecast' },
  { type: 'tool-arguments', index: 1, text: '{"city":"Bonn"}' },
  { type: 'ended', reason: 'tool-calls', stopText: null, usage: USAGE, seed: 1 },
];

test('messages: thoughts, text and calls are the same streamed and not, and come back as they went', async () => {
  script = CALLING;
  const whole = await client.messages.create(REQUEST);
  const caller = { type: 'direct' };
  assert.deepEqual(whole.content, [
    { type: 'thinking', thinking: 'Rome, then Bonn.', signature: '' },
    { type: 'text', text: 'I ask.', citations: null },
    { type: 'tool_use', id: 'call_a', name: 'forecast', input: { city: 'Rome' }, caller },
    { type: 'tool_use', id: 'call_b', name: 'forecast', input: { city: 'Bonn' }, caller },
  ]);
  assert.deepEqual(
    [whole.stop_reason, whole.usage.input_tokens, whole.usage.cache_read_input_tokens],
    ['tool_use', 7, 5],
  );
  const streamed = await client.messages.stream(REQUEST).finalMessage();
  assert.deepEqual({ ...streamed, id: whole.id }, { ...whole, parsed_output: null });
  const results = [
    { type: 'tool_result', tool_use_id: 'call_a', content: 'sun' },
    { type: 'tool_result', tool_use_id: 'call_b', content: 'rain' },
  ] as const;
  await client.messages.create({
    ...REQUEST,
    messages: [
      ...REQUEST.messages,
      { role: 'assistant', content: streamed.content },
      { role: 'user', content: [...results] },
    ],
  });
  const { input } = calls.at(-1)?.call ?? assert.fail('no call');
  assert(input.kind === 'chat');
  assert.deepEqual([input.toolChoice, input.tools?.[0]?.parameters], ['required', FORECAST.input_schema]);
  assert.deepEqual(input.messages.slice(1), [
    {
      role: 'assistant',
      content: 'I ask.',
      reasoning: 'Rome, then Bonn.',
      toolCalls: [
        { id: 'call_a', name: 'forecast', arguments: '{"city":"Rome"}' },
        { id: 'call_b', name: 'forecast', arguments: '{"city":"Bonn"}' },
      ],
    },
    { role: 'tool', content: 'sun', toolCallId: 'call_a', name: 'forecast' },
    { role: 'tool', content: 'rain', toolCallId: 'call_b', name: 'forecast' },
  ]);
});

test('messages: what fails within a stream is an error event', async () => {
  script = [...CALLING.slice(0, 4), new AmaasError('ENGINE_CRASHED', 'the process of chat@2 ended')];
  let text = '';
  const stream = client.messages.stream(REQUEST);
  stream.on('text', (piece) => {
    text += piece;
  });
  await assert.rejects(stream.finalMessage(), (thrown: unknown) => {
    assert.ok(thrown instanceof Anthropic.APIError, String(thrown));
    assert.deepEqual([thrown.status, thrown.type], [undefined, 'overloaded_error']);
    assert.deepEqual(thrown.error, {
      type: 'error',
      error: { type: 'overloaded_error', message: 'the process of chat@2 ended' },
      request_id: 'req-7',
    });
    return true;
  });
  assert.equal(text, 'I ask.');
});

test('messages: the client repeats what may succeed later, and nothing else', async () => {
  const patient = new Anthropic({ baseURL: url, apiKey: 'any', maxRetries: 1 });
  const tries = async (error: Error, stream: boolean) => {
    script = [error];
    calls = [];
    await assert.rejects(patient.messages.create({ ...REQUEST, stream }), Anthropic.APIError);
    return calls.length;
  };
  for (const stream of [true, false]) {
    assert.equal(await tries(new AmaasError('QUEUE_FULL', 'all are busy'), stream), 2);
    assert.equal(await tries(new AmaasError('MEMORY_LIMIT', 'too large'), stream), 1);
    assert.equal(await tries(new RangeError('a bug'), stream), 1);
  }
});

test('messages: a body too large, of another kind, or none at all has the words of the protocol', async () => {
  const post = async (body: string, path = '/v1/messages') => {
    const reply = await fetch(url + path, { method: 'POST', body, headers: { 'content-type': 'application/json' } });
    const { type, error } = (await reply.json()) as {
      readonly type: string;
      readonly error: { readonly type: string };
    };
    return [reply.status, type, error.type, reply.headers.get('request-id')];
  };
  assert.deepEqual(await post('{'), [400, 'error', 'invalid_request_error', 'req-7']);
  assert.deepEqual(await post(`"${'x'.repeat(20_000)}"`), [413, 'error', 'request_too_large', 'req-7']);
  assert.deepEqual(await post('{}', '/v1/messages/batches'), [404, 'error', 'not_found_error', 'req-7']);
  const reply = await fetch(`${url}/v1/messages`, { headers: { 'anthropic-version': '1999-01-01' } });
  assert.equal(reply.status, 405);
});

test('messages: whatever version is asked for, or none, the answer is the same', async () => {
  script = CALLING;
  for (const headers of [{}, { 'anthropic-version': '2099-01-01', 'anthropic-beta': 'any-1,any-2' }]) {
    const reply = await fetch(`${url}/v1/messages?beta=true`, {
      method: 'POST',
      body: Buffer.from(JSON.stringify(REQUEST)),
      headers,
    });
    assert.deepEqual([reply.status, reply.headers.get('request-id')], [200, 'req-7']);
    await reply.arrayBuffer();
  }
});

test('messages: a client that leaves is told to the model', async () => {
  script = Array.from({ length: 10_000 }, (_, index) =>
    index === 0 ? STARTED : ({ type: 'text', text: 'and so on ', tokens: [] } as const),
  );
  const left = Promise.withResolvers<void>();
  let seen = 0;
  onYield = async () => {
    seen++;
    await new Promise((resolve) => setImmediate(resolve));
    if (calls[0]?.options.signal?.aborted) left.resolve();
  };
  const stream = client.messages.stream(REQUEST);
  stream.once('text', () => stream.abort());
  await assert.rejects(stream.finalMessage(), Anthropic.APIUserAbortError);
  await left.promise;
  assert.ok(seen < 10_000, `all ${seen} were written`);
});

test('count_tokens: what the model counts', async () => {
  const { max_tokens: _, ...conversation } = REQUEST;
  assert.deepEqual(await client.messages.countTokens(conversation), { input_tokens: 17 });
});
