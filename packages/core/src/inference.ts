// What an inference call carries that is no tensor: who may call it off, and where its time went.

/** Says that a caller has gone. An AbortSignal is one; cheaper things may be, where one is made per request. */
export interface Cancellation {
  readonly aborted: boolean;
  addEventListener(type: 'abort', listener: () => void): void;
  removeEventListener(type: 'abort', listener: () => void): void;
}

/** Where the time of a request went, in milliseconds. */
export interface InferenceTiming {
  readonly queueMs: number;
  readonly computeMs: number;
  /** Rows in the run this request was part of. */
  readonly batchRows: number;
}
