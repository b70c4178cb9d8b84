import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import {
  createTensor,
  type GenerationEnd,
  type GenerationEvent,
  type GenerationRequest,
  type LanguageModel,
} from '@amaas/core';
import { createGguf, readGguf } from '@amaas/learn/gguf';
import { input } from '@amaas/learn/graph';
import { llamaFromGguf, llamaToGguf, loraNetwork, loraToGguf, mergeLora } from '@amaas/learn/language';
import { createScope } from '@amaas/learn/layers';
import { createRandom } from '@amaas/learn/statistics';
import { sharedDataPath, skipWithoutSharedData } from '../../../../tools/test-data.ts';
import { LlamaEngine } from './index.ts';

const MODEL = 'llm/stories260K.gguf';
const skip = skipWithoutSharedData(MODEL);
const LORA = { rank: 4 };
const engine = new LlamaEngine();
const options = { maxMemoryBytes: 1e9, maxLoadMs: 60_000, maxQueueSize: 100, contextTokens: 512, parallel: 4 };
let model: LanguageModel;
let expected = '';

before(async () => {
  if (skip) return;
  model = await engine.load({ label: 'stories', modelPath: sharedDataPath(MODEL) }, options);
  // llama.cpp takes the other side of a near tie after so many characters.
  expected = (await readFile(sharedDataPath('llm/stories260K.expected.txt'), 'utf8')).slice(0, 428);
});
after(() => engine.dispose());

interface Written {
  readonly text: string;
  readonly end: GenerationEnd;
  readonly events: readonly GenerationEvent[];
}

async function write(request: Partial<GenerationRequest> = {}, by = model): Promise<Written> {
  const events: GenerationEvent[] = [];
  for await (const event of by.generate({ prompt: [{ text: '', special: false }], ...request })) events.push(event);
  const end = events.at(-1);
  assert(end?.type === 'ended');
  const text = events.map((event) => (event.type === 'text' ? event.text : '')).join('');
  return { text, end, events };
}

test('LlamaEngine writes the published text, alone and in a full batch, and says what it used', { skip }, async () => {
  const alone = await write({ maxTokens: 200 });
  assert.equal(alone.text.slice(0, 428), expected);
  assert.deepEqual(
    [alone.end.reason, alone.end.usage.promptTokens, alone.end.usage.completionTokens],
    ['length', 1, 200],
  );
  const together = await Promise.all(Array.from({ length: 11 }, () => write({ maxTokens: 200 })));
  for (const { text } of together) assert.equal(text.slice(0, 428), expected);
});

test('generate with a seed gives the same text again, and says which seed it drew', {
  skip,
}, async () => {
  const sampling = { temperature: 1.3, topK: 100, topP: 0.99, minP: 0.001 };
  const first = await write({ maxTokens: 60, sampling });
  const again = { maxTokens: 60, sampling: { ...sampling, seed: first.end.seed } };
  assert.equal((await write(again)).text, first.text);
  const others = Array.from({ length: 3 }, (_, seed) => write({ maxTokens: 60, sampling: { ...sampling, seed } }));
  const texts = (await Promise.all(others)).map(({ text }) => text);
  assert.equal(new Set([first.text, ...texts]).size, 4);
});

test('generate ends before a stop text that lies over the borders of tokens', { skip }, async () => {
  const whole = (await write({ maxTokens: 60 })).text;
  const stop = whole.slice(31, 44);
  const { text, end } = await write({ maxTokens: 60, stop: ['never said', stop] });
  assert.deepEqual([text, end.reason, end.stopText], [whole.slice(0, whole.indexOf(stop)), 'stop', stop]);
});

test('generate tells the log-probabilities of the model, whatever is sampled by', { skip }, async () => {
  const greedy = await write({ maxTokens: 20, logProbabilities: { top: 100 } });
  const tokens = greedy.events.flatMap((event) => (event.type === 'text' ? event.tokens : []));
  assert.equal(tokens.length, 20);
  assert.equal(
    tokens
      .map(({ text }) => text)
      .join('')
      .trimStart(),
    greedy.text,
  ); // texts have no space before their first word
  for (const { token, logProbability, top } of tokens) {
    assert.deepEqual([top[0]?.token, top[0]?.logProbability], [token, logProbability]);
    assert.ok(top.every((each, index) => each.logProbability <= (top[index - 1]?.logProbability ?? 0)));
    const sum = top.reduce((total, each) => total + Math.exp(each.logProbability), 0);
    assert.ok(sum > 0.9 && sum <= 1.000_01, `the 100 likeliest of 512 tokens have ${sum}`);
  }
  // Forbidding the first token changes what is written, not what the model thinks of it.
  const [first] = tokens;
  assert(first !== undefined);
  const logitBias = new Map([[first.token, Number.NEGATIVE_INFINITY]]);
  const other = await write({ maxTokens: 1, sampling: { logitBias }, logProbabilities: { top: 1 } });
  const [event] = other.events.filter(({ type }) => type === 'text');
  assert(event?.type === 'text');
  assert.notEqual(event.tokens[0]?.token, first.token);
  assert.deepEqual(
    [event.tokens[0]?.top[0]?.token, event.tokens[0]?.top[0]?.logProbability],
    [first.token, first.logProbability],
  );
});

