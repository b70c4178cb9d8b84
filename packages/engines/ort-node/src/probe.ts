// Quarantine: a child process made for one model tries it out and may die of it. This side watches the clock and the
// child's memory and turns every way of ending into a verdict.
import { AmaasError, type Clock, deserializeError, type NamedTensors, type ProbeReport } from '@amaas/core';
import { type ChildExit, describeExit, type EngineChild, startChild } from './child-process.ts';
import { cancelled } from './instance.ts';
import type { DeclaredShapes, ProbeMessage, ProbeStage, ProbeTask } from './probe-messages.ts';
import type { SessionConfig } from './session.ts';
import { packTensors } from './tensors.ts';

/** How often the child's memory is looked at. No event tells it; a look costs 0.05 ms. */
const MEMORY_WATCH_MS = 50;
/** Time for the child itself to start and load the library on a busy machine; the model's own time starts after. */
const START_TIMEOUT_MS = 60_000;

export interface ProbeRequest {
  readonly config: SessionConfig;
  readonly timeoutMs: number;
  readonly maxMemoryBytes: number;
  readonly example: NamedTensors | null;
  readonly declared: DeclaredShapes | null;
  readonly signal: AbortSignal;
  readonly clock: Clock;
}

/** @throws MODEL_REJECTED, MEMORY_LIMIT, UNSUPPORTED_TENSOR, INVALID_CONFIG, CANCELLED, ENGINE_CRASHED (no child could be started) */
export async function probeInChild(request: ProbeRequest): Promise<ProbeReport> {
  const { signal } = request;
  const what = `probe: model "${request.config.label}"`;
  const example = request.example === null ? null : packTensors(request.config.label, request.example);
  const watch = new ProbeWatch(request);
  const child = startChild('probe-main', (frame) => watch.take(frame.message as ProbeMessage)); // sent by probe-main.ts
  const abort = (): void => watch.fail(cancelled(what));
  signal.addEventListener('abort', abort, { once: true });
  watch.start(child);
  const task: ProbeTask = {
    config: request.config,
    hasExample: example !== null,
    declared: request.declared,
    maxMemoryBytes: request.maxMemoryBytes,
    timeoutMs: request.timeoutMs,
  };
  child.send({ message: task, tensors: example ?? new Map() });
  try {
    return await watch.verdict;
  } finally {
    signal.removeEventListener('abort', abort);
    watch.stop();
    child.kill(); // it has nothing more to say
    await child.exited;
  }
}

class ProbeWatch {
  readonly #request: ProbeRequest;
  readonly #verdict = Promise.withResolvers<ProbeReport>();
  #stage: ProbeStage | 'starting' = 'starting';
  #baselineBytes: number | null = null;
  #child: EngineChild | null = null;
  #cancelTimeout: () => void = () => {};
  #cancelWatch: () => void = () => {};

  constructor(request: ProbeRequest) {
    this.#request = request;
  }

  get verdict(): Promise<ProbeReport> {
    return this.#verdict.promise;
  }

  start(child: EngineChild): void {
    this.#child = child;
    this.#limitTime(START_TIMEOUT_MS);
    void child.exited.then((exit) => this.fail(this.#died(exit)));
  }

  stop(): void {
    this.#cancelTimeout();
    this.#cancelWatch();
  }

  fail(error: AmaasError): void {
    this.#verdict.reject(error);
  }

  take(message: ProbeMessage): void {
    switch (message.kind) {
      case 'baseline':
        this.#baselineBytes = message.residentBytes;
        this.#limitTime(this.#request.timeoutMs);
        this.#watchMemory();
        return;
      case 'stage':
        this.#stage = message.stage;
        return;
      case 'report':
        this.#verdict.resolve(message.report);
        return;
      case 'failed':
        this.fail(deserializeError(message.error));
        return;
      default:
        message satisfies never;
    }
  }

  #limitTime(timeoutMs: number): void {
    this.#cancelTimeout();
    this.#cancelTimeout = this.#request.clock.schedule(timeoutMs, () => {
      const doing = this.#stage === 'starting' ? 'while its process started' : `during ${this.#stage}`;
      this.fail(this.#rejected(`timed out after ${timeoutMs} ms ${doing}`));
    });
  }

  #watchMemory(): void {
    this.#cancelWatch = this.#request.clock.schedule(MEMORY_WATCH_MS, () => {
      const { config, maxMemoryBytes } = this.#request;
      const grownBytes = (this.#child?.measureResidentBytes() ?? 0) - (this.#baselineBytes ?? 0);
      if (grownBytes <= maxMemoryBytes) return this.#watchMemory();
      this.fail(
        new AmaasError(
          'MEMORY_LIMIT',
          `probe: model "${config.label}" took ${grownBytes} bytes of memory during ${this.#stage}; at most ${maxMemoryBytes} are allowed`,
          { details: { memoryBytes: grownBytes, maxMemoryBytes, stage: this.#stage } },
        ),
      );
    });
  }

  #died(exit: ChildExit): AmaasError {
    if (this.#stage === 'starting') {
      const { label } = this.#request.config;
      return new AmaasError('ENGINE_CRASHED', `probe: the process to try model "${label}" in ${describeExit(exit)}`);
    }
    return this.#rejected(`ended its process during ${this.#stage}: it ${describeExit(exit)}`, exit.signal);
  }

  #rejected(why: string, signal: string | null = null): AmaasError {
    return new AmaasError('MODEL_REJECTED', `probe: model "${this.#request.config.label}" ${why}`, {
      details: { stage: this.#stage, ...(signal === null ? {} : { signal }) },
    });
  }
}
