// generate and generate_stream over HTTP, with a model that writes what the test tells it to.
import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import { AmaasError, type AnswerEvent, type Cancellation, type LanguageCall, toAmaasError } from '@amaas/core';
import type { DataPlane, ServedLanguageModel } from '../../dataplane/index.ts';
import { ModelRecorder } from '../../monitoring/index.ts';
import { Exchange } from '../exchange.ts';
import { generate } from './oip-generate.ts';

const recorder = new ModelRecorder({ model: 'chat', version: 2 }, { wallTimeMs: () => 0, onDispose: () => {} });
const clock = { nowMs: () => 0, wallTime: () => new Date(0), schedule: () => () => {} };
const STARTED: AnswerEvent = { type: 'started', promptTokens: 1, cachedTokens: 0, loadMs: 0 };
const HELLO: AnswerEvent = { type: 'text', text: 'Hello', tokens: [] };

let server: Server;
let url = '';
/** What the model answers; an error is thrown where it stands. */
let script: readonly (AnswerEvent | Error)[] = [];
let signal: Cancellation | undefined;
let isOpen = false;
let written = 0;

async function* answer(_: LanguageCall, options: { readonly signal?: Cancellation }): AsyncGenerator<AnswerEvent> {
  signal = options.signal;
  isOpen = true;
  written = 0;
  try {
    for (const step of script) {
      if (step instanceof Error) throw step;
      yield step;
      written++;
      await new Promise((resolve) => setImmediate(resolve));
    }
  } finally {
    isOpen = false;
  }
}

before(async () => {
  const served = { name: 'chat', version: 2, generate: answer, recorder };
  const dataPlane = {
    // Nothing else is asked of a served version.
    resolveLanguage: () => served as unknown as ServedLanguageModel<ModelRecorder>,
  } as unknown as DataPlane<ModelRecorder>; // nor of the data plane
  server = createServer((request, response) => {
    const exchange = new Exchange(request, response, { requestId: 'r', clock });
    const kind = exchange.path === '/generate' ? 'generate' : 'generate-stream';
    generate({ dataPlane, maxRequestBytes: 1000 }, exchange, { kind, reference: { model: 'chat' } }).catch(
      (thrown: unknown) => exchange.sendJson(418, { reason: toAmaasError(thrown).reason }),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo; // it listens on TCP
  url = `http://127.0.0.1:${port}`;
});
after(() => {
  server.closeAllConnections();
  server.close();
});

async function post(path: string): Promise<readonly [number, string]> {
  const reply = await fetch(url + path, { method: 'POST', body: Buffer.from('{"text_input":"Hi"}') });
  return [reply.status, await reply.text()];
}

test('generate_stream says in the stream what fails after the first piece, and by a status what fails before', async () => {
  script = [STARTED, HELLO, new AmaasError('ENGINE_CRASHED', 'the process of chat@2 ended')];
  const hello = '{"model_name":"chat","model_version":"2","text_output":"Hello"}';
  assert.deepEqual(await post('/generate_stream'), [
    200,
    `data: ${hello}\n\ndata: {"error":"the process of chat@2 ended"}\n\n`,
  ]);
  script = [STARTED, new AmaasError('ENGINE_CRASHED', 'the process of chat@2 ended')];
  assert.deepEqual(await post('/generate_stream'), [418, '{"reason":"ENGINE_CRASHED"}']);
  script = [STARTED, HELLO, new AmaasError('ENGINE_CRASHED', 'the process of chat@2 ended')];
  assert.deepEqual(await post('/generate'), [418, '{"reason":"ENGINE_CRASHED"}']);
});

test('generate_stream tells the model of a caller who leaves, and takes nothing more of it', async () => {
  script = [STARTED, ...Array.from({ length: 100_000 }, () => HELLO)];
  const leaving = new AbortController();
  const body = Buffer.from('{"text_input":"Hi"}');
  const reply = await fetch(`${url}/generate_stream`, { method: 'POST', body, signal: leaving.signal });
  const reader = reply.body?.getReader();
  await reader?.read();
  const left = new Promise<void>((resolve) => signal?.addEventListener('abort', resolve));
  leaving.abort();
  await left;
  while (isOpen) await new Promise((resolve) => setImmediate(resolve));
  assert.ok(written < 100_000, `all ${written} were written`);
});
