// Greedy decoding of one text, one thread, F32: our ONNX graph with its cache, a run per token, per eight and per text, against
// llama.cpp. Rounds alternate. Times of the processor stand beside those of the clock, which other work disturbs.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createTensor, type Executor } from '@amaas/core';
import { createOrtNodeExecutor } from '@amaas/engine-ort-node';
import { generateSequences } from '@amaas/learn/decode';
import { createGguf, type GgufMetadata, ggufNumbers, ggufTexts, readGguf } from '@amaas/learn/gguf';
import {
  createStepModel,
  exportGenerator,
  exportStepModel,
  exportWriter,
  type LlamaModel,
  llamaFromGguf,
  llamaToGguf,
  writeSequences,
} from '@amaas/learn/language';
import { input } from '@amaas/learn/graph';
import { createScope, type LlamaOptions, llama, llamaSteps } from '@amaas/learn/layers';
import { createRandom } from '@amaas/learn/statistics';
import { initialWeights } from '@amaas/learn/train';
import { sharedDataPath } from '../tools/test-data.ts';
import { hardwareLine, median, printRows } from './harness/report.ts';

const ROUNDS = Number(process.env['BENCH_ROUNDS'] ?? '5');
const FIRST = 1;

interface Round {
  readonly wallUs: number;
  readonly cpuUs: number;
  readonly tokens: readonly number[];
}

type Way = () => Promise<Round>;

async function timed(decode: () => Promise<readonly number[]>): Promise<Round> {
  const before = process.cpuUsage();
  const startMs = performance.now();
  const tokens = await decode();
  const wallUs = ((performance.now() - startMs) * 1000) / tokens.length;
  const { user, system } = process.cpuUsage(before);
  return { wallUs, cpuUs: (user + system) / tokens.length, tokens };
}

async function stepWay(executor: Executor, { options, weights }: LlamaModel, count: number): Promise<Way> {
  const steps = await createStepModel(executor, exportStepModel({ decoder: llamaSteps(options), weights }), {
    threads: 1,
  });
  return () =>
    timed(async () => {
      const start = { tokens: Int32Array.of(FIRST), state: steps.begin(1) };
      const [sequence] = await generateSequences(steps, start, { maxTokens: count });
      return sequence?.tokens ?? [];
    });
}

async function writerWay(executor: Executor, { options, weights }: LlamaModel, count: number): Promise<Way> {
  const parts = { decoder: llamaSteps(options), weights };
  const files = { ...exportStepModel(parts), write: exportWriter(parts) };
  const steps = await createStepModel(executor, files, { threads: 1 });
  return () =>
    timed(async () => {
      const start = { tokens: Int32Array.of(FIRST), state: steps.begin(1) };
      const [sequence] = await writeSequences(steps, start, { maxTokens: count });
      return sequence?.tokens ?? [];
    });
}

async function loopWay(executor: Executor, { options, weights }: LlamaModel, count: number): Promise<Way> {
  const onnx = exportGenerator({ decoder: llamaSteps(options), weights }, { maxTokens: count });
  const compiled = await executor.compile(onnx, { threads: 1 });
  const ids = new Map([['ids', createTensor('int64', [1, 1], BigInt64Array.of(BigInt(FIRST)))]]);
  return () => timed(async () => Array.from((await compiled.run(ids)).get('tokens')?.data ?? [], Number));
}

