// From pairs of texts to a translator: a tokenizer for both languages, rows padded to a few lengths, training, translations
// held against references. Knows no files: pairs come as they are read, models go out by translator-files.ts.
import { AmaasError } from '@amaas/core';
import { bleuMetric, chrfMetric, computeBleu, estimateTextScore } from '../evaluate/index.ts';
import { createRandom, type Random } from '../statistics/index.ts';
import {
  adam,
  countRows,
  type ExamplePart,
  type Examples,
  fit,
  sequenceCrossentropy,
  type TrainedModel,
  warmupStableDecay,
} from '../train/index.ts';
import {
  chooseLengths,
  encodePair,
  pairExamples,
  pairLength,
  pairParts,
  type TextPair,
} from './translation-examples.ts';
import type {
  TextPairs,
  TrainedTranslator,
  TrainTranslatorOptions,
  TranslationSample,
  TranslatorFacts,
  TranslatorScores,
} from './translation-options.ts';
import { createTranslationTokenizer, translationTokens } from './translation-tokenizer.ts';
import { Translator, type TranslatorParts } from './translator.ts';
import { completeTranslator, countTranslatorParameters, createTranslatorNetwork } from './translator-architecture.ts';

/**
 * Trains an encoder–decoder to translate.
 *
 * The same pairs, seed, settings, executor and number of threads give the same weights to the last bit, also when the training
 * was interrupted and resumed from its checkpoints.
 * @throws INVALID_DATA without usable pairs; INVALID_ARGUMENT for options out of range; TRAINING_DIVERGED; CANCELLED;
 *   INVALID_CHECKPOINT
 * @example
 * const { model, scores } = await trainTranslator({ pairs: [{ source: 'ein Hund', target: 'a dog' }, …], executor });
 */
export async function trainTranslator(options: TrainTranslatorOptions): Promise<TrainedTranslator> {
  const { executor, threads, signal, seed = 0, onEvent } = options;
  const random = createRandom(seed).fork('translator');
  const { training, validation, test } = await readPairs(options, random);
  const prepared = prepare(training, validation, options);
  const { tokenizer, parts, held, facts } = prepared;
  const { architecture, epochs, stepsPerEpoch } = facts;
  await onEvent?.({ kind: 'described', facts });
  const total = epochs * stepsPerEpoch;
  const watched = validation.slice(0, options.samples ?? 0);
  const compiling = { executor, ...(threads === undefined ? {} : { threads }) };
  const translate = async (model: TrainedModel, pairs: readonly TextPair[]): Promise<readonly TranslationSample[]> => {
    if (pairs.length === 0) return [];
    return translatePairs({ architecture, tokenizer, weights: model.weights }, pairs, { ...options, ...compiling });
  };
  const result = await fit(
    createTranslatorNetwork(architecture),
    { parts },
    {
      ...{ ...compiling, seed, epochs },
      loss: sequenceCrossentropy({ labelSmoothing: options.labelSmoothing ?? 0.1 }),
      optimizer: adam({
        beta2: 0.98,
        learningRate: warmupStableDecay(options.learningRate ?? Math.min(3e-3, 0.2 / architecture.width), total, {
          warmupSteps: options.warmupSteps ?? Math.min(500, Math.floor(total / 10)),
        }),
      }),
      clipNorm: options.clipNorm ?? 1,
      ...(held === null ? {} : { validation: held }),
      ...(options.patience === undefined ? {} : { earlyStopping: { patience: options.patience } }),
      ...(options.checkpoint === undefined ? {} : { checkpoint: options.checkpoint }),
      ...(signal === undefined ? {} : { signal }),
      onProgress({ epoch, step, values, learningRate, rowsPerSecond }) {
        const loss = values['loss'] ?? Number.NaN;
        void onEvent?.({ kind: 'progress', epoch, step, loss, learningRate, pairsPerSecond: rowsPerSecond });
      },
      async onEpoch(record, snapshot) {
        if (onEvent === undefined) return;
        const samples = watched.length === 0 ? [] : await translate(snapshot(), watched);
        await onEvent({ kind: 'epoch', record, samples });
      },
    },
  );
  const { model, history, epoch, stoppedEarly } = result;
  const translations = await translate(model, test.length > 0 ? test : validation);
  const scores = translations.length === 0 ? null : scoreTranslations(translations, random.fork('intervals'));
  return { model, tokenizer, architecture, facts, history, epoch, stoppedEarly, scores };
}

interface Prepared {
  readonly tokenizer: TranslatorParts['tokenizer'];
  readonly parts: readonly ExamplePart[];
  readonly held: Examples | null;
  readonly facts: TranslatorFacts;
}

