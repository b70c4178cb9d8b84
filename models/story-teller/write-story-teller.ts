// Lets the story-teller tell its samples, and writes those of its files that are kept, with what its manifest, LICENSE and
// NOTICE must say.
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Executor } from '@amaas/core';
import { languageModelFiles, type SampledText, type TrainedLanguageModel, TextSampler } from '@amaas/learn/language';
import { createRandom } from '@amaas/learn/statistics';

export const STORY_TELLER = { name: 'story-teller', quantization: 'Q8_0' } as const;

const PROMPTS = ['', 'Dorothy', 'Alice', 'The Count of Monte Cristo'];
/** With the prompt fewer than the network sees at once. */
const SAMPLE_TOKENS = 110;

const KEPT = ['model.onnx', 'example.json', 'model.gguf', 'tokenizer.json', 'training.json', 'loss.svg'];

const NOTICE = `Trained with amaas by models/story-teller/make.ts on excerpts of
The Wonderful Wizard of Oz (L. Frank Baum, 1900), Alice's Adventures in Wonderland (Lewis Carroll, 1865),
Dracula (Bram Stoker, 1897) and The Count of Monte Cristo (Alexandre Dumas, 1844, in an old English translation),
all in the public domain. They came as a file called tinystories_248k.txt, which holds no text of TinyStories.
`;

/** A text for each prompt at temperature 0.7; the seeds are 1, 2, 3 and 4. */
export async function tellSamples(
  { model, tokenizer, endId }: Pick<TrainedLanguageModel, 'model' | 'tokenizer' | 'endId'>,
  executor: Executor,
): Promise<readonly SampledText[]> {
  const sampler = await TextSampler.create(model, { executor, tokenizer, endId });
  const told: SampledText[] = [];
  for (const [index, prompt] of PROMPTS.entries()) {
    const random = createRandom(index + 1);
    told.push(...(await sampler.sample({ prompt, random, temperature: 0.7, maxTokens: SAMPLE_TOKENS })));
  }
  await sampler.dispose();
  return told;
}

export async function writeStoryTeller(trained: TrainedLanguageModel): Promise<void> {
  const files = await languageModelFiles(trained, STORY_TELLER);
  const folder = join(import.meta.dirname, 'model');
  await mkdir(folder, { recursive: true });
  const bytesOf = (name: string): Uint8Array => {
    const bytes = files.get(name);
    if (bytes === undefined) throw new Error(`story-teller: the training left no ${name}`);
    return bytes;
  };
  for (const name of KEPT) await writeFile(join(folder, name), bytesOf(name));
  const manifest: Readonly<Record<string, unknown>> = JSON.parse(new TextDecoder().decode(bytesOf('amaas.json')));
  const complete = {
    ...manifest,
    description: 'Goes on with a story in the manner of old novels; it is small, and makes little sense for long.',
    licence: 'Apache-2.0',
    source: 'made by models/story-teller/make.ts of amaas',
  };
  await writeFile(join(folder, 'amaas.json'), `${JSON.stringify(complete, null, 2)}\n`);
  await writeFile(join(folder, 'LICENSE'), 'Apache-2.0\nhttps://www.apache.org/licenses/LICENSE-2.0\n');
  await writeFile(join(folder, 'NOTICE'), NOTICE);
}
