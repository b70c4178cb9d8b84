// Lets the story-teller tell its samples, and writes those of its files that are kept, with what its manifest, LICENSE and
// NOTICE must say.
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Executor } from '@amaas/core';
import { languageModelFiles, type SampledText, type TrainedLanguageModel, TextSampler } from '@amaas/learn/language';
import { createRandom } from '@amaas/learn/statistics';

export const STORY_TELLER = { name: 'story-teller', quantization: 'Q8_0' } as const;

const PROMPTS = ['', 'Once upon a time', 'Tom had a red ball.', 'The little cat was sad because'];
/** With the prompt fewer than the network sees at once. */
const SAMPLE_TOKENS = 220;

const KEPT = ['model.onnx', 'example.json', 'tokenizer.json', 'training.json', 'loss.svg'];
/** The version that every server brings; its manifest and chat template lie beside it. */
const SERVED = '1/model.gguf';

const NOTICE = `Trained with amaas by models/story-teller/make.ts on stories told by stories260K
(Andrej Karpathy, llama2.c; MIT), which has learned from TinyStories
(Ronen Eldan and Yuanzhi Li; CDLA-Sharing-1.0). No text of TinyStories itself was learned from.
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
  await writeFile(join(import.meta.dirname, SERVED), bytesOf('model.gguf'));
  const manifest: Readonly<Record<string, unknown>> = JSON.parse(new TextDecoder().decode(bytesOf('amaas.json')));
  const complete = {
    ...manifest,
    description: 'Tells stories for small children, in English; it is small, and knows nothing else.',
    licence: 'Apache-2.0',
    source: 'made by models/story-teller/make.ts of amaas',
  };
  await writeFile(join(folder, 'amaas.json'), `${JSON.stringify(complete, null, 2)}\n`);
  await writeFile(join(folder, 'LICENSE'), 'Apache-2.0\nhttps://www.apache.org/licenses/LICENSE-2.0\n');
  await writeFile(join(folder, 'NOTICE'), NOTICE);
}
