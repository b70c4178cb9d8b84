// What clients, the system and damaged files do to a language model, many times over.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { AmaasError, type LanguageLoadOptions, type LanguageModel, toAmaasError } from '@amaas/core';
import { readGguf } from '@amaas/learn/gguf';
import { createRandom, type Random } from '@amaas/learn/statistics';
import { sharedDataPath, skipWithoutSharedData } from '../../../../tools/test-data.ts';
import { LlamaEngine } from './index.ts';
import { DAMAGES, damaged } from './testing/gguf-damage.ts';

const MODEL = 'llm/stories260K.gguf';
const skip = skipWithoutSharedData(MODEL);
const engine = new LlamaEngine();
const options = {
  maxMemoryBytes: 1e9,
  maxLoadMs: 60_000,
  maxQueueSize: 1000,
  contextTokens: 512,
  parallel: 4,
  threads: 1,
};
after(() => engine.dispose());

const load = (label: string, more: Partial<LanguageLoadOptions> = {}): Promise<LanguageModel> =>
  engine.load({ label, modelPath: sharedDataPath(MODEL) }, { ...options, ...more });

function collectGarbage(): void {
  setFlagsFromString('--expose-gc');
  const collect: () => void = runInNewContext('gc');
  collect();
}

/** Bytes that this process and the model's hold when nobody asks anything. */
function measureMemory(model: LanguageModel): { readonly heapBytes: number; readonly childBytes: number } {
  collectGarbage();
  return { heapBytes: process.memoryUsage().heapUsed, childBytes: model.measureMemoryBytes() ?? 0 };
}

/** Goes away after a number of events, or at a moment of its own, by leaving or by its signal. */
async function abandon(model: LanguageModel, index: number, random: Random): Promise<void> {
  const leaving = new AbortController();
  const mostEvents = random.integer(25);
  const byMoment = random.integer(3) === 0;
  if (byMoment) setTimeout(() => leaving.abort(), random.integer(40));
  const text = `A story of ${index}. `.repeat(1 + random.integer(20));
  let seen = 0;
  try {
    for await (const event of model.generate({ prompt: [{ text, special: false }], maxTokens: 60 }, leaving.signal)) {
      if (byMoment || event.type === 'started' || ++seen < mostEvents) continue;
      if (index % 2 === 0) break;
      leaving.abort();
    }
  } catch (thrown) {
    assert.equal(toAmaasError(thrown).reason, 'CANCELLED');
  }
}

async function abandonMany(model: LanguageModel, count: number, random: Random): Promise<void> {
  let next = 0;
  const client = async (): Promise<void> => {
    while (next < count) await abandon(model, next++, random);
  };
  await Promise.all(Array.from({ length: 25 }, client));
}

test('500 generations abandoned at random points leave no sequence busy, and 500 more take no more memory', {
  skip,
}, async () => {
  const model = await load('abandoned');
  const random = createRandom('abandoned');
  const answerAtOnce = async (): Promise<void> => {
    assert.deepEqual(model.load, { active: 0, waiting: 0 });
    // As many as there are sequences are answered together: none of them is taken.
    const prompt = [{ text: 'Tom', special: false }];
    const streams = Array.from({ length: 4 }, () => model.generate({ prompt, maxTokens: 200 })[Symbol.asyncIterator]());
    const first = await Promise.all(streams.map((stream) => stream.next()));
    for (const { value } of first) assert.equal(value?.type, 'started');
    assert.deepEqual(model.load, { active: 4, waiting: 0 });
    await Promise.all(streams.map((stream) => stream.return?.()));
  };
  await abandonMany(model, 500, random);
  await answerAtOnce();
  const before = measureMemory(model);
  await abandonMany(model, 500, random);
  await answerAtOnce();
  const now = measureMemory(model);
  await model.dispose();
  const grown = { heap: now.heapBytes - before.heapBytes, child: now.childBytes - before.childBytes };
  assert.ok(grown.heap < 2e6, `the heap grew by ${grown.heap} bytes`);
  // A young heap of Node's own comes and goes within this.
  assert.ok(grown.child < 24e6, `the child grew by ${grown.child} bytes`);
});

/** Processes of models that this one has started. */
function childrenOf(): readonly string[] {
  try {
    return execFileSync('pgrep', ['-P', String(process.pid), '-f', 'child-main'])
      .toString()
      .trim()
      .split('\n');
  } catch {
    return []; // there is none
  }
}

