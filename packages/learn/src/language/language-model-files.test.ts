import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createTensor } from '@amaas/core';
import { createOrtNodeExecutor } from '@amaas/engine-ort-node';
import { readGguf } from '../gguf/index.ts';
import { createRandom } from '../statistics/index.ts';
import { readTokenizer } from '../tokenize/index.ts';
import { readSafetensors } from '../train/index.ts';
import {
  type ArchitectureOptions,
  createStepModel,
  languageModelFiles,
  llamaFromGguf,
  TextSampler,
  type TrainedLanguageModel,
  trainLanguageModel,
} from './index.ts';

const executor = await createOrtNodeExecutor({ threads: 1 });
const sizes = { layers: 2, heads: 2, width: 8, blockSize: 8 };

const trainSmall = (architecture: ArchitectureOptions, steps = 2): Promise<TrainedLanguageModel> =>
  trainLanguageModel({
    ...{ architecture, executor, steps, validation: 0.2 },
    corpus: 'The cat sat on the mat. The dog sat on the log. '.repeat(20),
    tokenizer: { kind: 'bpe', vocabularySize: 270 },
  });

const text = (files: ReadonlyMap<string, Uint8Array>, name: string): string =>
  new TextDecoder().decode(files.get(name) ?? assert.fail(`no ${name}`));

for (const architecture of [
  { name: 'gpt', ...sizes },
  { name: 'llama', ...sizes, keyValueHeads: 1, rotary: { base: 5000 } },
] as const) {
  test(`languageModelFiles of a ${architecture.name} step by step give the logits of the network`, async () => {
    const trained = await trainSmall(architecture);
    const files = await languageModelFiles(trained, { name: 'small' });
    const ids = [...trained.tokenizer.encode('The cat sat on the').ids].slice(0, 8);
    const [step, prompt] = [files.get('step.onnx'), files.get('prompt.onnx')];
    assert(step !== undefined && prompt !== undefined);
    const steps = await createStepModel(executor, { step, prompt, start: null });
    const started = await steps.prompt([ids]);
    const { logits } = await steps.step(started.tokens, started.state);
    await steps.dispose();
    const block = new Int32Array(8).fill(1);
    block.set(ids);
    const rows = new Map([['ids', createTensor('int32', [1, 8], block)]]);
    const { data } = await trained.model.predict(executor, rows);
    const last = [...data].slice((ids.length - 1) * 270, ids.length * 270).map(Number);
    assert.equal(last.length, logits.length);
    for (const [token, logit] of last.entries()) assert(Math.abs(logit - (logits[token] ?? 9)) < 1e-5);
  });
}

test('languageModelFiles have a graph that writes the likeliest text, and a manifest by which it takes and gives texts', async () => {
  const trained = await trainSmall({ name: 'llama', ...sizes }, 60);
  const files = await languageModelFiles(trained, { name: 'small' });
  const generator = await executor.compile(files.get('model.onnx') ?? assert.fail('no model.onnx'));
  const { ids: prompt } = trained.tokenizer.encode('The');
  assert.equal(prompt.length, 1);
  const ids = createTensor('int64', [1, 2], BigInt64Array.from([0, ...prompt], BigInt));
  const written = await generator.run(new Map([['ids', ids]]));
  await generator.dispose();
  const { tokenizer, endId } = trained;
  const sampler = await TextSampler.create(trained.model, { executor, tokenizer, endId });
  const [sample] = await sampler.sample({ prompt: 'The', temperature: 0, maxTokens: 6, random: createRandom(0) });
  await sampler.dispose();
  const tokens = [...(written.get('tokens')?.data ?? [])].map(Number);
  assert.equal(tokens.length, 6); // of 8 that it sees at once a quarter is for what is given
  assert.equal(tokenizer.decode(tokens), sample?.text);
  const manifest = JSON.parse(text(files, 'amaas.json'));
  assert.deepEqual(manifest.preprocess.ids, {
    ...{ kind: 'tokens', tokenizer: 'tokenizer.json', maxTokens: 2, length: 'exact', truncate: 'start' },
  });
  assert.deepEqual(JSON.parse(text(files, 'example.json')).inputs[0].name, 'ids');
});

test('languageModelFiles of a Llama are read back as it: GGUF, weights by other names, tokenizer', async () => {
  const trained = await trainSmall({ name: 'llama', ...sizes, keyValueHeads: 1, rotary: { base: 5000 } });
  const files = await languageModelFiles(trained, { name: 'small', quantization: 'F32' });
  const read = await llamaFromGguf(await readGguf(files.get('model.gguf') ?? assert.fail('no model.gguf')));
  for (const [name, { data }] of trained.model.weights) assert.deepEqual(read.weights.get(name)?.data, data, name);
  assert.deepEqual(
    [read.options.keyValueHeads, read.options.rotary, read.specialTokens],
    [1, { base: 5000 }, { start: 0, end: 0, addsStart: true, addsEnd: false }],
  );
  const { tensors } = readSafetensors(files.get('model.safetensors') ?? assert.fail('no model.safetensors'));
  assert.deepEqual(tensors.get('model.layers.1.self_attn.k_proj.weight')?.shape, [4, 8]);
  assert.deepEqual(tensors.get('model.embed_tokens.weight')?.shape, [270, 8]);
  const config = JSON.parse(text(files, 'config.json'));
  assert.deepEqual(
    [config.model_type, config.vocab_size, config.num_key_value_heads, config.rope_theta, config.tie_word_embeddings],
    ['llama', 270, 1, 5000, true],
  );
  const awkward = 'The cät – sat\n\n on <|endoftext|> it';
  const served = readTokenizer(text(files, 'tokenizer.json')).encode(awkward).ids;
  // In front of every text stands what texts were learned behind.
  assert.deepEqual([...served], [0, ...trained.tokenizer.encode(awkward).ids]);
});

test('languageModelFiles leave the GGUF out where llama.cpp has no such network or tokenizer, and tell the course', async () => {
  const gpt = await languageModelFiles(await trainSmall({ name: 'gpt', ...sizes }), { name: 'small' });
  const byCharacters = await trainLanguageModel({
    ...{ executor, steps: 2, corpus: 'abcd abc ab '.repeat(40), tokenizer: { kind: 'characters' } },
    architecture: { name: 'llama', ...sizes },
    samples: { maxTokens: 3 },
  });
  const files = await languageModelFiles(byCharacters, { name: 'letters & <more>' });
  assert.deepEqual([gpt.has('model.gguf'), files.has('model.gguf')], [false, false]);
  const course = JSON.parse(text(files, 'training.json'));
  assert.deepEqual(course.curve, byCharacters.curve);
  assert.deepEqual(course.samples, byCharacters.samples);
  assert.equal(course.validation.nats, byCharacters.validation?.nats);
  assert.match(text(files, 'loss.svg'), /<title>letters &amp; &lt;more&gt;: loss by step<\/title>/);
});
