// The load of the bench of language models: streams that begin together, and when their tokens came.

/** What one stream is asked: ids in, greedily so many out. */
export interface StreamWork {
  readonly prompt: readonly number[];
  readonly maxTokens: number;
}

export interface StreamTimes {
  readonly tokens: number;
  /** From asking to the first token. */
  readonly firstMs: number;
  /** Between arrivals of tokens behind the first. */
  readonly gapsMs: readonly number[];
}

export interface LoadTimes {
  readonly wallMs: number;
  readonly streams: readonly StreamTimes[];
}

/** One way of running a model. */
export interface Way {
  readonly name: string;
  run(work: readonly StreamWork[]): Promise<LoadTimes>;
  end(): Promise<void>;
}

/** Takes the times of a stream. */
export class StreamClock {
  readonly #beganMs = performance.now();
  #firstMs = 0;
  #lastMs = 0;
  readonly #gapsMs: number[] = [];

  /** Something came. */
  tick(): void {
    const nowMs = performance.now();
    if (this.#lastMs === 0) this.#firstMs = nowMs - this.#beganMs;
    else this.#gapsMs.push(nowMs - this.#lastMs);
    this.#lastMs = nowMs;
  }

  times(tokens: number): StreamTimes {
    return { tokens, firstMs: this.#firstMs, gapsMs: this.#gapsMs };
  }
}

export async function runTogether(
  work: readonly StreamWork[],
  run: (each: StreamWork, index: number) => Promise<StreamTimes>,
): Promise<LoadTimes> {
  const beganMs = performance.now();
  const streams = await Promise.all(work.map(run));
  return { wallMs: performance.now() - beganMs, streams };
}