function llamaCppWay(path: string, count: number): Way {
  const main = join(import.meta.dirname, 'harness', 'llama-cpp-main.ts');
  const env = { ...process.env, UV_THREADPOOL_SIZE: '1' };
  return async () => {
    const text = execFileSync(process.execPath, [main, path, String(FIRST), String(count)], {
      env,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    return JSON.parse(text.trim().split('\n').at(-1) ?? '');
  };
}

async function compare(
  title: string,
  model: LlamaModel,
  { path, count }: { path: string; count: number },
): Promise<void> {
  const executor = await createOrtNodeExecutor({ threads: 1 });
  const ways = new Map<string, Way>([
    ['llama.cpp', llamaCppWay(path, count)],
    ['our graph, a run per token', await stepWay(executor, model, count)],
    ['our graph, a run per 8 tokens', await writerWay(executor, model, count)],
    ['our graph, a run per text', await loopWay(executor, model, count)],
  ]);
  const rounds = new Map<string, Round[]>([...ways.keys()].map((name) => [name, []]));
  for (const way of ways.values()) await way();
  for (let round = 0; round < ROUNDS; round++) {
    for (const [name, way] of ways) rounds.get(name)?.push(await way());
  }
  const times = [...rounds].map(([name, all]) => ({
    name,
    wallUs: median(all.map(({ wallUs }) => wallUs)),
    cpuUs: Math.min(...all.map(({ cpuUs }) => cpuUs)),
    tokens: all[0]?.tokens ?? [],
  }));
  const [baseline] = times;
  if (baseline === undefined) throw new Error('no rounds');
  const agreeing = (tokens: readonly number[]): string => {
    const at = tokens.findIndex((token, index) => token !== baseline.tokens[index]);
    return at === -1 ? 'all' : `${at}`;
  };
  printRows(`${title}, ${count} tokens, median of ${ROUNDS} rounds — ${hardwareLine()}`, [
    ['', 'µs per token', '× llama.cpp', 'processor, least', '× llama.cpp', 'same tokens'],
    ...times.map(({ name, wallUs, cpuUs, tokens }) => [
      name,
      wallUs.toFixed(0),
      (wallUs / baseline.wallUs).toFixed(2),
      cpuUs.toFixed(0),
      (cpuUs / baseline.cpuUs).toFixed(2),
      agreeing(tokens),
    ]),
  ]);
}

/** The story-teller's tokens and made-up ones: llama.cpp does not choose tokens without a vocabulary. */
function longerVocabulary(size: number): GgufMetadata {
  const tokens = [...(ggufTexts(story.metadata, 'tokenizer.ggml.tokens') ?? [])];
  const known = tokens.length;
  while (tokens.length < size) tokens.push(`token ${tokens.length}`);
  const numbers = (key: string, filler: number): readonly number[] => {
    const own = ggufNumbers(story.metadata, key) ?? [];
    return Array.from(tokens, (_, index) => (index < known ? (own[index] ?? filler) : filler));
  };
  return new Map([
    ...[...story.metadata].filter(([key]) => key.startsWith('tokenizer.')),
    ['tokenizer.ggml.tokens', { type: 'array', of: 'string', items: tokens }],
    ['tokenizer.ggml.scores', { type: 'array', of: 'float32', items: numbers('tokenizer.ggml.scores', -1e4) }],
    ['tokenizer.ggml.token_type', { type: 'array', of: 'int32', items: numbers('tokenizer.ggml.token_type', 1) }],
  ]);
}

const stories = sharedDataPath('llm/stories260K.gguf');
const story = await readGguf(readFileSync(stories));
await compare('stories260K (5 layers, 64 wide)', await llamaFromGguf(story), { path: stories, count: 200 });

const options: LlamaOptions = {
  ...{ vocabularySize: 32_000, blockSize: 256, layers: 6, heads: 6, width: 288, innerWidth: 768 },
};
const { scope, record } = createScope(false);
llama(options).apply(input('ids', 'int64', [1, 8]), scope);
const drawn = { options, weights: initialWeights(record(), createRandom('bench')) };
const folder = mkdtempSync(join(tmpdir(), 'amaas-bench-'));
try {
  const path = join(folder, 'llama.gguf');
  writeFileSync(path, createGguf(llamaToGguf(drawn, { metadata: longerVocabulary(options.vocabularySize) })));
  await compare('15 M parameters, drawn (6 layers, 288 wide, 32,000 tokens)', drawn, { path, count: 100 });
} finally {
  rmSync(folder, { recursive: true, force: true });
}
