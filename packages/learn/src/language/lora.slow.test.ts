// A published model fine-tuned: its loss on another kind of text falls, and llama.cpp with the adapter gives the logits of
// llama.cpp with the merged file, and of our ONNX export.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { createTensor } from '@amaas/core';
import { createOrtNodeExecutor } from '@amaas/engine-ort-node';
import { sharedDataPath, skipWithoutSharedData } from '../../../../tools/test-data.ts';
import { createGguf, readGguf } from '../gguf/index.ts';
import { asNetwork, llama, type Network } from '../layers/index.ts';
import { adamW, type Examples, fit, sparseCategoricalCrossentropy, type TrainedModel } from '../train/index.ts';
import { type LoadedLlama, llamaFromGguf, llamaToGguf } from './llama-gguf.ts';
import { loraToGguf } from './lora-files.ts';
import { type LoraOptions, loraNetwork, mergeLora } from './lora.ts';
import { askLlamaCpp } from './testing/llama-cpp.ts';
import { computeLogits, greatestDifference } from './testing/llama-network.ts';

const STORIES = 'llm/stories260K.gguf';
const skip = skipWithoutSharedData(STORIES);
const executor = await createOrtNodeExecutor({ threads: 1 });
const directory = mkdtempSync(join(tmpdir(), 'amaas-lora-'));
after(() => rmSync(directory, { recursive: true }));
const TIME = 32;

/** A rhyme with other words in every line: nothing that the model was trained on. */
function examplesOf({ tokenizer }: LoadedLlama): Examples {
  const animals = ['cat', 'dog', 'bird', 'fish', 'bear', 'frog', 'duck', 'cow'];
  const places = ['park', 'house', 'tree', 'box', 'car', 'bed', 'lake', 'hat'];
  const lines = animals.flatMap((animal) => places.map((place) => `THE ${animal} SITS IN A ${place} AND SINGS!`));
  const rows = lines.map((line) => [1, ...(tokenizer?.encode(line, { addSpecialTokens: false }).ids ?? [])]);
  const ids = new Int32Array(rows.length * TIME);
  const next = new BigInt64Array(rows.length * TIME);
  for (const [row, line] of rows.entries()) {
    for (let at = 0; at < TIME; at++) {
      ids[row * TIME + at] = line[at] ?? 2;
      next[row * TIME + at] = BigInt(line[at + 1] ?? 2);
    }
  }
  return {
    inputs: new Map([['ids', createTensor('int32', [rows.length, TIME], ids)]]),
    target: createTensor('int64', [rows.length, TIME], next),
  };
}

async function train(network: Network, base: LoadedLlama): Promise<{ model: TrainedModel; losses: readonly number[] }> {
  const { model, history } = await fit(network, examplesOf(base), {
    executor,
    loss: sparseCategoricalCrossentropy({ fromLogits: true }),
    optimizer: adamW({ learningRate: 0.003, weightDecay: 0.01 }),
    ...{ epochs: 6, batchSize: 12, validation: 0.25, clipNorm: 1, threads: 1, initialWeights: base.weights },
  });
  return { model, losses: history.map(({ values }) => values['validation loss'] ?? Number.NaN) };
}

function save(name: string, bytes: Uint8Array): string {
  const path = join(directory, name);
  writeFileSync(path, bytes);
  return path;
}

async function logitsThere(paths: { readonly model: string; readonly lora?: string }, ids: readonly number[]) {
  return (await askLlamaCpp({ ...paths, logitsOf: [ids] })).logits[0] ?? [];
}

test('loraNetwork fine-tunes a published model; llama.cpp applies the adapter as it is merged', { skip }, async () => {
  const base = await llamaFromGguf(await readGguf(readFileSync(sharedDataPath(STORIES))));
  const { options, tokenizer } = base;
  assert.ok(tokenizer !== null);
  const lora: LoraOptions = { rank: 8, dropout: 0.05 };
  const { model, losses } = await train(loraNetwork(options, lora), base);
  assert.ok((losses.at(-1) ?? 9) < 0.5 * (losses[0] ?? 0), losses.join(' '));
  for (const [name, { data }] of base.weights) assert.equal(model.weights.get(name)?.data, data, name);

  const tuned = { options, lora, weights: model.weights };
  const merged = mergeLora(tuned);
  const ids = [...tokenizer.encode('THE cat SITS IN A hat AND Once upon a time').ids];
  const files = {
    base: save('base.gguf', createGguf(llamaToGguf(base, { tokenizer }))),
    merged: save('merged.gguf', createGguf(llamaToGguf(merged, { tokenizer }))),
    adapter: save('adapter.gguf', createGguf(loraToGguf(tuned))),
  };
  const alone = await logitsThere({ model: files.base }, ids);
  const applied = await logitsThere({ model: files.base, lora: files.adapter }, ids);
  const together = await logitsThere({ model: files.merged }, ids);
  const ours = await computeLogits(executor, merged, ids);
  assert.ok(greatestDifference(alone, applied) > 1, 'the adapter changes something');
  const differences = [greatestDifference(applied, together), greatestDifference(applied, ours)];
  for (const difference of differences) assert.ok(difference < 1e-4, `${differences}`);
});

test('fit with a published model as initialWeights fine-tunes all of it', { skip }, async () => {
  const base = await llamaFromGguf(await readGguf(readFileSync(sharedDataPath(STORIES))));
  const { options, tokenizer } = base;
  assert.ok(tokenizer !== null);
  const { model, losses } = await train(asNetwork(llama(options)), base);
  assert.ok((losses.at(-1) ?? 9) < 0.5 * (losses[0] ?? 0), losses.join(' '));
  const tuned = { options, weights: model.weights };
  const changed = [...base.weights].filter(([name, { data }]) => {
    return !data.every((value, at) => value === model.weights.get(name)?.data[at]);
  });
  assert.equal(changed.length, base.weights.size);
  const ids = [...tokenizer.encode('THE dog SITS IN A lake').ids];
  const path = save('full.gguf', createGguf(llamaToGguf(tuned, { tokenizer })));
  const difference = greatestDifference(
    await logitsThere({ model: path }, ids),
    await computeLogits(executor, tuned, ids),
  );
  assert.ok(difference < 1e-4, `${difference}`);
});
