// The engine on a llama-server: the one that AMAAS_TEST_LLAMA_SERVER names, and otherwise a small HTTP server that speaks the
// same protocol, so that everything but llama.cpp itself is proven on every machine.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { GenerationEnd, GenerationEvent, GenerationRequest, LanguageModel, PromptPiece } from '@amaas/core';
import { sharedDataPath, skipWithoutSharedData } from '../../../../tools/test-data.ts';
import { LlamaServerEngine } from './index.ts';
import { createEncoderFile, embedByHand, ENCODER_PLACES, rankByHand } from './testing/encoder-model.ts';

const MODEL = 'llm/stories260K.gguf';
const skip = skipWithoutSharedData(MODEL);
const real = process.env.AMAAS_TEST_LLAMA_SERVER;
/** No such binary can be installed by CI: it takes minutes to build. Where one is named, the tests of it are there. */
const testReal = (name: string, run: () => Promise<void>): void => {
  if (real !== undefined) test(name, { skip }, run);
};
const options = {
  maxMemoryBytes: 1e9,
  maxLoadMs: 60_000,
  maxQueueSize: 100,
  contextTokens: 512,
  parallel: 2,
  threads: 1,
};
let folder = '';
let engine: LlamaServerEngine;
let model: LanguageModel;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'amaas-llama-server-'));
  engine = new LlamaServerEngine(real ?? (await createMadeServer()));
  if (!skip) model = await engine.load({ label: 'stories', modelPath: sharedDataPath(MODEL) }, options);
});
after(async () => {
  await engine.dispose();
  await rm(folder, { recursive: true });
});

async function createMadeServer(): Promise<string> {
  const path = join(folder, 'llama-server');
  const script = join(import.meta.dirname, 'testing/made-llama-server.ts');
  await writeFile(path, `#!/bin/sh\nexec "${process.execPath}" "${script}" "$@"\n`);
  await chmod(path, 0o755);
  return path;
}

const plain = (text: string): readonly PromptPiece[] => [{ text, special: false }];

interface Written {
  readonly text: string;
  readonly end: GenerationEnd;
  readonly events: readonly GenerationEvent[];
}

async function write(request: Partial<GenerationRequest> = {}, signal?: AbortSignal): Promise<Written> {
  const events: GenerationEvent[] = [];
  for await (const event of model.generate({ prompt: plain('Tom'), ...request }, signal)) events.push(event);
  const end = events.at(-1);
  assert(end?.type === 'ended');
  return { text: events.map((event) => (event.type === 'text' ? event.text : '')).join(''), end, events };
}

/** Processes whose command line matches. */
function running(pattern: string): readonly string[] {
  try {
    return execFileSync('pgrep', ['-f', '--', pattern]).toString().trim().split('\n');
  } catch {
    return []; // there is none
  }
}

test('LlamaServerEngine writes with as many at once as are wanted, says what it used, and again the same', {
  skip,
}, async () => {
  const alone = await write({ maxTokens: 40 });
  assert.equal(alone.events[0]?.type, 'started');
  assert.deepEqual([alone.end.reason, alone.end.usage.completionTokens], ['length', 40]);
  assert.ok(alone.end.usage.promptTokens > 1 && alone.text.length > 10, alone.text);
  const together = await Promise.all(Array.from({ length: 7 }, () => write({ maxTokens: 40 })));
  for (const { text } of together) assert.equal(text, alone.text);
  assert.ok((together.at(-1)?.end.usage.cachedTokens ?? 0) > 0);
  assert.deepEqual(model.load, { active: 0, waiting: 0 });
  assert.ok((model.measureMemoryBytes() ?? 1e6) > 1e5);
});

test('LlamaServerEngine ends before a stop text, and goes on with the next request at once', { skip }, async () => {
  const whole = (await write({ maxTokens: 60 })).text;
  const stop = whole.slice(11, 20);
  const { text, end } = await write({ maxTokens: 500, stop: ['never said', stop] });
  assert.deepEqual([text, end.reason, end.stopText], [whole.slice(0, whole.indexOf(stop)), 'stop', stop]);
  assert.equal((await write({ maxTokens: 60 })).text, whole);
});

