// One ONNX Runtime session in whatever thread calls: open, describe, run by names, release. Everything here blocks.
// Knows nothing of threads, processes or queues.
import { AmaasError, type Dim, formatSpec, type TensorSpec } from '@amaas/core';
import { loadBinding, type NativeMetadata, type NativeSession, type NativeTensor, type OrtBinding } from './binding.ts';
import {
  dtypeOfOnnxNumber,
  fromNative,
  isCarried,
  type PackedTensor,
  type PackedTensors,
  toNative,
  unsupported,
} from './tensors.ts';

/** Only what ends the process would be worth a line on stderr; everything else comes back as an exception. */
export const LOG_FATAL = 4;

/** What a session is made from; plain data, it crosses threads and pipes. */
export interface SessionConfig {
  readonly label: string;
  readonly modelPath: string;
  readonly intraOpThreads: number;
  readonly interOpThreads: number | null;
  readonly executionProviders: readonly string[];
  /** Whether idle threads of the session spin while they wait for work. */
  readonly allowSpinning: boolean;
}

export interface PackedRunResult {
  readonly outputs: PackedTensors;
  readonly computeMs: number;
}

export interface OrtSession {
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
  /**
   * Runs once; `outputNames` null means all. Inputs with a default stored in the model are not listed and cannot be
   * given: the binding has no way to override them.
   * @throws RUN_FAILED with ONNX Runtime's own words, INPUT_MISMATCH, UNKNOWN_OUTPUT
   */
  run(inputs: PackedTensors, outputNames: readonly string[] | null): PackedRunResult;
  release(): void;
}

/**
 * Opens a session on the model file.
 * @throws ENGINE_MISSING, INVALID_CONFIG for execution providers, UNSUPPORTED_TENSOR naming the input or output,
 *   INVALID_MODEL with ONNX Runtime's own words.
 */
export async function openSession(config: SessionConfig): Promise<OrtSession> {
  const binding = await loadBinding();
  assertProviders(config, binding.executionProviders);
  return describeSession(config.label, () => loadNative(config, binding));
}

function loadNative(config: SessionConfig, binding: OrtBinding): NativeSession {
  try {
    return loadOn(config, binding, config.executionProviders);
  } catch (cause) {
    const text = cleanOrtText(cause, config.modelPath);
    if (!runsOnCpu(config, binding)) {
      throw new AmaasError('INVALID_MODEL', `load: model "${config.label}" cannot be loaded: ${text}`);
    }
    throw new AmaasError(
      'INVALID_CONFIG',
      `load: model "${config.label}" cannot be loaded on ${config.executionProviders.join(', ')} here, only on cpu: ${text}`,
    );
  }
}

function loadOn(config: SessionConfig, binding: OrtBinding, executionProviders: readonly string[]): NativeSession {
  const native = binding.createSession();
  native.loadModel(config.modelPath, {
    intraOpNumThreads: config.intraOpThreads,
    ...(config.interOpThreads === null ? {} : { interOpNumThreads: config.interOpThreads }),
    executionProviders,
    graphOptimizationLevel: 'all',
    logSeverityLevel: LOG_FATAL,
    extra: { session: { intra_op: { allow_spinning: config.allowSpinning ? '1' : '0' } } },
  });
  return native;
}

/** Whether only the execution providers asked for are to blame: a missing driver says nothing about the model. */
function runsOnCpu(config: SessionConfig, binding: OrtBinding): boolean {
  if (config.executionProviders.every((provider) => provider === 'cpu')) return false;
  try {
    loadOn(config, binding, ['cpu']).dispose();
    return true;
  } catch {
    return false;
  }
}

function describeSession(label: string, load: () => NativeSession): OrtSession {
  let native = load();
  const inputs = native.inputMetadata.map((metadata) =>
    toSpec(metadata, `load: input "${metadata.name}" of model "${label}"`),
  );
  const outputs = native.outputMetadata.map((metadata) =>
    toSpec(metadata, `load: output "${metadata.name}" of model "${label}"`),
  );
  const allOutputs = outputs.map((output) => output.name);
  const inputNames = new Set(inputs.map((input) => input.name));
  const outputNames = new Set(allOutputs);
  return {
    inputs,
    outputs,
    run(tensors, wanted) {
      // Objects without a prototype: the binding asks `name in object`, and a tensor may be called "constructor".
      const feeds: Record<string, NativeTensor> = Object.create(null);
      for (const [name, tensor] of tensors) {
        // The binding would silently ignore it, the caller would never learn that it had no effect.
        if (!inputNames.has(name)) throw unknownInput(label, name, inputs);
        feeds[name] = toNative(tensor);
      }
      // Some kernels read an input that was left out without asking whether it is there.
      const missing = inputs.find((input) => !tensors.has(input.name));
      if (missing !== undefined) throw missingInput(label, missing);
      const fetches: Record<string, null> = Object.create(null);
      for (const name of wanted ?? allOutputs) {
        if (!outputNames.has(name)) throw unknownOutput(label, name, allOutputs);
        fetches[name] = null;
      }
      const startMs = performance.now();
      let results: ReturnType<NativeSession['run']>;
      try {
        results = native.run(feeds, fetches, { logSeverityLevel: LOG_FATAL });
      } catch (cause) {
        if (isOutOfMemory(cause)) native = replaced(native, load);
        throw new AmaasError('RUN_FAILED', `run: model "${label}" refused its inputs: ${cleanOrtText(cause)}`);
      }
      const computeMs = performance.now() - startMs;
      const packed = new Map<string, PackedTensor>();
      for (const name of wanted ?? allOutputs) {
        const result = results[name];
        if (result !== undefined) packed.set(name, fromNative(result));
      }
      return { outputs: packed, computeMs };
    },
    release: () => native.dispose(),
  };
}

