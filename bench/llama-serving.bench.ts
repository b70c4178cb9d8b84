// Language models under load: streams that begin together, each with a prompt of its own, greedily. All ways are loaded and take
// turns, so that ratios are of one run. The weights are drawn: the texts mean nothing, the work is that of a real model.
//
// By default 110M:Q8_0, streams 1 and 8, prompts of 32. All there is takes more than an hour:
// BENCH_MODELS=110M:Q8_0,110M:Q4_0,500M:Q8_0,500M:Q4_0  BENCH_STREAMS=1,8,32  BENCH_PROMPTS=32,1024  BENCH_THREADS=2
// BENCH_PARTS=streams,prefix,embeddings  BENCH_ROUNDS=3
// AMAAS_BENCH_LLAMA_SERVER=/path/of/llama-server  AMAAS_BENCH_NODE_LLAMA_CPP=/folder/it/is/installed/in
import { availableParallelism } from 'node:os';
import type { LanguageModel } from '@amaas/core';
import { ADMIN_KEY } from './harness/child-server.ts';
import type { LoadTimes, StreamWork, Way } from './harness/llama-load.ts';
import {
  addonWay,
  amaasWay,
  engineWay,
  llamaServerWay,
  nodeLlamaCppWay,
  serverEngineWay,
  type WaySettings,
} from './harness/llama-ways.ts';
import { BEGIN, MADE_LLAMAS, madeLlamaFile, VOCABULARY_SIZE } from './harness/made-llama.ts';
import { hardwareLine, median, printRows } from './harness/report.ts';
import { seededRandom } from './harness/seeded-random.ts';

const listed = (name: string, usual: string): readonly string[] =>
  (process.env[name] ?? usual).split(',').filter((each) => each !== '');
const MODELS = listed('BENCH_MODELS', '110M:Q8_0');
const STREAMS = listed('BENCH_STREAMS', '1,8').map(Number);
const PROMPTS = listed('BENCH_PROMPTS', '32').map(Number);
const PARTS = listed('BENCH_PARTS', 'streams,prefix,embeddings');
const ROUNDS = Number(process.env['BENCH_ROUNDS'] ?? '3');
const THREADS = Number(process.env['BENCH_THREADS'] ?? availableParallelism());
const LLAMA_SERVER = process.env['AMAAS_BENCH_LLAMA_SERVER'];
const NODE_LLAMA_CPP = process.env['AMAAS_BENCH_NODE_LLAMA_CPP'];
const NEW_TOKENS = 64;
/** Prompts as long as this are many minutes of computing on a small machine where 32 streams have one each. */
const LONG_PROMPT = 512;
const MOST_LONG_STREAMS = 8;
const PREFIX_TOKENS = 1024;
const TEXTS = 256;
const TEXT_TOKENS = 12;

process.stdout.write(`${hardwareLine()}; ${THREADS} threads\n`);
for (const name of MODELS) {
  const [size = '', type = 'Q8_0'] = name.split(':');
  const llama = MADE_LLAMAS.get(size);
  if (llama === undefined || (type !== 'Q8_0' && type !== 'Q4_0')) throw new Error(`there is no model ${name}`);
  const path = madeLlamaFile(llama, type);
  for (const streams of PARTS.includes('streams') ? STREAMS : []) {
    if (size === '500M' && streams > 8) continue;
    for (const prompt of PROMPTS) {
      if (prompt >= LONG_PROMPT && streams > MOST_LONG_STREAMS) continue;
      await compareStreams(`${name}, drawn weights, ${streams} × (${prompt} + ${NEW_TOKENS} tokens)`, {
        settings: { path, sequences: streams, contextTokens: prompt + NEW_TOKENS + 16, threads: THREADS },
        ...{ streams, prompt },
      });
    }
  }
  if (PARTS.includes('prefix')) await comparePrefix(name, path);
  if (PARTS.includes('embeddings')) await compareEmbeddings(name, path);
}

interface Case {
  readonly settings: WaySettings;
  readonly streams: number;
  readonly prompt: number;
}

async function compareStreams(title: string, { settings, streams, prompt }: Case): Promise<void> {
  const ways = await openWays(settings);
  const rounds = new Map<Way, LoadTimes[]>(ways.map((way) => [way, []]));
  let seed = 1;
  for (let round = -1; round < ROUNDS; round++) {
    for (const way of ways) {
      // Every round has prompts of its own: none is known from the one before.
      const work = Array.from({ length: streams }, () => ({
        prompt: drawTokens(prompt, seed++),
        maxTokens: NEW_TOKENS,
      }));
      const times = await way.run(work);
      if (round >= 0) rounds.get(way)?.push(times); // the first one warms up
    }
  }
  for (const way of ways) await way.end();
  const speeds = new Map([...rounds].map(([way, times]) => [way.name, median(times.map(speedOf))]));
  const ratioTo = (speed: number, name: string): string => {
    const other = speeds.get(name);
    return other === undefined ? '–' : (speed / other).toFixed(2);
  };
  printRows(title, [
    ['', 'tokens/s', 'of addon', 'of node-llama-cpp', 'of llama-server', 'first token ms', 'gap ms', 'gap ms, 95 %'],
    ...[...rounds].map(([way, times]) => {
      const speed = speeds.get(way.name) ?? Number.NaN;
      const all = times.flatMap((each) => each.streams);
      const gaps = all.flatMap(({ gapsMs }) => gapsMs).toSorted((a, b) => a - b);
      return [
        way.name,
        speed.toFixed(1),
        ...['llama.cpp by the addon alone', 'node-llama-cpp', 'llama-server'].map((name) => ratioTo(speed, name)),
        median(all.map(({ firstMs }) => firstMs)).toFixed(0),
        median(gaps).toFixed(1),
        (gaps[Math.floor(0.95 * gaps.length)] ?? Number.NaN).toFixed(1),
      ];
    }),
  ]);
}

