// GloVe: vectors of words whose products are the logarithms of how often the words stand near each other.
// Source: Pennington, Socher and Manning (2014), "GloVe: Global Vectors for Word Representation".
import { AmaasError } from '@amaas/core';
import { createRandom } from '../statistics/index.ts';
import { countCoOccurrences, type DistanceWeighting } from './co-occurrences.ts';
import type { Corpus } from './corpus.ts';
import { WordEmbeddings } from './embeddings.ts';
import { GloveStep } from './glove-step.ts';
import { assertCount, assertPositive, type TrainingControl } from './options.ts';
import { Pauses } from './pauses.ts';

export interface GloveOptions extends TrainingControl {
  /** Numbers of a vector, default 100. */
  readonly dimensions?: number;
  /** Most words to each side, default 10. */
  readonly window?: number;
  /** Default reciprocal, as in the paper. */
  readonly weighting?: DistanceWeighting;
  /** Frequency above which words are thinned out, default 0: none, as in the paper. */
  readonly subsample?: number;
  /** Default 25. */
  readonly epochs?: number;
  /** Of AdaGrad, default 0.05. */
  readonly learningRate?: number;
  /** x_max: pairs that count as much weigh 1, rarer ones less; default 100, made for billions of words: 10 for a million. */
  readonly maxWeight?: number;
  /** α of the weight (x / x_max)^α, default 0.75. */
  readonly exponent?: number;
  /** Different pairs that may be held, default 2^23: half a gigabyte while counting. */
  readonly maxPairs?: number;
  /** What a word's vector is: the `sum` of its two, as in the paper (default), or the one it has as a `word`. */
  readonly vectors?: 'sum' | 'word';
}

/**
 * Trains word vectors. Memory: up to 64 bytes per different pair while counting, then 16; 16 per word and dimension.
 * @throws INVALID_ARGUMENT; INVALID_DATA for more pairs than may be held; CANCELLED; TRAINING_DIVERGED when the vectors are
 *   not finite in the end
 */
export async function trainGlove(corpus: Corpus, options: GloveOptions = {}): Promise<WordEmbeddings> {
  const { dimensions = 100, epochs = 25, learningRate = 0.05, maxWeight = 100, exponent = 0.75 } = options;
  assertCount('dimensions', dimensions, 65_536);
  assertCount('epochs', epochs);
  for (const [name, value] of Object.entries({ learningRate, maxWeight, exponent })) assertPositive(name, value);
  const { seed = 0, signal, onProgress, vectors = 'sum' } = options;
  const { first, second, weights } = await countCoOccurrences(corpus, {
    window: options.window ?? 10,
    weighting: options.weighting ?? 'reciprocal',
    subsample: options.subsample ?? 0,
    maxPairs: options.maxPairs ?? 2 ** 23,
    seed,
    signal,
  });
  const random = createRandom(seed).fork('glove');
  const { words } = corpus.vocabulary;
  const step = new GloveStep({ words: words.length, dimensions, maxWeight, exponent }, random.fork('first'));
  const pauses = new Pauses('glove', signal);
  const order = Int32Array.from(weights.keys());
  for (let epoch = 0; epoch < epochs; epoch++) {
    random.fork('epoch', epoch).shuffle(order);
    let loss = 0;
    let steps = 0;
    const report = (seen: number): void =>
      onProgress?.({
        epoch: epoch + 1,
        epochs,
        done: (epoch + seen / order.length) / epochs,
        loss: loss / Math.max(1, steps),
        learningRate,
      });
    for (let k = 0; k < order.length; k++) {
      const pair = order[k] ?? 0;
      const [word, context, weight] = [first[pair] ?? 0, second[pair] ?? 0, weights[pair] ?? 0];
      loss += step.fit({ word, context, weight }, learningRate);
      steps++;
      if (word !== context) {
        loss += step.fit({ word: context, context: word, weight }, learningRate);
        steps++;
      }
      if (k % PAIRS_AT_A_TIME !== 0 || !pauses.isDue()) continue;
      report(k + 1);
      await pauses.take();
    }
    report(order.length);
    await pauses.take();
  }
  const result = step.math.copy(step.words.vectors);
  if (vectors === 'sum') {
    const others = step.math.copy(step.contexts.vectors);
    for (let k = 0; k < result.length; k++) result[k] = (result[k] ?? 0) + (others[k] ?? 0);
  }
  if (!result.every(Number.isFinite)) {
    throw new AmaasError('TRAINING_DIVERGED', 'glove: vectors are not finite; lower the learning rate');
  }
  return new WordEmbeddings({ words, vectors: result, counts: corpus.vocabulary.counts });
}

/** Between looks at the clock. */
const PAIRS_AT_A_TIME = 64;
