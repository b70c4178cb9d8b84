// A server that is told to end and does not wait any longer: whoever is still there reads why, in the words of the protocol.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { test } from 'node:test';
import { deployFiles } from './testing/admin-call.ts';
import { openSocket, readToEnd } from './testing/raw-http.ts';
import { ADMIN_KEY, startTestServer, type TestServer } from './testing/running-server.ts';
import { PLAIN_TEMPLATE } from './testing/stories.ts';
import { until } from './testing/until.ts';

const TELLER = resolve(import.meta.dirname, '../models/story-teller/1/model.gguf');
/** One of the requests asks for two answers. */
const ANSWERS = 7;
const MESSAGE = 'the server is ending; try again in a moment';
const WORDS = { model: 'teller', max_tokens: 3000 };
const MESSAGES = [{ role: 'user', content: 'Once upon a time' }];

interface Asked {
  readonly path: string;
  readonly body: object;
  /** What the last piece of a stream says. */
  readonly last: RegExp;
}

const ASKED: readonly Asked[] = [
  {
    path: '/v1/chat/completions',
    body: { ...WORDS, messages: MESSAGES },
    last: /^data: \{"error":\{"message":"(.*?)"/m,
  },
  {
    path: '/v1/completions',
    body: { ...WORDS, prompt: 'One day', n: 2 },
    last: /^data: \{"error":\{"message":"(.*?)"/m,
  },
  { path: '/v1/messages', body: { ...WORDS, messages: MESSAGES }, last: /^event: error\ndata: .*"message":"(.*?)"/m },
  {
    path: '/v1/responses',
    body: { model: 'teller', input: 'Once', max_output_tokens: 3000 },
    last: /^event: response\.failed\ndata: .*"error":\{.*?"message":"(.*?)"/m,
  },
  {
    path: '/api/generate',
    body: { model: 'teller', prompt: 'Once', options: { num_predict: 3000 } },
    last: /^\{"error":"(.*?)"/m,
  },
  {
    path: '/v2/models/teller/generate_stream',
    body: { text_input: 'Once', parameters: { max_tokens: 3000 } },
    last: /^data: \{"error":"(.*?)"/m,
  },
];

function ask(server: TestServer, { path, body }: Asked, isStream: boolean): Promise<Response> {
  const isOip = path.startsWith('/v2');
  return server.request(isOip && !isStream ? path.replace('_stream', '') : path, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(isOip ? body : { ...body, stream: isStream }),
  });
}

test('stop() says in every protocol why a stream or a request ends when the time for draining is over', async (t) => {
  const server = await startTestServer({ drainTimeoutMs: '50' });
  t.after(() => server.stop());
  const files = { 'model.gguf': await readFile(TELLER), 'chat.jinja': new TextEncoder().encode(PLAIN_TEMPLATE) };
  // Streams write, whole answers wait for them. What prefers to repeat itself never comes to an end.
  const sampling = { temperature: 0, repeatPenalty: 0.1 };
  const language = {
    sampling,
    threads: 1,
    parallel: ANSWERS,
    contextTokens: 4096,
    chatTemplate: 'chat.jinja',
  };
  assert.equal((await deployFiles(server, 'teller', files, { manifest: { language } })).status, 201);
  const stalled = await openSocket(server.url);
  const stalledAnswer = readToEnd(stalled);
  const head = `POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${ADMIN_KEY}\r\n`;
  stalled.write(`${head}Content-Type: application/json\r\nContent-Length: 50\r\n\r\n{`);
  const streams = await Promise.all(ASKED.map((asked) => ask(server, asked, true)));
  const whole = ASKED.map((asked) => ask(server, asked, false));
  const depth = `amaas_queue_depth{model="teller",version="1"} ${ANSWERS}\n`;
  await until('they all wait', async () => (await (await server.request('/metrics')).text()).includes(depth));
  const texts = streams.map((stream) => stream.text());
  await server.stop();
  for (const [index, { path, last }] of ASKED.entries()) {
    const text = await texts[index];
    const found = last.exec(text ?? '');
    assert.equal(found?.[1], MESSAGE, `${path}: ${text?.slice(-600)}`);
    assert.equal(text?.slice(found.index).trim().split('\n\n').length, 1, `${path}: nothing comes behind it`);
    const refused = await whole[index];
    assert.deepEqual(
      [refused?.status, refused?.headers.get('retry-after'), refused?.headers.get('x-amaas-reason')],
      [path === '/v1/messages' ? 529 : 503, '1', 'SHUTTING_DOWN'], // Anthropic's own word for it
      path,
    );
    assert.ok((await refused?.text())?.includes(MESSAGE), path);
  }
  assert.match(await stalledAnswer, /^HTTP\/1\.1 503 [\s\S]*the server is ending/);
  assert.doesNotMatch(server.log(), /"level":"error"|ERR_HTTP/);
});