test('LlamaServerEngine tells log-probabilities where they are asked for', { skip }, async () => {
  const { events } = await write({ maxTokens: 5, logProbabilities: { top: 1 } });
  const tokens = events.flatMap((event) => (event.type === 'text' ? event.tokens : []));
  assert.equal(tokens.length, 5);
  for (const { token, logProbability, top } of tokens) {
    assert.deepEqual([top.length, top[0]?.token, top[0]?.logProbability], [1, token, logProbability]);
    assert.ok(logProbability <= 0);
  }
});

test('LlamaServerEngine refuses as the other engine does', { skip }, async () => {
  const refused: readonly (readonly [Partial<GenerationRequest>, string, RegExp])[] = [
    [{ prompt: [{ tokens: new Array<number>(600).fill(400) }] }, 'CONTEXT_OVERFLOW', /601 tokens leave no room/],
    [{ maxTokens: 0 }, 'INVALID_ARGUMENT', /maxTokens must be a whole number/],
    [{ sampling: { temperature: -1 } }, 'INVALID_ARGUMENT', /temperature must be/],
    [{ grammar: 'root ::= (' }, 'INVALID_ARGUMENT', /grammar/],
    [{ adapter: 'pirate' }, 'INVALID_ARGUMENT', /no adapter "pirate"/],
    [{ prompt: [{ tokens: [512] }] }, 'INVALID_ARGUMENT', /token 512/],
  ];
  for (const [request, reason, message] of refused) await assert.rejects(write(request), { reason, message });
  await assert.rejects(model.embed([plain('a dog')]), { reason: 'UNSUPPORTED_FEATURE' });
  await assert.rejects(model.score(plain('a'), plain('dog')), { reason: 'UNSUPPORTED_FEATURE' });
  await assert.rejects(write({}, AbortSignal.abort()), { reason: 'CANCELLED' });
  assert.equal(
    await model.detokenize([1, ...(await model.tokenize(plain('Once'))), 2]).then((text) => text.trim()),
    'Once',
  );
});

test('LlamaServerEngine tells who asked when a request cannot even be put into words, and nobody else', {
  skip,
}, async () => {
  const others = [write({ maxTokens: 30 }), write({ maxTokens: 30 })];
  // What no type check would let through.
  const unspeakable = { maxTokens: 5, sampling: null } as unknown as Partial<GenerationRequest>;
  for (let tries = 0; tries < 3; tries++) await assert.rejects(write(unspeakable), { reason: 'INTERNAL' });
  for (const { end } of await Promise.all(others)) assert.equal(end.usage.completionTokens, 30);
  assert.equal((await write({ maxTokens: 10 })).end.usage.completionTokens, 10);
});

test('LlamaServerEngine leaves no sequence busy behind those who go early', { skip }, async () => {
  await Promise.all(
    Array.from({ length: 30 }, async (_, index) => {
      const leaving = new AbortController();
      let seen = 0;
      try {
        for await (const event of model.generate({ prompt: plain(`Story ${index}`), maxTokens: 300 }, leaving.signal)) {
          if (event.type === 'text' && ++seen > index % 7 && index % 2 === 0) break;
          if (seen > index % 5) leaving.abort();
        }
      } catch (thrown) {
        assert.equal((thrown as { reason?: string }).reason, 'CANCELLED');
      }
    }),
  );
  assert.deepEqual(model.load, { active: 0, waiting: 0 });
  const { usage } = (await write({ maxTokens: 10 })).end;
  assert.equal(usage.completionTokens, 10);
});

