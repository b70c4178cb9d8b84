// The Executor port on the reference evaluator: slow, in float64, with nothing to install. For tests, as the oracle of
// what runs elsewhere, and where nothing else runs.
import {
  AmaasError,
  assertRunInputs,
  assertRunOutputs,
  assertThreads,
  type CompiledModel,
  type CompileOptions,
  type DType,
  disposedModel,
  type Executor,
  type NamedTensors,
  type Tensor,
  type TensorSpec,
} from '@amaas/core';
import { collectInputs, type Value } from '../graph/index.ts';
import { type InspectedValue, inspectModel, type OnnxModel, readModel } from '../onnx/index.ts';
import { arrayFromTensor, evaluate, type ReferenceArray, tensorFromArray } from '../reference/index.ts';
import { assertOperatorsKnown, fromOnnx } from './from-onnx.ts';

const CARRIED: ReadonlySet<DType> = new Set<DType>([
  'float32',
  'float64',
  'float16',
  'int8',
  'int16',
  'int32',
  'int64',
  'uint8',
  'uint16',
  'uint32',
  'uint64',
  'bool',
  'string',
]);

/** Makes an executor that computes in float64 in plain TypeScript and rounds results to their dtype. */
export function createReferenceExecutor(): Executor {
  return new ReferenceExecutor();
}

class ReferenceExecutor implements Executor {
  readonly name = 'reference (float64)';

  async compile(model: Uint8Array, options: CompileOptions = {}): Promise<CompiledModel> {
    if (options.threads !== undefined) assertThreads('compile', options.threads);
    try {
      return new ReferenceModel(readModel(Uint8Array.from(model)));
    } catch (error) {
      if (!(error instanceof AmaasError)) throw error;
      const reason = error.reason === 'UNSUPPORTED_TENSOR' ? error.reason : 'INVALID_MODEL';
      throw new AmaasError(reason, `compile: ${error.message}`, { cause: error });
    }
  }
}

class ReferenceModel implements CompiledModel {
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  readonly #model: OnnxModel;
  readonly #inputs: readonly TensorSpec[];
  readonly #outputs: readonly TensorSpec[];
  /** Of the last run's shapes; training and tests repeat them. */
  #graph: { readonly key: string; readonly outputs: ReadonlyMap<string, Value> } | null = null;
  #isDisposed = false;

  constructor(model: OnnxModel) {
    const { inputs, outputs } = inspectModel(model);
    this.#inputs = inputs.map((value) => specOf('input', value));
    this.#outputs = outputs.map((value) => specOf('output', value));
    this.inputNames = this.#inputs.map(({ name }) => name);
    this.outputNames = this.#outputs.map(({ name }) => name);
    this.#model = model;
    assertOperatorsKnown(model);
    try {
      fromOnnx(model);
    } catch (error) {
      // What is missing may be sizes, which every run brings.
      const isOpen = this.#inputs.some(({ shape }) => shape?.every((dim) => typeof dim === 'number') !== true);
      if (!isOpen || !(error instanceof AmaasError) || error.reason !== 'UNSUPPORTED_FEATURE') throw error;
    }
  }

  async run(inputs: NamedTensors, names: readonly string[] = this.outputNames): Promise<NamedTensors> {
    if (this.#isDisposed) throw disposedModel();
    assertRunInputs(this.#inputs, inputs);
    assertRunOutputs(this.#outputs, names);
    for (const [name, tensor] of inputs) if (tensor.dtype === 'string') assertText(name, tensor.data);
    try {
      return this.#compute(inputs, names);
    } catch (error) {
      if (error instanceof AmaasError && error.reason === 'UNSUPPORTED_TENSOR') throw error;
      throw new AmaasError('RUN_FAILED', `run: ${error instanceof Error ? error.message : String(error)}`, {
        cause: error,
      });
    }
  }

  async dispose(): Promise<void> {
    this.#isDisposed = true;
    this.#graph = null;
  }

  #compute(inputs: NamedTensors, names: readonly string[]): NamedTensors {
    const graph = this.#graphFor(inputs);
    const wanted = names.flatMap((name) => graph.get(name) ?? []);
    const feeds = new Map<Value, ReferenceArray>();
    const tensorOf = (value: Value): Tensor | undefined =>
      value.origin.kind === 'input' ? inputs.get(value.origin.name) : undefined;
    // What is handed on is copied bit by bit and never becomes numbers.
    const computed = wanted.filter((value) => value.origin.kind === 'node');
    for (const value of collectInputs(computed)) {
      const tensor = tensorOf(value);
      if (tensor !== undefined) feeds.set(value, exactArray(value, tensor));
    }
    const arrays = new Map(evaluate(computed, feeds).map((array, index) => [computed[index], array]));
    const results = new Map<string, Tensor>();
    for (const [index, name] of names.entries()) {
      const value = wanted[index];
      const array = arrays.get(value);
      const given = value?.origin.kind === 'constant' ? value.origin.tensor : value && tensorOf(value);
      if (array !== undefined) results.set(name, tensorFromArray(array));
      else if (given !== undefined) results.set(name, copyOf(given));
    }
    return results;
  }

  #graphFor(inputs: NamedTensors): ReadonlyMap<string, Value> {
    const shapes = new Map([...inputs].map(([name, { shape }]) => [name, shape]));
    const key = JSON.stringify([...shapes].toSorted(([a], [b]) => (a < b ? -1 : 1)));
    if (this.#graph?.key !== key) this.#graph = { key, outputs: fromOnnx(this.#model, { shapes }).outputs };
    return this.#graph.outputs;
  }
}

function specOf(kind: 'input' | 'output', value: InspectedValue): TensorSpec {
  const what = value.kind === 'tensor' ? value.dtype : value.description;
  if (value.kind !== 'tensor' || !CARRIED.has(value.dtype)) {
    throw new AmaasError(
      'UNSUPPORTED_TENSOR',
      `${kind} "${value.name}" is ${what}, which the reference does not carry`,
    );
  }
  return { name: value.name, dtype: value.dtype, shape: value.shape };
}

const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Refuses what ONNX Runtime's bindings would change, so that what runs here runs there. */
function assertText(name: string, elements: readonly Uint8Array[]): void {
  for (const [index, element] of elements.entries()) {
    if (element.includes(0)) throw unsuitable(name, `element ${index} holds a NUL`);
    try {
      strictUtf8.decode(element);
    } catch {
      throw unsuitable(name, `element ${index} is not UTF-8`);
    }
  }
}

/** The tensor as numbers. @throws UNSUPPORTED_TENSOR for integers that a float64 cannot hold */
function exactArray(value: Value, tensor: Tensor): ReferenceArray {
  if (tensor.dtype === 'int64' || tensor.dtype === 'uint64') {
    const limit = BigInt(Number.MAX_SAFE_INTEGER);
    const beyond = tensor.data.find((each: bigint) => each > limit || each < -limit);
    const name = value.origin.kind === 'input' ? value.origin.name : '';
    if (beyond !== undefined) throw unsuitable(name, `${beyond} is beyond ±2^53, where the reference cannot count`);
  }
  return arrayFromTensor(tensor);
}

function unsuitable(name: string, what: string): AmaasError {
  return new AmaasError('UNSUPPORTED_TENSOR', `run: input "${name}": ${what}`, { details: { input: name } });
}

function copyOf(tensor: Tensor): Tensor {
  if (tensor.dtype === 'string') return { ...tensor, data: tensor.data.map((element) => element.slice()) };
  // The copy is of the same kind of array, which is the dtype's.
  return { ...tensor, data: tensor.data.slice() } as Tensor;
}
