// word2vec: vectors of words that predict the words around them (skip-gram) or are predicted by them (CBOW), by telling
// true words from drawn ones; with sub-words if wanted. One thread, so that a seed decides every bit.
// Sources: Mikolov et al. (2013), "Efficient Estimation of Word Representations in Vector Space" and "Distributed
// Representations of Words and Phrases and their Compositionality"; Bojanowski et al. (2017) for sub-words.
import { AmaasError } from '@amaas/core';
import { createRandom, type Random } from '../statistics/index.ts';
import type { Corpus } from './corpus.ts';
import { WordEmbeddings } from './embeddings.ts';
import { type InputRows, inputRowsOf, sumInputRows } from './input-rows.ts';
import { assertCount, assertPositive, type TrainingControl } from './options.ts';
import { Pauses } from './pauses.ts';
import { SampleStep } from './sample-step.ts';
import { type AliasSampler, createNoise, keepProbabilities } from './sampling.ts';
import { type SubwordOptions, type SubwordSettings, subwordSettings } from './subwords.ts';

export interface Word2VecOptions extends TrainingControl {
  /** Default skip-gram, the better one on little text. */
  readonly architecture?: 'skip-gram' | 'cbow';
  /** Numbers of a vector, default 100. */
  readonly dimensions?: number;
  /** Most words to each side, default 5; each place draws 1 … window, so that near words count more. */
  readonly window?: number;
  /** Drawn words per true one, default 5. */
  readonly negative?: number;
  /** Default: so many that about ten million words are read, but 5 to 30. */
  readonly epochs?: number;
  /**
   * Of the first step; falls linearly to a ten-thousandth of it. Default 0.1, for CBOW 0.3: found on 800,000 words. CBOW's
   * gradient is divided among the words of a window, which word2vec forgets (Irsoy et al. 2021, "Corrected CBOW Performs as
   * well as Skip-gram"), so that its rates are not word2vec's.
   */
  readonly learningRate?: number;
  /** Frequency above which words are thinned out, default 1e-4 as in fastText; 0 keeps all. */
  readonly subsample?: number;
  /** Words as sums of their parts; default false. true: parts of 3 to 6 characters in 2,000,000 buckets. */
  readonly subwords?: boolean | SubwordOptions;
  /**
   * What a word's vector is: the one it has as `input`, or the `sum` of that and the one it has as a predicted word, as GloVe
   * does (Levy et al. 2015). Default input; sub-words need it.
   */
  readonly vectors?: 'input' | 'sum';
}

/**
 * Trains word vectors. Memory: 8 bytes per word and dimension, with sub-words 4 more per bucket and dimension; 4 GB at most.
 * @throws INVALID_ARGUMENT; CANCELLED; TRAINING_DIVERGED when the vectors are not finite in the end
 */
export async function trainWord2Vec(corpus: Corpus, options: Word2VecOptions = {}): Promise<WordEmbeddings> {
  const { signal, onProgress } = options;
  const settings = settingsOf(options, corpus.vocabulary.total);
  const training = new Training(corpus, settings);
  const { epochs } = settings;
  const pauses = new Pauses('word2vec', signal);
  for (let epoch = 0; epoch < epochs; epoch++) {
    training.beginEpoch(epoch);
    const report = (): void => onProgress?.({ epoch: epoch + 1, epochs, ...training.progress() });
    for (let sentence = 0; sentence < corpus.ends.length; sentence++) {
      for (let rest = training.beginSentence(sentence); rest > 0; ) {
        rest = training.trainWords(WORDS_AT_A_TIME);
        if (!pauses.isDue()) continue;
        report();
        await pauses.take();
      }
    }
    report();
    await pauses.take();
  }
  return training.result();
}

/** Of all epochs, where their number is not given. */
const WORDS_READ = 1e7;
/** Words between looks at the clock; sentences may be as long as a book. */
const WORDS_AT_A_TIME = 16;
/** The learning rate's last value, as a part of its first. */
const LAST_RATE = 1e-4;

