// From text to a language model: tokenizer, packed blocks, training with samples on the way, and how well it predicts text
// it has not seen. Where the text lies, and what is done with the model, is for others.
import { AmaasError } from '@amaas/core';
import { input } from '../graph/index.ts';
import { asNetwork, createScope, type Network } from '../layers/index.ts';
import { createRandom, type Random } from '../statistics/index.ts';
import type { Tokenizer } from '../tokenize/index.ts';
import {
  adamW,
  cosineDecay,
  countParameters,
  type EpochRecord,
  type Examples,
  fit,
  type Schedule,
  sequenceCrossentropy,
  TrainedModel,
  warmupStableDecay,
} from '../train/index.ts';
import { computeLikelihoodScores, type LikelihoodScores } from '../evaluate/index.ts';
import { completeArchitecture, createLanguageNetwork, type LanguageArchitecture } from './architecture.ts';
import { openBlockStream } from './block-stream.ts';
import { type Corpus, splitCorpus, surveyCorpus, textCorpus, throwIfCancelled } from './corpus.ts';
import type { CurvePoint, LanguageFacts, TrainedLanguageModel, TrainLanguageModelOptions } from './language-options.ts';
import { collectTokens, createLanguageTokenizer, endOfTextId, readTokens } from './language-tokenizer.ts';
import { loraNetwork, mergeLora } from './lora.ts';
import { type SampledText, TextSampler } from './text-sampler.ts';
import {
  blocksInMemory,
  blocksOfStream,
  blocksPerPass,
  heldOutExamples,
  IDS,
  type TokenBlocks,
} from './token-blocks.ts';

const DEFAULT_MAX_CHARACTERS = 2 ** 27;
/** Text held out unasked at most: it is in memory, and measured again and again. */
const HELD_OUT_CHARACTERS = 2 ** 21;

/**
 * Trains a language model.
 *
 * The same text, settings, seed, executor and number of threads give the same weights to the last bit, however often the
 * training was interrupted and resumed from its checkpoints.
 * @throws INVALID_DATA for text that is too short, INVALID_ARGUMENT for settings that cannot be, TRAINING_DIVERGED,
 *   CANCELLED, INVALID_CHECKPOINT
 * @example
 * const { model, tokenizer, validation } = await trainLanguageModel({ corpus: text, executor, steps: 2000 });
 */
export async function trainLanguageModel(options: TrainLanguageModelOptions): Promise<TrainedLanguageModel> {
  const { executor, seed = 0, signal, threads } = options;
  const random = createRandom(seed).fork('language model');
  const text = await readText(options, random);
  const { facts, heldOut, tokenizer, endId } = text;
  await options.onEvent?.({ kind: 'described', facts });
  const { architecture, steps, evaluateEvery } = facts;
  const { batchSize = 12, accumulate = 1 } = options;
  const byByte = heldOut === null ? null : { tokens: heldOut.tokens, bytes: heldOut.bytes };
  const writeSamples = async (model: TrainedModel, step: number): Promise<readonly SampledText[]> =>
    sampleTexts(model, { options, tokenizer, endId, random: random.fork('samples', step) });
  const { stream, close } = openBlockStream(text.blocks, {
    rows: evaluateEvery * batchSize * accumulate,
    digest: text.digest,
  });
  try {
    const result = await fit(networkOf(options, architecture), stream, {
      ...{ executor, loss: sequenceCrossentropy(), batchSize, accumulate, seed },
      optimizer: adamW({
        learningRate: scheduleOf(options, architecture, steps),
        beta2: 0.99,
        weightDecay: options.weightDecay ?? 0.1,
      }),
      epochs: steps / evaluateEvery,
      shuffle: false, // the blocks are
      clipNorm: options.clipNorm ?? 1,
      ...(heldOut === null ? {} : { validation: heldOut.examples }),
      ...(options.initialWeights === undefined ? {} : { initialWeights: options.initialWeights }),
      ...(options.patience === undefined ? {} : { earlyStopping: { patience: options.patience } }),
      ...(options.checkpoint === undefined ? {} : { checkpoint: options.checkpoint }),
      ...(threads === undefined ? {} : { threads }),
      ...(signal === undefined ? {} : { signal }),
      onProgress({ epoch, step, values, learningRate, rowsPerSecond }) {
        void options.onEvent?.({
          kind: 'progress',
          step: (epoch - 1) * evaluateEvery + step,
          steps,
          loss: values['loss'] ?? Number.NaN,
          learningRate,
          tokensPerSecond: rowsPerSecond * architecture.blockSize,
        });
      },
      async onEpoch(record, snapshot) {
        const point = curvePoint(record, evaluateEvery, byByte);
        await options.onEvent?.({ kind: 'measured', point });
        if (options.onEvent === undefined || options.samples === undefined || point.step === steps) return;
        const samples = await writeSamples(snapshot(), point.step);
        await options.onEvent({ kind: 'sampled', step: point.step, samples });
      },
    });
    const { history, epoch, stoppedEarly } = result;
    const model = mergedModel(result.model, options, architecture);
    const step = epoch * evaluateEvery;
    const samples = await writeSamples(model, step);
    if (samples.length > 0) await options.onEvent?.({ kind: 'sampled', step, samples });
    const curve = history.map((record) => curvePoint(record, evaluateEvery, byByte));
    const validation = scoresAt(curve, step, heldOut);
    return { model, tokenizer, endId, architecture, facts, curve, step, stoppedEarly, validation, samples };
  } finally {
    await close();
  }
}