test('generate computes only what no earlier prompt began with', { skip }, async () => {
  const story = 'Tom had a red ball and a small dog. They went to the park every day. ';
  const first = await write({ prompt: [{ text: `${story}One day`, special: false }], maxTokens: 5 });
  const second = await write({ prompt: [{ text: `${story}The dog`, special: false }], maxTokens: 5 });
  assert.ok(first.end.usage.cachedTokens <= 1); // the token that begins every text
  const { cachedTokens, promptTokens } = second.end.usage;
  assert.ok(cachedTokens > promptTokens / 2 && cachedTokens < promptTokens, `${cachedTokens} of ${promptTokens}`);
  const alone = await write({ prompt: [{ text: `${story}The dog`, special: false }], maxTokens: 40 });
  const fresh = await engine.load({ label: 'fresh', modelPath: sharedDataPath(MODEL) }, { ...options, threads: 1 });
  const uncached = await write({ prompt: [{ text: `${story}The dog`, special: false }], maxTokens: 40 }, fresh);
  await fresh.dispose();
  assert.deepEqual([alone.text, uncached.end.usage.cachedTokens], [uncached.text, 0]);
});

test('generate computes once what prompts that come together begin with, and writes what it would alone', {
  skip,
}, async () => {
  const begin = 'Lily saw a big tree and a little bird. '.repeat(30);
  const prompts = ['Tom', 'The bird', 'One day'].map((end) => [{ text: begin + end, special: false }]);
  const parts = { contextTokens: 512, parallel: 3, threads: 1 };
  const fresh = () => engine.load({ label: 'fresh', modelPath: sharedDataPath(MODEL) }, { ...options, ...parts });
  const alone: string[] = [];
  for (const prompt of prompts) {
    const each = await fresh();
    alone.push((await write({ prompt, maxTokens: 30 }, each)).text);
    await each.dispose();
  }
  const shared = await fresh();
  const together = await Promise.all(prompts.map((prompt) => write({ prompt, maxTokens: 30 }, shared)));
  await shared.dispose();
  assert.deepEqual(
    together.map(({ text }) => text),
    alone,
  );
  const [first = Number.NaN, ...others] = together.map(({ end }) => end.usage.cachedTokens);
  assert.equal(first, 0);
  for (const cached of others) assert.ok(cached > 300, JSON.stringify(together.map((t) => t.end.usage)));
});

test('generate follows a grammar, and refuses one that cannot be read', { skip }, async () => {
  const { text } = await write({ grammar: 'root ::= "yes" | "no" [0-9] [0-9]', maxTokens: 20 });
  assert.match(text, /^(yes|no\d\d)$/);
  await assert.rejects(write({ grammar: 'root ::= (' }), { reason: 'INVALID_ARGUMENT', message: /grammar/ });
});

test('tokenize reads special tokens only where that is said, and detokenize leaves them out', { skip }, async () => {
  const special = await model.tokenize([{ text: '</s>', special: true }]);
  const plain = await model.tokenize([{ text: '</s>', special: false }]);
  assert.deepEqual([special.length, special.includes(2), plain.includes(2)], [special.length, true, false]);
  assert.equal(
    await model.detokenize([1, ...(await model.tokenize([{ text: 'Once upon', special: false }])), 2]),
    'Once upon',
  );
  await assert.rejects(model.detokenize([512]), { message: "detokenize: token 512 is none of the model's 0 … 511" });
});

test('generate writes as much as there is room for, whatever is asked', { skip }, async () => {
  const prompt = [{ tokens: Array.from({ length: 500 }, () => 400) }];
  const forbidEnd = { logitBias: new Map([1, 2].map((token) => [token, Number.NEGATIVE_INFINITY])) };
  for (const maxTokens of [undefined, 11, 12, 9999]) {
    const { end } = await write({ prompt, sampling: forbidEnd, ...(maxTokens === undefined ? {} : { maxTokens }) });
    assert.deepEqual([end.reason, end.usage.promptTokens, end.usage.completionTokens], ['length', 501, 11]);
  }
});

