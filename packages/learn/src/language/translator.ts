// Translates texts by a trained translator: beam search, or the likeliest token each time, over its exported steps. Rows of
// about one length are searched together.
import { AmaasError, createTensor, type Executor } from '@amaas/core';
import { searchBeams } from '../decode/index.ts';
import { SOURCE_INPUT } from '../layers/index.ts';
import type { Tokenizer } from '../tokenize/index.ts';
import type { Weights } from '../train/index.ts';
import { exportStepModel } from './step-export.ts';
import { createStepModel, type StepModel } from './step-model.ts';
import { type TranslationTokens, translationTokens } from './translation-tokenizer.ts';
import { createTranslatorSteps, type TranslatorArchitecture } from './translator-architecture.ts';

export interface TranslatorParts {
  readonly architecture: TranslatorArchitecture;
  readonly weights: Weights;
  readonly tokenizer: Tokenizer;
}

export interface TranslateOptions {
  /** Translations gone on with, ≥ 1; 1 takes the likeliest token each time. Default 4. */
  readonly beams?: number;
  /** Exponent of the length that log-probabilities are divided by; default 1. */
  readonly lengthPenalty?: number;
  /** Tokens of a translation at most; default 1.5 times those of the longest source beside it, and 10. */
  readonly maxTokens?: number;
  /** Texts searched together; default 64. */
  readonly batchSize?: number;
  readonly signal?: AbortSignal;
}

export class Translator {
  readonly #tokenizer: Tokenizer;
  readonly #tokens: TranslationTokens;
  readonly #steps: StepModel;

  private constructor(tokenizer: Tokenizer, steps: StepModel) {
    this.#tokenizer = tokenizer;
    this.#tokens = translationTokens(tokenizer);
    this.#steps = steps;
  }

  /** The caller disposes of it. @throws INVALID_CHECKPOINT when weights do not fit; what compiling throws */
  static async create(
    { architecture, weights, tokenizer }: TranslatorParts,
    { executor, threads }: { readonly executor: Executor; readonly threads?: number },
  ): Promise<Translator> {
    const files = exportStepModel({ decoder: createTranslatorSteps(architecture), weights });
    const steps = await createStepModel(executor, { ...files, prompt: null }, threads === undefined ? {} : { threads });
    return new Translator(tokenizer, steps);
  }

  /**
   * The best translation found for each text, in their order. Sources beyond what the model takes are cut.
   * @throws INVALID_ARGUMENT for options out of range; CANCELLED
   */
  async translate(texts: readonly string[], options: TranslateOptions = {}): Promise<readonly string[]> {
    const { batchSize = 64 } = options;
    if (!Number.isSafeInteger(batchSize) || batchSize < 1) {
      throw new AmaasError('INVALID_ARGUMENT', `translate: batchSize must be a whole number ≥ 1, got ${batchSize}`);
    }
    const most = this.#steps.mostIds ?? Number.POSITIVE_INFINITY;
    const sources = texts.map((text) => [...this.#encode(text).slice(0, most - 1), this.#tokens.end]);
    const order = [...sources.keys()].sort((a, b) => (sources[a]?.length ?? 0) - (sources[b]?.length ?? 0));
    const written = new Array<string>(texts.length).fill('');
    for (let from = 0; from < order.length; from += batchSize) {
      const rows = order.slice(from, from + batchSize);
      const found = await this.#search(
        rows.map((row) => sources[row] ?? []),
        options,
      );
      for (const [at, row] of rows.entries()) written[row] = this.#tokenizer.decode(found[at] ?? []);
    }
    return written;
  }

  async dispose(): Promise<void> {
    await this.#steps.dispose();
  }

  #encode(text: string): Int32Array {
    return this.#tokenizer.encode(text, { addSpecialTokens: false, truncation: null, padding: null }).ids;
  }

  /** Ids of the best translations. */
  async #search(
    sources: readonly (readonly number[])[],
    { beams = 4, lengthPenalty = 1, maxTokens, signal }: TranslateOptions,
  ): Promise<readonly (readonly number[])[]> {
    const { padding, begin, end } = this.#tokens;
    const length = sources.reduce((most, { length: own }) => Math.max(most, own), 1);
    const data = new BigInt64Array(sources.length * length).fill(BigInt(padding));
    for (const [row, source] of sources.entries()) {
      for (const [at, id] of source.entries()) data[row * length + at] = BigInt(id);
    }
    const started = await this.#steps.start(
      new Map([[SOURCE_INPUT, createTensor('int64', [sources.length, length], data)]]),
    );
    const start = await this.#steps.prompt(
      sources.map(() => [begin]),
      started,
    );
    const room = this.#steps.mostIds ?? Number.POSITIVE_INFINITY;
    const found = await searchBeams(this.#steps, start, {
      ...{ beams, lengthPenalty, endTokens: [end] },
      maxTokens: Math.min(maxTokens ?? Math.ceil(1.5 * length) + 10, room),
      ...(signal === undefined ? {} : { signal }),
    });
    return found.map(([best]) => best?.tokens ?? []);
  }
}
