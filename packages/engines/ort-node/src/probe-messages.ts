// What the engine and a probing child say to each other.
import type { ProbeReport, SerializedError, TensorSpec } from '@amaas/core';
import type { SessionConfig } from './session.ts';

/** The steps of a probe, as messages name them. */
export type ProbeStage = 'loading' | 'warm-up' | 'batch proof' | 'measuring';

/** Sent once; an example request travels as the frame's tensors. */
export interface ProbeTask {
  readonly config: SessionConfig;
  readonly hasExample: boolean;
  /** Shapes as the model file declares them, by tensor name; null where nobody has read the file. */
  readonly declared: DeclaredShapes | null;
  readonly maxMemoryBytes: number;
  readonly timeoutMs: number;
}

export interface DeclaredShapes {
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
}

export type ProbeMessage =
  /** The library is loaded, the model is not: time and memory count from here. */
  | { readonly kind: 'baseline'; readonly residentBytes: number }
  | { readonly kind: 'stage'; readonly stage: ProbeStage }
  | { readonly kind: 'report'; readonly report: ProbeReport }
  | { readonly kind: 'failed'; readonly error: SerializedError };
