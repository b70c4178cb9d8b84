// The requests of one group that wait, ordered by priority and then by arrival. Cancelled ones leave at once.
import type { AmaasError, InferenceTiming, NamedTensors } from '@amaas/core';
import type { GroupView } from './decide.ts';

/** What a request gets back from the scheduler. */
export interface ScheduledResult {
  readonly outputs: NamedTensors;
  readonly timing: InferenceTiming;
}

/** A request in the scheduler's hands. */
export interface Waiting {
  readonly inputs: NamedTensors;
  readonly outputNames: readonly string[] | undefined;
  readonly rows: number;
  readonly groupKey: string;
  /** Lower runs first. */
  readonly level: number;
  readonly enqueuedMs: number;
  readonly deadlineMs: number;
  readonly resolve: (result: ScheduledResult) => void;
  readonly reject: (error: AmaasError) => void;
  readonly stopListening: () => void;
  readonly mayTransfer: boolean;
}

/** One group's line. */
export class WaitingLine {
  #items: Waiting[] = [];
  #head = 0;
  #rows = 0;
  #deadlines = 0;
  /** Whether priorities differ, so that the oldest need not be the first. */
  #hasLevels = false;

  get size(): number {
    return this.#items.length - this.#head;
  }

  get rows(): number {
    return this.#rows;
  }

  /** How many of the waiting have a deadline. */
  get deadlines(): number {
    return this.#deadlines;
  }

  /** Who runs next, or undefined. */
  get first(): Waiting | undefined {
    return this.#items[this.#head];
  }

  push(item: Waiting): void {
    this.#rows += item.rows;
    if (item.deadlineMs !== Number.POSITIVE_INFINITY) this.#deadlines++;
    const last = this.#items.at(-1);
    if (this.size > 0 && last !== undefined && last.level !== item.level) this.#hasLevels = true;
    if (this.size === 0 || last === undefined || last.level <= item.level) {
      this.#items.push(item);
      return;
    }
    let at = this.#items.length;
    while (at > this.#head && (this.#items[at - 1]?.level ?? 0) > item.level) at--;
    this.#items.splice(at, 0, item);
  }

  /** Takes requests from the front while their rows fit; always at least one. */
  take(maxRows: number): Waiting[] {
    const taken: Waiting[] = [];
    let rows = 0;
    while (this.#head < this.#items.length) {
      const next = this.#items[this.#head];
      if (next === undefined || (taken.length > 0 && rows + next.rows > maxRows)) break;
      taken.push(next);
      rows += next.rows;
      if (next.deadlineMs !== Number.POSITIVE_INFINITY) this.#deadlines--;
      this.#head++;
    }
    this.#rows -= rows;
    if (this.#head > 64 && this.#head * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
    return taken;
  }

  /** Removes one request; false when it is no longer here. */
  remove(item: Waiting): boolean {
    const at = this.#items.indexOf(item, this.#head);
    if (at < 0) return false;
    this.#items.splice(at, 1);
    this.#rows -= item.rows;
    if (item.deadlineMs !== Number.POSITIVE_INFINITY) this.#deadlines--;
    return true;
  }

  /** Removes and returns everything that has expired. */
  takeExpired(nowMs: number): Waiting[] {
    const expired = this.#items.filter((item, index) => index >= this.#head && item.deadlineMs <= nowMs);
    for (const item of expired) this.remove(item);
    return expired;
  }

  /** Facts a decision needs. */
  view(): GroupView {
    return {
      requests: this.size,
      rows: this.#rows,
      oldestEnqueuedMs: this.#oldestEnqueuedMs(),
      earliestDeadlineMs: this.earliestDeadlineMs(),
    };
  }

  earliestDeadlineMs(): number {
    let earliest = Number.POSITIVE_INFINITY;
    if (this.#deadlines > 0) for (const item of this.items()) earliest = Math.min(earliest, item.deadlineMs);
    return earliest;
  }

  #oldestEnqueuedMs(): number {
    if (!this.#hasLevels) return this.first?.enqueuedMs ?? Number.POSITIVE_INFINITY;
    let oldest = Number.POSITIVE_INFINITY;
    for (const item of this.items()) oldest = Math.min(oldest, item.enqueuedMs);
    return oldest;
  }

  /** Every waiting request, next first. */
  items(): readonly Waiting[] {
    return this.#items.slice(this.#head);
  }
}