/** @throws INVALID_ARGUMENT where there is nothing that thin kernels could be beside */
function networkOf({ lora, initialWeights }: TrainLanguageModelOptions, architecture: LanguageArchitecture): Network {
  if (lora === undefined) return asNetwork(createLanguageNetwork(architecture));
  if (architecture.name === 'llama' && initialWeights !== undefined) return loraNetwork(architecture, lora);
  const found = architecture.name === 'llama' ? 'no initialWeights' : `the network ${architecture.name}`;
  throw new AmaasError('INVALID_ARGUMENT', `language model: lora expects a Llama with initialWeights, got ${found}`);
}

/** What was trained as a network without thin kernels. */
function mergedModel(
  model: TrainedModel,
  { lora }: TrainLanguageModelOptions,
  architecture: LanguageArchitecture,
): TrainedModel {
  if (lora === undefined) return model;
  return new TrainedModel({
    network: asNetwork(createLanguageNetwork(architecture)),
    inputs: model.inputs,
    weights: mergeLora({ options: architecture, lora, weights: model.weights }).weights,
  });
}

interface HeldOutText {
  readonly examples: Examples;
  /** Predicted: all but the first. */
  readonly tokens: number;
  /** UTF-8 bytes of the documents; ends of documents are predicted and count none. */
  readonly bytes: number;
}

interface ReadText {
  readonly tokenizer: Tokenizer;
  readonly endId: number;
  readonly blocks: TokenBlocks;
  readonly heldOut: HeldOutText | null;
  readonly facts: LanguageFacts;
  readonly digest: string;
}

async function readText(options: TrainLanguageModelOptions, random: Random): Promise<ReadText> {
  const { signal } = options;
  const corpus = isCorpus(options.corpus) ? options.corpus : textCorpus(options.corpus);
  const survey = await surveyCorpus(corpus, signal);
  const { validation = Math.min(0.1, HELD_OUT_CHARACTERS / survey.characters) } = options;
  const { training, validation: held } =
    typeof validation !== 'number'
      ? { training: corpus, validation }
      : validation === 0
        ? { training: corpus, validation: null }
        : splitCorpus(corpus, { documents: survey.documents, share: validation, random });
  const plan = options.tokenizer ?? { kind: 'bpe', vocabularySize: 1024 };
  const tokenizer = await createLanguageTokenizer(plan, training);
  throwIfCancelled(signal);
  const endId = endOfTextId(tokenizer, options.endToken);
  const architecture = completeArchitecture(options.architecture ?? { name: 'llama' }, tokenizer.vocabularySize);
  const { blockSize } = architecture;
  const heldOut = held === null ? null : await readHeldOut(held, { tokenizer, endId, blockSize });
  const readIds = (): AsyncIterable<Int32Array> => readTokens(training, tokenizer, endId);
  const isHeld = survey.characters <= (options.maxCharactersInMemory ?? DEFAULT_MAX_CHARACTERS);
  const ids = isHeld ? await collectTokens(readIds()) : null;
  const blockOptions = { blockSize, random: random.fork('blocks') };
  const { bufferBlocks } = options;
  const blocks =
    ids === null
      ? blocksOfStream(readIds, { ...blockOptions, ...(bufferBlocks === undefined ? {} : { bufferBlocks }) })
      : blocksInMemory(ids, blockOptions);
  const tokensPerStep = (options.batchSize ?? 12) * (options.accumulate ?? 1) * blockSize;
  return {
    ...{ tokenizer, endId, blocks, heldOut },
    // A tokenizer of other merges may be of the same size.
    digest: `${survey.digest} ${JSON.stringify(tokenizer.toJson()).length} ${heldOut?.bytes} ${isHeld} ${bufferBlocks}`,
    facts: {
      documents: survey.documents,
      characters: survey.characters,
      trainingTokens: ids?.length ?? null,
      heldOutTokens: heldOut?.tokens ?? 0,
      heldOutBytes: heldOut?.bytes ?? 0,
      architecture,
      parameters: parametersOf(architecture),
      tokensPerStep,
      ...planSteps(options, ids === null ? null : blocksPerPass(ids.length, blockSize) * blockSize, tokensPerStep),
    },
  };
}

function isCorpus(corpus: TrainLanguageModelOptions['corpus']): corpus is Corpus {
  return typeof corpus === 'object' && 'read' in corpus;
}

