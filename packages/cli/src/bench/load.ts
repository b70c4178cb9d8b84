// The load generator. Closed loop: every connection sends its next request when the reply is there. Open loop: requests
// are meant to be sent at fixed times, whether or not the server keeps up, and latency counts from the time meant, so a
// server that stalls cannot hide the requests that would have come meanwhile (coordinated omission, after Gil Tene).
// Knows bytes and statuses only; what the requests ask for is the caller's business.
import { Connection } from './connection.ts';
import { LatencyHistogram } from './histogram.ts';
import { type Metronome, startMetronome } from './metronome.ts';
import type { FinishedReply } from './reply-reader.ts';

export interface LoadPlan {
  /** Scheme, host and port. */
  readonly origin: URL;
  /** Whole HTTP/1.1 requests, sent in turn. */
  readonly requests: readonly [Uint8Array, ...Uint8Array[]];
  /** Connections; in the open loop the most requests under way at once. */
  readonly connections: number;
  /** Requests per second of the open loop; null: closed loop. */
  readonly ratePerSecond: number | null;
  /** Load before anything counts, in milliseconds. */
  readonly warmupMs: number;
  readonly durationMs: number;
  /** A request without a reply after this long fails as TIMEOUT, and its connection is replaced. */
  readonly requestTimeoutMs: number;
  /** Ends the run early; what was measured so far is reported. */
  readonly signal?: AbortSignal;
  /** Called about ten times a second. */
  readonly onProgress?: (elapsedMs: number, totalMs: number) => void;
}

/** Failures of one kind. */
export interface LoadErrors {
  count: number;
  /** What the first of them said. */
  readonly example: string;
}

export interface LoadReport {
  readonly durationMs: number;
  readonly connections: number;
  /** Replies 200–299 within the measured time. */
  readonly succeeded: number;
  /** Failures within the measured time, by `HTTP 503`, `ECONNRESET`, `TIMEOUT`, … */
  readonly errors: ReadonlyMap<string, LoadErrors>;
  readonly succeededPerSecond: number;
  /** Latencies of successful requests, from the time meant to the last byte. */
  readonly latency: LatencyHistogram;
  /** Open loop only. */
  readonly open: {
    readonly intendedPerSecond: number;
    readonly sentPerSecond: number;
    /** Requests whose time had come but for which no connection was free when the run ended; their wait is in `latency`. */
    readonly unsent: number;
    /** How late the generator itself sent requests that a free connection was waiting for. */
    readonly lateness: LatencyHistogram;
  } | null;
  /** Processor time the generator took, in milliseconds per request. */
  readonly generatorCpuMsPerRequest: number;
}

/** Never tick more often than this: below, requests due together are sent together. */
const MIN_TICK_MS = 0.25;
const SWEEP_MS = 100;
const PAUSE_AFTER_FAILURE_MS = 10;

/** Runs the plan to its end. Rejects only when the generator itself cannot work. */
export function runLoad(plan: LoadPlan): Promise<LoadReport> {
  return new LoadRun(plan).run();
}

class LoadRun {
  readonly #plan: LoadPlan;
  readonly #connections: Connection[];
  readonly #idle: Connection[] = [];
  readonly #latency = new LatencyHistogram();
  readonly #lateness = new LatencyHistogram();
  readonly #errors = new Map<string, LoadErrors>();
  readonly #finished = Promise.withResolvers<void>();
  #metronome: Metronome | null = null;
  /** The measured time on performance.now(). */
  #measureFromMs = 0;
  #measureToMs = Number.POSITIVE_INFINITY;
  #firstIntendedMs = 0;
  #nextRequest = 0;
  /** Requests of the open loop sent so far; the next one's intended time follows from it. */
  #sent = 0;
  #sentMeasured = 0;
  #succeeded = 0;
  #ended = 0;
  #underWay = 0;
  #stopping = false;
  #cpuAtMeasureStart: NodeJS.CpuUsage | null = null;
  #endedAtMeasureStart = 0;

