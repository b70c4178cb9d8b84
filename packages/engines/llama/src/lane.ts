// A context and its sequences: requests wait for a sequence, and step by step all of them are computed together. There is one
// lane for the model and one for each adapter that is asked for, because a context computes with one set of weights.
import { AmaasError, type GenerationEnd } from '@amaas/core';
import type { AnswerPart } from './answer-text.ts';
import { planStep } from './batch-plan.ts';
import type { BoundContext } from './binding.ts';
import type { ChildTelling } from './child-loop.ts';
import { Outbox } from './outbox.ts';
import { type Known, type Slot, SequenceSlots } from './sequence-slots.ts';
import type { Turns } from './turns.ts';
import type { DrawnToken, Writing } from './writing.ts';
import type { RequestEvent } from './messages.ts';

export interface LaneParts extends ChildTelling {
  readonly context: BoundContext;
  readonly turns: Turns;
  readonly parallel: number;
  readonly contextTokens: number;
  readonly stepTokens: number;
  /** By what a step computes. */
  readonly threads: { readonly generation: number; readonly prompt: number };
  isEnd(token: number): boolean;
}

/** What a lane knows of a request. */
export type LaneWriting = Pick<
  Writing,
  'id' | 'prompt' | 'maxTokens' | 'written' | 'cachedTokens' | 'startedMs' | 'text' | 'draw' | 'end' | 'dispose'
>;

interface Active {
  readonly writing: LaneWriting;
  readonly slot: Slot;
  /** Tokens not yet computed: of the prompt, then the one drawn last. */
  waiting: Uint32Array;
  isWriting: boolean;
}

/** Steps of more tokens are prompts to the choice of threads. */
const PROMPT_STEP = 8;

export class Lane {
  readonly #parts: LaneParts;
  readonly #slots: SequenceSlots;
  #queue: LaneWriting[] = [];
  /** By their sequences: llama.cpp computes those together that lie side by side in a batch and follow each other. */
  #active: readonly Active[] = [];
  readonly #cancelled = new Set<number>();
  #isRunning = false;
  #threads = 0;
  readonly #outbox: Outbox;

  constructor(parts: LaneParts) {
    this.#parts = parts;
    this.#outbox = new Outbox(parts.onEvents);
    this.#slots = new SequenceSlots(parts.parallel);
  }

