// Makes the bundled story-teller: a small Llama that learns from stories told by a model that knows TinyStories. What it makes
// is in the folder model, which nothing serves at the start: README.md says how to.
// Run: node models/story-teller/make.ts
import { readFile } from 'node:fs/promises';
import { createTensor } from '@amaas/core';
import { createOrtNodeExecutor } from '@amaas/engine-ort-node';
import { readGguf } from '@amaas/learn/gguf';
import {
  languageModelFiles,
  llamaFromGguf,
  type TrainedLanguageModel,
  trainLanguageModel,
} from '@amaas/learn/language';
import { TrainedModel } from '@amaas/learn/train';
import { sharedDataPath } from '../../tools/test-data.ts';
import { tellStories } from './tell-stories.ts';
import { STORY_TELLER, tellSamples, writeStoryTeller } from './write-story-teller.ts';

const CHARACTERS = 1_200_000;
/** Tokens that the network sees at once: most stories whole. */
const BLOCK = 256;

const executor = await createOrtNodeExecutor({ threads: 1 });
const startedMs = performance.now();
const stories = await tellStories(await readFile(sharedDataPath('llm/stories260K.gguf')), {
  executor,
  characters: CHARACTERS,
  seed: 1,
  onProgress: (characters) => process.stdout.write(`told ${characters} characters\n`),
});
const trained = await trainLanguageModel({
  corpus: stories,
  executor,
  tokenizer: { kind: 'bpe', vocabularySize: 1024 },
  architecture: { name: 'llama', layers: 5, heads: 4, width: 96, blockSize: BLOCK, dropout: 0.05 },
  steps: 2000,
  evaluateEvery: 200,
  patience: 3,
  batchSize: 8,
  learningRate: 3e-3,
  validation: 0.05,
  samples: { prompts: ['Once upon a time'], temperature: 0.7, maxTokens: 120 },
  seed: 1,
  onEvent(event) {
    if (event.kind === 'described') process.stdout.write(`${JSON.stringify(event.facts)}\n`);
    if (event.kind === 'sampled') process.stdout.write(`Once upon a time${event.samples[0]?.text}\n`);
    if (event.kind !== 'measured') return;
    const { step, loss, validationLoss, bitsPerByte } = event.point;
    process.stdout.write(`step ${step}: loss ${loss.toFixed(3)}, held out ${validationLoss?.toFixed(3)}, `);
    process.stdout.write(`${bitsPerByte?.toFixed(3)} bits per byte\n`);
  },
});
// Both files hold the same numbers, those that 8 bits have room for: they tell the same stories.
const gguf = (await languageModelFiles(trained, STORY_TELLER)).get('model.gguf');
if (gguf === undefined) throw new Error('story-teller: llama.cpp has no tokenizer like this one');
const { weights } = await llamaFromGguf(await readGguf(gguf));
const { network, inputs } = trained.model;
const rounded = { ...trained, model: new TrainedModel({ network, inputs, weights }) };
await writeStoryTeller({ ...rounded, samples: await tellSamples(rounded, executor) });

const real = (await readFile(sharedDataPath('text/tinystories_sample_cs336.txt'), 'utf8')).split('<|endoftext|>');
const seconds = (performance.now() - startedMs) / 1000;
const { user, system } = process.cpuUsage();
process.stdout.write(
  [
    `${trained.validation?.bitsPerByte?.toFixed(4)} bits per byte of held-out stories at step ${trained.step}`,
    `${(await bitsPerByte(rounded, real)).toFixed(4)} of the five stories of TinyStories themselves`,
    `${seconds.toFixed(0)} s, ${((user + system) / 1e6).toFixed(0)} s of CPU\n`,
  ].join('; '),
);

/** Of texts of the same kind, each begun as a document and read as far as the network sees. */
async function bitsPerByte(
  { model, tokenizer, endId }: TrainedLanguageModel,
  texts: readonly string[],
): Promise<number> {
  let bits = 0;
  let bytes = 0;
  for (const text of texts.map((each) => each.trim()).filter((each) => each !== '')) {
    const ids = [...tokenizer.encode(text, { addSpecialTokens: false }).ids].slice(0, BLOCK);
    const block = new Int32Array(BLOCK);
    block.set([endId, ...ids.slice(0, -1)]);
    const rows = new Map([['ids', createTensor('int32', [1, BLOCK], block)]]);
    const logits = Float64Array.from([...(await model.predict(executor, rows)).data], Number);
    for (const [at, id] of ids.entries()) {
      const own = logits.subarray(at * tokenizer.vocabularySize, (at + 1) * tokenizer.vocabularySize);
      const total = own.reduce((sum, logit) => sum + Math.exp(logit), 0);
      bits -= ((own[id] ?? 0) - Math.log(total)) / Math.LN2;
    }
    bytes += Buffer.byteLength(tokenizer.decode(ids));
  }
  return bits / bytes;
}
