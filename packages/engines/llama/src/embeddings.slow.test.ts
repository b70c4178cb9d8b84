// Vectors and judgements of texts, held against arithmetic of our own.
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { createTensor, type GenerationEvent, type LanguageModel, type PromptPiece } from '@amaas/core';
import { createGguf, readGguf } from '@amaas/learn/gguf';
import { input } from '@amaas/learn/graph';
import { type LoadedLlama, llamaFromGguf, llamaToGguf } from '@amaas/learn/language';
import { asNetwork, createScope, llama } from '@amaas/learn/layers';
import { arrayFromTensor, evaluate, numbersOf } from '@amaas/learn/reference';
import { sharedDataPath, skipWithoutSharedData } from '../../../../tools/test-data.ts';
import { LlamaEngine } from './index.ts';
import { createEncoderFile, embedByHand, ENCODER_PLACES, encoderTokens, rankByHand } from './testing/encoder-model.ts';

const MODEL = 'llm/stories260K.gguf';
const skip = skipWithoutSharedData(MODEL);
const engine = new LlamaEngine();
const options = {
  maxMemoryBytes: 1e9,
  maxLoadMs: 60_000,
  maxQueueSize: 100,
  contextTokens: 512,
  parallel: 2,
  threads: 1,
};
let folder = '';
let stories: LanguageModel;
let loaded: LoadedLlama;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'amaas-embeddings-'));
  if (skip) return;
  loaded = await llamaFromGguf(await readGguf(await readFile(sharedDataPath(MODEL))));
  assert(loaded.tokenizer !== null);
  // In plain numbers: llama.cpp would round what it multiplies with as it rounds the weights.
  stories = await load(
    'stories',
    createGguf(llamaToGguf(loaded, { tokenizer: loaded.tokenizer, quantization: 'F32' })),
  );
});
after(async () => {
  await engine.dispose();
  await rm(folder, { recursive: true });
});

async function load(label: string, bytes: Uint8Array, more: Partial<typeof options> = {}): Promise<LanguageModel> {
  const modelPath = join(folder, `${label}.gguf`);
  await writeFile(modelPath, bytes);
  return engine.load({ label, modelPath }, { ...options, ...more });
}

const plain = (text: string): readonly PromptPiece[] => [{ text, special: false }];

/** States behind the final normalisation, by our own network: its logits where the matrix of logits picks them out. */
function computeStates(ids: readonly number[]): readonly Float64Array[] {
  const { options: sizes, weights } = loaded;
  const { vocabularySize, width } = sizes;
  const { scope, record } = createScope(false);
  const given = input('ids', 'int32', [1, ids.length]);
  const logits = asNetwork(llama({ ...sizes, tied: false })).build(new Map([['ids', given]]), scope);
  const kernel = Float32Array.from({ length: width * vocabularySize }, (_, k) =>
    Number(Math.floor(k / vocabularySize) === k % vocabularySize),
  );
  const picking = createTensor('float32', [width, vocabularySize], kernel);
  const feeds = new Map([[given, arrayFromTensor(createTensor('int32', [1, ids.length], Int32Array.from(ids)))]]);
  for (const { name, value } of record().parameters) {
    feeds.set(value, arrayFromTensor(name === 'logits/kernel' ? picking : (weights.get(name) ?? assert.fail(name))));
  }
  const [found] = evaluate([logits], feeds);
  const numbers = numbersOf(found).data;
  return ids.map((_, t) => numbers.slice(t * vocabularySize, t * vocabularySize + width));
}

function unitMean(rows: readonly Float64Array[]): readonly number[] {
  const mean = Array.from(rows[0] ?? [], (_, k) => rows.reduce((sum, row) => sum + (row[k] ?? 0), 0) / rows.length);
  const length = Math.hypot(...mean);
  return mean.map((value) => value / length);
}

function assertNear(found: ArrayLike<number> | undefined, expected: ArrayLike<number>, tolerance: number): void {
  assert.equal(found?.length, expected.length);
  for (let k = 0; k < expected.length; k++) {
    const difference = Math.abs((found?.[k] ?? Number.NaN) - (expected[k] ?? 0));
    assert.ok(difference < tolerance, `element ${k} differs by ${difference}`);
  }
}

// llama.cpp keeps keys and values as 16-bit numbers; elements are of 0.1.
test('embed of a model that writes is the mean of its states behind the final normalisation', { skip }, async () => {
  for (const text of ['Once upon a time', 'The dog ran to the big red ball and said hello to the cat']) {
    const { vectors, promptTokens } = await stories.embed([plain(text)]);
    const ids = [1, ...(await stories.tokenize(plain(text)))];
    assert.equal(promptTokens, ids.length);
    assertNear(vectors[0], unitMean(computeStates(ids)), 5e-4);
  }
});

