// What a model takes and gives: names, dtypes, shapes with symbolic dims.
import type { DType } from './dtype.ts';
import { AmaasError } from './errors.ts';
import { formatShape, type NamedTensors } from './tensor.ts';

/** A dim: a size, a symbol shared between tensors (`batch`), or null where nothing is known. */
export type Dim = number | string | null;

/** One input or output of a model. */
export interface TensorSpec {
  readonly name: string;
  readonly dtype: DType;
  /** Dims, or null where even the rank is unknown. */
  readonly shape: readonly Dim[] | null;
  /** Inputs only: the model has a default and callers may leave it out. */
  readonly optional?: true;
}

/** TensorFlow Serving's three kinds of call; ONNX models without a manifest have `predict` alone. */
export type SignatureMethod = 'predict' | 'classify' | 'regress';

/** One way of calling a model. */
export interface Signature {
  readonly method: SignatureMethod;
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
}

/** The name of the only signature of a model whose manifest declares none. */
export const DEFAULT_SIGNATURE = 'serving_default';

/** Writes a spec the way messages show it: `float32 [N,4]`. */
export function formatSpec(spec: TensorSpec): string {
  return `${spec.dtype} ${spec.shape === null ? '[any rank]' : formatShape(spec.shape)}`;
}

/** Whether `shape` fits the declared dims, symbols taken as wildcards. */
export function shapeFits(shape: readonly number[], dims: readonly Dim[] | null): boolean {
  if (dims === null) return true;
  if (shape.length !== dims.length) return false;
  for (let axis = 0; axis < dims.length; axis++) {
    const dim = dims[axis];
    if (typeof dim === 'number' && dim !== shape[axis]) return false;
  }
  return true;
}

/**
 * Checks that `inputs` are what `specs` ask for: every required name, no unknown name, dtype and shape.
 * Dims that share a symbol are not required to agree: exporters reuse symbols carelessly, and the runtime checks what matters.
 * @throws INPUT_MISMATCH naming the first difference.
 */
export function assertInputsFit(model: string, specs: readonly TensorSpec[], inputs: NamedTensors): void {
  let matched = 0;
  for (const spec of specs) {
    const tensor = inputs.get(spec.name);
    if (tensor === undefined) {
      if (spec.optional) continue;
      throw missingInputs(model, specs, inputs);
    }
    matched++;
    if (tensor.dtype !== spec.dtype || !shapeFits(tensor.shape, spec.shape)) {
      throw new AmaasError(
        'INPUT_MISMATCH',
        `infer: input "${spec.name}" of model "${model}" expects ${formatSpec(spec)}, got ${tensor.dtype} ${formatShape(tensor.shape)}`,
        { details: { model, input: spec.name } },
      );
    }
  }
  if (matched !== inputs.size) throw unknownInput(model, specs, inputs);
}

function missingInputs(model: string, specs: readonly TensorSpec[], inputs: NamedTensors): AmaasError {
  const required = specs.filter((spec) => !spec.optional);
  const missing = required.filter((spec) => !inputs.has(spec.name)).map((spec) => `'${spec.name}'`);
  const got = [...inputs.keys()].map((name) => `'${name}'`);
  return new AmaasError(
    'INPUT_MISMATCH',
    `expected ${required.length} inputs but got ${got.length} inputs for model '${model}'. Got input(s) [${got.join(',')}], ` +
      `but missing required input(s) [${missing.join(',')}]. Please provide all required input(s).`,
    { details: { model } },
  );
}

function unknownInput(model: string, specs: readonly TensorSpec[], inputs: NamedTensors): AmaasError {
  const known = new Set(specs.map((spec) => spec.name));
  const unknown = [...inputs.keys()].find((name) => !known.has(name));
  return new AmaasError(
    'INPUT_MISMATCH',
    `infer: unexpected inference input '${unknown}' for model '${model}'; its inputs are ${specs.map((spec) => `'${spec.name}'`).join(', ') || 'none'}`,
    { details: { model, ...(unknown === undefined ? {} : { input: unknown }) } },
  );
}