test('LlamaServerEngine fails requests with a retryable error when the server dies, and starts it again', {
  skip,
}, async () => {
  // The shell that holds its lifeline names it, too, further on.
  const server = real === undefined ? `^${process.execPath} .*made-llama-server.ts` : `^${real} `;
  const outcomes = Promise.allSettled(Array.from({ length: 4 }, () => write({ maxTokens: 400 })));
  const [pid = assert.fail('no server')] = running(server);
  process.kill(Number(pid), 'SIGKILL');
  for (const outcome of await outcomes) {
    if (outcome.status === 'fulfilled') continue; // it was quicker
    assert.deepEqual([outcome.reason.reason, outcome.reason.retryable], ['ENGINE_CRASHED', true]);
  }
  for (let tries = 0; ; tries++) {
    const text = await write({ maxTokens: 20 }).then(
      (found) => found.text,
      (thrown: { retryable?: boolean }) => {
        assert.equal(thrown.retryable, true);
        return null;
      },
    );
    if (text !== null) break;
    assert.ok(tries < 400);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
});

test('LlamaServerEngine leaves no server behind when its child is killed, as unloading does', { skip }, async () => {
  const modelPath = join(folder, 'own.gguf');
  await writeFile(modelPath, await readFile(sharedDataPath(MODEL)));
  const first = await engine.load({ label: 'first', modelPath }, options);
  assert.ok(running(modelPath).length > 0);
  await first.dispose();
  while (running(modelPath).length > 0) await new Promise((resolve) => setTimeout(resolve, 10));
});

test('LlamaServerEngine refuses what is no llama-server, and models it cannot load', { skip }, async () => {
  assert.throws(() => new LlamaServerEngine(join(folder, 'missing')), { reason: 'ENGINE_MISSING' });
  const broken = join(folder, 'broken.gguf');
  await writeFile(broken, (await readFile(sharedDataPath(MODEL))).subarray(0, 700_000));
  await assert.rejects(engine.load({ label: 'broken', modelPath: broken }, options), { reason: 'INVALID_MODEL' });
  const wrong = join(folder, 'wrong');
  await writeFile(wrong, '#!/bin/sh\necho no such thing >&2\nexit 3\n');
  await chmod(wrong, 0o755);
  const other = new LlamaServerEngine(wrong);
  const source = { label: 'stories', modelPath: sharedDataPath(MODEL) };
  await assert.rejects(other.load(source, options), {
    reason: 'ENGINE_MISSING',
    message: /does not answer as llama-server/,
  });
});

testReal('a real llama-server writes the published text, follows a grammar, and keeps a seed', async () => {
  const expected = (await readFile(sharedDataPath('llm/stories260K.expected.txt'), 'utf8')).slice(0, 428);
  const { text, end } = await write({ prompt: plain(''), maxTokens: 200 });
  assert.deepEqual([text.slice(0, 428), end.usage.promptTokens], [expected, 1]);
  assert.match((await write({ grammar: 'root ::= "yes" | "no" [0-9] [0-9]', maxTokens: 20 })).text, /^(yes|no\d\d)$/);
  const sampling = { temperature: 1.3, topK: 100, topP: 0.99, minP: 0.001 };
  const first = await write({ maxTokens: 60, sampling });
  const again = await write({ maxTokens: 60, sampling: { ...sampling, seed: first.end.seed } });
  assert.equal(again.text, first.text);
});

testReal('a real llama-server makes vectors and judges as the arithmetic says', async () => {
  const load = async (label: string, pooling: 1 | 2 | 4) => {
    const modelPath = join(folder, `${label}.gguf`);
    await writeFile(modelPath, createEncoderFile(pooling));
    return engine.load({ label, modelPath }, { ...options, contextTokens: ENCODER_PLACES, parallel: 1 });
  };
  const texts = ['the cat sat on the mat', 'a big red bird ran', 'dog'];
  const near = (found: ArrayLike<number> | undefined, expected: readonly number[], tolerance: number) => {
    for (const [k, value] of expected.entries()) assert.ok(Math.abs((found?.[k] ?? Number.NaN) - value) < tolerance);
  };
  const encoder = await load('encoder', 1);
  const { vectors } = await encoder.embed(texts.map(plain));
  for (const [index, text] of texts.entries()) near(vectors[index], embedByHand(text, 1), 2e-3);
  await assert.rejects(encoder.embed([plain('dog'), plain('cat '.repeat(39))]), {
    reason: 'CONTEXT_OVERFLOW',
    message: /text 1/,
  });
  await encoder.dispose();
  const judge = await load('judge', 4);
  const { scores } = await judge.rank('a red cat', texts);
  near(
    scores,
    texts.map((text) => rankByHand('a red cat', text, [])),
    1e-2,
  );
  await judge.dispose();
});
