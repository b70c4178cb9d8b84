// The ways a language model is run in the bench: over HTTP by amaas, by our engine alone, by llama.cpp's addon alone, by
// node-llama-cpp, by llama-server.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { linkSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { LlamaEngine, LlamaServerEngine } from '@amaas/engine-llama';
import type { LanguageModel } from '@amaas/core';
import { ADMIN_KEY, startAmaas } from './child-server.ts';
import { type LoadTimes, runTogether, StreamClock, type StreamTimes, type StreamWork, type Way } from './llama-load.ts';

export interface WaySettings {
  readonly path: string;
  readonly sequences: number;
  readonly contextTokens: number;
  readonly threads: number;
}

export async function engineWay(settings: WaySettings): Promise<Way & { readonly model: LanguageModel }> {
  const engine = new LlamaEngine();
  const model = await engine.load({ label: 'bench', modelPath: settings.path }, loadOptions(settings));
  return {
    name: 'our engine',
    model,
    run: (work) => runTogether(work, (each) => writeByEngine(model, each)),
    end: () => engine.dispose(),
  };
}

export async function serverEngineWay(settings: WaySettings, binary: string): Promise<Way> {
  const engine = new LlamaServerEngine(binary);
  const model = await engine.load({ label: 'bench', modelPath: settings.path }, loadOptions(settings));
  return {
    name: 'our engine on llama-server',
    run: (work) => runTogether(work, (each) => writeByEngine(model, each)),
    end: () => engine.dispose(),
  };
}

function loadOptions({ sequences, contextTokens, threads }: WaySettings) {
  return {
    ...{ contextTokens, parallel: sequences, threads },
    ...{ maxMemoryBytes: 64 * 2 ** 30, maxLoadMs: 600_000, maxQueueSize: 1000 },
  };
}

async function writeByEngine(model: LanguageModel, { prompt, maxTokens }: StreamWork): Promise<StreamTimes> {
  const clock = new StreamClock();
  let tokens = 0;
  for await (const event of model.generate({ prompt: [{ tokens: prompt }], maxTokens })) {
    if (event.type === 'text') clock.tick();
    if (event.type === 'ended') tokens = event.usage.completionTokens;
  }
  return clock.times(tokens);
}

