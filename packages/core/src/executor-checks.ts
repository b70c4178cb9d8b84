// What every executor refuses alike before its runtime sees it. Made for runs of 100 µs with a hundred inputs: nothing is
// allocated unless something is wrong.
import { TYPED_ARRAYS } from './dtype.ts';
import { AmaasError } from './errors.ts';
import { formatSpec, shapeFits, type TensorSpec } from './signature.ts';
import { elementCount, formatShape, type NamedTensors, type Tensor } from './tensor.ts';

/**
 * Checks that `inputs` are exactly what a compiled model takes and that each tensor's data fits its shape.
 * Meant for dtypes whose elements are stored one by one (not the packed 2- and 4-bit types, not complex numbers).
 * @throws INPUT_MISMATCH, INVALID_SHAPE or INVALID_ARGUMENT naming the first input that is wrong and how.
 */
export function assertRunInputs(specs: readonly TensorSpec[], inputs: NamedTensors): void {
  for (const spec of specs) {
    const tensor = inputs.get(spec.name);
    if (tensor === undefined) {
      throw mismatch(spec.name, `run: input "${spec.name}", ${formatSpec(spec)}, is missing`);
    }
    if (tensor.dtype !== spec.dtype || !shapeFits(tensor.shape, spec.shape)) {
      const got = `${tensor.dtype} ${formatShape(tensor.shape)}`;
      throw mismatch(spec.name, `run: input "${spec.name}" expects ${formatSpec(spec)}, got ${got}`);
    }
    assertDataFits(spec.name, tensor);
  }
  if (inputs.size !== specs.length) throw unknownInput(specs, inputs);
}

/**
 * Checks names of outputs.
 * @throws UNKNOWN_OUTPUT naming the first that the model does not have.
 */
export function assertRunOutputs(specs: readonly TensorSpec[], outputs: readonly string[]): void {
  for (const name of outputs) {
    if (specs.some((spec) => spec.name === name)) continue;
    throw new AmaasError('UNKNOWN_OUTPUT', `run: there is no output "${name}"; the outputs are ${namesOf(specs)}`, {
      details: { output: name },
    });
  }
}

/** The refusal of a run after `dispose`. */
export function disposedModel(): AmaasError {
  return new AmaasError('MODEL_NOT_READY', 'run: the compiled model has been disposed of', { retryable: false });
}

/**
 * A thread count from options.
 * @throws INVALID_CONFIG unless it is a whole number ≥ 1.
 */
export function assertThreads(operation: string, threads: number): void {
  if (Number.isSafeInteger(threads) && threads >= 1) return;
  throw new AmaasError('INVALID_CONFIG', `${operation}: threads must be a whole number ≥ 1, got ${threads}`);
}

function assertDataFits(name: string, tensor: Tensor): void {
  const elements = elementCount(tensor.shape);
  if (tensor.data.length !== elements) {
    const needs = `${tensor.dtype} ${formatShape(tensor.shape)} needs ${elements} stored values`;
    throw new AmaasError('INVALID_SHAPE', `run: input "${name}": ${needs}, got ${tensor.data.length}`);
  }
  if (tensor.dtype === 'string') return;
  // Callers without types may hand over a plain array; native code would read it as memory.
  if (!(tensor.data instanceof TYPED_ARRAYS[tensor.dtype])) {
    throw mismatch(name, `run: input "${name}": the data is not the kind of typed array that holds ${tensor.dtype}`);
  }
  if (tensor.dtype === 'bool') assertBooleans(name, tensor.data);
}

function assertBooleans(name: string, data: Uint8Array): void {
  for (let index = 0; index < data.length; index++) {
    const byte = data[index] ?? 0;
    if (byte <= 1) continue;
    const what = `run: input "${name}": a bool is stored as 0 or 1, got ${byte} at ${index}`;
    throw new AmaasError('INVALID_ARGUMENT', what, { details: { input: name } });
  }
}

function unknownInput(specs: readonly TensorSpec[], inputs: NamedTensors): AmaasError {
  const unknown = [...inputs.keys()].find((name) => !specs.some((spec) => spec.name === name)) ?? '';
  return mismatch(unknown, `run: there is no input "${unknown}"; the inputs are ${namesOf(specs)}`);
}

function namesOf(specs: readonly TensorSpec[]): string {
  return specs.map((spec) => `"${spec.name}"`).join(', ') || 'none';
}

function mismatch(input: string, message: string): AmaasError {
  return new AmaasError('INPUT_MISMATCH', message, { details: { input } });
}