test('a child killed at random, and again while it loads, costs only retryable errors, and all works again', {
  skip,
}, async () => {
  const before = new Set(childrenOf());
  const model = await load('killed');
  const random = createRandom('killed');
  const pidOf = (): number | undefined =>
    childrenOf()
      .filter((pid) => !before.has(pid))
      .map(Number)[0];
  let written = 0;
  let failed = 0;
  const ending = new AbortController();
  const client = async (): Promise<void> => {
    while (!ending.signal.aborted) {
      try {
        for await (const event of model.generate({ prompt: [{ text: 'Tom and', special: false }], maxTokens: 80 })) {
          if (event.type === 'ended') written++;
        }
      } catch (thrown) {
        const { reason, retryable } = toAmaasError(thrown);
        assert.ok(retryable && (reason === 'ENGINE_CRASHED' || reason === 'MODEL_NOT_READY'), reason);
        failed++;
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    }
  };
  const clients = Promise.all(Array.from({ length: 8 }, client));
  for (let kills = 0; kills < 4; kills++) {
    const writtenBefore = written;
    await new Promise((resolve) => setTimeout(resolve, random.integer(300)));
    let pid = pidOf();
    while (pid === undefined) {
      await new Promise((resolve) => setTimeout(resolve, 5));
      pid = pidOf();
    }
    process.kill(pid, 'SIGKILL'); // writing the first time, later perhaps loading
    if (kills % 2 === 1) continue;
    while (written === writtenBefore) await new Promise((resolve) => setTimeout(resolve, 10));
  }
  const writtenAtLast = written;
  while (written < writtenAtLast + 16) await new Promise((resolve) => setTimeout(resolve, 10));
  ending.abort();
  await clients;
  assert.ok(failed > 0);
  assert.deepEqual(model.load, { active: 0, waiting: 0 });
  await model.dispose();
});

test('300 damaged files load or are refused for what they are, and harm nobody', { skip }, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'amaas-damaged-'));
  const bytes = await readFile(sharedDataPath(MODEL));
  const file = await readGguf(bytes);
  const witness = await load('witness');
  const outcomes = new Map<string, number>();
  const count = (outcome: string): void => void outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
  let next = 0;
  const examine = async (): Promise<void> => {
    while (next < 300) {
      const seed = next++;
      const damage = damaged(bytes, file, seed);
      const modelPath = join(folder, `${seed}.gguf`);
      await writeFile(modelPath, damage.bytes);
      count(`${damage.what}: ${await tryOut(modelPath, `${damage.what}, seed ${seed}`)}`);
      await rm(modelPath);
    }
  };
  await Promise.all([examine(), examine(), examine()]);
  // The process of another model, and this one, are as they were.
  const events = [];
  for await (const event of witness.generate({ prompt: [{ text: 'Tom', special: false }], maxTokens: 5 }))
    events.push(event);
  assert.equal(events.at(-1)?.type, 'ended');
  await witness.dispose();
  await rm(folder, { recursive: true });
  // Each kind of damage was refused at times, and some files are as good as before.
  for (const what of DAMAGES)
    assert.ok(
      [...outcomes.keys()].some((key) => key.startsWith(`${what}: INVALID`)),
      what,
    );
  assert.ok([...outcomes.keys()].some((key) => key.endsWith('loaded')));
});

const REFUSALS: ReadonlySet<string> = new Set(['INVALID_MODEL', 'MODEL_REJECTED', 'MEMORY_LIMIT', 'INVALID_CONFIG']);

/** As quarantine does: the header is read here, the rest by a process that may die. */
async function tryOut(modelPath: string, what: string): Promise<string> {
  let model: LanguageModel;
  try {
    await engine.inspect(modelPath);
    model = await engine.load(
      { label: what, modelPath },
      { ...options, parallel: 1, contextTokens: 64, maxLoadMs: 20_000 },
    );
  } catch (thrown) {
    assert.ok(thrown instanceof AmaasError, `${what}: ${thrown}`);
    assert.ok(REFUSALS.has(thrown.reason), `${what}: ${thrown.reason} ${thrown.message}`);
    return thrown.reason;
  }
  try {
    const prompt = [{ text: 'Tom', special: false }];
    for await (const event of model.generate({ prompt, maxTokens: 2 }, AbortSignal.timeout(20_000))) void event;
    return 'loaded';
  } catch (thrown) {
    const { reason } = toAmaasError(thrown);
    assert.ok(reason !== 'CANCELLED' && reason !== 'INTERNAL', `${what}: ${reason}`);
    return `loaded, then ${reason}`;
  } finally {
    await model.dispose();
  }
}

test('a stream goes on step by step while a prompt of 1,024 tokens is computed', { skip }, async () => {
  // Measured as slow: a step of 150 ms has 40 tokens.
  const measured = [{ threads: 1, generatedTokensPerSecond: 50, promptTokensPerSecond: 267 }];
  const model = await load('fair', {
    contextTokens: 2048,
    parallel: 2,
    threads: { generation: 1, prompt: 1, measured },
  });
  assert.equal(model.facts.stepTokens, 40);
  const order: string[] = [];
  const prompt = [{ text: 'Tom and his dog', special: false }];
  const stream = model.generate({ prompt, maxTokens: 400 })[Symbol.asyncIterator]();
  await stream.next();
  const writing = (async () => {
    for (let next = await stream.next(); next.done !== true; next = await stream.next())
      order.push(`stream ${next.value.type}`);
  })();
  const tokens = Array.from({ length: 1024 }, (_, index) => 300 + (index % 97));
  for await (const event of model.generate({ prompt: [{ tokens }], maxTokens: 2 })) {
    order.push(`prompt ${event.type}`);
    if (event.type === 'text') break;
  }
  const [begun, read] = [order.indexOf('prompt started'), order.indexOf('prompt text')];
  const between = order.slice(begun, read).filter((what) => what === 'stream text').length;
  await stream.return?.();
  await writing;
  await model.dispose();
  // 1,025 tokens of 39 in a step, the fortieth being the stream's; some tokens bring no text of their own.
  assert.ok(between >= 23 && between <= 30, `${between} texts while the prompt was computed`);
});
