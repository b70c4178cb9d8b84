// The context that turns texts into vectors: texts in their order, in turns with those who write. It is made when it is first
// asked for and given back when nobody asks any more, because its cache lies beside that of the writers.
// A batch holds one text, or a part of one: llama.cpp would take many, but the addon tells only the first one's vector.
import { AmaasError } from '@amaas/core';
import type { BoundContext } from './binding.ts';
import type { LentContext } from './side-memory.ts';
import type { Turns } from './turns.ts';

export interface EmbeddingParts extends LentContext {
  readonly turns: Turns;
  /** Of a turn, and, unless texts are computed as a whole, of a batch. */
  readonly stepTokens: number;
  /** Whether a text must be in one batch. */
  readonly isWhole: boolean;
  /** How vectors of a text's parts become the text's. */
  readonly joining: 'mean' | 'first' | 'last';
  readonly threads: { readonly generation: number; readonly prompt: number };
  /** How long the context is kept after its last text, in milliseconds; null: for ever. */
  readonly idleMs: number | null;
  nowMs(): number;
}

export interface EmbeddingTask {
  readonly id: number;
  readonly texts: readonly Uint32Array[];
}

interface Queued extends EmbeddingTask {
  /** Indices of texts, the shortest first: llama.cpp goes on with the graph of the last batch where that had as many tokens. */
  readonly order: readonly number[];
  readonly vectors: Map<number, Float64Array>;
  resolve(vectors: readonly Float64Array[]): void;
  reject(error: unknown): void;
}

/** What a batch costs however few tokens it has: the weights pass by the processor once. */
const LEAST_COST = 16;
/** Batches of more tokens are prompts to the choice of threads. */
const PROMPT_STEP = 8;
/** After so long no other text is begun in a turn: the last one may take as long again. */
const MOST_TURN_MS = 75;

export class EmbeddingLane {
  readonly #parts: EmbeddingParts;
  #context: BoundContext | null = null;
  #queue: Queued[] = [];
  #isRunning = false;
  #threads = 0;
  #timer: NodeJS.Timeout | null = null;
  /** Of the text at hand. */
  #computed = 0;
  #sum: Float64Array | null = null;

  constructor(parts: EmbeddingParts) {
    this.#parts = parts;
  }

  /**
   * What the model makes of each text, as the model file pools it.
   * @param task - texts of ≥ 1 token that the context has room for
   * @throws CANCELLED after `cancel`, RUN_FAILED, and what opening the context throws
   */
  submit(task: EmbeddingTask): Promise<readonly Float64Array[]> {
    const { promise, resolve, reject } = Promise.withResolvers<readonly Float64Array[]>();
    const { texts } = task;
    const order = [...texts.keys()].sort((a, b) => (texts[a]?.length ?? 0) - (texts[b]?.length ?? 0));
    this.#queue.push({ ...task, order, vectors: new Map(), resolve, reject });
    if (!this.#isRunning) void this.#run();
    return promise;
  }

  /** Takes effect with the turn at hand. */
  cancel(id: number): void {
    const task = this.#queue.find((each) => each.id === id);
    if (task === undefined) return;
    this.#queue = this.#queue.filter((each) => each !== task);
    task.reject(new AmaasError('CANCELLED', 'embed: the caller went away'));
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    for (let task = this.#queue[0]; task !== undefined; task = this.#queue[0]) {
      try {
        await this.#compute(task);
      } catch (thrown) {
        this.#queue = this.#queue.filter((each) => each !== task);
        task.reject(thrown instanceof AmaasError ? thrown : failed(thrown));
      }
    }
    this.#isRunning = false;
    this.#closeLater();
  }

  /** Until it is done, or not in the queue any more. */
  async #compute(task: Queued): Promise<void> {
    this.#context ??= await this.#parts.open();
    const context = this.#context;
    this.#forget(context);
    while (this.#queue[0] === task) {
      await this.#parts.turns.take(() => this.#turn(context, task));
      if (task.vectors.size < task.texts.length) continue;
      if (this.#queue[0] === task) this.#queue.shift();
      task.resolve(task.texts.flatMap((_, index) => task.vectors.get(index) ?? []));
    }
  }

  /** As many texts as are short work. */
  async #turn(context: BoundContext, task: Queued): Promise<void> {
    const { stepTokens, isWhole, nowMs } = this.#parts;
    const endMs = nowMs() + MOST_TURN_MS;
    for (let left = stepTokens; left > 0 && nowMs() < endMs && this.#queue[0] === task; ) {
      const index = task.order[task.vectors.size] ?? -1;
      const text = task.texts[index];
      if (text === undefined) return;
      const end = isWhole ? text.length : Math.min(text.length, this.#computed + stepTokens);
      const tokens = text.subarray(this.#computed, end);
      left -= Math.max(LEAST_COST, tokens.length);
      this.#join(await this.#decode(context, tokens), tokens.length / text.length);
      this.#computed = end;
      if (end < text.length) continue;
      if (this.#sum !== null) task.vectors.set(index, this.#sum);
      this.#forget(context);
    }
  }

  async #decode(context: BoundContext, tokens: Uint32Array): Promise<Float64Array> {
    const { threads } = this.#parts;
    const wanted = tokens.length > PROMPT_STEP ? threads.prompt : threads.generation;
    if (wanted !== this.#threads) context.setThreads(wanted);
    this.#threads = wanted;
    context.initBatch(tokens.length);
    context.addToBatch(
      0,
      this.#computed,
      tokens,
      Uint32Array.from(tokens, (_, index) => index),
    );
    await context.decodeBatch();
    return context.getEmbedding(tokens.length);
  }

  #join(part: Float64Array, share: number): void {
    const { joining } = this.#parts;
    const sum = this.#sum;
    if (joining === 'mean') this.#sum = part.map((value, index) => (sum?.[index] ?? 0) + share * value);
    else if (joining === 'last' || sum === null) this.#sum = part;
  }

  #forget(context: BoundContext): void {
    context.removeTokenCellsFromSequence(0, -1, -1);
    this.#computed = 0;
    this.#sum = null;
  }

  #closeLater(): void {
    const { idleMs } = this.#parts;
    if (idleMs === null) return;
    this.#timer = setTimeout(() => {
      const context = this.#context;
      this.#context = null;
      this.#threads = 0;
      if (context !== null) void this.#parts.close(context);
    }, idleMs);
    this.#timer.unref();
  }
}

function failed(thrown: unknown): AmaasError {
  const why = thrown instanceof Error ? thrown.message : String(thrown);
  return new AmaasError('RUN_FAILED', `embed: llama.cpp could not go on: ${why}`, { retryable: true });
}
