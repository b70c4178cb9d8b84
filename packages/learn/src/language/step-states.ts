// The tensors a decoder carries along, as rows that are chosen, put in order and joined. Rows whose past is shorter have
// zeros before it, which mean nothing; what means nothing in every row is cut away.
import { AmaasError, createTensor, type FixedSizeDType, type Tensor, TYPED_ARRAYS, type TensorOf } from '@amaas/core';
import { PAST_SYMBOL, PRESENT_STATE, ROWS_SYMBOL } from '../layers/index.ts';
import type { DescribedState } from './step-description.ts';

/** What rows have come to. Its tensors are not changed. */
export interface StepStates {
  readonly rows: number;
  /** By the states' names. */
  readonly tensors: ReadonlyMap<string, Tensor>;
  /** Ids that each row has taken in. */
  readonly lengths: Int32Array;
  /** Which started row each comes from: rows of one origin have the same states that steps leave as they are. */
  readonly origins: Int32Array;
}

/** A row of some states. */
export interface RowOf {
  readonly states: StepStates;
  readonly row: number;
}

/** States before anything was said. @param started - what a start gave, by the states' names */
export function beginStates(
  described: readonly DescribedState[],
  rows: number,
  started: ReadonlyMap<string, Tensor> = new Map(),
): StepStates {
  const tensors = new Map(
    described.map(({ name, dtype, shape, isStarted }) => {
      const given = started.get(name);
      if (given !== undefined) return [name, given] as const;
      const sizes = shape.map((size) => (size === ROWS_SYMBOL ? rows : size === PAST_SYMBOL ? 0 : size));
      if (isStarted || dtype === 'string' || !sizes.every((size) => typeof size === 'number')) {
        throw new AmaasError('INVALID_ARGUMENT', `decode: the state "${name}" must be started`);
      }
      const TypedArray = TYPED_ARRAYS[dtype];
      const count = sizes.reduce((product, size) => product * size, 1);
      // The array is the dtype's.
      return [name, { dtype, shape: sizes, data: new TypedArray(count) } as Tensor] as const;
    }),
  );
  const origins = Int32Array.from({ length: rows }, (_, row) => row);
  return { rows, tensors, lengths: new Int32Array(rows), origins };
}

/**
 * The chosen rows as states of their own.
 * @param chosen - rows of one or several states; a row may come twice
 */
export function arrangeRows(described: readonly DescribedState[], chosen: readonly RowOf[]): StepStates {
  const [first] = chosen;
  const one = first !== undefined && chosen.every(({ states }) => states === first.states) ? first.states : null;
  const origins =
    one === null ? Int32Array.from(chosen.keys()) : Int32Array.from(chosen, ({ row }) => one.origins[row] ?? 0);
  const isSame = one !== null && one.rows === chosen.length && chosen.every(({ row }, index) => row === index);
  if (isSame) return one;
  const hasSameOrigins =
    one !== null && one.rows === chosen.length && origins.every((each, row) => each === one.origins[row]);
  const past = longestPast(chosen);
  const tensors = new Map(
    described.map((state) => {
      const kept = hasSameOrigins && !state.isChanged ? one.tensors.get(state.name) : undefined;
      return [state.name, kept ?? arrangeState(state, chosen, past)] as const;
    }),
  );
  const lengths = Int32Array.from(chosen, ({ states, row }) => states.lengths[row] ?? 0);
  return { rows: chosen.length, tensors, lengths, origins };
}

/** Ids that the row of the longest past has before it, padding not counted; null where no state tells. */
function longestPast(chosen: readonly RowOf[]): number | null {
  let longest = 0;
  for (const { states, row } of chosen) {
    const present = states.tensors.get(PRESENT_STATE);
    if (present?.dtype !== 'float32') return null;
    const size = present.shape[1] ?? 0;
    const flags = present.data.subarray(row * size, (row + 1) * size);
    const begin = flags.findIndex((flag) => flag !== 0);
    longest = Math.max(longest, begin === -1 ? 0 : size - begin);
  }
  return longest;
}

/** @param past - length of an axis that grows; null: the greatest that rows have */
function arrangeState(state: DescribedState, chosen: readonly RowOf[], past: number | null): Tensor {
  const parts = chosen.map(({ states, row }) => ({ tensor: fixedTensor(states, state.name), row }));
  const axis = state.shape.findIndex((size, at) => at > 0 && typeof size === 'string');
  const [first] = parts;
  if (first === undefined) throw new AmaasError('INVALID_ARGUMENT', 'decode: no rows were chosen');
  const { dtype, shape } = first.tensor;
  const greatest = Math.max(...parts.map(({ tensor }) => (axis === -1 ? 1 : (tensor.shape[axis] ?? 0))));
  const length = axis !== -1 && state.shape[axis] === PAST_SYMBOL && past !== null ? past : greatest;
  const [outer, inner] =
    axis === -1 ? [1, product(shape.slice(1))] : [product(shape.slice(1, axis)), product(shape.slice(axis + 1))];
  const data = new TYPED_ARRAYS[dtype](parts.length * outer * length * inner);
  for (const [index, { tensor, row }] of parts.entries()) {
    const own = axis === -1 ? 1 : (tensor.shape[axis] ?? 0);
    const kept = Math.min(own, length);
    for (let block = 0; block < outer; block++) {
      const from = ((row * outer + block) * own + own - kept) * inner;
      const to = ((index * outer + block) * length + length - kept) * inner;
      setNumbers(data, tensor.data, { from, to, count: kept * inner });
    }
  }
  const sizes = axis === -1 ? shape.with(0, parts.length) : shape.with(0, parts.length).with(axis, length);
  // The array was made for the dtype.
  return createTensor(dtype, sizes, data as TensorOf<typeof dtype>['data']) as Tensor;
}

type Numbers = TensorOf<FixedSizeDType>['data'];

function setNumbers(
  target: Numbers,
  source: Numbers,
  { from, to, count }: { readonly from: number; readonly to: number; readonly count: number },
): void {
  const part = source.subarray(from, from + count);
  // Both are of one dtype, which the caller saw to.
  if (target instanceof BigInt64Array || target instanceof BigUint64Array) target.set(part as BigInt64Array, to);
  else target.set(part as Float32Array, to);
}

function fixedTensor({ tensors }: StepStates, name: string): TensorOf<FixedSizeDType> {
  const tensor = tensors.get(name);
  if (tensor === undefined || tensor.dtype === 'string') {
    throw new AmaasError('INVALID_ARGUMENT', `decode: the state "${name}" is missing`);
  }
  return tensor;
}

function product(sizes: readonly number[]): number {
  return sizes.reduce((total, size) => total * size, 1);
}