function prepare(
  training: readonly TextPair[],
  validation: readonly TextPair[],
  options: TrainTranslatorOptions,
): Prepared {
  const { maxLength = 40, lengths: count = 4, batchTokens = 1200, epochs = 20 } = options;
  for (const [name, value] of Object.entries({ maxLength, lengths: count, batchTokens, epochs })) {
    if (Number.isSafeInteger(value) && value >= 1) continue;
    throw new AmaasError('INVALID_ARGUMENT', `translator: ${name} must be a whole number ≥ 1, got ${value}`);
  }
  const tokenizer = createTranslationTokenizer(
    options.tokenizer ?? {},
    training.flatMap(({ source, target }) => [source, target]),
  );
  const tokens = translationTokens(tokenizer);
  const encoded = training.map((pair) => encodePair(pair, tokenizer)).filter((pair) => pairLength(pair) <= maxLength);
  if (encoded.length === 0) {
    throw new AmaasError('INVALID_DATA', `translator: no pair to train on has at most ${maxLength} ids on both sides`);
  }
  const lengths = chooseLengths(encoded.map(pairLength), count);
  const parts = pairParts(encoded, { tokenizer, lengths, batchTokens });
  const longest = lengths.at(-1) ?? maxLength;
  const held = validation.map((pair) => encodePair(pair, tokenizer)).filter((pair) => pairLength(pair) <= longest);
  const architecture = completeTranslator(options.architecture ?? { name: 'transformer' }, {
    sourceVocabularySize: tokenizer.vocabularySize,
    padding: tokens.padding,
  });
  return {
    ...{ tokenizer, parts },
    held: held.length === 0 ? null : pairExamples(held, longest, tokens),
    facts: {
      ...{ architecture, epochs, lengths },
      pairs: encoded.length,
      tooLong: training.length - encoded.length,
      validationPairs: validation.length,
      parameters: countTranslatorParameters(architecture, longest),
      stepsPerEpoch: parts.reduce(
        (sum, { examples, batchSize = 1 }) => sum + Math.ceil(countRows(examples) / batchSize),
        0,
      ),
    },
  };
}

interface PairSets {
  readonly training: readonly TextPair[];
  readonly validation: readonly TextPair[];
  readonly test: readonly TextPair[];
}

async function readPairs(options: TrainTranslatorOptions, random: Random): Promise<PairSets> {
  const { validation = 0.05, signal } = options;
  const all = await collectPairs('pairs', options.pairs, signal);
  const test = options.test === undefined ? [] : await collectPairs('test', options.test, signal);
  if (typeof validation === 'object') {
    return { training: all, validation: await collectPairs('validation', validation, signal), test };
  }
  if (!(validation >= 0 && validation < 1)) {
    throw new AmaasError('INVALID_ARGUMENT', `translator: validation must be a share in [0, 1), got ${validation}`);
  }
  // By sources: a text with several translations must not be on both sides.
  const sources = [...new Set(all.map(({ source }) => source))];
  const order = random.fork('validation').shuffle(Uint32Array.from(sources.keys()));
  const count = validation === 0 ? 0 : Math.max(1, Math.round(validation * sources.length));
  const held = new Set(Array.from(order.subarray(0, count), (index) => sources[index]));
  return {
    training: all.filter(({ source }) => !held.has(source)),
    validation: all.filter(({ source }) => held.has(source)),
    test,
  };
}

async function collectPairs(what: string, pairs: TextPairs, signal: AbortSignal | undefined): Promise<TextPair[]> {
  const collected: TextPair[] = [];
  for await (const pair of pairs) {
    if (signal?.aborted) throw new AmaasError('CANCELLED', 'translator: cancelled');
    if (typeof pair.source !== 'string' || typeof pair.target !== 'string') {
      throw new AmaasError('INVALID_DATA', `translator: ${what}: pair ${collected.length} is not of two texts`);
    }
    collected.push(pair);
  }
  return collected;
}

async function translatePairs(
  parts: TranslatorParts,
  pairs: readonly TextPair[],
  { executor, threads, decoding, signal }: TrainTranslatorOptions,
): Promise<readonly TranslationSample[]> {
  const translator = await Translator.create(parts, { executor, ...(threads === undefined ? {} : { threads }) });
  try {
    const texts = await translator.translate(
      pairs.map(({ source }) => source),
      { ...decoding, ...(signal === undefined ? {} : { signal }) },
    );
    return pairs.map(({ source, target }, index) => ({ source, target, translation: texts[index] ?? '' }));
  } finally {
    await translator.dispose();
  }
}

/** @param translations - at least one */
export function scoreTranslations(translations: readonly TranslationSample[], random: Random): TranslatorScores {
  const rows = {
    hypotheses: translations.map(({ translation }) => translation),
    references: translations.map(({ target }) => [target]),
  };
  return {
    bleu: estimateTextScore(bleuMetric(), rows, { random: random.fork('BLEU') }),
    bleuSignature: computeBleu(rows).signature,
    chrf: estimateTextScore(chrfMetric(), rows, { random: random.fork('chrF') }),
    translations,
  };
}