  submit(writing: LaneWriting): void {
    this.#queue.push(writing);
    if (!this.#isRunning) void this.#run();
  }

  /** Takes effect after the step at hand. */
  cancel(id: number): void {
    this.#cancelled.add(id);
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    try {
      while (this.#queue.length + this.#active.length > 0) {
        await this.#parts.turns.take(async () => {
          this.#dropCancelled();
          await this.#admit();
          if (this.#active.length > 0) await this.#step();
        });
      }
    } catch (thrown) {
      this.#failAll(thrown);
    } finally {
      this.#isRunning = false;
      this.#outbox.flush();
      this.#cancelled.clear();
    }
    // A request may have come while the last ones failed.
    if (this.#queue.length > 0) void this.#run();
  }

  #dropCancelled(): void {
    if (this.#cancelled.size === 0) return;
    const isGone = ({ id }: LaneWriting): boolean => this.#cancelled.has(id);
    for (const writing of this.#queue.filter(isGone)) writing.dispose();
    this.#queue = this.#queue.filter((writing) => !isGone(writing));
    for (const active of this.#active.filter(({ writing }) => isGone(writing))) this.#leave(active);
    this.#cancelled.clear();
  }

  async #admit(): Promise<void> {
    while (this.#queue.length > 0) {
      const [writing] = this.#queue;
      const choice = writing === undefined ? null : this.#slots.choose(writing.prompt);
      if (writing === undefined || choice === null) return;
      this.#queue.shift();
      const { slot, copyFrom } = choice;
      const common = await this.#inherit(slot, { common: choice.common, slot: copyFrom ?? slot });
      this.#slots.take(slot, [...writing.prompt.subarray(0, common)]);
      writing.startedMs = performance.now();
      writing.cachedTokens = common;
      const active = { writing, slot, waiting: writing.prompt.subarray(common), isWriting: false };
      this.#active = [...this.#active, active].toSorted((a, b) => a.slot.sequence - b.slot.sequence);
      const { id, prompt } = writing;
      this.#say(id, { type: 'started', promptTokens: prompt.length, cachedTokens: common });
    }
  }

  /**
   * Leaves in a sequence what it, or another one that it is copied from, knows of a prompt.
   * @returns how many tokens that are in the end
   */
  async #inherit(slot: Slot, known: Known): Promise<number> {
    const { context } = this.#parts;
    let { common } = known;
    if (known.slot !== slot) {
      const isCopied = await context.copySequenceStateFromOtherSequence(slot.sequence, known.slot.sequence).then(
        () => true,
        () => false,
      );
      // What is in the sequence otherwise is not known: it is computed anew.
      if (!isCopied) common = 0;
    }
    const isRest = known.slot.tokens.length > common || common === 0;
    // A model without positions in its cache cannot forget a part of it.
    if (isRest && !context.removeTokenCellsFromSequence(slot.sequence, common === 0 ? -1 : common, -1)) {
      context.removeTokenCellsFromSequence(slot.sequence, -1, -1);
      return 0;
    }
    return common;
  }

  /** Tokens of each active sequence in the next step. */
  async #planStep(): Promise<readonly number[]> {
    for (;;) {
      const active = this.#active.map(({ waiting, isWriting, writing: { startedMs } }) => ({
        waiting: waiting.length,
        isWriting,
        startedMs,
      }));
      const shares = planStep(active, this.#parts.stepTokens);
      // Whoever knows more now leaves room for others.
      if (!(await this.#catchUp(this.#active.filter((_, index) => (shares[index] ?? 0) > 0)))) return shares;
    }
  }

  /**
   * Who is about to be read, and begins like a prompt that was read since it came, goes on from there.
   * @returns whether somebody does
   */
  async #catchUp(next: readonly Active[]): Promise<boolean> {
    for (const active of next) {
      const { writing, slot, isWriting } = active;
      if (isWriting || slot.tokens.length > writing.cachedTokens) continue;
      const better = this.#slots.findBetter(writing.prompt, slot);
      if (better === null) continue;
      const common = await this.#inherit(slot, better);
      slot.tokens = [...writing.prompt.subarray(0, common)];
      writing.cachedTokens = common;
      active.waiting = writing.prompt.subarray(common);
      if (common > 0) return true;
    }
    return false;
  }

  async #step(): Promise<void> {
    const { context } = this.#parts;
    const shares = await this.#planStep();
    const active = this.#active;
    const total = shares.reduce((sum, share) => sum + share, 0);
    this.#chooseThreads(total > Math.max(PROMPT_STEP, this.#parts.parallel));
    context.initBatch(total);
    const drawing: { readonly active: Active; readonly place: number }[] = [];
    for (const [index, each] of active.entries()) {
      const share = shares[index] ?? 0;
      if (share === 0) continue;
      const tokens = each.waiting.subarray(0, share);
      const isLast = share === each.waiting.length;
      const [place] = context.addToBatch(
        each.slot.sequence,
        each.slot.tokens.length,
        tokens,
        isLast ? Uint32Array.of(share - 1) : new Uint32Array(),
      );
      for (const token of tokens) each.slot.tokens.push(token);
      each.waiting = each.waiting.subarray(share);
      if (place !== undefined && isLast) drawing.push({ active: each, place });
    }
    await context.decodeBatch();
    const drawn = await Promise.all(drawing.map(({ active: { writing }, place }) => writing.draw(context, place)));
    for (const [index, { active: each }] of drawing.entries()) this.#take(each, drawn[index] ?? null);
  }

  #take(active: Active, drawn: DrawnToken | null): void {
    const { writing, slot } = active;
    const { isEnd, contextTokens } = this.#parts;
    if (drawn === null || isEnd(drawn.id)) {
      this.#finish(active, 'stop');
      return;
    }
    const part = writing.text.push(drawn.id, drawn.said);
    this.#sayText(writing.id, part);
    if (part.stopText !== null) this.#end(active, writing.end('stop', part.stopText));
    else if (writing.written >= writing.maxTokens || slot.tokens.length >= contextTokens)
      this.#finish(active, 'length');
    else {
      active.waiting = Uint32Array.of(drawn.id);
      active.isWriting = true;
    }
  }

  #finish(active: Active, reason: GenerationEnd['reason']): void {
    const { writing } = active;
    const part = writing.text.finish();
    this.#sayText(writing.id, part);
    this.#end(active, writing.end(part.stopText === null ? reason : 'stop', part.stopText));
  }

  #sayText(id: number, { text, tokens }: AnswerPart): void {
    if (text !== '' || tokens.length > 0) this.#say(id, { type: 'text', text, tokens });
  }

  #end(active: Active, end: GenerationEnd): void {
    this.#say(active.writing.id, end);
    this.#leave(active);
  }

  #leave(active: Active): void {
    active.writing.dispose();
    this.#slots.leave(active.slot);
    this.#active = this.#active.filter((each) => each !== active);
  }

  /** What is in the caches is not known any more. */
  #failAll(thrown: unknown): void {
    const why = thrown instanceof Error ? thrown.message : String(thrown);
    const error = new AmaasError('ENGINE_CRASHED', `generate: llama.cpp could not go on: ${why}`);
    this.#outbox.flush();
    for (const active of this.#active) {
      this.#parts.onFailure(active.writing.id, error);
      this.#parts.context.removeTokenCellsFromSequence(active.slot.sequence, -1, -1);
      active.slot.tokens = [];
      this.#leave(active);
    }
  }

  #chooseThreads(isPrompt: boolean): void {
    const { context, threads } = this.#parts;
    const wanted = isPrompt ? threads.prompt : threads.generation;
    if (wanted !== this.#threads) context.setThreads(wanted);
    this.#threads = wanted;
  }

  #say(id: number, event: RequestEvent['event']): void {
    this.#outbox.push({ id, event });
  }
}
