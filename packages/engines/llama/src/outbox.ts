// Events on their way out of a model's process. Every message wakes the parent, and whoever it passes them on to, on cores the
// model computes with, so messages are few, and none leaves while a step begins: llama.cpp starts a thread with every step, and
// where both cores are busy at that moment the thread waits behind the one that waits for it. One stream of a small model on two
// cores is more than twice as fast for it (docs/benchmarks.md).
import type { RequestEvent } from './messages.ts';

/** A step has begun by then. */
const QUIET_MS = 2;
/** Between messages of texts that go on: a frame of a screen. */
const FRAME_MS = 16;

export class Outbox {
  readonly #send: (events: readonly RequestEvent[]) => void;
  readonly #nowMs: () => number;
  #events: RequestEvent[] = [];
  #timer: NodeJS.Timeout | null = null;
  #dueMs = 0;
  #sentMs = Number.NEGATIVE_INFINITY;
  /** Whose text the last message had. */
  #speaking: ReadonlySet<number> = new Set();

  constructor(send: (events: readonly RequestEvent[]) => void, nowMs = () => performance.now()) {
    this.#send = send;
    this.#nowMs = nowMs;
  }

  /** First texts and ends leave as soon as the next step is under way, what goes on waits for the next frame. */
  push(event: RequestEvent): void {
    const nowMs = this.#nowMs();
    const frameMs = this.#isUrgent(event) ? 0 : this.#sentMs + FRAME_MS - nowMs;
    const waitMs = Math.max(QUIET_MS, frameMs);
    this.#events.push(event);
    if (this.#timer !== null && nowMs + waitMs >= this.#dueMs) return;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#dueMs = nowMs + waitMs;
    this.#timer = setTimeout(() => this.flush(), waitMs);
  }

  /** Sends at once what there is: no step begins. */
  flush(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    if (this.#events.length === 0) return;
    const events = this.#events;
    this.#events = [];
    this.#sentMs = this.#nowMs();
    this.#speaking = new Set(events.flatMap(({ id, event }) => (event.type === 'text' ? [id] : [])));
    this.#send(events);
  }

  #isUrgent({ id, event }: RequestEvent): boolean {
    return event.type === 'ended' || (event.type === 'text' && !this.#speaking.has(id));
  }
}