interface Settings {
  readonly isCbow: boolean;
  readonly dimensions: number;
  readonly window: number;
  readonly negative: number;
  readonly epochs: number;
  readonly learningRate: number;
  readonly subsample: number;
  readonly subwords: SubwordSettings | null;
  readonly vectors: 'input' | 'sum';
  readonly random: Random;
}

function settingsOf(options: Word2VecOptions, words: number): Settings {
  const { architecture = 'skip-gram', subwords = false, vectors = 'input' } = options;
  const settings = {
    isCbow: architecture === 'cbow',
    dimensions: options.dimensions ?? 100,
    window: options.window ?? 5,
    negative: options.negative ?? 5,
    epochs: options.epochs ?? Math.min(30, Math.max(5, Math.round(WORDS_READ / words))),
    learningRate: options.learningRate ?? (architecture === 'cbow' ? 0.3 : 0.1),
    subsample: options.subsample ?? 1e-4,
    subwords: subwords === false ? null : subwordSettings(subwords === true ? {} : subwords),
    vectors,
    random: createRandom(options.seed ?? 0).fork('word2vec'),
  };
  assertCount('dimensions', settings.dimensions, 65_536);
  assertCount('window', settings.window, 1000);
  assertCount('negative', settings.negative, 1000);
  assertCount('epochs', settings.epochs);
  assertPositive('learningRate', settings.learningRate);
  if (settings.subwords !== null && vectors === 'sum') {
    throw new AmaasError('INVALID_ARGUMENT', 'word2vec: sub-words have no vectors of predicted words to be added');
  }
  return settings;
}

class Training {
  readonly #corpus: Corpus;
  readonly #settings: Settings;
  readonly #step: SampleStep;
  readonly #keep: Float64Array;
  readonly #noise: AliasSampler;
  readonly #rows: InputRows;
  #random: Random;
  // The sentence at hand, thinned out, and the place in it.
  readonly #places: { words: Int32Array; length: number; next: number };
  readonly #targets: Int32Array;
  #inputRows = new Int32Array(64);
  // How far: words of the corpus read, and loss of the epoch.
  #epoch = 0;
  #read = 0;
  #rate: number;
  #loss = 0;
  #groups = 0;

  constructor(corpus: Corpus, settings: Settings) {
    const { dimensions, random, subwords } = settings;
    const words = corpus.vocabulary.words.length;
    const first = random.fork('first');
    const step = new SampleStep({ inputRows: words + (subwords?.buckets ?? 0), outputRows: words, dimensions });
    step.math.fill(step.inputs, () => (first.uniform() - 0.5) / dimensions);
    this.#corpus = corpus;
    this.#settings = settings;
    this.#step = step;
    this.#keep = keepProbabilities(corpus.vocabulary, settings.subsample);
    this.#noise = createNoise(corpus.vocabulary);
    this.#rows = inputRowsOf(corpus.vocabulary.words, subwords);
    this.#random = random;
    this.#rate = settings.learningRate;
    this.#places = { words: new Int32Array(longestSentence(corpus)), length: 0, next: 0 };
    this.#targets = new Int32Array(1 + settings.negative);
  }

  beginEpoch(epoch: number): void {
    this.#epoch = epoch;
    this.#read = 0;
    this.#loss = 0;
    this.#groups = 0;
    this.#random = this.#settings.random.fork('epoch', epoch);
  }

