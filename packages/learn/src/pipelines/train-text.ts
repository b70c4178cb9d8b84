// From labelled texts to a model that takes texts: n-grams weighted by rarity, or words in their order, inside the graph.
import { AmaasError, createTensor } from '@amaas/core';
import { slicesByRange } from '../evaluate/index.ts';
import {
  type Head,
  type Layer,
  l2,
  mlp,
  textCnn,
  textLstm,
  textTransformer,
  uniformInitializer,
} from '../layers/index.ts';
import {
  buildTextFeatures,
  buildWordSequence,
  DEFAULT_CHARACTERS,
  DEFAULT_WORDS,
  fitTextVectoriser,
  fitWordSequence,
  type NgramOptions,
  textFeatureCount,
  type TextVectoriserOptions,
  wordCodes,
  type WordSequenceOptions,
} from '../preprocess/index.ts';
import { headOf } from './table-target.ts';
import {
  type MediaCandidate,
  type MediaPlan,
  type MediaTrainingSettings,
  networkOf,
  settingsFor,
  type TrainedMedia,
  trainMedia,
  type TrainMediaOptions,
} from './media-training.ts';

/**
 * Networks for texts: `linear` and `perceptron` see n-grams; `convolutional`, `recurrent` (a bidirectional LSTM) and
 * `transformer` read words in their order.
 */
export type TextCandidate = NgramCandidate | ReadingCandidate;
type NgramCandidate = 'linear' | 'perceptron';
type ReadingCandidate = 'convolutional' | 'recurrent' | 'transformer';

export interface TrainTextOptions extends TrainMediaOptions<string> {
  readonly vectoriser?: TextVectoriserOptions;
  readonly sequence?: WordSequenceOptions;
  /** Default linear and perceptron. */
  readonly candidates?: readonly TextCandidate[];
  /** Overrules the settings of every candidate. */
  readonly training?: Partial<MediaTrainingSettings>;
}

/** The served model's input: string [N]. */
export const TEXT_INPUT = 'text';

const NGRAMS = 'n-grams';
const WORDS = 'words';

/**
 * Trains a classifier of texts.
 *
 * The exported model takes `text` string [N] and gives `label` string [N] and `probabilities` float32 [N, classes].
 * @throws INVALID_DATA with what to do about it, when the texts cannot be learned from; CANCELLED; TRAINING_DIVERGED
 */
export async function trainText(options: TrainTextOptions): Promise<TrainedMedia> {
  return trainMedia(options, {
    plan: (train, target) => planText(train.values, headOf(target), options),
    keyOf: (text) => text,
    slices: (texts) =>
      slicesByRange(
        'characters',
        texts.map((text) => text.length),
      ),
  });
}

function planText(texts: readonly string[], head: Head, options: TrainTextOptions): MediaPlan<string> {
  const { candidates = ['linear', 'perceptron'] } = options;
  const vectoriser = candidates.every(isReading)
    ? null
    : fitTextVectoriser(texts, withinMemory(options.vectoriser ?? {}, texts.length));
  const sequence = candidates.some(isReading) ? fitWordSequence(texts, options.sequence) : null;
  const encoder = new TextEncoder();
  return {
    input: {
      name: TEXT_INPUT,
      dtype: 'string',
      shape: [],
      tensor: (values) =>
        createTensor(
          'string',
          [values.length],
          values.map((text) => encoder.encode(text)),
        ),
      features: (raw) =>
        new Map([
          ...(vectoriser === null ? [] : [[NGRAMS, buildTextFeatures(raw, vectoriser)] as const]),
          ...(sequence === null ? [] : [[WORDS, buildWordSequence(raw, sequence)] as const]),
        ]),
    },
    candidates: candidates.map((name) =>
      textCandidate(name, {
        head,
        codes: sequence === null ? 0 : wordCodes(sequence),
        values: texts.length,
        training: options.training,
      }),
    ),
    facts: [
      ...(vectoriser === null ? [] : [{ label: 'N-grams', value: textFeatureCount(vectoriser) }]),
      ...(sequence === null ? [] : [{ label: 'Words known', value: sequence.words.length }]),
    ],
    manifest: { task: 'text-classification', signatures: { serving_default: { method: 'predict' } } },
  };
}

interface CandidateContext {
  readonly head: Head;
  /** Numbers of words, for networks that read them. */
  readonly codes: number;
  /** Training values. */
  readonly values: number;
  readonly training: Partial<MediaTrainingSettings> | undefined;
}

function textCandidate(name: TextCandidate, { head, codes, values, training }: CandidateContext): MediaCandidate {
  const settings = settingsFor(SETTINGS[name], values, training);
  switch (name) {
    case 'linear':
      return {
        name,
        settings,
        inputs: [NGRAMS],
        network: networkOf(NGRAMS, mlp({ hidden: [], head, kernelRegularizer: l2(1e-6) })),
      };
    case 'perceptron':
      return {
        name,
        settings,
        inputs: [NGRAMS],
        network: networkOf(NGRAMS, mlp({ hidden: [32], head, dropout: 0.5 })),
      };
    case 'convolutional':
    case 'recurrent':
    case 'transformer': {
      const reader = READERS[name]({ vocabularySize: codes, head });
      return { name, settings, inputs: [WORDS], network: networkOf(WORDS, reader) };
    }
    default:
      return name satisfies never;
  }
}

const READERS: Readonly<
  Record<ReadingCandidate, (options: { readonly vocabularySize: number; readonly head: Head }) => Layer>
> = {
  // Words dropped in parts, and vectors as large as Kim's: 78 instead of 77 % of held-out sentences of reviews.
  convolutional: (given) =>
    textCnn({ ...given, embeddingDropout: 0.5, embeddingInitializer: uniformInitializer(-0.25, 0.25) }),
  recurrent: textLstm,
  transformer: textTransformer,
};

function isReading(name: TextCandidate): name is ReadingCandidate {
  return Object.hasOwn(READERS, name);
}

/** Features of length 1 need large weights, hence the large rates of the first two. */
const SETTINGS: Readonly<Record<TextCandidate, MediaTrainingSettings>> = {
  linear: { epochs: 30, batchSize: 64, learningRate: 0.03, weightDecay: 0, patience: 5 },
  perceptron: { epochs: 15, batchSize: 64, learningRate: 0.003, weightDecay: 0.01, patience: 3 },
  convolutional: { epochs: 15, batchSize: 64, learningRate: 0.002, weightDecay: 0.01, patience: 3 },
  recurrent: { epochs: 15, batchSize: 64, learningRate: 0.002, weightDecay: 0.01, patience: 3 },
  transformer: { epochs: 8, batchSize: 64, learningRate: 0.001, weightDecay: 0.01, patience: 3 },
};

/** Memory for the n-gram features of all texts; fewer n-grams are taken where they would need more. */
const MAX_FEATURE_BYTES = 2 ** 30;

function withinMemory(options: TextVectoriserOptions, texts: number): TextVectoriserOptions {
  const most = Math.floor(MAX_FEATURE_BYTES / 4 / texts / 2);
  if (most < 1) throw new AmaasError('INVALID_DATA', `text: ${texts} texts are more than can be held in memory`);
  const limit = (block: NgramOptions | null | undefined, standard: NgramOptions): NgramOptions | null => {
    if (block === null) return null;
    const { lengths, maxFeatures } = block ?? standard;
    return { lengths, maxFeatures: Math.min(maxFeatures, most) };
  };
  return {
    ...options,
    words: limit(options.words, DEFAULT_WORDS),
    characters: limit(options.characters, DEFAULT_CHARACTERS),
  };
}
