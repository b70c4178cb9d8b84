// Runs the requests of one loaded model version: joins them into batches, bounds and orders the queue, drops what
// expired or was cancelled, and tells an observer why each batch left. Decisions are made in decide.ts; this file acts.
// Knows the engine's port and nothing of protocols, versions or storage.
import {
  AmaasError,
  type Cancellation,
  type CancelTimer,
  type Clock,
  type LoadedModel,
  type NamedTensors,
  type TensorSpec,
  toAmaasError,
} from '@amaas/core';
import { ArrivalRate, type CostEstimate, CostModel } from './cost-model.ts';
import { type BatchPolicy, type DispatchReason, decide } from './decide.ts';
import { GroupKeys } from './group-key.ts';
import { joinRows, splitRows } from './join.ts';
import { type ScheduledResult, type Waiting, WaitingLine } from './waiting-line.ts';

/** What happens to a newcomer when the queue is full. */
export type FullPolicy =
  /** The newcomer is refused. */
  | 'reject'
  /** The newcomer takes the place of the last waiting request of lower priority, when there is one. */
  | 'displace';

export interface SchedulerOptions {
  /** For messages: `resnet@3`. */
  readonly label: string;
  readonly policy: BatchPolicy;
  readonly maxQueueSize: number;
  readonly whenFull: FullPolicy;
  readonly initialCost: CostEstimate;
  /** What tells which requests may be joined; default what the model says of itself, which may be less than is known of it. */
  readonly inputs?: readonly TensorSpec[];
}

/** Told about every run. */
export interface BatchReport {
  readonly rows: number;
  readonly requests: number;
  readonly reason: DispatchReason;
  readonly computeMs: number;
  readonly failed: boolean;
}

export interface SubmitOptions {
  readonly outputs?: readonly string[];
  /** 1 is most urgent; 0 or absent comes after all that have a priority. */
  readonly priority?: number;
  /** Longest to wait in the queue. */
  readonly timeoutMs?: number;
  readonly signal?: Cancellation;
  /** The caller gives its input buffers away. */
  readonly mayTransfer?: boolean;
}

const LOWEST_LEVEL = Number.MAX_SAFE_INTEGER;

/** The scheduler of one model version. Whoever creates it calls {@link ModelScheduler.drain} before disposing of the model. */
export class ModelScheduler {
  readonly #model: LoadedModel;
  readonly #options: SchedulerOptions;
  readonly #clock: Clock;
  readonly #observe: (report: BatchReport) => void;
  readonly #cost: CostModel;
  readonly #arrivals = new ArrivalRate();
  readonly #lines = new Map<string, WaitingLine>();
  readonly #groupKeys: GroupKeys | null;
  #waiting = 0;
  #running = 0;
  #isDraining = false;
  #turnScheduled = false;
  #cancelTimer: CancelTimer | null = null;
  #timerAtMs = Number.POSITIVE_INFINITY;
  #whenEmpty: (() => void)[] = [];

  constructor(
    model: LoadedModel,
    options: SchedulerOptions,
    ports: { clock: Clock; observe: (report: BatchReport) => void },
  ) {
    this.#model = model;
    this.#options = options;
    this.#clock = ports.clock;
    this.#observe = ports.observe;
    this.#cost = new CostModel(options.initialCost);
    this.#groupKeys = options.policy.maxRows > 1 ? new GroupKeys(options.inputs ?? model.inputs) : null;
  }

  /** Requests waiting. */
  get queueDepth(): number {
    return this.#waiting;
  }

  /** Runs under way. */
  get running(): number {
    return this.#running;
  }

  /** What runs are expected to cost. */
  get cost(): CostEstimate {
    return this.#cost.estimate;
  }

  get policy(): BatchPolicy {
    return this.#options.policy;
  }

  /**
   * Queues one request and resolves with its own outputs.
   * The inputs must fit the model's signature already.
   * @throws QUEUE_FULL, DEADLINE_EXCEEDED, CANCELLED, SHUTTING_DOWN, and whatever the engine's run throws.
   */
  submit(inputs: NamedTensors, options: SubmitOptions = {}): Promise<ScheduledResult> {
    return new Promise((resolve, reject) => {
      const refusal = this.#refusal(options);
      if (refusal !== null) {
        reject(refusal);
        return;
      }
      const nowMs = this.#clock.nowMs();
      const { signal } = options;
      let onAbort: (() => void) | null = null;
      const item: Waiting = {
        inputs,
        outputNames: options.outputs,
        rows: this.#groupKeys === null ? 1 : rowsOf(inputs),
        groupKey: this.#groupKeys?.keyOf(inputs, options.outputs) ?? '',
        level: levelOf(options.priority),
        enqueuedMs: nowMs,
        deadlineMs: options.timeoutMs === undefined ? Number.POSITIVE_INFINITY : nowMs + options.timeoutMs,
        resolve,
        reject,
        stopListening: () => {
          if (onAbort !== null) signal?.removeEventListener('abort', onAbort);
        },
        mayTransfer: options.mayTransfer ?? false,
      };
      if (signal !== undefined) {
        onAbort = () => this.#cancel(item);
        signal.addEventListener('abort', onAbort);
      }
      this.#enqueue(item);
    });
  }

