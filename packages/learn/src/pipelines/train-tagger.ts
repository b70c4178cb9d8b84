// From tagged sentences to a model that takes raw sentences and gives their words with a tag each (parts of speech, names):
// splits, fits what is known of words, trains, exports one graph, and reports on sentences it has not seen by that graph.
import {
  AmaasError,
  type Clock,
  createTensor,
  type Executor,
  type Manifest,
  systemClock,
  type Tensor,
} from '@amaas/core';
import { type Network, PART_INPUT, WORD_INPUT, wordTagger, type WordTaggerOptions } from '../layers/index.ts';
import {
  fitSentenceWords,
  type SentenceWords,
  type SentenceWordsOptions,
  sentenceWordCodes,
  wordPartCodes,
} from '../preprocess/index.ts';
import { createRandom } from '../statistics/index.ts';
import {
  adamW,
  type CheckpointStore,
  cosineDecay,
  type EpochRecord,
  type Examples,
  type FitProgress,
  fit,
  sequenceAccuracy,
  sequenceCrossentropy,
} from '../train/index.ts';
import { type MediaTrainingSettings, settingsFor } from './media-training.ts';
import type { TaggedSentence } from './tagged-sentences.ts';
import { computeWordFeatures, exportTagger, predictTags, type WordFeatures } from './tagger-model.ts';
import { evaluateTagger, type TaggerReport } from './tagger-report.ts';

export interface TrainTaggerOptions {
  readonly sentences: readonly TaggedSentence[];
  readonly executor: Executor;
  /** Share or number of sentences held out for the report, or the held-out sentences themselves; default 0.2. */
  readonly test?: number | readonly TaggedSentence[];
  /** Share or number of sentences held out to stop by; default 0.15. */
  readonly validation?: number;
  /** What is known of words. */
  readonly words?: SentenceWordsOptions;
  /** The network's sizes and dropout. */
  readonly network?: Omit<WordTaggerOptions, 'words' | 'parts' | 'tags'>;
  readonly training?: Partial<MediaTrainingSettings>;
  /** Default 0. */
  readonly seed?: string | number;
  readonly checkpoint?: CheckpointStore;
  readonly onProgress?: (progress: FitProgress) => void;
  readonly onEpoch?: (record: EpochRecord) => void | Promise<void>;
  readonly signal?: AbortSignal;
  readonly threads?: number;
  readonly clock?: Clock;
}

export interface TrainedTagger {
  /** The served model; see {@link exportTagger}. */
  readonly onnx: Uint8Array;
  readonly manifest: Manifest;
  /** In the order of the probabilities. */
  readonly tags: readonly string[];
  readonly report: TaggerReport;
  readonly settings: MediaTrainingSettings;
  readonly history: readonly EpochRecord[];
  /** Sentences of each part. */
  readonly split: Readonly<Record<'train' | 'validation' | 'test', number>>;
}

const SETTINGS: MediaTrainingSettings = {
  epochs: 20,
  batchSize: 32,
  learningRate: 0.003,
  weightDecay: 0.01,
  patience: 4,
};

/** Words of a sentence that are learned from; the served model tags longer ones whole. */
const MAX_WORDS = 120;
const MIN_SENTENCES = 10;
/** Target of what is no word, or has a tag that training does not. */
const NO_TAG = -100n;

/**
 * Trains a tagger.
 * @throws INVALID_DATA with what to do about it, when the sentences cannot be learned from; CANCELLED; TRAINING_DIVERGED;
 *   INVALID_CHECKPOINT
 */
export async function trainTagger(options: TrainTaggerOptions): Promise<TrainedTagger> {
  const { executor, seed = 0, signal } = options;
  const { train, validation, test } = splitSentences(options);
  const tags = [...new Set(train.flatMap((sentence) => sentence.tags))].toSorted((a, b) => (a < b ? -1 : 1));
  if (tags.length < 2) throw new AmaasError('INVALID_DATA', `tagger: all words have one tag, "${tags[0]}"`);
  const sentence = fitSentenceWords(
    train.map(({ words }) => words),
    options.words,
  );
  const time = Math.min(MAX_WORDS, Math.max(...[...train, ...validation].map(({ words }) => words.length)));
  const examplesOf = async (sentences: readonly TaggedSentence[]): Promise<Examples> =>
    examples(sentences, await computeWordFeatures(sentence, { sentences, executor, signal }), { tags, time });
  const settings = settingsFor(SETTINGS, train.length, options.training);
  const steps = Math.ceil(train.length / settings.batchSize) * settings.epochs;
  const { model, history } = await fit(networkFor(sentence, tags, options), await examplesOf(train), {
    executor,
    loss: sequenceCrossentropy(),
    metrics: [sequenceAccuracy()],
    optimizer: adamW({
      learningRate: cosineDecay(settings.learningRate, steps, { warmupSteps: Math.min(100, Math.floor(steps / 20)) }),
      weightDecay: settings.weightDecay,
    }),
    epochs: settings.epochs,
    batchSize: settings.batchSize,
    validation: await examplesOf(validation),
    earlyStopping: { patience: settings.patience },
    clipNorm: 5,
    seed: `${seed} tagger`,
    clock: options.clock ?? systemClock,
    ...(options.onProgress === undefined ? {} : { onProgress: options.onProgress }),
    ...(options.onEpoch === undefined ? {} : { onEpoch: options.onEpoch }),
    ...(options.checkpoint === undefined ? {} : { checkpoint: { store: options.checkpoint } }),
    ...(signal === undefined ? {} : { signal }),
    ...(options.threads === undefined ? {} : { threads: options.threads }),
  });
  const onnx = exportTagger(model, sentence, tags);
  const predictions = await predictTags(onnx, { sentences: test, executor, signal });
  return {
    onnx,
    manifest: {
      schemaVersion: 1,
      task: 'token-classification',
      signatures: { serving_default: { method: 'predict' } },
      labels: tags,
    },
    tags,
    report: evaluateTagger({ training: [...train, ...validation], sentences: test, predictions, seed }),
    settings,
    history,
    split: { train: train.length, validation: validation.length, test: test.length },
  };
}

