// One session somewhere: in this thread, in a thread of its own or in a child process. The three transports offer this
// one interface; who uses it decides about queues, time limits and replacement.
import { AmaasError, deserializeError, type TensorSpec } from '@amaas/core';
import type { HostReply } from './messages.ts';
import type { SessionConfig } from './session.ts';
import type { PackedTensors } from './tensors.ts';

export interface InstanceJob {
  readonly inputs: PackedTensors;
  readonly outputs: readonly string[] | null;
  /** Whether the inputs' buffers may be detached. */
  readonly transferInputs: boolean;
}

export interface InstanceResult {
  readonly outputs: PackedTensors;
  readonly computeMs: number;
}

export interface Instance {
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
  /** Resolves once the thread or child is gone, whether asked to or not; `inline` only when closed. Never rejects. */
  readonly ended: Promise<void>;
  /**
   * Runs once; the caller sees to it that there is one run at a time.
   * @throws RUN_FAILED, UNKNOWN_OUTPUT, INPUT_MISMATCH; ENGINE_CRASHED when thread or child end during the run.
   */
  run(job: InstanceJob): Promise<InstanceResult>;
  /** Ends it at once, whatever it is doing. False where that cannot be done without harm to the whole process. */
  kill(): boolean;
  /** Releases the session and ends; only between runs. */
  close(): Promise<void>;
  /** Lets the process end although this one still works. */
  unref(): void;
  measureMemoryBytes(): number | null;
}

/** Starts an instance; rejects with the load error, CANCELLED when `signal` fires. */
export type InstanceStarter = (config: SessionConfig, signal: AbortSignal) => Promise<Instance>;

/** The reply to `load`. @throws the error that came instead. */
export function expectReady(reply: HostReply): { inputs: readonly TensorSpec[]; outputs: readonly TensorSpec[] } {
  if (reply.kind === 'ready') return reply;
  throw errorOf(reply);
}

/** The reply to `run`. @throws the error that came instead. */
export function expectDone(reply: HostReply): InstanceResult {
  if (reply.kind === 'done') return reply;
  throw errorOf(reply);
}

function errorOf(reply: HostReply): AmaasError {
  if (reply.kind === 'failed') return deserializeError(reply.error);
  return new AmaasError('INTERNAL', `engine: unexpected reply "${reply.kind}" from a session`);
}

export function cancelled(what: string): AmaasError {
  return new AmaasError('CANCELLED', `${what}: the caller went away`);
}