/** The model in a folder of models, as its users deploy it. */
export async function amaasWay(settings: WaySettings): Promise<Way & { readonly url: URL }> {
  const { path, sequences, contextTokens, threads } = settings;
  const folder = mkdtempSync(join(tmpdir(), 'amaas-bench-models-'));
  const version = join(folder, 'bench', '1');
  mkdirSync(version, { recursive: true });
  linkSync(path, join(version, 'model.gguf'));
  const manifest = { language: { parallel: sequences, contextTokens, threads, keepAliveMs: null } };
  writeFileSync(join(version, 'amaas.json'), JSON.stringify(manifest));
  const server = await startAmaas({ AMAAS_MODELS_DIR: folder, AMAAS_LANGUAGE_MEMORY_BYTES: String(64 * 2 ** 30) });
  const headers = { authorization: `Bearer ${ADMIN_KEY}` };
  const ask = httpWay('amaas over HTTP', new URL('/v1/completions', server.url), {
    headers,
    body: ({ prompt, maxTokens }) => ({
      ...{ model: 'bench', prompt, max_tokens: maxTokens, temperature: 0, stream: true },
      stream_options: { include_usage: true },
    }),
    tokensOf: (chunk) => chunk.usage?.completion_tokens ?? null,
    isToken: (chunk) => (chunk.choices?.[0]?.text ?? '') !== '',
  });
  for (;;) {
    const found = await fetch(new URL('/v1/models/bench', server.url), { headers });
    await found.arrayBuffer();
    if (found.ok) break;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  return {
    ...ask,
    url: server.url,
    async end() {
      await server.stop();
      rmSync(folder, { recursive: true });
    },
  };
}

export async function llamaServerWay(settings: WaySettings, binary: string): Promise<Way> {
  const { path, sequences, contextTokens, threads } = settings;
  const port = 20_000 + (process.pid % 20_000);
  const child = spawn(
    binary,
    [
      ...['--model', path, '--host', '127.0.0.1', '--port', String(port), '--parallel', String(sequences)],
      ...['--ctx-size', String(contextTokens * sequences), '--threads', String(threads), '--cache-ram', '0'],
      ...['--no-webui', '--threads-http', String(sequences + 4), '--no-kv-unified', '--fit', 'off'],
    ],
    { stdio: 'ignore' },
  );
  const url = new URL(`http://127.0.0.1:${port}`);
  for (;;) {
    const isReady = await fetch(new URL('/health', url)).then(
      (reply) => reply.ok,
      () => false,
    );
    if (isReady) break;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return {
    ...httpWay('llama-server', new URL('/completion', url), {
      headers: {},
      body: ({ prompt, maxTokens }) => ({
        ...{ prompt, n_predict: maxTokens, temperature: 0, stream: true, cache_prompt: true, return_tokens: true },
      }),
      tokensOf: (chunk) => (chunk.stop === true ? (chunk.tokens_predicted ?? null) : null),
      isToken: (chunk) => (chunk.tokens?.length ?? 0) > 0,
    }),
    async end() {
      child.kill('SIGKILL');
      await once(child, 'exit');
    },
  };
}

interface Chunk {
  readonly usage?: { readonly completion_tokens: number } | null;
  readonly choices?: readonly { readonly text?: string }[];
  readonly stop?: boolean;
  readonly tokens_predicted?: number;
  readonly tokens?: readonly number[];
}

interface HttpQuestion {
  readonly headers: Readonly<Record<string, string>>;
  body(work: StreamWork): object;
  tokensOf(chunk: Chunk): number | null;
  isToken(chunk: Chunk): boolean;
}

function httpWay(name: string, url: URL, question: HttpQuestion): Omit<Way, 'end'> {
  const agent = new Agent({ keepAlive: true });
  return { name, run: (work) => runTogether(work, (each) => writeByHttp(url, agent, { ...question, work: each })) };
}

async function writeByHttp(
  url: URL,
  agent: Agent,
  { headers, body, tokensOf, isToken, work }: HttpQuestion & { readonly work: StreamWork },
): Promise<StreamTimes> {
  const clock = new StreamClock();
  const sent = request(url, { method: 'POST', agent, headers: { ...headers, 'content-type': 'application/json' } });
  sent.end(JSON.stringify(body(work)));
  const [response] = await once(sent, 'response');
  let tokens = 0;
  for await (const line of createInterface({ input: response })) {
    if (!line.startsWith('data: {')) {
      if (line.startsWith('{')) throw new Error(line);
      continue;
    }
    const chunk: Chunk = JSON.parse(line.slice('data: '.length));
    if (isToken(chunk)) clock.tick();
    tokens = tokensOf(chunk) ?? tokens;
  }
  return clock.times(tokens);
}

export function addonWay({ path, sequences, contextTokens, threads }: WaySettings): Promise<Way> {
  const main = join(import.meta.dirname, 'llama-addon-main.ts');
  return childWay('llama.cpp by the addon alone', [main, path, ...[sequences, contextTokens, threads].map(String)]);
}

export function nodeLlamaCppWay(settings: WaySettings, folder: string): Promise<Way> {
  const { path, sequences, contextTokens, threads } = settings;
  const main = join(import.meta.dirname, 'node-llama-cpp-main.mjs');
  return childWay('node-llama-cpp', [main, folder, path, ...[sequences, contextTokens, threads].map(String)]);
}

async function childWay(name: string, command: readonly string[]): Promise<Way> {
  const env = { ...process.env, UV_THREADPOOL_SIZE: '1' };
  const child: ChildProcess = spawn(process.execPath, command, { env, stdio: ['pipe', 'pipe', 'inherit'] });
  if (child.stdout === null) throw new Error(`${name} has no output`);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async (): Promise<LoadTimes> => {
    const { value, done } = await lines.next();
    if (done === true) throw new Error(`${name} ended early`);
    return JSON.parse(value);
  };
  await next();
  return {
    name,
    run(work) {
      child.stdin?.write(`${JSON.stringify(work)}\n`);
      return next();
    },
    async end() {
      child.kill('SIGKILL');
      await once(child, 'exit');
    },
  };
}
