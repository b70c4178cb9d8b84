// The only file that touches onnxruntime-web: its build for WebAssembly alone (no WebGPU, half the download). There is one
// runtime per page or worker, with one memory, one stack and one pool of threads; what that means for others is settled here.
import { AmaasError } from '@amaas/core';
import type { InferenceSession, Tensor } from 'onnxruntime-web/wasm';

/** A tensor type onnxruntime-web has a name for, with how it holds the elements. */
export type WebTensor = Pick<Tensor, 'type' | 'dims' | 'data'>;

export interface WebSession {
  readonly inputs: InferenceSession['inputMetadata'];
  readonly outputs: InferenceSession['outputMetadata'];
  run(
    feeds: Readonly<Record<string, WebTensor>>,
    outputs: readonly string[],
  ): Promise<Readonly<Record<string, WebTensor>>>;
  release(): Promise<void>;
}

export interface WebBinding {
  readonly version: string;
  /** Threads of one operator, settled when the runtime of this page or worker first started. */
  readonly threads: number;
  createSession(model: Uint8Array): Promise<WebSession>;
  createTensor(type: Tensor.Type, data: ArrayBufferView | readonly string[], dims: readonly number[]): WebTensor;
}

export interface WebBindingOptions {
  /** Where the runtime's `.wasm` and `.mjs` lie, or null for beside the module. */
  readonly wasmPaths: string | { readonly wasm?: string; readonly mjs?: string } | null;
  /** Null: as started before, else what the machine has. */
  readonly threads: number | null;
}

/** Whether WebAssembly may have threads here: browsers allow shared memory only to pages that are cross-origin isolated. */
export function mayUseThreads(): boolean {
  return typeof SharedArrayBuffer !== 'undefined' && globalThis.crossOriginIsolated === true;
}

/**
 * Loads the runtime into this page or worker; later calls share it.
 * @throws ENGINE_MISSING when the module or its WebAssembly cannot be loaded, INVALID_CONFIG when the runtime has already
 *   started with another number of threads.
 */
export async function loadBinding({ wasmPaths, threads }: WebBindingOptions): Promise<WebBinding> {
  const ort = await import('onnxruntime-web/wasm').catch((cause: unknown) => {
    throw engineMissing(cause);
  });
  const { wasm, versions } = ort.env;
  const started = wasm.numThreads ?? 0;
  const wanted = mayUseThreads() ? (threads ?? navigator.hardwareConcurrency) : 1;
  if (started === 0) {
    wasm.numThreads = wanted;
    if (wasmPaths !== null) wasm.wasmPaths = wasmPaths;
    ort.env.logLevel = 'fatal'; // errors come back as exceptions; the console needs no second copy
  } else if (threads !== null && started !== wanted) {
    const text = `executor: onnxruntime-web already runs with ${started} thread(s) here, asked for ${threads}`;
    throw new AmaasError('INVALID_CONFIG', text);
  }
  return {
    version: versions.web ?? 'unknown',
    threads: wasm.numThreads ?? 1,
    async createSession(model) {
      const session = await inTurn(() =>
        ort.InferenceSession.create(model, {
          executionProviders: ['wasm'],
          graphOptimizationLevel: 'all',
          enableCpuMemArena: true,
          enableMemPattern: true,
          logSeverityLevel: 4,
        }),
      );
      return {
        inputs: session.inputMetadata,
        outputs: session.outputMetadata,
        // The declared type asks for the Tensor class, which is what `createTensor` makes.
        run: (feeds, outputs) =>
          inTurn(() => session.run(feeds as Readonly<Record<string, Tensor>>, outputs, { logSeverityLevel: 4 })),
        release: () => inTurn(() => session.release()),
      };
    },
    // The constructor checks the three against each other and throws a TypeError; its type knows only literal names.
    createTensor: (type, data, dims) => new ort.Tensor(type as 'float32', data as Float32Array, dims),
  };
}

/** The end of the queue below; one per realm because the runtime is. */
let lastCall: Promise<unknown> = Promise.resolve();

/** The runtime yields in the middle of its calls while it holds its only stack, so that no two may overlap. */
function inTurn<T>(call: () => Promise<T>): Promise<T> {
  const done = lastCall.then(call);
  lastCall = done.catch(() => undefined);
  return done;
}

function engineMissing(cause: unknown): AmaasError {
  const why = cause instanceof Error ? cause.message : String(cause);
  const text = `executor: onnxruntime-web cannot be loaded: ${why}. Install it with: npm install onnxruntime-web`;
  return new AmaasError('ENGINE_MISSING', text, { cause });
}