async function readHeldOut(
  corpus: Corpus,
  {
    tokenizer,
    endId,
    blockSize,
  }: { readonly tokenizer: Tokenizer; readonly endId: number; readonly blockSize: number },
): Promise<HeldOutText> {
  const encoder = new TextEncoder();
  let bytes = 0;
  const counted: Corpus = {
    async *read() {
      for await (const text of corpus.read()) {
        bytes += encoder.encode(text).length;
        yield text;
      }
    },
  };
  // The end of the document before, so that all of the first one is predicted, as it is when texts are written.
  const ids = await collectTokens(readTokens(counted, tokenizer, endId));
  const all = new Int32Array(ids.length + 1);
  all[0] = endId;
  all.set(ids, 1);
  return { examples: heldOutExamples(all, blockSize), tokens: ids.length, bytes };
}

/** Steps in all and between measurements, the one a multiple of the other. */
function planSteps(
  { steps, epochs, evaluateEvery }: TrainLanguageModelOptions,
  tokensPerPass: number | null,
  tokensPerStep: number,
): { readonly steps: number; readonly evaluateEvery: number } {
  if (steps !== undefined && epochs !== undefined) {
    throw new AmaasError('INVALID_ARGUMENT', 'language model: give steps or epochs, not both');
  }
  if (epochs !== undefined && tokensPerPass === null) {
    throw new AmaasError('INVALID_ARGUMENT', 'language model: a corpus larger than memory needs steps, not epochs');
  }
  const wanted = epochs === undefined ? (steps ?? 1000) : Math.ceil((epochs * (tokensPerPass ?? 0)) / tokensPerStep);
  const every = evaluateEvery ?? Math.ceil(wanted / 10);
  for (const [name, value] of Object.entries({ steps: wanted, evaluateEvery: every })) {
    if (Number.isSafeInteger(value) && value >= 1) continue;
    throw new AmaasError('INVALID_ARGUMENT', `language model: ${name} must be a whole number ≥ 1, got ${value}`);
  }
  const between = Math.min(every, wanted);
  return { steps: Math.ceil(wanted / between) * between, evaluateEvery: between };
}

function parametersOf(architecture: LanguageArchitecture): number {
  const { scope, record } = createScope(false);
  const ids = input(IDS, 'int32', ['N', architecture.blockSize]);
  asNetwork(createLanguageNetwork(architecture)).build(new Map([[IDS, ids]]), scope);
  return countParameters(record());
}

function scheduleOf(options: TrainLanguageModelOptions, { width }: LanguageArchitecture, steps: number): Schedule {
  const { schedule = 'cosine', learningRate: rate = Math.min(3e-3, 0.4 / width) } = options;
  const warmupSteps = options.warmupSteps ?? Math.floor(steps / 20);
  switch (schedule) {
    case 'cosine':
      return cosineDecay(rate, steps, { warmupSteps, minRate: rate / 10 });
    case 'warmup-stable-decay':
      return warmupStableDecay(rate, steps, { warmupSteps });
    case 'constant':
      return warmupStableDecay(rate, steps, { warmupSteps, decaySteps: 0 });
    default:
      return schedule satisfies never;
  }
}

function curvePoint(
  { epoch, values, learningRate }: EpochRecord,
  evaluateEvery: number,
  heldOut: Pick<HeldOutText, 'tokens' | 'bytes'> | null,
): CurvePoint {
  const validationLoss = values['validation loss'] ?? null;
  return {
    step: epoch * evaluateEvery,
    loss: values['loss'] ?? Number.NaN,
    validationLoss,
    bitsPerByte:
      heldOut === null || validationLoss === null ? null : (validationLoss * heldOut.tokens) / heldOut.bytes / Math.LN2,
    learningRate,
  };
}

/** Of the weights that were kept: what was measured with them is not measured again. */
function scoresAt(curve: readonly CurvePoint[], step: number, heldOut: HeldOutText | null): LikelihoodScores | null {
  const nats = curve.find((point) => point.step === step)?.validationLoss ?? null;
  if (heldOut === null || nats === null) return null;
  const { tokens, bytes } = heldOut;
  return computeLikelihoodScores({ logLikelihoods: [-nats * tokens], tokens: [tokens], bytes: [bytes] });
}

interface SampleContext {
  readonly options: TrainLanguageModelOptions;
  readonly tokenizer: Tokenizer;
  readonly endId: number;
  readonly random: Random;
}

async function sampleTexts(
  model: TrainedModel,
  { options, tokenizer, endId, random }: SampleContext,
): Promise<readonly SampledText[]> {
  const { samples: plan, executor, threads, signal } = options;
  if (plan === undefined) return [];
  const { prompts = [''], ...sampling } = plan;
  const parts = { executor, tokenizer, endId, ...(threads === undefined ? {} : { threads }) };
  const sampler = await TextSampler.create(model, parts);
  try {
    const texts: SampledText[] = [];
    for (const [index, prompt] of prompts.entries()) {
      const own = random.fork('prompt', index);
      texts.push(
        ...(await sampler.sample({ ...sampling, prompt, random: own, ...(signal === undefined ? {} : { signal }) })),
      );
    }
    return texts;
  } finally {
    await sampler.dispose();
  }
}
