// Rows to learn from, and cutting them into batches of one fixed size.
import {
  AmaasError,
  createTensor,
  type DType,
  formatShape,
  type NamedTensors,
  type Tensor,
  tensorBytes,
  tensorFromBytes,
} from '@amaas/core';
import type { FieldType } from './step-fields.ts';

/** Rows in memory: every tensor has them along its first axis. */
export interface Examples {
  readonly inputs: NamedTensors;
  readonly target: Tensor;
  /** Weight of each row, 0 or more; default 1. */
  readonly weights?: Float32Array;
}

/** What rows may be made of. */
export const TRAINABLE_DTYPES: ReadonlySet<DType> = new Set<DType>([
  'float32',
  'float64',
  'int32',
  'int64',
  'uint8',
  'bool',
]);

/** Number of rows. @throws INVALID_DATA when the tensors do not agree on it, or there are none */
export function countRows({ inputs, target, weights }: Examples): number {
  const rows = target.shape[0];
  if (rows === undefined || rows === 0) {
    throw new AmaasError('INVALID_DATA', `examples: the target has no rows (shape ${formatShape(target.shape)})`);
  }
  for (const [name, { shape }] of inputs) {
    if (shape[0] !== rows) {
      throw new AmaasError(
        'INVALID_DATA',
        `examples: input "${name}" has ${shape[0] ?? 'no'} rows, the target ${rows}`,
      );
    }
  }
  if (weights !== undefined && weights.length !== rows) {
    throw new AmaasError('INVALID_DATA', `examples: ${weights.length} weights for ${rows} rows`);
  }
  return rows;
}

/** The type of one row of a tensor. */
export function rowType({ dtype, shape }: Tensor): FieldType {
  return { dtype, shape: shape.slice(1) };
}

/** Chosen rows in a new tensor [...leading, ...row], where the leading sizes multiply to the number of rows chosen. */
export function gatherRows(tensor: Tensor, rows: Uint32Array, leading: readonly number[]): Tensor {
  const shape = [...leading, ...tensor.shape.slice(1)];
  const size = tensor.shape.slice(1).reduce((product, each) => product * each, 1);
  switch (tensor.dtype) {
    case 'float32':
      return createTensor(
        'float32',
        shape,
        copyRows(tensor.data, new Float32Array(rows.length * size), { rows, size }),
      );
    case 'float64':
      return createTensor(
        'float64',
        shape,
        copyRows(tensor.data, new Float64Array(rows.length * size), { rows, size }),
      );
    case 'int32':
      return createTensor('int32', shape, copyRows(tensor.data, new Int32Array(rows.length * size), { rows, size }));
    case 'int64':
      return createTensor('int64', shape, copyRows(tensor.data, new BigInt64Array(rows.length * size), { rows, size }));
    case 'uint8':
    case 'bool':
      return createTensor(
        tensor.dtype,
        shape,
        copyRows(tensor.data, new Uint8Array(rows.length * size), { rows, size }),
      );
    default:
      throw new AmaasError(
        'INVALID_DATA',
        `examples: training takes ${[...TRAINABLE_DTYPES].join(', ')} tensors, got ${tensor.dtype}`,
      );
  }
}

type RowArray = Float32Array | Float64Array | Int32Array | BigInt64Array | Uint8Array;

function copyRows<T extends RowArray>(
  from: T,
  to: T,
  { rows, size }: { readonly rows: Uint32Array; readonly size: number },
): T {
  if (size === 1) {
    for (let k = 0; k < rows.length; k++) to[k] = from[rows[k] ?? 0] ?? 0;
    return to;
  }
  for (let k = 0; k < rows.length; k++) {
    const start = (rows[k] ?? 0) * size;
    // The two arrays are of one class, which TypeScript cannot see through the union of their `set` methods.
    (to as Float32Array).set(from.subarray(start, start + size) as Float32Array, k * size);
  }
  return to;
}

/** Rows of one batch after the other, the last one filled up with rows that count nothing. */
export interface BatchPlan {
  readonly steps: number;
  readonly batchSize: number;
  /** steps · batchSize row numbers. */
  readonly rows: Uint32Array;
  /** How many of the last batch's rows count. */
  readonly lastRows: number;
}

