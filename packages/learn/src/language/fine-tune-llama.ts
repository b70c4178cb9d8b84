// Fine-tuning of a Llama on sequences of which some tokens are learned: all of its weights, or thin kernels beside them that
// are added in the end. Where sequences come from and where results go is for others.
import type { Executor } from '@amaas/core';
import { asNetwork, llama } from '../layers/index.ts';
import {
  adamW,
  type CheckpointStore,
  cosineDecay,
  type EpochRecord,
  type ExamplePart,
  fit,
  sequenceAccuracy,
  sequenceCrossentropy,
  type Weights,
} from '../train/index.ts';
import { type LearnedSequence, sequenceRows } from './fine-tuning-examples.ts';
import type { LlamaModel } from './llama-weights.ts';
import { type LoraModel, type LoraOptions, loraNetwork, mergeLora } from './lora.ts';

export interface FineTuneOptions {
  readonly base: LlamaModel;
  readonly training: readonly LearnedSequence[];
  /** Measured after every epoch; default none. */
  readonly validation?: readonly LearnedSequence[];
  /** Null: all weights are trained. */
  readonly lora: LoraOptions | null;
  readonly executor: Executor;
  readonly epochs: number;
  /** Sequences of one update. */
  readonly batchSize: number;
  /** Times {@link baseLearningRate}; default 1. */
  readonly learningRateMultiplier?: number;
  /** Decides the order of sequences and the first thin kernels; default 0. */
  readonly seed?: number;
  /** If it holds a checkpoint of this very training, the training goes on from it. One is written after every epoch. */
  readonly checkpoint?: { readonly store: CheckpointStore; readonly everyMs?: number };
  readonly onProgress?: (progress: FineTuneProgress) => void;
  /** Awaited. */
  readonly onEpoch?: (epoch: FineTuneEpoch) => void | Promise<void>;
  readonly threads?: number;
  readonly signal?: AbortSignal;
}

export interface FineTuneProgress {
  /** Updates done, of `steps`. */
  readonly step: number;
  readonly steps: number;
  readonly epoch: number;
  /** Mean over the epoch so far, nats per learned token. */
  readonly loss: number;
  /** Share of learned tokens that were the likeliest, likewise. */
  readonly accuracy: number;
}

/** What was measured over an epoch; losses are nats per learned token. */
export interface FineTuneEpoch {
  readonly epoch: number;
  /** Updates done by its end. */
  readonly step: number;
  readonly loss: number;
  readonly accuracy: number;
  /** Of the held-out sequences with the epoch's last weights; null without any. */
  readonly validationLoss: number | null;
  readonly validationAccuracy: number | null;
  readonly learningRate: number;
}

export interface FineTuned {
  /** With thin kernels added to the others. */
  readonly model: LlamaModel;
  /** The thin kernels, beside the weights they belong to; null where all weights were trained. */
  readonly adapter: LoraModel | null;
  readonly epochs: readonly FineTuneEpoch[];
  readonly steps: number;
}

/** Between writing checkpoints within an epoch. */
const CHECKPOINT_EVERY_MS = 30_000;
/** Of all weights a tenth of the rate at which a network of that width is trained from nothing; thin kernels take ten times that. */
const WHOLE_SHARE = 0.1;
const WARM_UP_SHARE = 0.05;

/** The highest learning rate, where nobody asks for more or less. */
export function baseLearningRate({ width }: { readonly width: number }, lora: LoraOptions | null): number {
  return Math.min(3e-3, 0.4 / width) * (lora === null ? WHOLE_SHARE : 1);
}

/**
 * Fine-tunes a Llama.
 *
 * The same sequences, settings, seed, executor and number of threads give the same weights to the last bit, however often
 * the training was interrupted and resumed from its checkpoints.
 * @throws INVALID_DATA without a learned token, INVALID_ARGUMENT for settings that cannot be, TRAINING_DIVERGED, CANCELLED,
 *   INVALID_CHECKPOINT
 * @example
 * const { model } = await fineTuneLlama({ base, training, lora: { rank: 8 }, executor, epochs: 3, batchSize: 4 });
 */
export async function fineTuneLlama(options: FineTuneOptions): Promise<FineTuned> {
  const { base, training, validation = [], lora, batchSize, epochs, seed = 0, threads, signal } = options;
  const { parts, validation: heldOut } = sequenceRows({ training, validation }, base.options.blockSize);
  const stepsPerEpoch = countSteps(parts, batchSize);
  const steps = stepsPerEpoch * epochs;
  const rate = baseLearningRate(base.options, lora) * (options.learningRateMultiplier ?? 1);
  let isEpochOver = false;
  const { checkpoint } = options;
  const network = lora === null ? asNetwork(llama(base.options)) : loraNetwork(base.options, lora);
  const { model, history } = await fit(
    network,
    { parts },
    {
      ...{ executor: options.executor, loss: sequenceCrossentropy(), metrics: [sequenceAccuracy()] },
      ...{ epochs, batchSize, seed, clipNorm: 1, initialWeights: base.weights },
      optimizer: adamW({
        learningRate: cosineDecay(rate, steps, { warmupSteps: Math.floor(steps * WARM_UP_SHARE), minRate: rate / 10 }),
        beta2: 0.99,
        weightDecay: 0,
      }),
      ...(heldOut === null ? {} : { validation: heldOut }),
      ...(checkpoint === undefined
        ? {}
        : {
            checkpoint: {
              store: checkpoint.store,
              // Asked before every save: what an epoch has ended with is kept whenever the last one was written.
              get everyMs() {
                return isEpochOver ? 0 : (checkpoint.everyMs ?? CHECKPOINT_EVERY_MS);
              },
            },
          }),
      ...(threads === undefined ? {} : { threads }),
      ...(signal === undefined ? {} : { signal }),
      onProgress({ epoch, step, values }) {
        isEpochOver = false;
        const done = (epoch - 1) * stepsPerEpoch + step;
        const { loss = Number.NaN, accuracy = Number.NaN } = values;
        options.onProgress?.({ step: done, steps, epoch, loss, accuracy });
      },
      async onEpoch(record) {
        await options.onEpoch?.(epochOf(record, stepsPerEpoch));
        isEpochOver = true;
      },
    },
  );
  return { ...tunedModel(base, lora, model.weights), epochs: history.map((one) => epochOf(one, stepsPerEpoch)), steps };
}

/** Updates of an epoch. */
function countSteps(parts: readonly ExamplePart[], batchSize: number): number {
  return parts.reduce((steps, { examples }) => steps + Math.ceil((examples.target.shape[0] ?? 0) / batchSize), 0);
}

function epochOf({ epoch, values, learningRate }: EpochRecord, stepsPerEpoch: number): FineTuneEpoch {
  return {
    ...{ epoch, step: epoch * stepsPerEpoch, learningRate },
    loss: values['loss'] ?? Number.NaN,
    accuracy: values['accuracy'] ?? Number.NaN,
    validationLoss: values['validation loss'] ?? null,
    validationAccuracy: values['validation accuracy'] ?? null,
  };
}

function tunedModel(
  { options }: LlamaModel,
  lora: LoraOptions | null,
  weights: Weights,
): Pick<FineTuned, 'model' | 'adapter'> {
  if (lora === null) return { model: { options, weights }, adapter: null };
  const adapter = { options, lora, weights };
  return { model: mergeLora(adapter), adapter };
}