test('generate refuses with numbers what does not fit, before anything is computed', { skip }, async () => {
  const long = [{ tokens: Array.from({ length: 600 }, () => 400) }];
  const refused: readonly (readonly [Partial<GenerationRequest>, string, RegExp])[] = [
    [{ prompt: long }, 'CONTEXT_OVERFLOW', /prompt's 601 tokens leave no room .* 512 tokens/],
    [{ maxTokens: 0 }, 'INVALID_ARGUMENT', /maxTokens must be a whole number ≥ 1, got 0/],
    [{ sampling: { temperature: -1 } }, 'INVALID_ARGUMENT', /temperature must be a number of 0 … 100, got -1/],
    [{ sampling: { topP: Number.NaN } }, 'INVALID_ARGUMENT', /topP must be a number of 0 … 1, got NaN/],
    [{ sampling: { logitBias: new Map([[512, 1]]) } }, 'INVALID_ARGUMENT', /names token 512/],
    [{ adapter: 'pirate' }, 'INVALID_ARGUMENT', /no adapter "pirate"; the model has: none/],
    [{ stop: [''] }, 'INVALID_ARGUMENT', /none of them empty/],
  ];
  for (const [request, reason, message] of refused) await assert.rejects(write(request), { reason, message });
  assert.deepEqual(model.load, { active: 0, waiting: 0 });
});

test('generate ends its work when the reader leaves, whenever that is', { skip }, async () => {
  await Promise.all(
    Array.from({ length: 60 }, async (_, index) => {
      const leaving = new AbortController();
      let seen = 0;
      try {
        const prompt = [{ text: `Story ${index}. `.repeat(1 + (index % 9)), special: false }];
        for await (const event of model.generate({ prompt, maxTokens: 100 }, leaving.signal)) {
          if (event.type === 'text' && ++seen > index % 7 && index % 2 === 0) break;
          if (seen > index % 5) leaving.abort();
        }
      } catch (thrown) {
        assert.equal((thrown as { reason?: string }).reason, 'CANCELLED');
      }
    }),
  );
  assert.deepEqual(model.load, { active: 0, waiting: 0 });
  assert.equal((await write({ maxTokens: 200 })).text.slice(0, 428), expected);
});

test('generate never computes what was called off while it waited', { skip }, async () => {
  const single = await engine.load(
    { label: 'single', modelPath: sharedDataPath(MODEL) },
    { ...options, parallel: 1, threads: 1 },
  );
  const first = write({ maxTokens: 200 }, single);
  const prompt = (index: number) => [
    { text: `Number ${index}: a cat and a dog saw a big bird in the sky`, special: false },
  ];
  const leaving = new AbortController();
  const waiting = Array.from({ length: 10 }, (_, index) =>
    single
      .generate({ prompt: prompt(index) }, leaving.signal)
      [Symbol.asyncIterator]()
      .next(),
  );
  leaving.abort();
  for (const outcome of await Promise.allSettled(waiting)) {
    assert(outcome.status === 'rejected' && outcome.reason.reason === 'CANCELLED');
  }
  await first;
  const { usage } = (await write({ prompt: prompt(9), maxTokens: 1 }, single)).end;
  await single.dispose();
  assert.ok(
    usage.cachedTokens <= 1 && usage.promptTokens > 10,
    `${usage.cachedTokens} of ${usage.promptTokens} tokens`,
  );
});

test('generate refuses what its queue has no room for', { skip }, async () => {
  const small = await engine.load(
    { label: 'small', modelPath: sharedDataPath(MODEL) },
    { ...options, parallel: 1, maxQueueSize: 2, threads: 1 },
  );
  const outcomes = await Promise.allSettled(Array.from({ length: 5 }, () => write({ maxTokens: 50 }, small)));
  await small.dispose();
  const refused = outcomes.filter(({ status }) => status === 'rejected');
  assert.ok(refused.length >= 2, `${refused.length} refused`);
  for (const outcome of refused) assert(outcome.status === 'rejected' && outcome.reason.reason === 'QUEUE_FULL');
  await assert.rejects(write({}, small), { reason: 'MODEL_NOT_READY' });
});

test('a killed child fails its requests with a retryable error, and another takes its place', { skip }, async () => {
  const childrenOf = () =>
    execFileSync('pgrep', ['-P', String(process.pid), '-f', 'child-main'])
      .toString()
      .trim()
      .split('\n');
  const before = new Set(childrenOf());
  const victim = await engine.load({ label: 'victim', modelPath: sharedDataPath(MODEL) }, { ...options, threads: 1 });
  const pid = childrenOf().find((each) => !before.has(each)) ?? assert.fail('no child');
  const outcomes = Array.from({ length: 6 }, () => write({ maxTokens: 300 }, victim));
  const settled = Promise.allSettled(outcomes);
  process.kill(Number(pid), 'SIGKILL');
  for (const outcome of await settled) {
    assert(outcome.status === 'rejected');
    assert.deepEqual([outcome.reason.reason, outcome.reason.retryable], ['ENGINE_CRASHED', true]);
  }
  await assert.rejects(write({}, victim), { reason: 'MODEL_NOT_READY', retryable: true });
  for (let tries = 0; ; tries++) {
    const text = await write({ maxTokens: 200 }, victim).then(
      (found) => found.text,
      () => null,
    );
    if (text === null && tries < 400) await new Promise((resolve) => setTimeout(resolve, 50));
    else {
      assert.equal(text?.slice(0, 428), expected);
      break;
    }
  }
  await victim.dispose();
});

test('generate with an adapter writes what the merged model does, beside requests without it', { skip }, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'amaas-llama-'));
  try {
    const base = await llamaFromGguf(await readGguf(await readFile(sharedDataPath(MODEL))));
    assert(base.tokenizer !== null);
    const random = createRandom('adapter');
    const { scope, record } = createScope(true);
    loraNetwork(base.options, LORA).build(new Map([['ids', input('ids', 'int32', [1, 8])]]), scope);
    const weights = new Map(base.weights);
    for (const { name, shape } of record().parameters) {
      if (weights.has(name)) continue;
      const sizes = shape.map(Number);
      const data = Float32Array.from({ length: sizes.reduce((a, b) => a * b) }, () => 0.15 * random.normal());
      weights.set(name, createTensor('float32', sizes, data));
    }
    const tuned = { options: base.options, lora: LORA, weights };
    const save = async (name: string, bytes: Uint8Array) => {
      await writeFile(join(folder, name), bytes);
      return join(folder, name);
    };
    const adapter = await save('adapter.gguf', createGguf(loraToGguf(tuned)));
    const merged = await save('merged.gguf', createGguf(llamaToGguf(mergeLora(tuned), { tokenizer: base.tokenizer })));
    const load = (modelPath: string, adapters = new Map<string, string>()) =>
      engine.load({ label: 'tuned', modelPath, adapters }, { ...options, threads: 1 });
    const [both, one] = [await load(sharedDataPath(MODEL), new Map([['odd', adapter]])), await load(merged)];
    const request = { prompt: [{ text: 'Tom and his dog', special: false }], maxTokens: 40 };
    const [plain, adapted, again] = await Promise.all([
      write(request, both),
      write({ ...request, adapter: 'odd' }, both),
      write(request, both),
    ]);
    assert.equal(adapted.text, (await write(request, one)).text);
    assert.deepEqual([plain.text, plain.text === adapted.text], [again.text, false]);
    await Promise.all([both.dispose(), one.dispose()]);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('load refuses malformed files, and models larger than allowed, with what is wrong', { skip }, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'amaas-llama-'));
  try {
    const bytes = await readFile(sharedDataPath(MODEL));
    const load = async (content: Uint8Array, more = {}) => {
      const modelPath = join(folder, 'model.gguf');
      await writeFile(modelPath, content);
      return engine.load({ label: 'bad', modelPath }, { ...options, ...more });
    };
    await assert.rejects(load(bytes.subarray(0, 700_000)), { reason: 'INVALID_MODEL' });
    await assert.rejects(load(new TextEncoder().encode('no model')), { reason: 'INVALID_MODEL', message: /GGUF|gguf/ });
    // Well-formed as a file, and no model: a tensor that llama.cpp needs has another name.
    const renamed = Buffer.from(bytes);
    renamed.write('blk.0.attn_X', renamed.indexOf('blk.0.attn_q'));
    await assert.rejects(load(renamed), {
      reason: 'INVALID_MODEL',
      message: /llama.cpp does not take model "bad": .*attn_q/,
    });
    const limit = { contextTokens: undefined, parallel: undefined, maxMemoryBytes: 1e6 };
    await assert.rejects(load(bytes, limit), {
      reason: 'MEMORY_LIMIT',
      message: /needs \d+ MB .*weights 2 MB.*and 1 MB are allowed/,
    });
    await assert.rejects(load(bytes, { signal: AbortSignal.abort() }), { reason: 'CANCELLED' });
    await assert.rejects(load(bytes, { maxLoadMs: 1 }), { reason: 'MODEL_REJECTED', message: /not ready after 1 ms/ });
  } finally {
    await rm(folder, { recursive: true });
  }
});
