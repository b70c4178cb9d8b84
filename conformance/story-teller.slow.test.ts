// The bundled story-teller: its files belong together, it tells the stored samples again, and llama.cpp sees in its GGUF file
// what ONNX Runtime sees in its graph.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { createTensor } from '@amaas/core';
import { createOrtNodeExecutor } from '@amaas/engine-ort-node';
import { readGguf } from '@amaas/learn/gguf';
import { createLanguageNetwork, llamaFromGguf } from '@amaas/learn/language';
import { asNetwork } from '@amaas/learn/layers';
import { readTokenizer } from '@amaas/learn/tokenize';
import { TrainedModel } from '@amaas/learn/train';
import { askLlamaCpp } from '../packages/learn/src/language/testing/llama-cpp.ts';
import { tellSamples } from '../models/story-teller/write-story-teller.ts';

const FOLDER = resolve(import.meta.dirname, '../models/story-teller/model');
const GGUF = resolve(FOLDER, '../1/model.gguf');
const TEXT = 'Once upon a time there was a little fox who liked to sing.';

const read = (name: string): Promise<Buffer> => readFile(join(FOLDER, name));
const { options, weights, tokenizer, specialTokens } = await llamaFromGguf(await readGguf(await readFile(GGUF)));
assert(tokenizer !== null);
const network = asNetwork(createLanguageNetwork({ name: 'llama', ...options }));
const model = new TrainedModel({
  network,
  inputs: new Map([['ids', { dtype: 'int32', shape: [options.blockSize] }]]),
  weights,
});
const executor = await createOrtNodeExecutor({ threads: 1 });

test('the tokenizer in the GGUF file is the one beside it, which puts the beginning of a text in front', async () => {
  const beside = readTokenizer((await read('tokenizer.json')).toString('utf8'));
  assert.deepEqual(beside.encode(TEXT).ids, tokenizer.encode(TEXT).ids);
  assert.equal(beside.encode(TEXT).ids[0], 0);
  assert.deepEqual([specialTokens.start, specialTokens.end, specialTokens.addsStart], [0, 0, true]);
});

test('the story-teller tells its samples again', async () => {
  const { samples } = JSON.parse((await read('training.json')).toString('utf8'));
  assert.deepEqual(await tellSamples({ model, tokenizer, endId: 0 }, executor), samples);
});

test('llama.cpp predicts from the GGUF file what the network predicts', async () => {
  const ids = [...tokenizer.encode(TEXT).ids];
  const answer = await askLlamaCpp({ model: GGUF, texts: [TEXT], logitsOf: [ids] });
  assert.deepEqual(answer.tokens[0]?.slice(-ids.length + 1), ids.slice(1));
  const block = new Int32Array(options.blockSize);
  block.set(ids);
  const rows = new Map([['ids', createTensor('int32', [1, options.blockSize], block)]]);
  const logits = [...(await model.predict(executor, rows)).data].map(Number);
  const size = options.vocabularySize;
  let worst = 0;
  for (let at = 0; at < ids.length; at++) {
    const own = logits.slice(at * size, (at + 1) * size);
    const theirs = answer.logits[0]?.[at] ?? [];
    assert.equal(theirs.length, size);
    for (const [token, logit] of own.entries()) worst = Math.max(worst, Math.abs(logit - (theirs[token] ?? 0)));
  }
  // llama.cpp brings what it multiplies 8-bit weights with to 8 bits, too.
  assert(worst < 0.2, `logits differ by up to ${worst}`);
});

test('the graph that is served goes on as the network does', async () => {
  const graph = await executor.compile(await read('model.onnx'));
  const prompt = [...tokenizer.encode(TEXT).ids];
  const ids = createTensor('int64', [1, prompt.length], BigInt64Array.from(prompt, BigInt));
  const tokens = [...((await graph.run(new Map([['ids', ids]]))).get('tokens')?.data ?? [])].map(Number);
  await graph.dispose();
  const seen = [...prompt];
  const predictor = await model.createPredictor(executor);
  for (const token of tokens.slice(0, 20)) {
    const block = new Int32Array(options.blockSize);
    block.set(seen);
    const rows = new Map([['ids', createTensor('int32', [1, options.blockSize], block)]]);
    const { data } = await predictor.predict(rows);
    const from = (seen.length - 1) * options.vocabularySize;
    const logits = [...data].slice(from, from + options.vocabularySize).map(Number);
    assert.equal(token, logits.indexOf(Math.max(...logits)));
    seen.push(token);
  }
  await predictor.dispose();
  assert.equal(seen.length, prompt.length + 20, tokenizer.decode(tokens));
});
