// Makes the bundled story-teller: a small Llama that learns from excerpts of novels. Argument: the text (default: the shared
// data folder's). What it makes is in the folder model, which nothing serves at the start: README.md says how to.
// Run: node models/story-teller/make.ts [text]
import { readFile } from 'node:fs/promises';
import { createOrtNodeExecutor } from '@amaas/engine-ort-node';
import { readGguf } from '@amaas/learn/gguf';
import { languageModelFiles, llamaFromGguf, trainLanguageModel } from '@amaas/learn/language';
import { TrainedModel } from '@amaas/learn/train';
import { sharedDataPath } from '../../tools/test-data.ts';
import { readStories } from './read-stories.ts';
import { STORY_TELLER, tellSamples, writeStoryTeller } from './write-story-teller.ts';

const [path = sharedDataPath('text/tinystories_248k.txt')] = process.argv.slice(2);

const executor = await createOrtNodeExecutor({ threads: 1 });
const startedMs = performance.now();
const trained = await trainLanguageModel({
  corpus: readStories(await readFile(path, 'utf8')),
  executor,
  // Of 512, 1,024 and 2,048 tokens these predicted the held-out text best, in bits per byte after as many steps.
  tokenizer: { kind: 'bpe', vocabularySize: 2048 },
  architecture: { name: 'llama', layers: 5, heads: 4, width: 96, blockSize: 128, dropout: 0.2 },
  steps: 1200,
  evaluateEvery: 100,
  patience: 3,
  batchSize: 8,
  learningRate: 3e-3,
  validation: 0.1,
  samples: { prompts: ['Alice'], temperature: 0.7, maxTokens: 80 },
  seed: 1,
  onEvent(event) {
    if (event.kind === 'described') process.stdout.write(`${JSON.stringify(event.facts)}\n`);
    if (event.kind === 'sampled') process.stdout.write(`Alice${event.samples[0]?.text}\n`);
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

const seconds = (performance.now() - startedMs) / 1000;
const { user, system } = process.cpuUsage();
process.stdout.write(
  `${trained.validation?.bitsPerByte?.toFixed(4)} bits per byte at step ${trained.step}; ${seconds.toFixed(0)} s, ${((user + system) / 1e6).toFixed(0)} s of CPU\n`,
);
