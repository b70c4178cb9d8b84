// The family with Ollama's own client, and a model that writes what the test tells it to.
import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, beforeEach, test } from 'node:test';
import { AmaasError, type AnswerEvent, type CallOptions, type LanguageCall, toAmaasError } from '@amaas/core';
import { type Message, Ollama } from 'ollama';
import type { DataPlane, ServedLanguageModel } from '../../dataplane/index.ts';
import { ModelRecorder } from '../../monitoring/index.ts';
import { Exchange } from '../exchange.ts';
import { createOllamaFamily, type OllamaParts } from './index.ts';

const recorder = new ModelRecorder({ model: 'chat', version: 2 }, { wallTimeMs: () => 0, onDispose: () => {} });
const clock = { nowMs: () => 0, wallTime: () => new Date(0), schedule: () => () => {} };
const USAGE = {
  ...{ promptTokens: 12, cachedTokens: 5, completionTokens: 8, reasoningTokens: 3 },
  ...{ queueMs: 0, promptMs: 1, generationMs: 2, loadMs: 0 },
};
const STARTED: AnswerEvent = { type: 'started', promptTokens: 12, cachedTokens: 5, loadMs: 0 };

let server: Server;
let client: Ollama;
/** What the model answers; an error is thrown where it stands. */
let script: readonly (AnswerEvent | Error)[] = [];
let calls: LanguageCall[] = [];
/** Resolves when the caller of the last answer has gone. */
let left: Promise<void> = Promise.resolve();

async function* answer(call: LanguageCall, { signal }: CallOptions): AsyncGenerator<AnswerEvent> {
  calls.push(call);
  left = new Promise((resolve) => signal?.addEventListener('abort', resolve));
  for (const step of script) {
    if (step instanceof Error) throw step;
    yield step;
  }
}

before(async () => {
  const served = { generate: answer, recorder, abilities: { chat: true, tools: true, thinking: true } };
  const parts = {
    dataPlane: {
      // The family asks nothing else of a served version.
      resolveLanguage: () => served as unknown as ServedLanguageModel<ModelRecorder>,
    } as unknown as DataPlane<ModelRecorder>, // nor of the data plane
    clock,
    maxRequestBytes: 10_000,
  } as unknown as OllamaParts; // answers need no more
  const family = createOllamaFamily(parts);
  server = createServer((request, response) => {
    const exchange = new Exchange(request, response, { requestId: 'req-7', clock });
    Promise.resolve()
      .then(() => family.match(exchange.method, exchange.path).run(exchange))
      .catch((thrown: unknown) => family.sendError(exchange, toAmaasError(thrown)));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo; // it listens on TCP
  client = new Ollama({ host: `http://127.0.0.1:${port}` });
});
after(() => {
  server.closeAllConnections();
  server.close();
});
beforeEach(() => {
  calls = [];
});

const FORECAST = {
  type: 'function',
  function: {
    name: 'forecast',
    description: 'of a city',
    parameters: {
      type: 'object',
      properties: { city: { type: 'string', enum: ['Bonn', 'Rome'] } },
      required: ['city'],
    },
  },
};
const REQUEST = { model: 'chat', messages: [{ role: 'user', content: 'Weather?' }], tools: [FORECAST], think: true };
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

test('chat: thoughts, text and calls are the same streamed and not, and come back as they went', async () => {
  script = CALLING;
  const whole = await client.chat({ ...REQUEST, stream: false });
  const toolCalls = [
    { id: 'call_a', function: { index: 0, name: 'forecast', arguments: { city: 'Rome' } } },
    { id: 'call_b', function: { index: 1, name: 'forecast', arguments: { city: 'Bonn' } } },
  ];
  assert.deepEqual(whole.message, {
    role: 'assistant',
    content: 'I ask.',
    thinking: 'Rome, then Bonn.',
    tool_calls: toolCalls,
  });
  assert.deepEqual([whole.done_reason, whole.prompt_eval_count, whole.eval_count], ['stop', 12, 8]);
  const gathered = { content: '', thinking: '', tool_calls: [] as unknown[] };
  for await (const { message } of await client.chat({ ...REQUEST, stream: true })) {
    gathered.content += message.content;
    gathered.thinking += message.thinking ?? '';
    gathered.tool_calls.push(...(message.tool_calls ?? []));
  }
  assert.deepEqual({ role: 'assistant', ...gathered }, whole.message);
  const { parameters } = FORECAST.function;
  assert.deepEqual(calls[0]?.input, {
    kind: 'chat',
    messages: [{ role: 'user', content: 'Weather?' }],
    tools: [{ name: 'forecast', description: 'of a city', parameters }],
    thinking: true,
  });
  const results: Message[] = ['sun', 'rain'].map((content) => ({ role: 'tool', content, tool_name: 'forecast' }));
  await client.chat({ ...REQUEST, messages: [...REQUEST.messages, whole.message, ...results] });
  const { input } = calls.at(-1) ?? {};
  assert(input?.kind === 'chat');
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

test('what goes wrong before the first piece has a status, later a line of its own', async () => {
  const crash = new AmaasError('ENGINE_CRASHED', 'the process ended');
  script = [crash];
  for (const stream of [true, false] as const) {
    // The client's types tell the two apart.
    const asked = stream ? client.chat({ ...REQUEST, stream }) : client.chat({ ...REQUEST, stream });
    await assert.rejects(asked, { name: 'ResponseError', status_code: 503, message: 'the process ended' });
  }
  script = [...CALLING.slice(0, 4), crash];
  let text = '';
  await assert.rejects(
    async () => {
      for await (const { message } of await client.chat({ ...REQUEST, stream: true })) text += message.content;
    },
    { message: 'the process ended' },
  );
  assert.equal(text, 'I ask.');
});

test('a caller who aborts is gone for the model, too', async () => {
  script = Array.from({ length: 100_000 }, (): AnswerEvent => ({ type: 'text', text: 'and on ', tokens: [] }));
  const stream = await client.chat({ ...REQUEST, stream: true });
  const abandoned = async (): Promise<void> => {
    for await (const { message } of stream) if (message.content !== '') client.abort();
  };
  await assert.rejects(abandoned(), { name: 'AbortError' });
  await left;
});
