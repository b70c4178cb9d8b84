import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import { type ChatEvent, createClient } from './index.ts';
import { type Answer, startTestServer } from './testing/http-server.ts';

const SSE = { 'content-type': 'text/event-stream' };

function streamOf(...chunks: readonly unknown[]): Answer {
  const body = chunks.map((chunk) => `data: ${typeof chunk === 'string' ? chunk : JSON.stringify(chunk)}\n\n`).join('');
  return { status: 200, headers: SSE, body };
}

const delta = (value: object, finish: string | null = null) => ({
  choices: [{ index: 0, delta: value, finish_reason: finish }],
});
const BEGIN = delta({ role: 'assistant', content: '' });

async function answeredBy(t: TestContext, answer: Answer) {
  const server = await startTestServer(t, () => answer);
  const client = createClient({ url: server.url, apiKey: 'k', retry: { maxAttempts: 1 } });
  return { server, client };
}

async function all(events: AsyncIterable<ChatEvent>): Promise<readonly ChatEvent[]> {
  const gathered: ChatEvent[] = [];
  for await (const event of events) gathered.push(event);
  return gathered;
}

test('chat streams thoughts, text and the end, and sends what was asked', async (t) => {
  const { server, client } = await answeredBy(
    t,
    streamOf(
      BEGIN,
      delta({ reasoning_content: 'hm' }),
      delta({ content: 'Hé' }),
      delta({ content: 'llo' }),
      delta({}, 'length'),
      { choices: [], usage: { prompt_tokens: 7, completion_tokens: 3, total_tokens: 10 } },
      '[DONE]',
    ),
  );
  const messages = [
    { role: 'system', content: 'Be brief.' },
    { role: 'user', content: 'Hi' },
  ] as const;
  const options = { temperature: 0.25, maxTokens: 3, seed: 9, stop: ['X'] };
  assert.deepEqual(await all(client.chat('chat:canary', messages, options)), [
    { type: 'thinking', text: 'hm' },
    { type: 'text', text: 'Hé' },
    { type: 'text', text: 'llo' },
    { type: 'end', reason: 'length', promptTokens: 7, completionTokens: 3 },
  ]);
  const [asked] = server.asked;
  assert.deepEqual(
    [asked?.method, asked?.path, asked?.headers.authorization],
    ['POST', '/v1/chat/completions', 'Bearer k'],
  );
  assert.deepEqual(JSON.parse(String(asked?.body)), {
    model: 'chat:canary',
    messages,
    stream: true,
    stream_options: { include_usage: true },
    temperature: 0.25,
    max_tokens: 3,
    seed: 9,
    stop: ['X'],
  });
  await all(client.chat('chat', 'Hi'));
  assert.deepEqual(JSON.parse(String(server.asked[1]?.body)).messages, [{ role: 'user', content: 'Hi' }]);
});

test('chat throws what the server refuses, before and in the midst of an answer', async (t) => {
  const error = {
    message: 'there is no such model',
    type: 'invalid_request_error',
    param: null,
    code: 'model_not_found',
  };
  const refused: Answer = { status: 404, headers: { 'x-amaas-reason': 'MODEL_NOT_FOUND' }, body: { error } };
  const before = await answeredBy(t, refused);
  await assert.rejects(all(before.client.chat('m', 'Hi')), { reason: 'MODEL_NOT_FOUND', message: error.message });
  const crash = { error: { ...error, message: 'the process ended', code: 'engine_crashed' } };
  const midst = await answeredBy(t, streamOf(BEGIN, delta({ content: 'He' }), crash));
  const events: ChatEvent[] = [];
  await assert.rejects(
    async () => {
      for await (const event of midst.client.chat('m', 'Hi')) events.push(event);
    },
    { reason: 'ENGINE_CRASHED', message: 'the process ended', retryable: true },
  );
  assert.deepEqual(events, [{ type: 'text', text: 'He' }]);
});

test('chat tells a stream that breaks off from one that ends', async (t) => {
  for (const answer of [streamOf(BEGIN, delta({ content: 'He' })), streamOf(BEGIN, '[DONE]'), streamOf('{oops')]) {
    const { client } = await answeredBy(t, answer);
    await assert.rejects(all(client.chat('m', 'Hi')), { reason: 'TRANSPORT_FAILED' });
  }
});

test('chat ends with CANCELLED when its signal fires, before the answer and within it', async (t) => {
  const { client } = await answeredBy(t, 'hang');
  await assert.rejects(all(client.chat('m', 'Hi', { signal: AbortSignal.timeout(20) })), { reason: 'CANCELLED' });
  const stopping = new AbortController();
  const endless = new ReadableStream<Uint8Array>({
    start(controller) {
      controller.enqueue(new TextEncoder().encode(`data: ${JSON.stringify(delta({ content: 'He' }))}\n\n`));
      stopping.signal.addEventListener('abort', () => controller.error(new Error('aborted')));
    },
  });
  const streaming = createClient({ url: 'http://127.0.0.1:9', fetch: async () => new Response(endless) });
  const events: ChatEvent[] = [];
  await assert.rejects(
    async () => {
      for await (const event of streaming.chat('m', 'Hi', { signal: stopping.signal })) {
        events.push(event);
        stopping.abort();
      }
    },
    { reason: 'CANCELLED' },
  );
  assert.deepEqual(events, [{ type: 'text', text: 'He' }]);
});

test('chatModels lists those that write, once each, with their labels', async (t) => {
  const writes = { capabilities: ['completion'] };
  const models = [
    { name: 'chat:latest', ...writes },
    { name: 'chat:canary', ...writes },
    { name: 'chat:production', ...writes },
    { name: 'embedder:latest', capabilities: ['embedding'] },
    { name: 'tales:latest', ...writes },
  ];
  const { client } = await answeredBy(t, { status: 200, body: { models } });
  assert.deepEqual(await client.chatModels(), [
    { name: 'chat', labels: ['canary', 'production'] },
    { name: 'tales', labels: [] },
  ]);
});
