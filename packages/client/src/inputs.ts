// What callers may give as inputs, and how it becomes tensors with the dtypes and shapes the model declares.
import {
  AmaasError,
  type Dim,
  elementCount,
  formatSpec,
  type NamedTensors,
  type Tensor,
  type TensorSpec,
  TYPED_ARRAYS,
} from '@amaas/core';
import { type NestedArray, type Scalar, tensorFromElements, tensorFromNested } from './nested.ts';

/** Numbers in a typed array, row-major. Float16 and bfloat16 are held as bit patterns in a Uint16Array. */
export type NumberArray =
  | Float32Array
  | Float64Array
  | Int8Array
  | Int16Array
  | Int32Array
  | BigInt64Array
  | Uint8Array
  | Uint16Array
  | Uint32Array
  | BigUint64Array;

/** Elements with their shape; the dtype is the model's. */
export interface ShapedInput {
  readonly shape: readonly number[];
  readonly data: NumberArray | readonly Scalar[];
}

/**
 * One input: a Tensor; nested arrays; a typed array, whose shape is the model's (at most one dim may be unknown); or
 * `{ shape, data }`.
 */
export type InputValue = Tensor | ShapedInput | NumberArray | NestedArray;

/**
 * Inputs by name. A Map of tensors is sent as it is; in an object the model's metadata say what each value is, and texts
 * may stand where a model wants ids and declares its tokenizer.
 */
export type InferInputs = NamedTensors | Readonly<Record<string, InputValue>>;

/** Whether `inputs` can be sent without knowing the model. */
export function isNamedTensors(inputs: InferInputs): inputs is NamedTensors {
  return inputs instanceof Map;
}

/**
 * Makes tensors of plain values, by the model's declared inputs.
 * @throws INPUT_MISMATCH for a name the model does not have; INVALID_SHAPE, INVALID_ARGUMENT, UNSUPPORTED_TENSOR for
 *   values that cannot be what it declares
 */
export function tensorsFromValues(
  model: string,
  specs: readonly TensorSpec[],
  values: Readonly<Record<string, InputValue>>,
): NamedTensors {
  const tensors = new Map<string, Tensor>();
  for (const [name, value] of Object.entries(values)) {
    const spec = specs.find((candidate) => candidate.name === name);
    if (spec === undefined) {
      const known = specs.map((candidate) => `"${candidate.name}"`).join(', ') || 'none';
      throw new AmaasError('INPUT_MISMATCH', `infer: model "${model}" has no input "${name}"; its inputs are ${known}`);
    }
    tensors.set(name, tensorFromValue(spec, value));
  }
  return tensors;
}

function tensorFromValue(spec: TensorSpec, value: InputValue): Tensor {
  const what = `input "${spec.name}" (${formatSpec(spec)})`;
  if (isNumberArray(value) && spec.dtype !== 'string')
    return fromArray(spec, inferShape(spec, value.length), value, what);
  if (isShaped(value)) {
    if ('dtype' in value) return value;
    return fromArray(textOr(spec, value.data[0]), value.shape, value.data, what);
  }
  // What is left: nested arrays, scalars, and the bytes of a single string.
  const nested = value as NestedArray;
  return tensorFromNested(textOr(spec, firstScalar(nested)).dtype, nested, what);
}

/** Where ids are wanted and texts are given, texts: the server knows whether the model takes them in place of ids. */
function textOr(spec: TensorSpec, first: Scalar | undefined): TensorSpec {
  const takesIds = spec.dtype === 'int64' || spec.dtype === 'int32';
  return takesIds && typeof first === 'string' ? { ...spec, dtype: 'string' } : spec;
}

function firstScalar(nested: NestedArray): Scalar | undefined {
  let value: NestedArray | undefined = nested;
  while (Array.isArray(value)) value = value[0];
  return value as Scalar | undefined; // what is no list is an element
}

function fromArray(
  spec: TensorSpec,
  shape: readonly number[],
  data: NumberArray | readonly Scalar[],
  what: string,
): Tensor {
  if (spec.dtype !== 'string' && data instanceof TYPED_ARRAYS[spec.dtype] && data.length === elementCount(shape)) {
    // The array is what tensors of this dtype are stored in: no copy.
    return { dtype: spec.dtype, shape, data } as Tensor;
  }
  return tensorFromElements(spec.dtype, shape, data, what);
}

function isNumberArray(value: InputValue): value is NumberArray {
  return ArrayBuffer.isView(value);
}

function isShaped(value: InputValue): value is Tensor | ShapedInput {
  return typeof value === 'object' && value !== null && 'shape' in value;
}

/** The declared shape with its one unknown dim computed. */
function inferShape(spec: TensorSpec, elements: number): readonly number[] {
  const dims: readonly Dim[] | null = spec.shape;
  const unknown = dims === null ? Number.POSITIVE_INFINITY : dims.filter((dim) => typeof dim !== 'number').length;
  if (dims === null || unknown > 1) {
    throw new AmaasError(
      'INVALID_SHAPE',
      `infer: input "${spec.name}" is ${formatSpec(spec)}, so a flat array of ${elements} could have several shapes; give { shape, data }`,
    );
  }
  const known = elementCount(dims.filter((dim) => typeof dim === 'number'));
  const rest = unknown === 0 ? 1 : known === 0 ? 0 : elements / known;
  if (!Number.isInteger(rest) || known * rest !== elements) {
    throw new AmaasError(
      'INVALID_SHAPE',
      `infer: input "${spec.name}" expects ${formatSpec(spec)}, which ${elements} elements do not fill`,
    );
  }
  return dims.map((dim) => (typeof dim === 'number' ? dim : rest));
}
