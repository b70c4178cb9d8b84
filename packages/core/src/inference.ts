// One request for a prediction and its reply, as every protocol decodes to and encodes from.
import type { ModelReference } from './names.ts';
import type { NamedTensors } from './tensor.ts';

/** Says that a caller has gone. An AbortSignal is one; cheaper things may be, where one is made per request. */
export interface Cancellation {
  readonly aborted: boolean;
  addEventListener(type: 'abort', listener: () => void): void;
  removeEventListener(type: 'abort', listener: () => void): void;
}

export interface InferenceRequest {
  readonly target: ModelReference;
  readonly inputs: NamedTensors;
  /** Outputs wanted, by name; default all of the signature's. */
  readonly outputs?: readonly string[];
  readonly signature?: string;
  /** 1 highest; 0 or absent: the model's default. */
  readonly priority?: number;
  /** Longest the request may wait in the queue, in milliseconds. */
  readonly timeoutMs?: number;
  /** Fires when the caller has gone. */
  readonly signal?: Cancellation;
}

/** Where the time of a request went, in milliseconds. */
export interface InferenceTiming {
  readonly queueMs: number;
  readonly computeMs: number;
  /** Rows in the run this request was part of. */
  readonly batchRows: number;
}

export interface InferenceReply {
  readonly model: string;
  readonly version: number;
  readonly outputs: NamedTensors;
  readonly timing: InferenceTiming;
}