function networkFor(sentence: SentenceWords, tags: readonly string[], { network }: TrainTaggerOptions): Network {
  return wordTagger({
    ...network,
    words: sentenceWordCodes(sentence),
    parts: wordPartCodes(sentence),
    tags: tags.length,
  });
}

type Parts = Readonly<Record<'train' | 'validation' | 'test', readonly TaggedSentence[]>>;

function splitSentences({ sentences, test = 0.2, validation = 0.15, seed = 0 }: TrainTaggerOptions): Parts {
  assertSentences(sentences, 'sentences');
  if (typeof test !== 'number') assertSentences(test, 'held-out sentences');
  if (sentences.length < MIN_SENTENCES) {
    throw new AmaasError('INVALID_DATA', `tagger: needs at least ${MIN_SENTENCES} sentences, got ${sentences.length}`);
  }
  const order = createRandom(seed).fork('tagger split').shuffle(Int32Array.from(sentences.keys()));
  const shuffled = Array.from(order).flatMap((row) => sentences.slice(row, row + 1));
  const counts = { test: typeof test === 'number' ? test : 0, validation };
  const sizeOf = (part: keyof typeof counts): number => {
    const given = counts[part];
    const count = given < 1 ? Math.round(given * sentences.length) : given;
    if (Number.isSafeInteger(count) && count >= 0) return count;
    throw new AmaasError('INVALID_ARGUMENT', `tagger: ${part} must be a share below 1 or a whole number, got ${given}`);
  };
  const heldOut = sizeOf('test');
  const parts = {
    test: typeof test === 'number' ? shuffled.slice(0, heldOut) : test,
    validation: shuffled.slice(heldOut, heldOut + sizeOf('validation')),
    train: shuffled.slice(heldOut + sizeOf('validation')),
  };
  const empty = Object.entries(parts).find(([, part]) => part.length === 0);
  if (empty !== undefined) {
    throw new AmaasError(
      'INVALID_DATA',
      `tagger: no sentence is left for ${empty[0]} of ${sentences.length}; give more sentences or hold out fewer`,
    );
  }
  return parts;
}

function assertSentences(sentences: readonly TaggedSentence[], what: string): void {
  for (const [index, { words, tags }] of sentences.entries()) {
    if (words.length > 0 && words.length === tags.length && ![...words, ...tags].includes('')) continue;
    throw new AmaasError(
      'INVALID_DATA',
      `tagger: the ${what} need words and as many tags, none of them empty; number ${index + 1} has ${words.length} and ${tags.length}`,
    );
  }
}

/** Sentences as tensors: ids and parts 0 after the end, targets there {@link NO_TAG}. */
function examples(
  sentences: readonly TaggedSentence[],
  { ids, parts }: WordFeatures,
  { tags, time }: { readonly tags: readonly string[]; readonly time: number },
): Examples {
  const rows = sentences.length;
  const width = (parts[0]?.length ?? 0) / (ids[0]?.length ?? 1);
  const words = new BigInt64Array(rows * time);
  const wordParts = new BigInt64Array(rows * time * width);
  const target = new BigInt64Array(rows * time).fill(NO_TAG);
  const places = new Map(tags.map((tag, place) => [tag, BigInt(place)]));
  for (const [row, sentence] of sentences.entries()) {
    words.set(ids[row]?.subarray(0, time) ?? [], row * time);
    wordParts.set(parts[row]?.subarray(0, time * width) ?? [], row * time * width);
    for (const [at, tag] of sentence.tags.slice(0, time).entries()) target[row * time + at] = places.get(tag) ?? NO_TAG;
  }
  return {
    inputs: new Map<string, Tensor>([
      [WORD_INPUT, createTensor('int64', [rows, time], words)],
      [PART_INPUT, createTensor('int64', [rows, time, width], wordParts)],
    ]),
    target: createTensor('int64', [rows, time], target),
  };
}