test('embed gives each text of a call what it gives it alone, in their order, long ones too', { skip }, async () => {
  const texts = Array.from({ length: 40 }, (_, index) =>
    plain(`A dog saw ${index * 37} cats. `.repeat(1 + (index % 5))),
  );
  texts.splice(7, 0, plain('The big bird sat on the red mat and sang a song. '.repeat(20)));
  const { vectors } = await stories.embed(texts);
  assert.equal(vectors.length, texts.length);
  for (const [index, text] of texts.entries()) {
    const { vectors: alone } = await stories.embed([text]);
    assertNear(vectors[index], alone[0] ?? [], 1e-6);
    assert.ok(Math.abs(Math.hypot(...(vectors[index] ?? [])) - 1) < 1e-6);
  }
  assert.ok(vectors.slice(1).every((vector, index) => vector.some((value, k) => value !== vectors[index]?.[k])));
});

test('embed refuses empty and long texts by their index, unknown tokens, and what was called off', {
  skip,
}, async () => {
  const [good, long] = [plain('A dog'), plain('dog '.repeat(600))];
  await assert.rejects(stories.embed([good, plain('')]), {
    reason: 'INVALID_ARGUMENT',
    message: 'embed: text 1 is empty',
  });
  await assert.rejects(stories.embed([good, good, long]), {
    reason: 'CONTEXT_OVERFLOW',
    message: /^embed: text 2 has \d+ tokens, and the model reads 512$/,
  });
  await assert.rejects(stories.embed([[{ tokens: [3, 512] }]]), { reason: 'INVALID_ARGUMENT', message: /token 512/ });
  await assert.rejects(stories.embed([good], AbortSignal.abort()), { reason: 'CANCELLED' });
  await assert.rejects(stories.rank('dog', ['cat']), { reason: 'UNSUPPORTED_FEATURE' });
  const leaving = new AbortController();
  const many = stories.embed(
    Array.from({ length: 2000 }, () => good),
    leaving.signal,
  );
  leaving.abort();
  await assert.rejects(many, { reason: 'CANCELLED' });
  assert.deepEqual(stories.load, { active: 0, waiting: 0 });
  await stories.embed([good]);
});

test('embed lets those who write go on between its steps', { skip }, async () => {
  const writing: GenerationEvent[] = [];
  const { promise: begun, resolve: begin } = Promise.withResolvers<void>();
  const written = (async () => {
    for await (const event of stories.generate({ prompt: plain('Once'), maxTokens: 300 })) {
      writing.push(event);
      begin();
    }
  })();
  await begun;
  let isDone = false;
  const embedded = stories
    .embed(Array.from({ length: 600 }, (_, index) => plain(`The dog saw ${index} cats`)))
    .then(() => (isDone = true));
  const before = writing.length;
  while (!isDone && writing.at(-1)?.type !== 'ended') await new Promise((resolve) => setImmediate(resolve));
  const during = writing.length - before;
  await Promise.all([embedded, written]);
  // 600 texts are 19 turns of 32 each: a step of writing lies between any two.
  assert.ok(during >= 15, `${during} events while texts were embedded`);
});

for (const [pooling, name] of [
  [1, 'mean'],
  [2, 'cls'],
] as const) {
  test(`embed of an encoder that pools by ${name} is what the arithmetic says, and it writes nothing`, async () => {
    const model = await load(`encoder-${name}`, createEncoderFile(pooling), { contextTokens: ENCODER_PLACES });
    const texts = [
      'the cat sat on the mat',
      'a big red bird ran',
      'dog',
      'the big red dog saw a bird in the sky and ran',
    ];
    const { vectors, promptTokens } = await model.embed(texts.map(plain));
    for (const [index, text] of texts.entries()) assertNear(vectors[index], embedByHand(text, pooling), 2e-3);
    assert.equal(
      promptTokens,
      texts.reduce((sum, text) => sum + encoderTokens(text).length + 2, 0),
    );
    await assert.rejects(model.embed([plain('cat '.repeat(39))]), {
      reason: 'CONTEXT_OVERFLOW',
      message: 'embed: text 0 has 41 tokens, and the model reads 40',
    });
    const writing = model.generate({ prompt: plain('the cat') })[Symbol.asyncIterator]();
    await assert.rejects(writing.next(), { reason: 'UNSUPPORTED_FEATURE' });
    await model.dispose();
  });
}

test('rank of a judge is what the arithmetic says, in the order of the texts', async () => {
  const model = await load('judge', createEncoderFile(4), { contextTokens: ENCODER_PLACES });
  const texts = ['the cat sat on the mat', 'a bird', 'the big red dog ran in the sky', 'the cat'];
  const { scores, promptTokens } = await model.rank('a red cat', texts);
  assertNear(
    scores,
    texts.map((text) => rankByHand('a red cat', text)),
    1e-2,
  );
  assert.ok(new Set(scores.map((score) => score.toFixed(2))).size > 2, `${scores}`);
  assert.equal(
    promptTokens,
    texts.reduce((sum, text) => sum + encoderTokens(text).length + 6, 0),
  );
  await assert.rejects(model.embed([plain('the cat')]), { reason: 'UNSUPPORTED_FEATURE' });
  await assert.rejects(model.rank('a cat', ['the cat', 'cat '.repeat(40)]), {
    reason: 'CONTEXT_OVERFLOW',
    message: 'rank: text 1 and the query have 45 tokens, and the model reads 40',
  });
  await model.dispose();
});