async function openWays(settings: WaySettings): Promise<readonly Way[]> {
  return [
    await addonWay(settings),
    await engineWay(settings),
    await amaasWay(settings),
    ...(NODE_LLAMA_CPP === undefined ? [] : [await nodeLlamaCppWay(settings, NODE_LLAMA_CPP)]),
    ...(LLAMA_SERVER === undefined
      ? []
      : [await llamaServerWay(settings, LLAMA_SERVER), await serverEngineWay(settings, LLAMA_SERVER)]),
  ];
}

function speedOf({ wallMs, streams }: LoadTimes): number {
  return (1000 * streams.reduce((sum, { tokens }) => sum + tokens, 0)) / wallMs;
}

/** Ids that begin a text and mean nothing. */
function drawTokens(count: number, seed: number): readonly number[] {
  const random = seededRandom(seed);
  return [BEGIN, ...Array.from({ length: count - 1 }, () => 300 + Math.floor(random() * (VOCABULARY_SIZE - 300)))];
}

/** How long the first token takes where a prompt's first 1,024 tokens are known, and where they are not. */
async function comparePrefix(name: string, path: string): Promise<void> {
  const settings = { path, sequences: 4, contextTokens: PREFIX_TOKENS + 128, threads: THREADS };
  const ways = [await engineWay(settings), await amaasWay(settings)];
  const rows: string[][] = [['', 'unknown ms', 'known ms', 'ratio']];
  for (const way of ways) {
    const first: number[] = [];
    const later: number[] = [];
    for (let round = -1; round < ROUNDS; round++) {
      const prefix = drawTokens(PREFIX_TOKENS, 1000 + round);
      const ask = async (seed: number): Promise<number> => {
        const work: StreamWork = { prompt: [...prefix, ...drawTokens(16, seed).slice(1)], maxTokens: 2 };
        return (await way.run([work])).streams[0]?.firstMs ?? Number.NaN;
      };
      const times = [await ask(1), await ask(2), await ask(3)];
      if (round < 0) continue;
      first.push(times[0] ?? Number.NaN);
      later.push(...times.slice(1));
    }
    rows.push([
      way.name,
      median(first).toFixed(0),
      median(later).toFixed(0),
      (median(later) / median(first)).toFixed(3),
    ]);
  }
  for (const way of ways) await way.end();
  printRows(`${name}: first token behind ${PREFIX_TOKENS} tokens that an earlier request began with`, rows);
}

async function compareEmbeddings(name: string, path: string): Promise<void> {
  const settings = { path, sequences: 1, contextTokens: 128, threads: THREADS };
  const rows: string[][] = [['', 'one call ms', 'one by one ms', 'times as fast']];
  const engine = await engineWay(settings);
  const amaas = await amaasWay(settings);
  const ways: readonly (readonly [string, (texts: readonly (readonly number[])[]) => Promise<unknown>])[] = [
    ['our engine', (texts) => embedByEngine(engine.model, texts)],
    ['amaas over HTTP', (texts) => embedByHttp(amaas.url, texts)],
  ];
  for (const [way, embed] of ways) {
    const [together, alone]: [number[], number[]] = [[], []];
    for (let round = -1; round < ROUNDS; round++) {
      const texts = Array.from({ length: TEXTS }, (_, index) => drawTokens(TEXT_TOKENS - (index % 5), 5000 + index));
      const startMs = performance.now();
      await embed(texts);
      const middleMs = performance.now();
      for (const text of texts) await embed([text]);
      if (round < 0) continue;
      together.push(middleMs - startMs);
      alone.push(performance.now() - middleMs);
    }
    const [one, many] = [median(together), median(alone)];
    rows.push([way, one.toFixed(0), many.toFixed(0), (many / one).toFixed(2)]);
  }
  await engine.end();
  await amaas.end();
  printRows(`${name}: vectors of ${TEXTS} texts of ${TEXT_TOKENS - 4} to ${TEXT_TOKENS} tokens`, rows);
}

function embedByEngine(model: LanguageModel, texts: readonly (readonly number[])[]): Promise<unknown> {
  return model.embed(texts.map((tokens) => [{ tokens }]));
}

async function embedByHttp(url: URL, texts: readonly (readonly number[])[]): Promise<void> {
  const reply = await fetch(new URL('/v1/embeddings', url), {
    method: 'POST',
    headers: { authorization: `Bearer ${ADMIN_KEY}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'bench', input: texts, encoding_format: 'base64' }),
  });
  const text = await reply.text();
  if (!reply.ok) throw new Error(`embeddings: ${reply.status} ${text}`);
}
