// The only file that touches onnxruntime-node. It takes the binding's synchronous session (what the package's own
// promise API wraps in setImmediate), because that one tells every declared type by number, lets inputs be left out
// and needs no turn of the event loop. The version is pinned in package.json; the contract tests hold it to account.
import { readFileSync } from 'node:fs';
import { AmaasError } from '@amaas/core';

/** One declared input or output as the binding tells it; `-1` marks a dim without a size. */
export interface NativeMetadata {
  readonly name: string;
  /** False for sequences, maps and optionals, which the binding cannot tell apart. */
  readonly isTensor: boolean;
  /** ONNX's number of the element type. */
  readonly type: number;
  readonly shape: readonly number[];
  /** Symbol per dim, '' where it has none. */
  readonly symbolicDimensions: readonly string[];
}

/** A tensor as the binding reads and writes it. */
export interface NativeTensor {
  readonly type: string;
  readonly dims: readonly number[];
  readonly data: ArrayBufferView | readonly string[];
  readonly location: 'cpu';
}

/** The binding's session; every call blocks the calling thread. */
export interface NativeSession {
  loadModel(path: string, options: NativeSessionOptions): void;
  /** Parses the bytes before it returns and keeps none of them. */
  loadModel(buffer: ArrayBufferLike, byteOffset: number, byteLength: number, options: NativeSessionOptions): void;
  readonly inputMetadata: readonly NativeMetadata[];
  readonly outputMetadata: readonly NativeMetadata[];
  run(
    feeds: Readonly<Record<string, NativeTensor>>,
    fetches: Readonly<Record<string, null>>,
    options: { readonly logSeverityLevel: number },
  ): Readonly<Record<string, NativeTensor>>;
  dispose(): void;
}

export interface NativeSessionOptions {
  readonly intraOpNumThreads: number;
  readonly interOpNumThreads?: number;
  readonly executionProviders: readonly string[];
  readonly graphOptimizationLevel: 'all';
  readonly enableCpuMemArena?: boolean;
  readonly logSeverityLevel: number;
  readonly extra: { readonly session: Readonly<Record<string, unknown>> };
}

export interface OrtBinding {
  /** Execution providers of this build, bundled or loadable. */
  readonly executionProviders: readonly string[];
  createSession(): NativeSession;
}

/**
 * Version of the installed runtime, read without loading its library.
 * @throws ENGINE_MISSING when the package is not installed.
 */
export function readRuntimeVersion(): string {
  try {
    const path = new URL(import.meta.resolve('onnxruntime-node/package.json'));
    const { version } = JSON.parse(readFileSync(path, 'utf8')) as { version: string }; // npm requires the field
    return version;
  } catch (cause) {
    throw engineMissing(cause);
  }
}

/**
 * Loads the native library into this thread.
 * @throws ENGINE_MISSING when the package or its library for this platform is not installed.
 */
export async function loadBinding(): Promise<OrtBinding> {
  try {
    const [ort, native] = await Promise.all([import('onnxruntime-node'), import('onnxruntime-node/dist/binding.js')]);
    // Errors come back as exceptions; the same text on stderr, once per failed request, would only flood the log.
    ort.env.logLevel = 'fatal';
    native.initOrt();
    return {
      executionProviders: ort.listSupportedBackends().map((backend) => backend.name),
      // The declared type asks for the package's Tensor class; the native code reads only the four fields we give it.
      createSession: () => new native.binding.InferenceSession() as unknown as NativeSession,
    };
  } catch (cause) {
    throw engineMissing(cause);
  }
}

function engineMissing(cause: unknown): AmaasError {
  const why = cause instanceof Error ? cause.message.split(/\n| imported from /, 1)[0] : String(cause);
  return new AmaasError(
    'ENGINE_MISSING',
    `ONNX Runtime cannot be loaded on ${process.platform}-${process.arch}: ${why}. Install it with: npm install onnxruntime-node`,
    { cause },
  );
}