  /** @returns words to train */
  beginSentence(sentence: number): number {
    const { ids, ends } = this.#corpus;
    const places = this.#places;
    places.length = 0;
    places.next = 0;
    const [start, end] = [sentence === 0 ? 0 : (ends[sentence - 1] ?? 0), ends[sentence] ?? 0];
    for (let k = start; k < end; k++) {
      const word = ids[k] ?? 0;
      const keep = this.#keep[word] ?? 1;
      if (keep < 1 && this.#random.uniform() >= keep) continue;
      places.words[places.length++] = word;
    }
    this.#read += end - start;
    const { learningRate } = this.#settings;
    this.#rate = learningRate * Math.max(LAST_RATE, 1 - this.#done());
    return places.length;
  }

  /** @returns words of the sentence that are left */
  trainWords(most: number): number {
    const places = this.#places;
    const { window, isCbow } = this.#settings;
    const end = Math.min(places.length, places.next + most);
    for (; places.next < end; places.next++) {
      const reach = 1 + this.#random.integer(window);
      const [from, to] = [Math.max(0, places.next - reach), Math.min(places.length - 1, places.next + reach)];
      if (to === from) continue;
      if (isCbow) this.#predictCentre(from, to);
      else this.#predictAround(from, to);
    }
    return places.length - end;
  }

  /** Skip-gram: the word in the middle predicts each around it; its vector moves once, by all of them. */
  #predictAround(from: number, to: number): void {
    const { words, next } = this.#places;
    const count = this.#collect(next, next);
    // 1/√n rather than the mean: a step then moves the sum as far as it would a row alone.
    const scale = 1 / Math.sqrt(count);
    this.#step.read(this.#inputRows, count, scale);
    for (let place = from; place <= to; place++) if (place !== next) this.#compare(words[place] ?? 0);
    this.#step.write(this.#inputRows, count, this.#rate * scale);
  }

  /** CBOW: the mean of the words around predicts the one in the middle. */
  #predictCentre(from: number, to: number): void {
    const { words, next } = this.#places;
    const count = this.#collect(from, to);
    const scale = 1 / count;
    this.#step.read(this.#inputRows, count, scale);
    this.#compare(words[next] ?? 0);
    this.#step.write(this.#inputRows, count, this.#rate * scale);
  }

  /** Input rows of the words at the places; of several not the one in the middle. @returns how many */
  #collect(from: number, to: number): number {
    const { words, next } = this.#places;
    const { starts, rows } = this.#rows;
    let count = 0;
    for (let place = from; place <= to; place++) {
      if (place === next && from !== to) continue;
      const word = words[place] ?? 0;
      const end = starts[word + 1] ?? 0;
      for (let k = starts[word] ?? 0; k < end; k++) {
        if (count === this.#inputRows.length) this.#inputRows = doubled(this.#inputRows);
        this.#inputRows[count++] = rows[k] ?? 0;
      }
    }
    return count;
  }

  #compare(truth: number): void {
    this.#targets[0] = truth;
    for (let k = 1; k < this.#targets.length; k++) this.#targets[k] = this.#noise.draw(this.#random);
    this.#loss += this.#step.compare(this.#targets, this.#rate);
    this.#groups++;
  }

  #done(): number {
    return (this.#epoch + this.#read / this.#corpus.ids.length) / this.#settings.epochs;
  }

  progress(): { readonly done: number; readonly loss: number; readonly learningRate: number } {
    return { done: this.#done(), loss: this.#loss / Math.max(1, this.#groups), learningRate: this.#rate };
  }

  result(): WordEmbeddings {
    const { vocabulary } = this.#corpus;
    const { subwords, vectors } = this.#settings;
    const { math, inputs, outputs } = this.#step;
    const { words } = vocabulary;
    const summed = sumInputRows(math, inputs, this.#rows);
    if (vectors === 'sum') {
      const others = math.copy(outputs);
      for (let k = 0; k < summed.length; k++) summed[k] = (summed[k] ?? 0) + (others[k] ?? 0);
    }
    if (!summed.every(Number.isFinite)) {
      throw new AmaasError('TRAINING_DIVERGED', 'word2vec: vectors are not finite; lower the learning rate');
    }
    const parts = subwords === null ? null : { settings: subwords, table: math.copy(inputs, words.length) };
    return new WordEmbeddings({ words, vectors: summed, counts: vocabulary.counts, subwords: parts });
  }
}

function longestSentence({ ends }: Corpus): number {
  return ends.reduce((longest, end, k) => Math.max(longest, end - (ends[k - 1] ?? 0)), 0);
}

function doubled(values: Int32Array): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(2 * values.length);
  larger.set(values);
  return larger;
}
