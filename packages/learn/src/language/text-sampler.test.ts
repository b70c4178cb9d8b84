import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createTensor } from '@amaas/core';
import { createOrtNodeExecutor } from '@amaas/engine-ort-node';
import { createRandom } from '../statistics/index.ts';
import { trainCharacters } from '../tokenize/index.ts';
import { initialWeights, TrainedModel } from '../train/index.ts';
import { input } from '../graph/index.ts';
import { asNetwork, createScope } from '../layers/index.ts';
import { createLanguageNetwork } from './architecture.ts';
import { TextSampler } from './text-sampler.ts';

const executor = await createOrtNodeExecutor({ threads: 1 });
const tokenizer = trainCharacters(['abcdefgh'], { specialTokens: ['<|endoftext|>'] });
const blockSize = 6;

/** A network that was never trained, its weights large enough that it is sure of itself. */
function drawnModel(): TrainedModel {
  const network = asNetwork(
    createLanguageNetwork({ name: 'gpt', vocabularySize: 10, layers: 1, heads: 2, width: 8, blockSize }),
  );
  const { scope, record } = createScope(false);
  network.build(new Map([['ids', input('ids', 'int32', ['N', blockSize])]]), scope);
  const drawn = initialWeights(record(), createRandom('sampler'));
  const weights = new Map(
    [...drawn].map(([name, { shape, data }]) => [
      name,
      createTensor(
        'float32',
        shape,
        data.map((value) => value * 30),
      ),
    ]),
  );
  return new TrainedModel({ network, inputs: new Map([['ids', { dtype: 'int32', shape: [blockSize] }]]), weights });
}

test('TextSampler at temperature 0 writes what the network says likeliest, within its last tokens', async () => {
  const model = drawnModel();
  const sampler = await TextSampler.create(model, { executor, tokenizer, endId: 1 });
  for (const prompt of ['', 'ab', 'hgfedcbaabc']) {
    const [sample] = await sampler.sample({ prompt, maxTokens: 9, temperature: 0, random: createRandom(0) });
    const ids = [1, ...tokenizer.encode(prompt).ids];
    const begin = ids.length;
    while (ids.length < begin + 9) {
      const seen = ids.slice(-blockSize);
      const rows = Int32Array.from({ length: blockSize }, (_, at) => seen[at] ?? 3); // the future does not matter
      const logits = await model.predict(executor, new Map([['ids', createTensor('int32', [1, blockSize], rows)]]));
      const last = [...logits.data].slice((seen.length - 1) * 10, seen.length * 10).map(Number);
      const next = last.indexOf(Math.max(...last));
      if (next === 1) break;
      ids.push(next);
    }
    assert.equal(sample?.text, tokenizer.decode(ids.slice(begin)));
    assert.equal(sample?.ended, ids.length < begin + 9);
    assert.equal(sample?.prompt, prompt);
  }
  await sampler.dispose();
});

test('TextSampler gives the same texts for the same seed, each of its own', async () => {
  const sampler = await TextSampler.create(drawnModel(), { executor, tokenizer, endId: 1, threads: 1 });
  const options = { prompt: 'a', maxTokens: 12, count: 4, temperature: 3 };
  const texts = await sampler.sample({ ...options, random: createRandom('one') });
  assert.deepEqual(await sampler.sample({ ...options, random: createRandom('one') }), texts);
  assert.notDeepEqual(await sampler.sample({ ...options, random: createRandom('two') }), texts);
  assert(new Set(texts.map(({ text }) => text)).size > 1);
  const [alone] = await sampler.sample({ ...options, count: 1, random: createRandom('one') });
  assert.deepEqual(alone, texts[0]);
  await assert.rejects(sampler.sample({ ...options, signal: AbortSignal.abort(), random: createRandom('one') }), {
    reason: 'CANCELLED',
  });
  await sampler.dispose();
});
