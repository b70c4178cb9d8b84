// Text from a language model while it is being made: every token costs one run over a whole block. Slow, but of nothing
// more than the network; serving has caches.
import type { CompiledModel, Executor } from '@amaas/core';
import { createTensor } from '@amaas/core';
import { generateSequences, type SamplingOptions, type SequenceModel } from '../decode/index.ts';
import type { Random } from '../statistics/index.ts';
import type { Tokenizer } from '../tokenize/index.ts';
import type { TrainedModel } from '../train/index.ts';
import { encodeDocument } from './language-tokenizer.ts';
import { IDS } from './token-blocks.ts';

export interface SampledText {
  readonly prompt: string;
  /** What the model wrote behind the prompt. */
  readonly text: string;
  /** Whether it came to an end by itself. */
  readonly ended: boolean;
}

export interface SampleTextOptions extends SamplingOptions {
  /** Default '': a document from its beginning. */
  readonly prompt?: string;
  /** Tokens to write at most; default 200. */
  readonly maxTokens?: number;
  /** Texts from the same prompt, written together; default 1. */
  readonly count?: number;
  readonly random: Random;
  readonly signal?: AbortSignal;
}

export interface TextSamplerParts {
  readonly executor: Executor;
  readonly tokenizer: Tokenizer;
  /** The token between documents, which prompts begin behind and texts end with. */
  readonly endId: number;
  readonly threads?: number;
}

/** A model compiled for writing texts; whoever makes it disposes of it. */
export class TextSampler {
  readonly #compiled: CompiledModel;
  readonly #parts: TextSamplerParts;
  readonly #blockSize: number;

  private constructor(compiled: CompiledModel, parts: TextSamplerParts, blockSize: number) {
    this.#compiled = compiled;
    this.#parts = parts;
    this.#blockSize = blockSize;
  }

  static async create(model: TrainedModel, parts: TextSamplerParts): Promise<TextSampler> {
    const { executor, threads } = parts;
    const compiled = await executor.compile(model.toOnnx(), threads === undefined ? {} : { threads });
    return new TextSampler(compiled, parts, model.inputs.get(IDS)?.shape[0] ?? 1);
  }

  /** The same generator gives the same texts; temperature 0 takes the likeliest tokens. @throws INVALID_ARGUMENT, CANCELLED */
  async sample(options: SampleTextOptions): Promise<readonly SampledText[]> {
    const { prompt = '', maxTokens = 200, count = 1, random, signal, ...sampling } = options;
    const { tokenizer, endId } = this.#parts;
    const begin = [endId, ...encodeDocument(tokenizer, prompt)];
    const last = begin.at(-1) ?? endId;
    const sequences = await generateSequences(
      this.#sequenceModel(),
      { tokens: new Int32Array(count).fill(last), state: Array.from({ length: count }, () => begin.slice(0, -1)) },
      {
        maxTokens,
        endTokens: [endId],
        sampling: { ...sampling, random },
        histories: Array.from({ length: count }, () => begin),
        ...(signal === undefined ? {} : { signal }),
      },
    );
    return sequences.map(({ tokens, ended }) => ({
      prompt,
      // Decoded with what stood before, where tokenizers treat the beginning of a text by rules of its own.
      text: tokenizer.decode([...begin, ...tokens]).slice(tokenizer.decode(begin).length),
      ended,
    }));
  }

  async dispose(): Promise<void> {
    await this.#compiled.dispose();
  }

  /** Its state is the tokens so far. */
  #sequenceModel(): SequenceModel<readonly (readonly number[])[]> {
    const blockSize = this.#blockSize;
    const compiled = this.#compiled;
    const { vocabularySize } = this.#parts.tokenizer;
    return {
      vocabularySize,
      async step(tokens, state) {
        const texts = state.map((before, row) => [...before, tokens[row] ?? 0]);
        const ids = new Int32Array(texts.length * blockSize);
        for (const [row, text] of texts.entries()) ids.set(text.slice(-blockSize), row * blockSize);
        const output = await compiled.run(new Map([[IDS, createTensor('int32', [texts.length, blockSize], ids)]]));
        const data = output.get('output')?.data;
        const logits = new Float32Array(texts.length * vocabularySize);
        texts.forEach((text, row) => {
          const at = (row * blockSize + Math.min(text.length, blockSize) - 1) * vocabularySize;
          if (data instanceof Float32Array) logits.set(data.subarray(at, at + vocabularySize), row * vocabularySize);
        });
        return { logits, state: texts };
      },
      selectRows: (state, rows) => Array.from(rows, (row) => state[row] ?? []),
    };
  }
}
