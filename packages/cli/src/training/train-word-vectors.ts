// `train --task word-vectors`: text files to vectors of their words, in a folder that can be deployed. The work is done in
// this thread: it pauses often enough for signals to be heard.
import { join, relative, resolve } from 'node:path';
import { assertName } from '@amaas/core';
import {
  type Corpus,
  readCorpus,
  sentencesOf,
  trainGlove,
  trainPpmiSvd,
  trainWord2Vec,
  type WordEmbeddings,
  wordVectorFiles,
} from '@amaas/learn/word-vectors';
import { type CommandContext, type SharedOptions, show } from '../command-context.ts';
import { pairs } from '../terminal.ts';
import { withCancelOnSignal } from './cancel-on-signal.ts';
import { assertThere, nameOfFile } from './data-file.ts';
import { replaceFiles } from './durable-file.ts';
import { commandName } from './end-text.ts';
import { explainTraining } from './explain.ts';
import { openTextFiles } from './text-corpus.ts';
import { readWordVectorFlags, type WordVectorFlags, type WordVectorSettings } from './word-vector-flags.ts';

export interface TrainWordVectorsOptions extends WordVectorFlags, SharedOptions {
  readonly name?: string;
  readonly out?: string;
}

/** Words whose neighbours are shown: the most frequent say little, so those of this many letters or more. */
const SHOWN_LETTERS = 4;
const SHOWN_WORDS = 3;

/** @param data - the file or folder as the user names it */
export async function trainWordVectors(
  context: CommandContext,
  data: string,
  options: TrainWordVectorsOptions,
): Promise<void> {
  const { world, terminal } = context;
  const path = resolve(world.cwd, data);
  const settings = readWordVectorFlags(options);
  await assertThere(path, data);
  const name = assertName('model', options.name ?? nameOfFile(path));
  const folder = resolve(world.cwd, options.out ?? join('trained', name));
  const files = await openTextFiles(path, data);
  async function* sentences(): AsyncGenerator<readonly string[]> {
    for await (const document of files.corpus.read()) yield* sentencesOf(document);
  }
  const [corpus, vectors] = await withCancelOnSignal(terminal, async (signal) => {
    const read = await readCorpus(sentences(), { minCount: settings.minCount, signal });
    const isShown = options.json !== true && world.stderr.isTTY === true;
    const onProgress = isShown ? (done: number) => terminal.progress(`${Math.floor(done * 100)}%`) : () => {};
    return [read, await train(read, settings, { signal, onProgress })] as const;
  }).catch((thrown: unknown) => {
    terminal.clearProgress();
    throw explainTraining(thrown);
  });
  terminal.clearProgress();
  await replaceFiles(folder, wordVectorFiles(vectors, { ignoreCase: true }));
  const { vocabulary } = corpus;
  const facts = {
    model: name,
    folder,
    method: settings.method,
    words: vocabulary.words.length,
    tokens: vocabulary.total,
    dimensions: vectors.dimensions,
  };
  show(context, options, facts, () => {
    const near = relative(world.cwd, folder) || '.';
    return [
      pairs([
        ['text', `${data}: ${vocabulary.total.toLocaleString('en-US')} words, ${vocabulary.words.length} with vectors`],
        ['vectors', `${settings.method}, ${vectors.dimensions} numbers each`],
        ...neighbours(vectors),
        ['folder', near],
      ]),
      '',
      `It is not served yet. With a server running (${commandName(context)} serve):`,
      `  ${commandName(context)} deploy ${near} --name ${name}`,
    ].join('\n');
  });
}

interface Control {
  readonly signal: AbortSignal;
  readonly onProgress: (done: number) => void;
}

function train(corpus: Corpus, settings: WordVectorSettings, control: Control): Promise<WordEmbeddings> {
  const { method, minCount: _, ...rest } = settings;
  const options = {
    ...rest,
    signal: control.signal,
    onProgress: ({ done }: { readonly done: number }) => control.onProgress(done),
  };
  switch (method) {
    case 'skip-gram':
    case 'cbow':
      return trainWord2Vec(corpus, { ...options, architecture: method });
    case 'glove':
      return trainGlove(corpus, options);
    case 'ppmi-svd':
      return trainPpmiSvd(corpus, options);
    default:
      return method satisfies never;
  }
}

/** What shows a user at a glance whether it went well. */
function neighbours(vectors: WordEmbeddings): readonly (readonly [string, string])[] {
  return vectors.words
    .filter((word) => word.length >= SHOWN_LETTERS)
    .slice(0, SHOWN_WORDS)
    .map(
      (word) =>
        [
          `near ${word}`,
          vectors
            .nearest(word, 5)
            .map((each) => each.word)
            .join(', '),
        ] as const,
    );
}