  constructor(plan: LoadPlan) {
    this.#plan = plan;
    const events = {
      onReply: (connection: Connection, reply: FinishedReply) => this.#onReply(connection, reply),
      onFailure: (connection: Connection, code: string, message: string) => this.#onFailure(connection, code, message),
    };
    this.#connections = Array.from({ length: plan.connections }, () => new Connection(plan.origin, events));
  }

  async run(): Promise<LoadReport> {
    const { signal, ratePerSecond } = this.#plan;
    const stop = () => {
      this.#stop();
      this.#finished.resolve();
    };
    signal?.addEventListener('abort', stop);
    const sweep = setInterval(() => this.#sweep(), SWEEP_MS);
    try {
      if (ratePerSecond === null) this.#startClosed();
      else this.#startOpen(ratePerSecond);
      if (signal?.aborted) stop();
      await this.#finished.promise;
    } finally {
      signal?.removeEventListener('abort', stop);
      clearInterval(sweep);
      this.#metronome?.stop();
      for (const connection of this.#connections) connection.close();
    }
    return this.#report();
  }

  #startClosed(): void {
    this.#startClock(performance.now());
    for (const connection of this.#connections) this.#sendClosed(connection);
  }

  #startOpen(ratePerSecond: number): void {
    this.#idle.push(...this.#connections);
    let started = false;
    this.#metronome = startMetronome(Math.max(MIN_TICK_MS, 1000 / ratePerSecond), {
      onTick: (startMs) => {
        if (!started) this.#startClock(startMs);
        started = true;
        this.#sendDue(performance.now(), ratePerSecond);
      },
      onError: (error) => this.#finished.reject(error),
    });
  }

  #startClock(nowMs: number): void {
    this.#firstIntendedMs = nowMs;
    this.#measureFromMs = nowMs + this.#plan.warmupMs;
    this.#measureToMs = this.#measureFromMs + this.#plan.durationMs;
  }

  #sendClosed(connection: Connection): void {
    const nowMs = performance.now();
    if (nowMs >= this.#measureToMs) this.#stop();
    if (this.#stopping) return;
    this.#send(connection, nowMs, nowMs);
  }

  /** Sends what is due as far as connections are free. */
  #sendDue(nowMs: number, ratePerSecond: number): void {
    if (nowMs >= this.#measureToMs) this.#stop();
    const due = this.#dueBy(nowMs, ratePerSecond);
    while (!this.#stopping && this.#sent < due) {
      const connection = this.#idle.pop();
      if (connection === undefined) return;
      const intendedMs = this.#intendedMs(this.#sent, ratePerSecond);
      if (this.#isMeasured(intendedMs)) {
        this.#sentMeasured++;
        // Only a request that did not have to wait for a connection tells how punctual the generator is.
        if (connection.idleSinceMs <= intendedMs) this.#lateness.record(Math.max(0, nowMs - intendedMs));
      }
      this.#sent++;
      this.#send(connection, intendedMs, nowMs);
    }
  }

  #intendedMs(index: number, ratePerSecond: number): number {
    return this.#firstIntendedMs + (index * 1000) / ratePerSecond;
  }

  /** How many requests were meant to be sent by then. */
  #dueBy(nowMs: number, ratePerSecond: number): number {
    return Math.floor(((nowMs - this.#firstIntendedMs) * ratePerSecond) / 1000) + 1;
  }

  #send(connection: Connection, intendedMs: number, nowMs: number): void {
    const { requests } = this.#plan;
    connection.intendedMs = intendedMs;
    connection.sentMs = nowMs;
    this.#underWay++;
    connection.send(requests[this.#nextRequest] ?? requests[0]);
    this.#nextRequest = (this.#nextRequest + 1) % requests.length;
  }

  #onReply(connection: Connection, reply: FinishedReply): void {
    const nowMs = performance.now();
    if (reply.status >= 200 && reply.status < 300) {
      if (nowMs >= this.#measureFromMs && nowMs < this.#measureToMs) this.#succeeded++;
      if (this.#isMeasured(connection.intendedMs)) this.#latency.record(nowMs - connection.intendedMs);
    } else this.#countError(connection, `HTTP ${reply.status}`, reply.failureText);
    this.#next(connection, nowMs);
  }

  #onFailure(connection: Connection, code: string, message: string): void {
    this.#countError(connection, code, message);
    // A server that refuses connections would otherwise be asked in a tight loop.
    setTimeout(() => this.#next(connection, performance.now()), PAUSE_AFTER_FAILURE_MS);
  }

  #next(connection: Connection, nowMs: number): void {
    this.#underWay--;
    this.#ended++;
    if (this.#cpuAtMeasureStart === null && nowMs >= this.#measureFromMs) {
      this.#cpuAtMeasureStart = process.cpuUsage();
      this.#endedAtMeasureStart = this.#ended;
    }
    const { ratePerSecond } = this.#plan;
    if (ratePerSecond === null) this.#sendClosed(connection);
    else {
      connection.idleSinceMs = nowMs;
      this.#idle.push(connection);
      this.#sendDue(nowMs, ratePerSecond);
    }
    if (this.#stopping && this.#underWay === 0) this.#finished.resolve();
  }

  #isMeasured(intendedMs: number): boolean {
    return intendedMs >= this.#measureFromMs && intendedMs < this.#measureToMs;
  }

  #countError(connection: Connection, code: string, example: string): void {
    if (!this.#isMeasured(connection.intendedMs)) return;
    const errors = this.#errors.get(code);
    if (errors === undefined) this.#errors.set(code, { count: 1, example });
    else errors.count++;
  }

  /** No request is sent any more; the run ends when the last reply is there. */
  #stop(): void {
    this.#stopping = true;
    this.#measureToMs = Math.min(this.#measureToMs, performance.now());
    if (this.#underWay === 0) this.#finished.resolve();
  }

  #sweep(): void {
    const nowMs = performance.now();
    this.#plan.onProgress?.(nowMs - this.#firstIntendedMs, this.#plan.warmupMs + this.#plan.durationMs);
    for (const connection of this.#connections) {
      if (connection.busy && nowMs - connection.sentMs > this.#plan.requestTimeoutMs)
        connection.abandon('TIMEOUT', `no reply within ${this.#plan.requestTimeoutMs} ms`);
    }
    if (nowMs >= this.#measureToMs) this.#stop();
  }

  #report(): LoadReport {
    const { connections, ratePerSecond } = this.#plan;
    const durationMs = Math.max(0, this.#measureToMs - this.#measureFromMs);
    const cpu = process.cpuUsage(this.#cpuAtMeasureStart ?? undefined);
    const ended = this.#ended - this.#endedAtMeasureStart;
    const perSecond = (count: number) => (durationMs === 0 ? 0 : (count * 1000) / durationMs);
    return {
      durationMs,
      connections,
      succeeded: this.#succeeded,
      errors: this.#errors,
      succeededPerSecond: perSecond(this.#succeeded),
      open:
        ratePerSecond === null
          ? null
          : {
              intendedPerSecond: ratePerSecond,
              sentPerSecond: perSecond(this.#sentMeasured),
              unsent: this.#countUnsent(ratePerSecond),
              lateness: this.#lateness,
            },
      latency: this.#latency,
      generatorCpuMsPerRequest: ended === 0 ? 0 : (cpu.user + cpu.system) / 1000 / ended,
    };
  }

  /** Counts the requests of the open loop that were never sent, and enters how long each had waited. */
  #countUnsent(ratePerSecond: number): number {
    let unsent = 0;
    for (let index = this.#sent; ; index++) {
      const intendedMs = this.#intendedMs(index, ratePerSecond);
      if (intendedMs >= this.#measureToMs) return unsent;
      if (intendedMs < this.#measureFromMs) continue;
      this.#latency.record(this.#measureToMs - intendedMs);
      unsent++;
    }
  }
}
