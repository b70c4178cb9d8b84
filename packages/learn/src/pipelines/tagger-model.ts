// A tagger as one ONNX graph: raw sentences in, their words and a tag for each out; and its tags of held-out sentences by
// that very graph.
import { AmaasError, createTensor, type Executor, type NamedTensors, type Tensor } from '@amaas/core';
import { compileToOnnx, simplify } from '../compile/index.ts';
import {
  argMax,
  cast,
  constantStrings,
  gather,
  greater,
  input,
  mul,
  softmax,
  unsqueeze,
  where,
} from '../graph/index.ts';
import { PART_INPUT, WORD_INPUT } from '../layers/index.ts';
import { buildSentenceWords, type SentenceWords } from '../preprocess/index.ts';
import type { TrainedModel } from '../train/index.ts';
import type { TaggedSentence } from './tagged-sentences.ts';
import { PROBABILITIES_OUTPUT } from './table-model.ts';
import { TEXT_INPUT } from './train-text.ts';

/** Outputs of a tagger besides its probabilities: string [N, T], '' after the end of a sentence. */
export const WORDS_OUTPUT = 'words';
export const TAGS_OUTPUT = 'tags';

/**
 * The whole model: `text` string [N]; `words` and `tags` string [N, T], '' after the end; `probabilities` float32
 * [N, T, tags], 0 there. T is one more than the longest sentence has words.
 */
export function exportTagger(model: TrainedModel, sentence: SentenceWords, tags: readonly string[]): Uint8Array {
  const text = input(TEXT_INPUT, 'string', ['N']);
  const { words, ids, parts } = buildSentenceWords(text, sentence);
  const scores = softmax(
    model.apply(
      new Map([
        [WORD_INPUT, ids],
        [PART_INPUT, parts],
      ]),
    ),
  );
  const isWord = greater(ids, 0);
  const chosen = gather(constantStrings([tags.length], tags), argMax(scores));
  const outputs = new Map([
    [WORDS_OUTPUT, words],
    [TAGS_OUTPUT, where(isWord, chosen, constantStrings([], ['']))],
    [PROBABILITIES_OUTPUT, mul(scores, unsqueeze(cast(isWord, 'float32'), 2))],
  ]);
  const metadata = new Map([['amaas.classes', JSON.stringify(tags)]]);
  return compileToOnnx(simplify(outputs), { inputs: [text], metadata });
}

/** Numbers of words, among the outputs of the graph that prepares sentences. */
const ID_OUTPUT = 'ids';

/** What the network is given for some sentences. */
export interface WordFeatures {
  /** Of each sentence. */
  readonly ids: readonly BigInt64Array[];
  /** Of each sentence, [words, parts]. */
  readonly parts: readonly BigInt64Array[];
}

interface SentencesRun {
  readonly sentences: readonly TaggedSentence[];
  readonly executor: Executor;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Numbers of the words of sentences, by the nodes that the served graph has.
 * @throws INVALID_DATA where a sentence is not split into the words that have tags; CANCELLED
 */
export async function computeWordFeatures(sentence: SentenceWords, run: SentencesRun): Promise<WordFeatures> {
  const text = input(TEXT_INPUT, 'string', ['N']);
  const { words, ids, parts } = buildSentenceWords(text, sentence);
  const outputs = new Map([
    [WORDS_OUTPUT, words],
    [ID_OUTPUT, ids],
    [PART_INPUT, parts],
  ]);
  const onnx = compileToOnnx(simplify(outputs), { inputs: [text] });
  const found: { ids: BigInt64Array[]; parts: BigInt64Array[] } = { ids: [], parts: [] };
  await runSentences(onnx, run, (given, results) => {
    assertSameWords(given, results.get(WORDS_OUTPUT));
    for (const [row, { words: own }] of given.entries()) {
      found.ids.push(rowOf(results.get(ID_OUTPUT), row, own.length));
      found.parts.push(rowOf(results.get(PART_INPUT), row, own.length));
    }
  });
  return found;
}

/** Tags of sentences by an exported model, as many as each has words. @throws INVALID_DATA as above; CANCELLED */
export async function predictTags(onnx: Uint8Array, run: SentencesRun): Promise<readonly (readonly string[])[]> {
  const tags: string[][] = [];
  await runSentences(onnx, run, (given, results) => {
    assertSameWords(given, results.get(WORDS_OUTPUT));
    const found = textRows(results.get(TAGS_OUTPUT));
    for (const [row, { words }] of given.entries()) tags.push((found[row] ?? []).slice(0, words.length));
  });
  return tags;
}

/** Sentences run at once. */
const RUN_SENTENCES = 128;

async function runSentences(
  onnx: Uint8Array,
  { sentences, executor, signal }: SentencesRun,
  take: (given: readonly TaggedSentence[], results: NamedTensors) => void,
): Promise<void> {
  const encoder = new TextEncoder();
  const compiled = await executor.compile(onnx);
  try {
    for (let start = 0; start < sentences.length; start += RUN_SENTENCES) {
      if (signal?.aborted) throw new AmaasError('CANCELLED', 'tagger: cancelled');
      const given = sentences.slice(start, start + RUN_SENTENCES);
      const texts = given.map(({ words }) => encoder.encode(words.join(' ')));
      take(given, await compiled.run(new Map([[TEXT_INPUT, createTensor('string', [texts.length], texts)]])));
      // A run may hold the thread all along: signals and messages come in here.
      await new Promise<void>((resolve) => {
        setTimeout(resolve);
      });
    }
  } finally {
    await compiled.dispose();
  }
}

function assertSameWords(given: readonly TaggedSentence[], found: Tensor | undefined): void {
  const rows = textRows(found);
  for (const [row, { words }] of given.entries()) {
    const split = rows[row] ?? [];
    const at = split.findIndex((word, place) => word !== (words[place] ?? ''));
    if (at === -1) continue;
    const sentence = words.join(' ').slice(0, 120);
    throw new AmaasError(
      'INVALID_DATA',
      `tagger: "${sentence}" is not split into the words that have tags: "${words[at] ?? ''}" becomes "${split[at]}"; give a pattern of what a word looks like, and no sentence longer than maxCharacters`,
    );
  }
}

/** The texts of a string tensor [rows, any]. */
export function textRows(tensor: Tensor | undefined): readonly (readonly string[])[] {
  const [rows = 0, width = 0] = tensor?.shape ?? [];
  if (tensor?.dtype !== 'string') throw new AmaasError('INTERNAL', `tagger: expected texts, got ${tensor?.dtype}`);
  const decoder = new TextDecoder();
  const texts = tensor.data.map((bytes) => decoder.decode(bytes));
  return Array.from({ length: rows }, (_, row) => texts.slice(row * width, (row + 1) * width));
}

function rowOf(tensor: Tensor | undefined, row: number, words: number): BigInt64Array {
  if (tensor?.dtype !== 'int64') throw new AmaasError('INTERNAL', `tagger: expected numbers, got ${tensor?.dtype}`);
  const [, time = 0, width = 1] = tensor.shape;
  const start = row * time * width;
  return tensor.data.slice(start, start + words * width);
}
