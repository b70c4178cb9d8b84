// The context that tells how likely given texts are, token by token: one text at a time, in turns with those who write. It is
// made when it is first asked for and given back when nobody asks any more.
import { AmaasError } from '@amaas/core';
import type { BoundContext, BoundSampler } from './binding.ts';
import { logProbabilityOf } from './log-probability.ts';
import type { LentContext } from './side-memory.ts';
import type { Turns } from './turns.ts';

/** The context has one sequence. */
export interface ScoringParts extends LentContext {
  /** A sampler that draws nothing. */
  createObserver(): BoundSampler;
  readonly turns: Turns;
  readonly stepTokens: number;
  readonly threads: { readonly prompt: number };
  /** How long the context is kept after its last text, in milliseconds. */
  readonly idleMs: number;
}

export interface ScoringTask {
  readonly id: number;
  readonly tokens: Uint32Array;
  /** The first token that is asked for, ≥ 1. */
  readonly from: number;
}

/** Of a step: the logits of every one of them lie in memory, 4 bytes for each token of the vocabulary. */
export const MOST_SCORED_TOKENS = 128;

export class ScoringLane {
  readonly #parts: ScoringParts;
  readonly #wanted = new Set<number>();
  #context: BoundContext | null = null;
  #last: Promise<unknown> = Promise.resolve();
  #timer: NodeJS.Timeout | null = null;

  constructor(parts: ScoringParts) {
    this.#parts = parts;
  }

  /**
   * Natural logarithms of the probabilities of the tokens from `from` on.
   * @throws CANCELLED after `cancel`, ENGINE_CRASHED, and what opening the context throws
   */
  submit(task: ScoringTask): Promise<readonly number[]> {
    this.#wanted.add(task.id);
    const scored = this.#last.then(() => this.#score(task));
    this.#last = scored.catch(() => {});
    return scored;
  }

  /** Takes effect with the step at hand. */
  cancel(id: number): void {
    this.#wanted.delete(id);
  }

  async #score(task: ScoringTask): Promise<readonly number[]> {
    if (this.#timer !== null) clearTimeout(this.#timer);
    const observer = this.#parts.createObserver();
    try {
      this.#assertWanted(task);
      this.#context ??= await this.#parts.open();
      return await this.#scoreIn(this.#context, task, observer);
    } catch (thrown) {
      throw thrown instanceof AmaasError ? thrown : failed(thrown);
    } finally {
      observer.dispose();
      this.#wanted.delete(task.id);
      if (this.#wanted.size === 0) this.#closeLater();
    }
  }

  async #scoreIn(context: BoundContext, task: ScoringTask, observer: BoundSampler): Promise<readonly number[]> {
    const { turns } = this.#parts;
    const stepTokens = Math.min(this.#parts.stepTokens, MOST_SCORED_TOKENS);
    const scores: number[] = [];
    context.removeTokenCellsFromSequence(0, -1, -1);
    // What comes behind the last token is not asked for.
    for (let start = 0; start < task.tokens.length - 1; start += stepTokens) {
      this.#assertWanted(task);
      const end = Math.min(start + stepTokens, task.tokens.length - 1);
      await turns.take(async () => {
        for (const score of await this.#step(context, task, { start, end, observer })) scores.push(score);
      });
    }
    return scores;
  }

  async #step(
    context: BoundContext,
    { tokens, from }: ScoringTask,
    { start, end, observer }: { readonly start: number; readonly end: number; readonly observer: BoundSampler },
  ): Promise<readonly number[]> {
    context.setThreads(this.#parts.threads.prompt);
    const first = Math.max(start, from - 1);
    const positions = Uint32Array.from({ length: Math.max(0, end - first) }, (_, index) => first - start + index);
    context.initBatch(end - start);
    const places = context.addToBatch(0, start, tokens.subarray(start, end), positions);
    await context.decodeBatch();
    const scores: number[] = [];
    for (const [index, place] of places.entries()) {
      scores.push(await logProbabilityOf(context, place, { token: tokens[first + index + 1] ?? 0, observer }));
    }
    return scores;
  }

  #assertWanted({ id }: ScoringTask): void {
    if (!this.#wanted.has(id)) throw new AmaasError('CANCELLED', 'score: the caller went away');
  }

  #closeLater(): void {
    this.#timer = setTimeout(() => {
      const context = this.#context;
      this.#context = null;
      if (context !== null) void this.#parts.close(context);
    }, this.#parts.idleMs);
    this.#timer.unref();
  }
}

function failed(thrown: unknown): AmaasError {
  const why = thrown instanceof Error ? thrown.message : String(thrown);
  return new AmaasError('ENGINE_CRASHED', `score: llama.cpp could not go on: ${why}`);
}