  /** Stops accepting; resolves when everything accepted has been answered. */
  drain(): Promise<void> {
    this.#isDraining = true;
    this.#turn();
    if (this.#waiting === 0 && this.#running === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#whenEmpty.push(resolve);
    });
  }

  #refusal(options: SubmitOptions): AmaasError | null {
    const { label, maxQueueSize, whenFull } = this.#options;
    if (this.#isDraining) return new AmaasError('SHUTTING_DOWN', `infer: ${label} is being unloaded`);
    if (options.signal?.aborted) return new AmaasError('CANCELLED', `infer: the caller of ${label} had already gone`);
    if (this.#waiting < maxQueueSize) return null;
    if (whenFull === 'displace' && this.#displace(levelOf(options.priority))) return null;
    return new AmaasError('QUEUE_FULL', `infer: the queue of ${label} is full (${maxQueueSize} waiting)`, {
      details: { maxQueueSize },
    });
  }

  /** Makes room by dropping the last waiting request of the lowest priority below `level`. */
  #displace(level: number): boolean {
    let victim: Waiting | undefined;
    for (const line of this.#lines.values()) {
      const last = line.items().at(-1);
      if (last !== undefined && last.level > level && (victim === undefined || last.level >= victim.level))
        victim = last;
    }
    if (victim === undefined) return false;
    this.#removeFromLine(victim);
    victim.reject(
      new AmaasError(
        'QUEUE_FULL',
        `infer: a more urgent request took the place in the queue of ${this.#options.label}`,
      ),
    );
    return true;
  }

  #enqueue(item: Waiting): void {
    let line = this.#lines.get(item.groupKey);
    if (line === undefined) {
      line = new WaitingLine();
      this.#lines.set(item.groupKey, line);
    }
    line.push(item);
    this.#waiting++;
    this.#arrivals.observe(item.enqueuedMs);
    if (this.#running >= this.#model.instances && item.deadlineMs === Number.POSITIVE_INFINITY) return;
    // Sockets that became readable in the same turn of the event loop shall share a batch: decide at its end. A full batch
    // leaves at once, so that its callers can work on its replies while the rest is still being read.
    if (this.#groupKeys !== null && line.rows < this.#options.policy.maxRows) this.#scheduleTurn();
    else this.#turn();
  }

  #scheduleTurn(): void {
    if (this.#turnScheduled) return;
    this.#turnScheduled = true;
    setImmediate(() => {
      this.#turnScheduled = false;
      this.#turn();
    });
  }

  /** Dispatches all that can and should run now, and sets the timer for the rest. */
  #turn(): void {
    const nowMs = this.#clock.nowMs();
    this.#dropExpired(nowMs);
    let wakeMs = this.#earliestDeadline();
    while (this.#running < this.#model.instances && this.#waiting > 0) {
      const choice = this.#choose(nowMs);
      if (choice.line === null) {
        wakeMs = Math.min(wakeMs, choice.untilMs);
        break;
      }
      const items = choice.line.take(this.#options.policy.maxRows);
      if (choice.line.size === 0) this.#lines.delete(choice.key);
      this.#waiting -= items.length;
      void this.#run(items, choice.reason);
    }
    this.#setTimer(wakeMs, nowMs);
  }

  /** The group that should run now: of those ready, the one whose first request is most urgent, then oldest. */
  #choose(nowMs: number): { line: WaitingLine; key: string; reason: DispatchReason } | { line: null; untilMs: number } {
    const context = {
      policy: this.#options.policy,
      cost: this.#cost.estimate,
      expectedGapMs: this.#arrivals.expectedGapMs(nowMs),
      nowMs,
      isDraining: this.#isDraining,
    };
    let best: { line: WaitingLine; key: string; reason: DispatchReason; first: Waiting } | null = null;
    let untilMs = Number.POSITIVE_INFINITY;
    for (const [key, line] of this.#lines) {
      const first = line.first;
      if (first === undefined) continue;
      const decision = decide(line.view(), context);
      if (decision.kind === 'wait') untilMs = Math.min(untilMs, decision.untilMs);
      else if (best === null || comesBefore(first, best.first)) best = { line, key, reason: decision.reason, first };
    }
    return best ?? { line: null, untilMs };
  }

  async #run(items: readonly Waiting[], reason: DispatchReason): Promise<void> {
    this.#running++;
    const startedMs = this.#clock.nowMs();
    let rows = 0;
    for (const item of items) {
      item.stopListening();
      rows += item.rows;
    }
    try {
      const { computeMs, parts } = await this.#runJoined(items);
      this.#cost.observe(rows, computeMs);
      this.#observe({ rows, requests: items.length, reason, computeMs, failed: false });
      for (let index = 0; index < items.length; index++) {
        const item = items[index];
        const outputs = parts[index];
        if (item === undefined || outputs === undefined) continue;
        item.resolve({ outputs, timing: { queueMs: startedMs - item.enqueuedMs, computeMs, batchRows: rows } });
      }
    } catch (thrown) {
      const error = toAmaasError(thrown);
      this.#observe({ rows, requests: items.length, reason, computeMs: this.#clock.nowMs() - startedMs, failed: true });
      // One request's bad values must not fail its neighbours: when the runtime refuses a batch, each runs alone.
      if (items.length > 1 && error.reason === 'RUN_FAILED') await this.#runSeparately(items);
      else for (const item of items) item.reject(error);
    } finally {
      this.#running--;
      if (this.#waiting > 0) this.#turn();
      else if (this.#running === 0) this.#announceEmpty();
    }
  }

  async #runJoined(items: readonly Waiting[]): Promise<{ computeMs: number; parts: readonly NamedTensors[] }> {
    const [first] = items;
    const inputs = joinRows(items.map((item) => item.inputs));
    const result = await this.#model.run(inputs, {
      ...(first?.outputNames === undefined ? {} : { outputs: first.outputNames }),
      transferInputs: items.length > 1 || (first?.mayTransfer ?? false),
    });
    return {
      computeMs: result.timing.computeMs,
      parts: splitRows(
        result.outputs,
        items.map((item) => item.rows),
      ),
    };
  }

  async #runSeparately(items: readonly Waiting[]): Promise<void> {
    for (const item of items) {
      const startedMs = this.#clock.nowMs();
      try {
        const { computeMs, parts } = await this.#runJoined([item]);
        const [outputs] = parts;
        if (outputs === undefined) throw new AmaasError('INTERNAL', 'infer: a run gave no outputs');
        this.#observe({ rows: item.rows, requests: 1, reason: 'separate', computeMs, failed: false });
        item.resolve({ outputs, timing: { queueMs: startedMs - item.enqueuedMs, computeMs, batchRows: item.rows } });
      } catch (thrown) {
        item.reject(toAmaasError(thrown));
      }
    }
  }

  #cancel(item: Waiting): void {
    if (!this.#removeFromLine(item)) return; // already running: its result goes nowhere
    item.reject(new AmaasError('CANCELLED', `infer: the caller of ${this.#options.label} went away`));
    if (this.#waiting === 0 && this.#running === 0) this.#announceEmpty();
  }

  #removeFromLine(item: Waiting): boolean {
    const line = this.#lines.get(item.groupKey);
    if (line === undefined || !line.remove(item)) return false;
    item.stopListening();
    this.#waiting--;
    if (line.size === 0) this.#lines.delete(item.groupKey);
    return true;
  }

  #dropExpired(nowMs: number): void {
    for (const [key, line] of this.#lines) {
      if (line.deadlines === 0) continue;
      for (const item of line.takeExpired(nowMs)) {
        item.stopListening();
        this.#waiting--;
        item.reject(
          new AmaasError(
            'DEADLINE_EXCEEDED',
            `infer: the request waited ${Math.round(nowMs - item.enqueuedMs)} ms in the queue of ${this.#options.label}, longer than it allowed`,
          ),
        );
      }
      if (line.size === 0) this.#lines.delete(key);
    }
    if (this.#waiting === 0 && this.#running === 0) this.#announceEmpty();
  }

  #earliestDeadline(): number {
    let earliest = Number.POSITIVE_INFINITY;
    for (const line of this.#lines.values()) earliest = Math.min(earliest, line.earliestDeadlineMs());
    return earliest;
  }

  #setTimer(atMs: number, nowMs: number): void {
    if (atMs === this.#timerAtMs) return;
    this.#cancelTimer?.();
    this.#cancelTimer = null;
    this.#timerAtMs = atMs;
    if (atMs === Number.POSITIVE_INFINITY) return;
    this.#cancelTimer = this.#clock.schedule(Math.max(0, atMs - nowMs), () => {
      this.#timerAtMs = Number.POSITIVE_INFINITY;
      this.#cancelTimer = null;
      this.#turn();
    });
  }

  #announceEmpty(): void {
    const listeners = this.#whenEmpty;
    this.#whenEmpty = [];
    for (const listener of listeners) listener();
  }
}

function rowsOf(inputs: NamedTensors): number {
  for (const tensor of inputs.values()) return tensor.shape[0] ?? 1;
  return 1;
}

function levelOf(priority: number | undefined): number {
  return priority === undefined || priority === 0 ? LOWEST_LEVEL : priority;
}

function comesBefore(a: Waiting, b: Waiting): boolean {
  return a.level !== b.level ? a.level < b.level : a.enqueuedMs < b.enqueuedMs;
}
