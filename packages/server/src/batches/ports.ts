// What batches need from their surroundings; the composition root supplies it.

/** One request made in the name of a key. */
export interface LineCall {
  /** Id of the key; null where there are none. */
  readonly owner: string | null;
  readonly path: string;
  /** JSON text. */
  readonly body: string;
  readonly signal: AbortSignal;
}

export interface LineReply {
  readonly status: number;
  readonly requestId: string;
  readonly body: string;
  /** Whether the same request may succeed a little later. */
  readonly isRetryable: boolean;
  /** Why it failed, a word of the catalogue of errors; null where it did not. */
  readonly reason: string | null;
}

/** Answers a request as the network's are answered. Rejects when the signal fires or the reply is cut off. */
export type RunLine = (call: LineCall) => Promise<LineReply>;

/** How many requests of batches a model may have at this moment, ≥ 1; the name is a caller's. */
export type SlotsFor = (model: string) => number;
