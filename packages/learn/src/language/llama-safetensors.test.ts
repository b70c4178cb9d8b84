import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AmaasError } from '@amaas/core';
import { createReferenceExecutor } from '../compile/index.ts';
import { trainBpe } from '../tokenize/index.ts';
import { readSafetensors, writeSafetensors } from '../train/index.ts';
import { llamaFromSafetensors, llamaToSafetensors } from './llama-safetensors.ts';
import { huggingFace } from './testing/hugging-face.ts';
import { computeLogits, drawLlama, greatestDifference } from './testing/llama-network.ts';

const executor = createReferenceExecutor();
const given = { config: huggingFace.config, files: [huggingFace.weights] };

test("llamaFromSafetensors: the network gives the logits of Hugging Face's Llama", async () => {
  const loaded = await llamaFromSafetensors(given);
  assert.deepEqual(loaded.options, {
    ...{ vocabularySize: 13, blockSize: 32, layers: 2, heads: 4, keyValueHeads: 2, width: 16, innerWidth: 24 },
    ...{ rotary: { base: 500_000 }, epsilon: 1e-6, tied: false },
  });
  assert.deepEqual(loaded.specialTokens, { start: 1, end: 2, addsStart: false, addsEnd: false });
  const logits = await computeLogits(executor, loaded, huggingFace.ids);
  assert.ok(Math.max(...huggingFace.logits.flat().map(Math.abs)) > 3);
  const difference = greatestDifference(logits, huggingFace.logits);
  assert.ok(difference < 2e-5, `${difference}`);
});

test('llamaToSafetensors gives back the file that llamaFromSafetensors read, and its settings', async () => {
  const loaded = await llamaFromSafetensors(given);
  const { bytes, config } = llamaToSafetensors(loaded, { numbers: 'bfloat16', specialTokens: { start: 1, end: 2 } });
  const sorted = (file: Uint8Array): unknown => new Map([...readSafetensors(file).tensors].sort());
  assert.deepEqual(sorted(bytes), sorted(huggingFace.weights));
  for (const [name, value] of Object.entries(config)) {
    if (name in huggingFace.config) assert.deepEqual(value, huggingFace.config[name], name);
  }
  const again = await llamaFromSafetensors({ config: JSON.parse(JSON.stringify(config)), files: [bytes] });
  assert.deepEqual(again, loaded);
});

test('llamaFromSafetensors reads shards, halves, tied tables, and a tokenizer', async () => {
  const tokenizer = trainBpe(['the cat sat on the mat'], { vocabularySize: 262 });
  const sizes = { blockSize: 16, layers: 1, heads: 2, width: 8, innerWidth: 8, tied: true, epsilon: 1e-5 };
  const model = drawLlama({ ...sizes, vocabularySize: tokenizer.vocabularySize }, 'shards');
  const { bytes, config } = llamaToSafetensors(model, { numbers: 'float16' });
  const entries = [...readSafetensors(bytes).tensors];
  const shard = (from: number, to: number): Uint8Array =>
    writeSafetensors({ tensors: new Map(entries.slice(from, to)), metadata: new Map() });
  const files = [shard(0, 3), shard(3, entries.length)];
  const loaded = await llamaFromSafetensors({ config, files, tokenizer: tokenizer.toJson(), chatTemplate: 'x' });
  assert.equal(loaded.options.tied, true);
  assert.equal(loaded.chatTemplate, 'x');
  assert.deepEqual(loaded.specialTokens, { start: 0, end: 0, addsStart: false, addsEnd: false });
  assert.deepEqual([...(loaded.tokenizer?.encode('the cat').ids ?? [])], [...tokenizer.encode('the cat').ids]);
  for (const [name, { data }] of model.weights) {
    const rounded = new Float32Array(new Float16Array(data));
    assert.deepEqual(loaded.weights.get(name)?.data, rounded, name);
  }
});

test('llamaFromSafetensors refuses what the network does not have, by its name', async () => {
  const refuses = async (changes: object, message: string): Promise<void> => {
    await assert.rejects(llamaFromSafetensors({ ...given, config: { ...huggingFace.config, ...changes } }), {
      reason: 'INVALID_MODEL',
      message: `llama: ${message}`,
    });
  };
  await refuses({ model_type: 'qwen3' }, 'config.json: model_type expects "llama", got "qwen3"');
  await refuses({ hidden_act: 'gelu' }, 'config.json: hidden_act expects "silu" or "swish", got "gelu"');
  await refuses({ attention_bias: true }, 'config.json: attention_bias expects false, got true');
  await refuses({ head_dim: 8 }, 'config.json: head_dim expects 4 or null, got 8');
  await refuses(
    { rope_scaling: { rope_type: 'llama3', factor: 8 } },
    'config.json: rope_scaling.rope_type expects "default", got "llama3"',
  );
  await refuses(
    { rope_parameters: { rope_type: 'yarn' } },
    'config.json: rope_parameters.rope_type expects "default", got "yarn"',
  );
  await refuses({ num_hidden_layers: 1.5 }, 'config.json: num_hidden_layers expects a whole number, got 1.5');
  await refuses({ vocab_size: -1 }, 'config.json: vocab_size expects a number above 0, got -1');
  await refuses({ num_hidden_layers: 3 }, 'tensor model.layers.2.input_layernorm.weight expects [16], got nothing');
  await refuses({ num_hidden_layers: 1e12 }, '1000000000000 blocks do not fit in 21 tensors');
  await refuses({ num_key_value_heads: 3 }, '16 columns cannot be 4 heads of even depth that share 3 keys');
  await refuses(
    { intermediate_size: 1e15 },
    'tensor model.layers.0.mlp.gate_proj.weight expects [1000000000000000,16], got [24,16]',
  );
  await refuses({ vocab_size: 14 }, 'tensor model.embed_tokens.weight expects [14,16], got [13,16]');
  await refuses(
    { num_hidden_layers: 1 },
    'tensor "model.layers.1.input_layernorm.weight" is nothing that the network llama has',
  );
  await assert.rejects(llamaFromSafetensors({ ...given, config: 'no' }), {
    message: 'llama: config.json expects an object, got "no"',
  });
  const tensors = new Map(readSafetensors(huggingFace.weights).tensors);
  tensors.set('model.norm.weight', { dtype: 'int8', shape: [16], data: new Int8Array(16) });
  const file = writeSafetensors({ tensors, metadata: new Map() });
  await assert.rejects(llamaFromSafetensors({ ...given, files: [file] }), (error: unknown) => {
    assert.ok(error instanceof AmaasError);
    assert.equal(error.message, 'llama: tensor model.norm.weight expects floats, got int8');
    return error.reason === 'UNSUPPORTED_TENSOR';
  });
});
