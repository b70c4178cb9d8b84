// The port every runtime implements. An engine owns its threads and children; whoever calls it owns nothing but the
// promise. One contract suite (engines/ort-node/src/engine.contract.ts) describes the behaviour in full.
import type { Isolation, ResourcesManifest } from './manifest.ts';
import type { Signature, TensorSpec } from './signature.ts';
import type { NamedTensors } from './tensor.ts';

/** A model on disk and how to run it. */
export interface ModelSource {
  /** Name and version for messages, `resnet@3`. */
  readonly label: string;
  /** The folder external data must stay inside. */
  readonly directory: string;
  /** Absolute path of the model file inside `directory`. */
  readonly modelPath: string;
}

export interface LoadOptions {
  readonly isolation: Isolation;
  /** Sessions side by side, ≥ 1; `inline` allows one. */
  readonly instances: number;
  readonly resources: ResourcesManifest;
  /** Longest one run may take, in milliseconds; then its callers get DEADLINE_EXCEEDED and, in a child, the child is killed. */
  readonly maxRunMs: number;
  readonly signal?: AbortSignal;
}

export interface RunOptions {
  /** Outputs wanted, by name; default all. */
  readonly outputs?: readonly string[];
  readonly signal?: AbortSignal;
  /**
   * Whether the engine may take over (detach) the buffers of the inputs. Set it where the caller built them for this
   * run alone: no copy is made on the way to the thread.
   */
  readonly transferInputs?: boolean;
}

/** Time spent on one run, in milliseconds. */
export interface RunTiming {
  /** Inside the runtime. */
  readonly computeMs: number;
}

export interface RunResult {
  readonly outputs: NamedTensors;
  readonly timing: RunTiming;
}

/** A model ready to run. */
export interface LoadedModel {
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
  readonly isolation: Isolation;
  /** Runs that can be under way at once. More are queued inside, in order, but the scheduler should not rely on it. */
  readonly instances: number;
  /**
   * Runs the model once. Never blocks the event loop except with `inline` isolation.
   * @throws INPUT_MISMATCH for missing and unknown names, INVALID_SHAPE when data and shape do not fit each other,
   *   UNKNOWN_OUTPUT, UNSUPPORTED_TENSOR for what the binding cannot carry, RUN_FAILED when the runtime refuses the inputs,
   *   CANCELLED when `signal` fires, DEADLINE_EXCEEDED after `maxRunMs`, ENGINE_CRASHED (retryable) when the process
   *   ended, MODEL_NOT_READY when it is being unloaded or cannot be replaced, QUEUE_FULL.
   */
  run(inputs: NamedTensors, options?: RunOptions): Promise<RunResult>;
  /** Resident bytes of its own processes, null where it shares the server's. */
  measureMemoryBytes(): number | null;
  /** Waits for runs under way (at most `maxRunMs`), then ends threads and children. Idempotent. */
  dispose(): Promise<void>;
}

/** What a disposable child found out about a model; the evidence of a quarantine verdict. */
export interface ProbeReport {
  readonly signature: Signature;
  /** Resident bytes the loaded and warmed session added to the child. */
  readonly memoryBytes: number;
  readonly loadMs: number;
  /** Median time of one run on one row (or on the model's fixed shape), in milliseconds; null when it could not be warmed. */
  readonly runMs: number | null;
  /** Added time per further row in one run, in milliseconds; null where rows cannot be joined. */
  readonly msPerRow: number | null;
  readonly batching: BatchingProof;
  /** Why warm-up could not run the model on made-up inputs (a string input, say); null when it did. */
  readonly warmupSkipped: string | null;
}

/** Whether rows may be joined along axis 0. */
export type BatchingProof =
  | { readonly sound: true; readonly rowsTried: number }
  | { readonly sound: false; readonly reason: string };

export interface ProbeOptions {
  readonly resources: ResourcesManifest;
  /** Longest loading, warming and proving may take together, in milliseconds. */
  readonly timeoutMs: number;
  /** Most resident bytes the child may reach beyond its empty state. */
  readonly maxMemoryBytes: number;
  /** A real request to warm with and to prove batching on; made-up inputs otherwise. */
  readonly example?: NamedTensors;
  /**
   * What the model file declares, where the caller has read it. A runtime may say less: ONNX Runtime reports a tensor
   * of unknown rank as a scalar. Shapes are taken from here, everything else from the runtime.
   */
  readonly declared?: Pick<Signature, 'inputs' | 'outputs'>;
  readonly signal?: AbortSignal;
}

/** A runtime for one format of model. */
export interface Engine {
  readonly name: string;
  readonly version: string;
  /** Execution providers this build of the runtime lists. */
  listExecutionProviders(): Promise<readonly string[]>;
  /**
   * Loads, warms and measures a model in a child process made for it alone and ended afterwards.
   * @throws MODEL_REJECTED with the reason (crash, hang, wrong file, external data outside the folder), MEMORY_LIMIT, UNSUPPORTED_TENSOR.
   */
  probe(source: ModelSource, options: ProbeOptions): Promise<ProbeReport>;
  /** Loads a model that has passed {@link Engine.probe}. The caller disposes what it gets. */
  load(source: ModelSource, options: LoadOptions): Promise<LoadedModel>;
  /**
   * Runs that passed their time limit in a thread or inline and still go on: they cannot be ended. While there are any,
   * this process can be left by SIGKILL only; a regular exit would wait for them or abort.
   */
  readonly stuckRuns: number;
  /** Ends everything the engine started, except stuck runs. */
  dispose(): Promise<void>;
}
