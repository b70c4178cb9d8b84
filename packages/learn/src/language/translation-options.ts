// What a training of a translator is asked for, what it says on the way, and what comes of it.
import type { Executor } from '@amaas/core';
import type { TextScoreEstimate } from '../evaluate/index.ts';
import type { Tokenizer } from '../tokenize/index.ts';
import type { CheckpointStore, EpochRecord, TrainedModel } from '../train/index.ts';
import type { TextPair } from './translation-examples.ts';
import type { TranslationTokenizerPlan } from './translation-tokenizer.ts';
import type { TranslateOptions } from './translator.ts';
import type { TranslatorArchitecture, TranslatorArchitectureOptions } from './translator-architecture.ts';

/** Read once, and held in memory. */
export type TextPairs = Iterable<TextPair> | AsyncIterable<TextPair>;

export interface TrainTranslatorOptions {
  readonly pairs: TextPairs;
  readonly executor: Executor;
  /** Pairs to watch the training by, or the share of the sources to hold out with all their translations; default 0.05. */
  readonly validation?: TextPairs | number;
  /** Pairs to translate and score at the end; default: those of validation. */
  readonly test?: TextPairs;
  /** Given, with the tokens `<pad>`, `<s>` and `</s>`, or how to learn one from the training pairs. */
  readonly tokenizer?: Tokenizer | TranslationTokenizerPlan;
  /** Default a small Transformer. */
  readonly architecture?: TranslatorArchitectureOptions;
  /** Default 20. */
  readonly epochs?: number;
  /** Ids of a side, its end included; pairs with more are not trained on. Default 40. */
  readonly maxLength?: number;
  /** Lengths that pairs are padded to, chosen for the least padding: each has a graph of its own. Default 4. */
  readonly lengths?: number;
  /** Ids of each side in a step, padding included; default 1200. */
  readonly batchTokens?: number;
  /** Highest rate of Adam (0.9, 0.98); default 0.2 / width, at most 3e-3: wider networks want lower ones. */
  readonly learningRate?: number;
  /** Steps of growing rate; default 500, at most a tenth of all. It falls to 0 over the last fifth. */
  readonly warmupSteps?: number;
  /** Share of every target spread over all tokens; default 0.1. */
  readonly labelSmoothing?: number;
  /** Largest norm of the gradients; default 1. */
  readonly clipNorm?: number;
  /** Ends the training after so many epochs without a lower validation loss, and keeps the best weights; default: never. */
  readonly patience?: number;
  /** How texts are translated for scores and samples; default beams of 4. */
  readonly decoding?: Omit<TranslateOptions, 'signal'>;
  /** Validation sources to translate after every epoch; default 0. */
  readonly samples?: number;
  /** Where to keep checkpoints; if it holds one of this very training, the training goes on from it. */
  readonly checkpoint?: { readonly store: CheckpointStore; readonly everyMs?: number };
  /** Decides held-out pairs, order, initial weights and dropout; default 0. */
  readonly seed?: string | number;
  readonly threads?: number;
  readonly signal?: AbortSignal;
  /** Awaited where it gives a promise, except for progress. */
  readonly onEvent?: (event: TranslatorEvent) => void | Promise<void>;
}

export interface TranslatorFacts {
  /** Trained on; pairs that were too long are not among them. */
  readonly pairs: number;
  readonly tooLong: number;
  readonly validationPairs: number;
  /** What pairs are padded to, ascending. */
  readonly lengths: readonly number[];
  readonly architecture: TranslatorArchitecture;
  readonly parameters: number;
  readonly epochs: number;
  readonly stepsPerEpoch: number;
}

/** A translation beside what it should have been. */
export interface TranslationSample extends TextPair {
  readonly translation: string;
}

export type TranslatorEvent =
  | { readonly kind: 'described'; readonly facts: TranslatorFacts }
  | {
      readonly kind: 'progress';
      readonly epoch: number;
      readonly step: number;
      /** Mean of the epoch so far, nats per token, smoothed labels among them. */
      readonly loss: number;
      readonly learningRate: number;
      readonly pairsPerSecond: number;
    }
  | { readonly kind: 'epoch'; readonly record: EpochRecord; readonly samples: readonly TranslationSample[] };

export interface TranslatorScores {
  /** sacreBLEU's, with cases and its tokenizer 13a. */
  readonly bleu: TextScoreEstimate;
  readonly bleuSignature: string;
  readonly chrf: TextScoreEstimate;
  /** Every pair that was scored. */
  readonly translations: readonly TranslationSample[];
}

export interface TrainedTranslator {
  /** Inputs `source` and `target ids` int32 [N, greatest length], logits [N, greatest length, vocabulary]. */
  readonly model: TrainedModel;
  readonly tokenizer: Tokenizer;
  readonly architecture: TranslatorArchitecture;
  readonly facts: TranslatorFacts;
  readonly history: readonly EpochRecord[];
  /** The epoch whose weights the model has. */
  readonly epoch: number;
  readonly stoppedEarly: boolean;
  /** Of the test pairs, else of the validation's; null without either. Intervals are of 95 %. */
  readonly scores: TranslatorScores | null;
}
