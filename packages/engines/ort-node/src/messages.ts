// What the engine and a session beside it say to each other, the same for threads and child processes.
import type { SerializedError, TensorSpec } from '@amaas/core';
import type { SessionConfig } from './session.ts';
import type { PackedTensors } from './tensors.ts';

export type HostRequest =
  /** First, and once. Answered by `ready` or `failed`. */
  | { readonly kind: 'load'; readonly config: SessionConfig }
  /** One at a time. Answered by `done` or `failed`. */
  | { readonly kind: 'run'; readonly inputs: PackedTensors; readonly outputs: readonly string[] | null }
  /** Last: release the session and end. Not answered. */
  | { readonly kind: 'end' };

export type HostReply =
  | { readonly kind: 'ready'; readonly inputs: readonly TensorSpec[]; readonly outputs: readonly TensorSpec[] }
  | { readonly kind: 'done'; readonly outputs: PackedTensors; readonly computeMs: number }
  | { readonly kind: 'failed'; readonly error: SerializedError };
