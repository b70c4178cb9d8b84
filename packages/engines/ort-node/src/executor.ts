// The Executor port on onnxruntime-node: sessions in the calling thread, made for training, where one small graph runs
// thousands of times in a row. Knows nothing of isolation, queues and time limits: that is the engine beside it.
import { availableParallelism } from 'node:os';
import {
  AmaasError,
  assertRunInputs,
  assertRunOutputs,
  assertThreads,
  type CompiledModel,
  type CompileOptions,
  disposedModel,
  type Executor,
  type NamedTensors,
  type Tensor,
  type TensorSpec,
} from '@amaas/core';
import { loadBinding, type NativeSession, type NativeTensor, type OrtBinding, readRuntimeVersion } from './binding.ts';
import { cleanOrtText, LOG_FATAL, toSpec } from './session.ts';
import { fromNative, packTensor, toNative, unpackStrings } from './tensors.ts';

export interface OrtNodeExecutorOptions {
  /** Threads of one operator where `compile` is not told; default: all cores this process may use. */
  readonly threads?: number;
}

/**
 * Makes an executor that computes in the calling thread and holds it until a run is done, so that a service makes it in a
 * worker. Models cost nothing once disposed of; the executor itself owns nothing.
 * @throws ENGINE_MISSING when onnxruntime-node is not installed, INVALID_CONFIG
 */
export async function createOrtNodeExecutor(options: OrtNodeExecutorOptions = {}): Promise<Executor> {
  const threads = options.threads ?? availableParallelism();
  assertThreads('executor', threads);
  return new OrtNodeExecutor(await loadBinding(), threads);
}

class OrtNodeExecutor implements Executor {
  readonly name = `onnxruntime-node ${readRuntimeVersion()}`;
  readonly #binding: OrtBinding;
  readonly #threads: number;

  constructor(binding: OrtBinding, threads: number) {
    this.#binding = binding;
    this.#threads = threads;
  }

  async compile(model: Uint8Array, { threads = this.#threads }: CompileOptions = {}): Promise<CompiledModel> {
    assertThreads('compile', threads);
    const native = this.#binding.createSession();
    try {
      native.loadModel(model.buffer, model.byteOffset, model.byteLength, sessionOptions(threads));
    } catch (cause) {
      throw new AmaasError('INVALID_MODEL', `compile: ${cleanOrtText(cause)}`);
    }
    try {
      return new OrtCompiledModel(native);
    } catch (unsupported) {
      native.dispose();
      throw unsupported;
    }
  }
}

/** Measured for training steps: without the arena 0.62 of the speed, without spinning 0.87. */
function sessionOptions(threads: number): Parameters<NativeSession['loadModel']>[3] {
  return {
    intraOpNumThreads: threads,
    executionProviders: ['cpu'],
    graphOptimizationLevel: 'all',
    enableCpuMemArena: true,
    logSeverityLevel: LOG_FATAL,
    extra: {
      session: {
        intra_op: { allow_spinning: '1' },
        // A model of bytes has no folder; without one, ONNX Runtime would look for its external data in the working
        // directory. A file holds no files.
        model_external_initializers_file_folder_path: process.execPath,
      },
    },
  };
}

class OrtCompiledModel implements CompiledModel {
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  readonly #inputs: readonly TensorSpec[];
  readonly #outputs: readonly TensorSpec[];
  #native: NativeSession | null;
  /** Reused by runs that ask for everything. */
  readonly #allFetches: Readonly<Record<string, null>>;

  constructor(native: NativeSession) {
    this.#inputs = native.inputMetadata.map((metadata) => {
      const spec = toSpec(metadata, `compile: input "${metadata.name}"`);
      // The binding tells scalars and unknown ranks alike: no dims.
      return spec.shape.length === 0 ? { ...spec, shape: null } : spec;
    });
    this.#outputs = native.outputMetadata.map((metadata) => toSpec(metadata, `compile: output "${metadata.name}"`));
    this.inputNames = this.#inputs.map((spec) => spec.name);
    this.outputNames = this.#outputs.map((spec) => spec.name);
    this.#native = native;
    this.#allFetches = fetchesOf(this.outputNames);
  }

  async run(inputs: NamedTensors, outputs?: readonly string[]): Promise<NamedTensors> {
    if (this.#native === null) throw disposedModel();
    assertRunInputs(this.#inputs, inputs);
    if (outputs !== undefined) assertRunOutputs(this.#outputs, outputs);
    // Objects without a prototype: the binding asks `name in object`, and a tensor may be called "constructor".
    const feeds: Record<string, NativeTensor> = Object.create(null);
    for (const [name, tensor] of inputs) feeds[name] = nativeOf(name, tensor);
    let results: ReturnType<NativeSession['run']>;
    try {
      const fetches = outputs === undefined ? this.#allFetches : fetchesOf(outputs);
      results = this.#native.run(feeds, fetches, RUN_OPTIONS);
    } catch (cause) {
      throw new AmaasError('RUN_FAILED', `run: ${cleanOrtText(cause)}`);
    }
    const tensors = new Map<string, Tensor>();
    for (const name of outputs ?? this.outputNames) {
      const result = results[name];
      if (result !== undefined) tensors.set(name, tensorOf(result));
    }
    return tensors;
  }

  /** Runs are synchronous: none can be under way here. */
  async dispose(): Promise<void> {
    const native = this.#native;
    this.#native = null;
    native?.dispose();
  }
}

const RUN_OPTIONS = { logSeverityLevel: LOG_FATAL } as const;

function fetchesOf(names: readonly string[]): Readonly<Record<string, null>> {
  const fetches: Record<string, null> = Object.create(null);
  for (const name of names) fetches[name] = null;
  return fetches;
}

/** The tensor as the binding reads it, over the same memory. */
function nativeOf(name: string, tensor: Tensor): NativeTensor {
  if (tensor.dtype === 'string') return toNative(packTensor(`run: input "${name}"`, tensor));
  return { type: tensor.dtype, dims: tensor.shape, data: tensor.data, location: 'cpu' };
}

function tensorOf(native: NativeTensor): Tensor {
  if (native.type === 'float32') {
    // What training reads and writes, hundreds of times per run. The binding makes this kind of array for this type.
    return { dtype: 'float32', shape: native.dims, data: native.data as Float32Array };
  }
  const packed = fromNative(native);
  return packed.dtype === 'string' ? unpackStrings(packed) : packed;
}
