import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createTensor } from '@amaas/core';
import { createReferenceExecutor } from '../compile/index.ts';
import { createGguf, type GgufContents, readGguf } from '../gguf/index.ts';
import { readSafetensors, TrainedModel, writeSafetensors } from '../train/index.ts';
import { llamaFromSafetensors } from './llama-safetensors.ts';
import { loraFromGguf, loraFromPeft, loraToGguf, loraToPeft } from './lora-files.ts';
import { type LoraModel, loraNetwork, mergeLora } from './lora.ts';
import { huggingFace } from './testing/hugging-face.ts';
import { computeLogits, greatestDifference } from './testing/llama-network.ts';

const base = await llamaFromSafetensors({ config: huggingFace.config, files: [huggingFace.weights] });
const given = { config: huggingFace.adapterConfig, bytes: huggingFace.adapter };

async function peftModel(): Promise<LoraModel> {
  const { lora, weights } = await loraFromPeft(given, base.options);
  return { options: base.options, lora, weights: new Map([...base.weights, ...weights]) };
}

test("loraFromPeft: the network gives the logits of Hugging Face's adapter, beside and merged", async () => {
  const model = await peftModel();
  assert.deepEqual(model.lora, {
    rank: 3,
    alpha: 5,
    dropout: 0,
    targets: ['q', 'k', 'v', 'o', 'gate', 'up', 'down'],
  });
  const executor = createReferenceExecutor();
  const { ids, applied, logits } = huggingFace;
  assert.ok(greatestDifference(applied, logits) > 0.5);
  const merged = await computeLogits(executor, mergeLora(model), ids);
  assert.ok(greatestDifference(merged, applied) < 2e-5, `${greatestDifference(merged, applied)}`);
  const beside = new TrainedModel({
    network: loraNetwork(model.options, model.lora),
    inputs: new Map([['ids', { dtype: 'int32', shape: [ids.length] }]]),
    weights: model.weights,
  });
  const rows = createTensor('int32', [1, ids.length], Int32Array.from(ids));
  const { data } = await beside.predict(executor, new Map([['ids', rows]]));
  assert.ok(data instanceof Float32Array);
  assert.ok(greatestDifference([data], [applied.flat()]) < 2e-5);
});

test('loraToPeft gives back the file that loraFromPeft read, and its settings', async () => {
  const { bytes, config } = loraToPeft(await peftModel(), 'bfloat16');
  const sorted = (file: Uint8Array): unknown => new Map([...readSafetensors(file).tensors].sort());
  assert.deepEqual(sorted(bytes), sorted(huggingFace.adapter));
  for (const [name, value] of Object.entries(config)) {
    const theirs = huggingFace.adapterConfig[name];
    if (name === 'target_modules') assert.deepEqual(new Set(value as string[]), new Set(theirs as string[]));
    else assert.deepEqual(value, theirs, name);
  }
});

test('loraFromGguf gives back what loraToGguf was given', async () => {
  const model = await peftModel();
  const file = await readGguf(createGguf(loraToGguf(model, 'mine')));
  const { lora, weights } = await loraFromGguf(file, base.options);
  assert.deepEqual(lora, { rank: 3, alpha: 5, targets: model.lora.targets });
  for (const [name, tensor] of weights) assert.deepEqual(tensor, model.weights.get(name), name);
  assert.equal(weights.size, 28);
});

test('loraFromGguf and loraFromPeft refuse adapters of other kinds and models, by what is wrong', async () => {
  const contents = loraToGguf(await peftModel());
  const refuses = async (changed: GgufContents, message: string): Promise<void> => {
    const file = await readGguf(createGguf(changed));
    await assert.rejects(loraFromGguf(file, base.options), { reason: 'INVALID_MODEL', message });
  };
  const { metadata, tensors } = contents;
  const kind = new Map(metadata).set('adapter.type', { type: 'string', value: 'vera' });
  await refuses({ metadata: kind, tensors }, 'lora: adapter.type expects "lora", got "vera"');
  const alpha = new Map(metadata).set('adapter.lora.alpha', { type: 'float32', value: 0 });
  await refuses({ metadata: alpha, tensors }, "lora: the adapter's alpha expects a number above 0, got 0");
  const without = (name: string): GgufContents => ({
    metadata,
    tensors: new Map([...tensors].filter(([each]) => each !== name)),
  });
  await refuses(without('blk.1.ffn_up.weight.lora_b'), 'lora: tensor blk.1.ffn_up.weight.lora_b is missing');
  await refuses(
    { metadata, tensors: new Map() },
    'lora: the adapter has no tensor of a kernel that the network llama has',
  );
  const one = { type: 'F32', shape: [3, 7], load: () => new Float32Array(21) } as const;
  await refuses(
    { metadata, tensors: new Map([...tensors, ['output.weight.lora_a', one]]) },
    'lora: tensor "output.weight.lora_a" is of no kernel that the network llama has',
  );
  await refuses(
    { metadata, tensors: new Map([...tensors, ['blk.0.attn_k.weight.lora_a', one]]) },
    'lora: tensor blk.0.attn_k.weight.lora_a expects [3,16], got [3,7]',
  );
  const peftRefuses = async (changes: object, message: string): Promise<void> => {
    const config = { ...huggingFace.adapterConfig, ...changes };
    await assert.rejects(loraFromPeft({ ...given, config }, base.options), { reason: 'INVALID_MODEL', message });
  };
  await peftRefuses({ peft_type: 'LOHA' }, 'lora: adapter_config.json: peft_type expects "LORA", got "LOHA"');
  await peftRefuses({ use_dora: true }, 'lora: adapter_config.json: use_dora is true, which is not known here');
  await peftRefuses(
    { alpha_pattern: { q_proj: 3 } },
    'lora: adapter_config.json: alpha_pattern is {"q_proj":3}, which is not known here',
  );
  await peftRefuses({ lora_alpha: null }, "lora: the adapter's alpha expects a number above 0, got 0");
  const fewer = new Map([...readSafetensors(huggingFace.adapter).tensors].slice(1));
  const bytes = writeSafetensors({ tensors: fewer, metadata: new Map() });
  await assert.rejects(loraFromPeft({ ...given, bytes }, base.options), { message: /lora_A\.weight is missing$/ });
});
