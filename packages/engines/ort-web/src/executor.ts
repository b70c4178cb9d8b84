// The Executor port on onnxruntime-web: WebAssembly in a page or, better, in a worker, because a run holds its thread.
// Knows nothing of pages, models' origins and downloads beyond the runtime's own.
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
import { loadBinding, mayUseThreads, type WebBinding, type WebSession, type WebTensor } from './binding.ts';
import { fromWeb, toSpecs, toWeb } from './tensors.ts';

export interface OrtWebExecutorOptions {
  /**
   * Where the runtime's files are served: a URL prefix that ends in `/`, or a URL per file. Default: beside the module of
   * onnxruntime-web, which suits pages that serve its `dist` folder; bundlers that move the module need it.
   */
  readonly wasmPaths?: string | { readonly wasm?: string; readonly mjs?: string };
  /**
   * Threads of one operator; default: all the machine has. Settled once per page or worker, by its first executor.
   * Only cross-origin isolated pages have more than one; elsewhere there is one, whatever was asked for, and `name` says so.
   * A page is isolated when it and its workers are served with the headers `Cross-Origin-Opener-Policy: same-origin` and
   * `Cross-Origin-Embedder-Policy: require-corp` (or `credentialless`).
   */
  readonly threads?: number;
}

/**
 * Makes an executor that computes in the page or worker that calls. All executors of one page or worker share one runtime;
 * their runs wait for each other. `compile` downloads the runtime (about 14 MB) when it is first called.
 * @throws ENGINE_MISSING when the runtime cannot be loaded, INVALID_CONFIG for threads that are no count or not the
 *   number that the runtime here already has.
 */
export async function createOrtWebExecutor(options: OrtWebExecutorOptions = {}): Promise<Executor> {
  if (options.threads !== undefined) assertThreads('executor', options.threads);
  const binding = await loadBinding({ wasmPaths: options.wasmPaths ?? null, threads: options.threads ?? null });
  return new OrtWebExecutor(binding);
}

class OrtWebExecutor implements Executor {
  readonly name: string;
  readonly #binding: WebBinding;

  constructor(binding: WebBinding) {
    const threads = binding.threads === 1 ? '1 thread' : `${binding.threads} threads`;
    const why = mayUseThreads() ? '' : ': not cross-origin isolated';
    this.name = `onnxruntime-web ${binding.version} (wasm, ${threads}${why})`;
    this.#binding = binding;
  }

  async compile(model: Uint8Array, options: CompileOptions = {}): Promise<CompiledModel> {
    if (options.threads !== undefined) assertThreads('compile', options.threads);
    let session: WebSession;
    try {
      session = await this.#binding.createSession(model);
    } catch (cause) {
      if (isMissing(cause)) {
        const why = cause instanceof Error ? cause.message : String(cause);
        throw new AmaasError('ENGINE_MISSING', `compile: the WebAssembly of onnxruntime-web cannot be loaded: ${why}`);
      }
      throw new AmaasError('INVALID_MODEL', `compile: ${cleanText(cause)}`);
    }
    try {
      return new WebCompiledModel(this.#binding, session);
    } catch (unsupported) {
      await session.release();
      throw unsupported;
    }
  }
}

class WebCompiledModel implements CompiledModel {
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  readonly #binding: WebBinding;
  readonly #inputs: readonly TensorSpec[];
  readonly #outputs: readonly TensorSpec[];
  #session: WebSession | null;
  #released: Promise<void> = Promise.resolve();

  constructor(binding: WebBinding, session: WebSession) {
    this.#binding = binding;
    this.#inputs = toSpecs('input', session.inputs);
    this.#outputs = toSpecs('output', session.outputs);
    this.inputNames = this.#inputs.map((spec) => spec.name);
    this.outputNames = this.#outputs.map((spec) => spec.name);
    this.#session = session;
  }

  async run(inputs: NamedTensors, outputs: readonly string[] = this.outputNames): Promise<NamedTensors> {
    if (this.#session === null) throw disposedModel();
    assertRunInputs(this.#inputs, inputs);
    assertRunOutputs(this.#outputs, outputs);
    // No prototype: a tensor may be called `__proto__`.
    const feeds: Record<string, WebTensor> = Object.create(null);
    for (const [name, tensor] of inputs) feeds[name] = toWeb(this.#binding, name, tensor);
    let results: Readonly<Record<string, WebTensor>>;
    try {
      results = await this.#session.run(feeds, outputs);
    } catch (cause) {
      throw new AmaasError('RUN_FAILED', `run: ${cleanText(cause)}`);
    }
    const tensors = new Map<string, Tensor>();
    for (const name of outputs) {
      const result = results[name];
      if (result !== undefined) tensors.set(name, fromWeb(result));
    }
    return tensors;
  }

  async dispose(): Promise<void> {
    if (this.#session !== null) {
      this.#released = this.#session.release(); // waits behind the runs asked for
      this.#session = null;
    }
    await this.#released;
  }
}

/** Whether it is the runtime that is not there, not the model that is wrong. */
function isMissing(cause: unknown): boolean {
  return cause instanceof Error && /no available backend found/.test(cause.message);
}

/** ONNX Runtime's message as one line, without places in its own source. */
function cleanText(thrown: unknown): string {
  const text = thrown instanceof Error ? thrown.message : `the runtime failed with ${String(thrown)}`;
  return text
    .replace(/^.*ERROR_CODE: \d+, ERROR_MESSAGE: /s, '')
    .replace(/\S*\/onnxruntime\/\S+:\d+ .*?\)(?: const)?(?:::\(lambda[^)]*\))? /gs, '')
    .replace(/\b\w+\.(?:cc|h):\d+ \w+ /g, '')
    .replace(/Exception during (?:loading|initialization): /g, '')
    .replace(/\s+/g, ' ')
    .trim();
}
