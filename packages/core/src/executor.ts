// The port through which `learn` computes: an ONNX model compiled once and run many times in the calling thread.
// Serving goes through the Engine port instead, which adds isolation, batching proofs and measured cost.
import type { NamedTensors } from './tensor.ts';

/** Compiles ONNX models for running in the calling thread (a trainer's worker, a browser's page or worker). */
export interface Executor {
  /** What computes, as reports show it: `onnxruntime-node 1.30.0`. */
  readonly name: string;
  /**
   * Takes a complete ONNX model; external data is not read.
   * @throws INVALID_MODEL when the model cannot be parsed or holds what this executor cannot run.
   */
  compile(model: Uint8Array, options?: CompileOptions): Promise<CompiledModel>;
}

export interface CompileOptions {
  /** Threads of one operator; default: all cores the runtime finds. Results do not depend on it. */
  readonly threads?: number;
}

/** A compiled model; whoever compiled it disposes of it. */
export interface CompiledModel {
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  /**
   * Runs once. Inputs are read before the call returns control for the first time after it began computing and are
   * never kept; outputs belong to the caller. One run at a time.
   * @param outputs - names to compute; default: all.
   * @throws INVALID_INPUT when an input is missing, unknown, or of another dtype or shape than the model declares.
   */
  run(inputs: NamedTensors, outputs?: readonly string[]): Promise<NamedTensors>;
  /** Frees the native session. Idempotent; a later run is refused. */
  dispose(): Promise<void>;
}