function isOutOfMemory(cause: unknown): boolean {
  return cause instanceof Error && /Failed to allocate memory|bad_alloc/.test(cause.message);
}

/**
 * A new session in place of one that could not get the memory a request asked for. ONNX Runtime's arena doubles what it
 * wants until the request fits and remembers that: its next step, however small, would take all the address space it
 * can get, and no process could be started any more.
 */
function replaced(native: NativeSession, load: () => NativeSession): NativeSession {
  try {
    const fresh = load();
    native.dispose();
    return fresh;
  } catch {
    return native; // it still answers what fits
  }
}

/**
 * What the binding tells of an input or output; `what` names it in messages.
 * @throws UNSUPPORTED_TENSOR for what the binding cannot carry
 */
export function toSpec(metadata: NativeMetadata, what: string): TensorSpec & { readonly shape: readonly Dim[] } {
  if (!metadata.isTensor) throw unsupported(what, 'a sequence, map or optional value');
  const dtype = dtypeOfOnnxNumber(metadata.type);
  if (dtype === undefined) throw unsupported(what, `of ONNX's element type ${metadata.type}`);
  if (!isCarried(dtype)) throw unsupported(what, dtype);
  const shape: Dim[] = metadata.shape.map((dim, axis) => (dim >= 0 ? dim : metadata.symbolicDimensions[axis] || null));
  return { name: metadata.name, dtype, shape };
}

function unknownInput(label: string, name: string, inputs: readonly TensorSpec[]): AmaasError {
  const known = inputs.map((input) => `"${input.name}"`).join(', ') || 'none';
  return new AmaasError('INPUT_MISMATCH', `run: model "${label}" takes no input "${name}"; its inputs are ${known}`, {
    details: { input: name },
  });
}

function missingInput(label: string, spec: TensorSpec): AmaasError {
  const what = `run: model "${label}" needs input "${spec.name}", ${formatSpec(spec)}, which is missing`;
  return new AmaasError('INPUT_MISMATCH', what, { details: { input: spec.name } });
}

function unknownOutput(label: string, name: string, outputs: readonly string[]): AmaasError {
  const known = outputs.map((output) => `"${output}"`).join(', ');
  return new AmaasError('UNKNOWN_OUTPUT', `run: model "${label}" has no output "${name}"; its outputs are ${known}`, {
    details: { output: name },
  });
}

function assertProviders(config: SessionConfig, available: readonly string[]): void {
  const unknown = config.executionProviders.find((provider) => !available.includes(provider));
  if (unknown === undefined) return;
  throw new AmaasError(
    'INVALID_CONFIG',
    `load: model "${config.label}" asks for execution provider ${JSON.stringify(unknown)}; this ONNX Runtime has ${available.join(', ')}`,
  );
}

/** ONNX Runtime's message as one line: without places in its own source and without folders of this machine. */
export function cleanOrtText(thrown: unknown, modelPath = ''): string {
  let text = thrown instanceof Error ? thrown.message : String(thrown);
  if (modelPath !== '') {
    const slash = Math.max(modelPath.lastIndexOf('/'), modelPath.lastIndexOf('\\'));
    text = text.replace(`Load model from ${modelPath} failed:`, '');
    text = text.replaceAll(modelPath, modelPath.slice(slash + 1)).replaceAll(modelPath.slice(0, slash + 1), '');
  }
  return text
    .replace(/"(?:\/|[A-Za-z]:[\\/])[^"]*[\\/]([^"\\/]*)"/g, '"$1"')
    .replace(/\[ONNXRuntimeError\] : \d+ : \w+ : /g, '')
    .replace(/\/onnxruntime_src\/\S+:\d+ .*?\)(?: const)?(?:::<lambda\(\)>)?(?: \[with [^\]]*\])? /gs, '')
    .replace(/\b\w+\.(?:cc|h):\d+ \w+ /g, '')
    .replace(/Exception during (?:loading|initialization): /g, '')
    .replace(/\s+/g, ' ')
    .trim();
}
