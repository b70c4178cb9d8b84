// What a training of a language model is asked for, what it says on the way, and what comes of it.
import type { Executor } from '@amaas/core';
import type { SamplingOptions } from '../decode/index.ts';
import type { LikelihoodScores } from '../evaluate/index.ts';
import type { Tokenizer } from '../tokenize/index.ts';
import type { CheckpointStore, TrainedModel, Weights } from '../train/index.ts';
import type { ArchitectureOptions, LanguageArchitecture } from './architecture.ts';
import type { Corpus } from './corpus.ts';
import type { TokenizerPlan } from './language-tokenizer.ts';
import type { LoraOptions } from './lora.ts';
import type { SampledText } from './text-sampler.ts';

export interface TrainLanguageModelOptions {
  /** Documents, or texts that are cut at `<|endoftext|>`. */
  readonly corpus: Corpus | string | readonly string[];
  readonly executor: Executor;
  /** Given, or how to learn one from the training part; default byte-level BPE of 1,024 tokens. */
  readonly tokenizer?: Tokenizer | TokenizerPlan;
  /** The tokenizer's token between documents; default `<|endoftext|>`, which tokenizers learned here have. */
  readonly endToken?: string;
  /** Default a Llama of 4 layers, 4 heads, 128 wide, 128 tokens. */
  readonly architecture?: ArchitectureOptions;
  /** Start from these weights of the same architecture instead of drawn ones: fine-tuning, which needs their tokenizer. */
  readonly initialWeights?: Weights;
  /** Train thin kernels beside those of `initialWeights`, of a Llama, and add them in the end; default: all weights. */
  readonly lora?: LoraOptions;
  /** Updates, at most by `evaluateEvery` − 1 more so that the last one is evaluated; or give `epochs`. Default 1000. */
  readonly steps?: number;
  /** Passes over the training part, > 0. */
  readonly epochs?: number;
  /** Blocks computed together; default 12. */
  readonly batchSize?: number;
  /** Batches of one update; default 1. */
  readonly accumulate?: number;
  /** Largest norm of the gradients; default 1. */
  readonly clipNorm?: number;
  /** Highest rate; default 0.4 / width, at most 3e-3: wider networks want lower ones. */
  readonly learningRate?: number;
  /** How the rate goes on after its warm-up; default `cosine`, down to a tenth. */
  readonly schedule?: ScheduleName;
  /** Steps of growing rate; default a twentieth of all. */
  readonly warmupSteps?: number;
  /** Of AdamW, on matrices; default 0.1. */
  readonly weightDecay?: number;
  /**
   * Held-out text, or the share of the documents (of few: of their ends) to hold out, 0 for none. It is held in memory;
   * default 0.1, of large corpora as much as makes two million characters.
   */
  readonly validation?: number | Corpus;
  /** Steps between measurements of the held-out text; default a tenth of all. */
  readonly evaluateEvery?: number;
  /** Ends the training after so many measurements without a new best one, whose weights are kept; default: never. */
  readonly patience?: number;
  /** Writes texts at every measurement and at the end; default: none. */
  readonly samples?: SamplePlan;
  /** UTF-16 units of text whose tokens are held in memory; larger corpora are streamed. Default 2^27. */
  readonly maxCharactersInMemory?: number;
  /** Blocks of a streamed corpus that are held and drawn from; default 8192. */
  readonly bufferBlocks?: number;
  /** Where to keep checkpoints; if it holds one of this very training, the training goes on from it. */
  readonly checkpoint?: { readonly store: CheckpointStore; readonly everyMs?: number };
  /** Decides held-out documents, order of blocks, initial weights, dropout and samples; default 0. */
  readonly seed?: string | number;
  readonly threads?: number;
  readonly signal?: AbortSignal;
  /** Awaited where it gives a promise, except for progress. */
  readonly onEvent?: (event: LanguageTrainingEvent) => void | Promise<void>;
}

/** To a tenth as half a cosine; level and then straight to 0 over the last fifth; or always the same. */
export type ScheduleName = 'cosine' | 'warmup-stable-decay' | 'constant';

export interface SamplePlan extends SamplingOptions {
  /** One text for each; default one that begins as documents do. */
  readonly prompts?: readonly string[];
  /** Default 200. */
  readonly maxTokens?: number;
}

export interface LanguageFacts {
  /** In all. */
  readonly documents: number;
  readonly characters: number;
  /** Null where the corpus is streamed. */
  readonly trainingTokens: number | null;
  readonly heldOutTokens: number;
  readonly heldOutBytes: number;
  readonly architecture: LanguageArchitecture;
  readonly parameters: number;
  readonly steps: number;
  readonly tokensPerStep: number;
  readonly evaluateEvery: number;
}

export type LanguageTrainingEvent =
  | { readonly kind: 'described'; readonly facts: LanguageFacts }
  | {
      readonly kind: 'progress';
      /** Updates done. */
      readonly step: number;
      readonly steps: number;
      /** Mean since the last measurement, nats per token. */
      readonly loss: number;
      readonly learningRate: number;
      /** Since the last measurement. */
      readonly tokensPerSecond: number;
    }
  | { readonly kind: 'measured'; readonly point: CurvePoint }
  | { readonly kind: 'sampled'; readonly step: number; readonly samples: readonly SampledText[] };

/** Losses are nats per token. */
export interface CurvePoint {
  readonly step: number;
  /** Mean since the point before, with dropout. */
  readonly loss: number;
  readonly validationLoss: number | null;
  readonly bitsPerByte: number | null;
  readonly learningRate: number;
}

export interface TrainedLanguageModel {
  /** Input `ids` int32 [N, blockSize], logits [N, blockSize, vocabularySize]. */
  readonly model: TrainedModel;
  readonly tokenizer: Tokenizer;
  /** The token between documents. */
  readonly endId: number;
  readonly architecture: LanguageArchitecture;
  readonly facts: LanguageFacts;
  readonly curve: readonly CurvePoint[];
  /** The step whose weights the model has. */
  readonly step: number;
  readonly stoppedEarly: boolean;
  /** Of the held-out text, block by block: what begins a block is predicted without what came before it. */
  readonly validation: LikelihoodScores | null;
  /** As planned, by the final model. */
  readonly samples: readonly SampledText[];
}
