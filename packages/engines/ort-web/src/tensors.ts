// Tensors on their way into onnxruntime-web and back. Knows no sessions.
import { AmaasError, type Dim, type DType, type Tensor, type TensorSpec } from '@amaas/core';
import type { WebBinding, WebSession, WebTensor } from './binding.ts';

/** Dtypes carried in both directions; the runtime calls them by the same names. */
const CARRIED = [
  'float32',
  'uint8',
  'int8',
  'uint16',
  'int16',
  'int32',
  'int64',
  'string',
  'bool',
  'float16',
  'float64',
  'uint32',
  'uint64',
] as const satisfies readonly DType[];

type CarriedDType = (typeof CARRIED)[number];

/**
 * What the runtime tells of its inputs or outputs.
 * @throws UNSUPPORTED_TENSOR naming what cannot be carried
 */
export function toSpecs(kind: 'input' | 'output', metadata: WebSession['inputs']): readonly TensorSpec[] {
  return metadata.map((value) => {
    const what = `compile: ${kind} "${value.name}"`;
    if (!value.isTensor) throw unsupported(what, 'a sequence, map or optional value');
    const dtype = CARRIED.find((carried) => carried === value.type);
    if (dtype === undefined) throw unsupported(what, value.type);
    // The runtime keeps names in a plain object, which has its own idea of this one.
    if (value.name === '__proto__' && kind === 'output') throw unsupported(what, 'an output of that name');
    // A dim without size or symbol comes as ''. Scalars and unknown ranks come alike: without dims.
    const shape: readonly Dim[] | null =
      value.shape.length === 0 ? null : value.shape.map((dim) => (dim === '' ? null : dim));
    return { name: value.name, dtype, shape };
  });
}

const utf8 = new TextEncoder();
/** Keeps a byte order mark, refuses what is not UTF-8. */
const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * The tensor as the runtime reads it, over the same memory; it copies into its own.
 * @throws UNSUPPORTED_TENSOR for strings that the runtime would change
 */
export function toWeb(binding: WebBinding, name: string, tensor: Tensor): WebTensor {
  const { dtype, shape } = tensor;
  const data = tensor.dtype === 'string' ? tensor.data.map((element) => textOf(name, element)) : tensor.data;
  return binding.createTensor(dtype as CarriedDType, data, shape); // the model's inputs have carried dtypes only
}

function textOf(name: string, element: Uint8Array): string {
  if (element.includes(0)) throw unsupported(`run: input "${name}"`, 'a string with a NUL byte inside');
  try {
    // Decoders refuse shared memory.
    return strictUtf8.decode(element.buffer instanceof ArrayBuffer ? element : Uint8Array.from(element));
  } catch {
    throw unsupported(`run: input "${name}"`, 'a string that is not valid UTF-8');
  }
}

/** An output as the runtime gave it; its memory is this tensor's own. */
export function fromWeb({ type, dims, data }: WebTensor): Tensor {
  if (type === 'string') {
    const elements = data as readonly string[]; // what the runtime makes for this type
    return { dtype: 'string', shape: dims, data: elements.map((element) => utf8.encode(element)) };
  }
  if (type === 'float16') {
    const { buffer, byteOffset, byteLength } = data as Uint16Array; // or Float16Array, where browsers have it: seen as bits
    return { dtype: 'float16', shape: dims, data: new Uint16Array(buffer, byteOffset, byteLength / 2) };
  }
  return { dtype: type, shape: dims, data } as Tensor; // the runtime's arrays for the other carried types are core's
}

function unsupported(what: string, type: string): AmaasError {
  return new AmaasError('UNSUPPORTED_TENSOR', `${what} is ${type}, which onnxruntime-web cannot carry`);
}