/** @param order - row numbers in the order they are taken */
export function planBatches(order: Uint32Array, batchSize: number): BatchPlan {
  const steps = Math.ceil(order.length / batchSize);
  const rows = new Uint32Array(steps * batchSize);
  rows.set(order);
  const lastRows = order.length - (steps - 1) * batchSize;
  // The batch's own rows fill the gap, so that statistics over it stay those of its data.
  for (let k = order.length; k < rows.length; k++) rows[k] = rows[k - lastRows] ?? 0;
  return { steps, batchSize, rows, lastRows };
}

/** Row numbers and weights of steps `from … from + count − 1`. */
export function sliceBatches(
  plan: BatchPlan,
  {
    from,
    count,
    weights,
  }: { readonly from: number; readonly count: number; readonly weights: Float32Array | undefined },
): { readonly rows: Uint32Array; readonly rowWeights: Float32Array } {
  const { batchSize } = plan;
  const rows = plan.rows.subarray(from * batchSize, (from + count) * batchSize);
  const rowWeights = new Float32Array(rows.length);
  for (let k = 0; k < rows.length; k++) rowWeights[k] = weights?.[rows[k] ?? 0] ?? 1;
  if (from + count === plan.steps) rowWeights.fill(0, rows.length - batchSize + plan.lastRows);
  return { rows, rowWeights };
}

/** 0 … count − 1. */
export function rowNumbers(count: number): Uint32Array {
  return Uint32Array.from({ length: count }, (_, row) => row);
}

/** Chosen rows of everything. */
export function selectExamples({ inputs, target, weights }: Examples, rows: Uint32Array): Examples {
  const leading = [rows.length];
  return {
    inputs: new Map([...inputs].map(([name, tensor]) => [name, gatherRows(tensor, rows, leading)])),
    target: gatherRows(target, rows, leading),
    ...(weights === undefined ? {} : { weights: Float32Array.from(rows, (row) => weights[row] ?? 1) }),
  };
}

/** Rows `from … to − 1` of everything, as views. */
export function sliceExamples({ inputs, target, weights }: Examples, from: number, to: number): Examples {
  return {
    inputs: new Map([...inputs].map(([name, tensor]) => [name, sliceRows(tensor, from, to)])),
    target: sliceRows(target, from, to),
    ...(weights === undefined ? {} : { weights: weights.subarray(from, to) }),
  };
}

function sliceRows(tensor: Tensor, from: number, to: number): Tensor {
  const size = tensor.shape.slice(1).reduce((product, each) => product * each, 1);
  const shape = [to - from, ...tensor.shape.slice(1)];
  // A part of the data is an array of the dtype's kind.
  if (tensor.dtype === 'string') return { ...tensor, shape, data: tensor.data.slice(from * size, to * size) };
  return { ...tensor, shape, data: tensor.data.subarray(from * size, to * size) } as Tensor;
}

/** Rows of several parts after each other; the parts have the same inputs, of the same types. */
export function joinExamples(parts: readonly Examples[]): Examples {
  const [first] = parts;
  if (first === undefined) throw new AmaasError('INTERNAL', 'examples: there are no parts to join');
  if (parts.length === 1) return first;
  const weights = parts.some((part) => part.weights !== undefined) ? { weights: joinWeights(parts) } : {};
  return {
    inputs: new Map(
      [...first.inputs.keys()].map((name) => [name, joinRows(parts.flatMap(({ inputs }) => inputs.get(name) ?? []))]),
    ),
    target: joinRows(parts.map(({ target }) => target)),
    ...weights,
  };
}

function joinWeights(parts: readonly Examples[]): Float32Array {
  const joined = new Float32Array(parts.reduce((sum, part) => sum + countRows(part), 0)).fill(1);
  let offset = 0;
  for (const part of parts) {
    if (part.weights !== undefined) joined.set(part.weights, offset);
    offset += countRows(part);
  }
  return joined;
}

/** Tensors of one type after each other along their first axis. */
export function joinRows(parts: readonly Tensor[]): Tensor {
  const [first] = parts;
  if (first === undefined || first.dtype === 'string') throw new AmaasError('INTERNAL', 'examples: nothing to join');
  const rows = parts.reduce((sum, { shape }) => sum + (shape[0] ?? 0), 0);
  const size = first.shape.slice(1).reduce((product, each) => product * each, 1);
  const bytes = new Uint8Array(rows * size * first.data.BYTES_PER_ELEMENT);
  let offset = 0;
  for (const part of parts) {
    if (part.dtype === 'string') continue;
    const own = tensorBytes(part);
    bytes.set(own, offset);
    offset += own.length;
  }
  return tensorFromBytes(first.dtype, [rows, ...first.shape.slice(1)], bytes);
}
