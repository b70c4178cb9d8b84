// The text the story-teller learns from: stories told by stories260K of llama2.c, which has learned from all of TinyStories.
// The shared file called a sample of TinyStories holds excerpts of old novels; the only real stories there are five, which
// are kept to measure by.
import type { Executor } from '@amaas/core';
import { generateSequences } from '@amaas/learn/decode';
import { readGguf } from '@amaas/learn/gguf';
import { createStepModel, exportStepModel, llamaFromGguf } from '@amaas/learn/language';
import { llamaSteps } from '@amaas/learn/layers';
import { createRandom } from '@amaas/learn/statistics';

export interface TellingOptions {
  readonly executor: Executor;
  /** Told at least. */
  readonly characters: number;
  readonly seed: number;
  readonly onProgress: (characters: number) => void;
}

/** Told side by side. */
const ROWS = 48;
const MOST_TOKENS = 320;
/** The token that begins a text, and the one that ends it; the teacher writes either when a story is over. */
const BEGIN = 1;
const ENDS = [BEGIN, 2];
/** Shorter ones are no stories. */
const LEAST_CHARACTERS = 200;

/** Whole stories, drawn at temperature 0.8; a seed gives the same ones again on the same machine. @param teacher - a GGUF file */
export async function tellStories(
  teacher: Uint8Array,
  { executor, characters, seed, onProgress }: TellingOptions,
): Promise<readonly string[]> {
  const { options, weights, tokenizer } = await llamaFromGguf(await readGguf(teacher));
  if (tokenizer === null) throw new Error('story-teller: the teacher has no tokenizer');
  const model = await createStepModel(executor, exportStepModel({ decoder: llamaSteps(options), weights }));
  const random = createRandom(`stories ${seed}`);
  const stories: string[] = [];
  let told = 0;
  for (let batch = 0; told < characters; batch++) {
    const start = await model.prompt(Array.from({ length: ROWS }, () => [BEGIN]));
    const sampling = { temperature: 0.8, random: random.fork('batch', batch) };
    const written = await generateSequences(model, start, { maxTokens: MOST_TOKENS, endTokens: ENDS, sampling });
    for (const { tokens, ended } of written) {
      const story = tokenizer.decode([...tokens]).trim();
      if (!ended || story.length < LEAST_CHARACTERS) continue;
      stories.push(story);
      told += story.length;
    }
    onProgress(told);
  }
  await model.dispose();
  return stories;
}
