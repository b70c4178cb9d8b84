// Taking tensors apart along axis 0 and putting them together again, for proving that a model does not mind.
import { arrayLength, createTensor, elementCount, float16BitsFromNumber, numberFromFloat16Bits } from '@amaas/core';
import { formatShape, type NamedTensors, type Tensor, TYPED_ARRAYS } from '@amaas/core';
import type { Random } from './made-up-inputs.ts';

/** Rows all tensors agree on; null when they do not, or one of them has none. */
export function commonRowCount(tensors: NamedTensors): number | null {
  const counts = new Set([...tensors.values()].map((tensor) => tensor.shape[0] ?? 0));
  const [count = 0] = counts;
  return counts.size === 1 && count > 0 ? count : null;
}

/** Row `row` of a tensor, copied. */
export function sliceRow(tensor: Tensor, row: number): Tensor {
  const shape = [1, ...tensor.shape.slice(1)];
  const elements = elementCount(shape);
  if (tensor.dtype === 'string') {
    return { dtype: 'string', shape, data: tensor.data.slice(row * elements, (row + 1) * elements) };
  }
  const stored = arrayLength(tensor.dtype, elements);
  const data = tensor.data.slice(row * stored, (row + 1) * stored);
  return { dtype: tensor.dtype, shape, data } as Tensor; // a slice is an array of the same kind
}

/** Joins requests of one row each into one. */
export function joinRows(rows: readonly NamedTensors[]): NamedTensors {
  const [first] = rows;
  const joined = new Map<string, Tensor>();
  for (const name of first?.keys() ?? []) joined.set(name, joinTensors(rows.flatMap((row) => row.get(name) ?? [])));
  return joined;
}

function joinTensors(tensors: readonly Tensor[]): Tensor {
  const [first] = tensors;
  if (first === undefined) return createTensor('float32', [0], new Float32Array(0));
  const shape = [tensors.length, ...first.shape.slice(1)];
  if (first.dtype === 'string') {
    return {
      dtype: 'string',
      shape,
      data: tensors.flatMap((tensor) => (tensor.dtype === 'string' ? tensor.data : [])),
    };
  }
  const data = new TYPED_ARRAYS[first.dtype](tensors.length * first.data.length);
  for (const [index, tensor] of tensors.entries()) {
    // Rows of one input have one dtype, so numbers meet numbers and bigints bigints.
    if (tensor.dtype !== 'string') data.set(tensor.data as never, index * first.data.length);
  }
  return { dtype: first.dtype, shape, data } as Tensor; // the array was looked up by the same dtype
}

/**
 * A request like `row` but not the same: floats moved a little, everything else turned by `turn` places, which keeps
 * integers within the values the model is known to take.
 */
export function varyRow(row: NamedTensors, turn: number, random: Random): NamedTensors {
  return new Map([...row].map(([name, tensor]) => [name, varyTensor(tensor, turn, random)]));
}

function varyTensor(tensor: Tensor, turn: number, random: Random): Tensor {
  const { dtype, shape } = tensor;
  switch (dtype) {
    case 'float32':
    case 'float64': {
      const scale = largest(tensor.data) || 1;
      return { dtype, shape, data: tensor.data.map((value) => value + scale * 0.1 * (random() - 0.5)) } as Tensor; // as it was
    }
    case 'float16': {
      const scale = largest(Float32Array.from(tensor.data, numberFromFloat16Bits)) || 1;
      const vary = (bits: number): number => numberFromFloat16Bits(bits) + scale * 0.1 * (random() - 0.5);
      return { dtype, shape, data: tensor.data.map((bits) => float16BitsFromNumber(vary(bits))) };
    }
    default: {
      const { length } = tensor.data;
      const at = length === 0 ? 0 : turn % length;
      if (dtype === 'string') return { dtype, shape, data: [...tensor.data.slice(at), ...tensor.data.slice(0, at)] };
      const data = tensor.data.slice();
      data.set(tensor.data.subarray(at) as never, 0); // the same array type on both sides
      data.set(tensor.data.subarray(0, at) as never, length - at);
      return { dtype, shape, data } as Tensor; // a slice is an array of the same kind
    }
  }
}

function largest(values: Float32Array | Float64Array): number {
  let greatest = 0;
  for (const value of values) if (Number.isFinite(value)) greatest = Math.max(greatest, Math.abs(value));
  return greatest;
}

/** How row `row` of `together` differs from the only row of `alone`; null when it does not. */
export function rowDifference(alone: Tensor, together: Tensor, row: number): string | null {
  const shape = together.shape.slice(1);
  if (alone.dtype !== together.dtype || formatShape(shape) !== formatShape(alone.shape.slice(1))) {
    return `has shape ${formatShape(alone.shape)} alone and ${formatShape(together.shape)} together`;
  }
  const other = sliceRow(together, row);
  if (alone.dtype === 'string' && other.dtype === 'string') {
    const same = alone.data.every(
      (element, index) => Buffer.compare(element, other.data[index] ?? new Uint8Array(0)) === 0,
    );
    return same ? null : `row ${row} has another text when run together`;
  }
  const difference = numericDifference(alone, other);
  return difference === null ? null : `row ${row} differs by ${difference} when run together`;
}

/** Greatest difference beyond what is allowed; null when there is none. Integers and bools must be equal. */
function numericDifference(alone: Tensor, other: Tensor): string | null {
  if (alone.dtype === 'string' || other.dtype === 'string') return null;
  const isHalf = alone.dtype === 'float16';
  const isFloat = isHalf || alone.dtype === 'float32' || alone.dtype === 'float64';
  const [expected, actual] = [numbersOf(alone), numbersOf(other)];
  const relative = isHalf ? 1e-2 : isFloat ? 1e-4 : 0;
  // Kernels for one row and for many add up in another order: a sum of large terms may be off by their rounding.
  const absolute = (isHalf ? 1e-3 : isFloat ? 1e-5 : 0) * Math.max(1, largest(expected));
  let greatest = 0;
  for (const [index, value] of expected.entries()) {
    const got = actual[index] ?? Number.NaN;
    if (Object.is(value, got) || value === got) continue;
    const difference = Math.abs(value - got);
    if (!(difference <= absolute + relative * Math.abs(value))) greatest = Math.max(greatest, difference || Infinity);
  }
  return greatest === 0 ? null : String(Number(greatest.toPrecision(3)));
}

/** The values as numbers; 64-bit integers beyond 2^53 by their lower half too, so that unequal ones stay unequal. */
function numbersOf(tensor: Exclude<Tensor, { dtype: 'string' }>): Float64Array | Float32Array {
  const { data } = tensor;
  if (tensor.dtype === 'float16') return Float32Array.from(tensor.data, numberFromFloat16Bits);
  if (data instanceof BigInt64Array || data instanceof BigUint64Array) {
    return Float64Array.from(new Uint32Array(data.buffer, data.byteOffset, data.length * 2));
  }
  return Float64Array.from(data);
}
