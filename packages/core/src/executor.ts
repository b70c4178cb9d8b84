// The port through which `learn` computes: an ONNX model compiled once and run many times in the calling thread.
// Serving goes through the Engine port instead, which adds isolation, batching proofs and measured cost.
// One contract suite (executor.contract.ts) describes the behaviour in full.
import type { NamedTensors } from './tensor.ts';

/** Compiles ONNX models for running in the calling thread (a trainer's worker, a browser's page or worker). */
export interface Executor {
  /** What computes, as reports show it: `onnxruntime-node 1.30.0`. */
  readonly name: string;
  /**
   * Takes a complete ONNX model and keeps no reference to its bytes; external data is not read.
   * @throws INVALID_MODEL when the model cannot be parsed or holds what this executor cannot run, UNSUPPORTED_TENSOR when
   *   it takes or gives tensors that this executor cannot carry, INVALID_CONFIG for a thread count that is none.
   */
  compile(model: Uint8Array, options?: CompileOptions): Promise<CompiledModel>;
}

export interface CompileOptions {
  /**
   * Threads of one operator, ≥ 1; default: as the executor was made. Executors whose models share one pool of threads, or
   * that have but one, keep to what they have. Same bits are promised for the same number of threads only.
   */
  readonly threads?: number;
}

/** A compiled model; whoever compiled it disposes of it. */
export interface CompiledModel {
  /** In the model's order, as are {@link outputNames}. */
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  /**
   * Runs once. Runs that overlap wait for each other, in order. An executor may do all of its work before this returns,
   * without a turn of the event loop: a loop of runs that must hear messages lets the event loop turn itself.
   *
   * Inputs must stay as they are until the promise settles and are not kept beyond it; outputs belong to the caller and may
   * be the next run's inputs. No copy is made where the runtime allows it.
   * @param outputs - names to compute; default: all. The result holds them in this order.
   * @throws INPUT_MISMATCH when an input is missing, unknown, or of another dtype or shape than the model declares (ONNX
   *   Runtime cannot tell a scalar from an input of unknown rank; the shape of either is not checked there),
   *   INVALID_SHAPE when a tensor's data does not fit its shape, INVALID_ARGUMENT for a bool that is neither 0 nor 1,
   *   UNSUPPORTED_TENSOR for strings that the runtime cannot carry, UNKNOWN_OUTPUT, RUN_FAILED when the runtime refuses the
   *   values, MODEL_NOT_READY after `dispose`. The model can be run again after each of them but the last.
   */
  run(inputs: NamedTensors, outputs?: readonly string[]): Promise<NamedTensors>;
  /** Lets the runs already asked for finish, then frees the native session. Idempotent; a later run is refused. */
  dispose(): Promise<void>;
}
