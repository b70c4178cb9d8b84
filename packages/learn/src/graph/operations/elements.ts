// Choosing and placing single elements along an axis, running sums, repetition, triangles.
import { AmaasError, type DType, formatShape } from '@amaas/core';
import { normalizeAxis, type Shape, type Size, sameShape, sizeAt, staticShape } from '../shape.ts';
import { applyOne, applyOperation, defineOperation, type Operation, type Value } from '../value.ts';
import { constantOf, scalar } from './constants.ts';
import { reshape } from './shaping.ts';
import { expand, reduceSum } from './summation.ts';

const GATHER_ELEMENTS = defineOperation<{ readonly axis: number }>({
  name: 'GatherElements',
  attributes: { axis: { kind: 'int' } },
  infer([data, indices], { axis }) {
    const { dtype } = expectElements(data, indices, { axis, operation: 'GatherElements' });
    return [{ dtype, shape: indices?.shape ?? [] }];
  },
  gradient: ({ inputs: [data, indices], attributes: { axis } }, [dy]) => [
    data && indices && dy ? scatterElementsAdd(zeros(dy.dtype, data.shape), indices, { updates: dy, axis }) : null,
    null,
  ],
});

/**
 * One element of `data` per index: result[i][j] = data[indices[i][j]][j] for axis 0.
 * @param indices - int32 or int64 of data's rank, −size … size − 1
 * @returns the shape of the indices
 */
export function gatherElements(data: Value, indices: Value, axis = 0): Value {
  return applyOne(GATHER_ELEMENTS, [data, indices], { axis: normalizeAxis(axis, data.shape.length, 'GatherElements') });
}

const SCATTER_ELEMENTS = defineOperation<{ readonly axis: number; readonly reduction: string }>({
  name: 'ScatterElements',
  attributes: { axis: { kind: 'int' }, reduction: { kind: 'string' } },
  infer([data, indices, updates], { axis }) {
    const { dtype, shape } = expectElements(data, indices, { axis, operation: 'ScatterElements' });
    if (updates?.dtype !== dtype || !sameShape(updates.shape, indices?.shape ?? [])) {
      throw new AmaasError(
        'INVALID_GRAPH',
        `ScatterElements: expected ${dtype} updates of the shape of the indices, got ${updates?.dtype} ${formatShape(updates?.shape ?? [])}`,
      );
    }
    return [{ dtype, shape }];
  },
  gradient({ inputs: [, indices], attributes: { axis, reduction } }, [dy]) {
    if (!indices || !dy) return [null, null, null];
    if (reduction !== 'add') {
      throw new AmaasError('INVALID_GRAPH', `ScatterElements: only the sum can be differentiated, got ${reduction}`);
    }
    return [dy, null, gatherElements(dy, indices, axis)];
  },
});

/**
 * `data` with updates added to single elements; equal indices add up.
 * @param indices - int32 or int64 of data's rank, −size … size − 1
 * @param options.updates - of the indices' shape
 */
export function scatterElementsAdd(
  data: Value,
  indices: Value,
  { updates, axis = 0 }: { readonly updates: Value; readonly axis?: number },
): Value {
  const at = normalizeAxis(axis, data.shape.length, 'ScatterElements');
  return applyOne(SCATTER_ELEMENTS, [data, indices, updates], { axis: at, reduction: 'add' });
}

interface TopKAttributes {
  readonly [name: string]: number | readonly number[];
  readonly axis: number;
  readonly largest: number;
  readonly sorted: number;
  readonly k: readonly number[];
}

const TOP_K = defineOperation<TopKAttributes>({
  name: 'TopK',
  attributes: {
    axis: { kind: 'int' },
    largest: { kind: 'int' },
    sorted: { kind: 'int' },
    k: { kind: 'ints', asInput: true },
  },
  infer([x], { axis, k: [k = 0] }) {
    if (x === undefined) throw new AmaasError('INVALID_GRAPH', 'TopK: an input is missing');
    const size = sizeAt(x.shape, axis, 'TopK');
    if (!Number.isSafeInteger(k) || k < 0 || (typeof size === 'number' && k > size)) {
      throw new AmaasError('INVALID_GRAPH', `TopK: ${k} of ${size} elements cannot be taken`);
    }
    const shape = x.shape.with(axis, k);
    return [
      { dtype: x.dtype, shape },
      { dtype: 'int64', shape },
    ];
  },
  gradient: ({ inputs: [x], outputs: [, indices], attributes: { axis } }, [dy]) => [
    x && indices && dy ? scatterElementsAdd(zeros(dy.dtype, x.shape), indices, { updates: dy, axis }) : null,
  ],
});

export interface TopKOptions {
  /** Default: the last. */
  readonly axis?: number;
  /** Default true; false takes the smallest. */
  readonly largest?: boolean;
}

/** The k largest elements along an axis, in order, and their positions (int64); among equals the first comes first. */
export function topK(
  x: Value,
  k: number,
  { axis = -1, largest = true }: TopKOptions = {},
): { readonly values: Value; readonly indices: Value } {
  const at = normalizeAxis(axis, x.shape.length, 'TopK');
  const [values, indices] = applyOperation(TOP_K, [x], { axis: at, largest: largest ? 1 : 0, sorted: 1, k: [k] });
  if (values === undefined || indices === undefined) throw new AmaasError('INTERNAL', 'TopK has two outputs');
  return { values, indices };
}

interface CumSumAttributes {
  readonly [name: string]: number;
  readonly exclusive: number;
  readonly reverse: number;
  readonly axis: number;
}

const CUM_SUM: Operation<CumSumAttributes> = defineOperation<CumSumAttributes>({
  name: 'CumSum',
  attributes: { exclusive: { kind: 'int' }, reverse: { kind: 'int' }, axis: { kind: 'int', asInput: true } },
  infer([x], { axis }) {
    if (x === undefined) throw new AmaasError('INVALID_GRAPH', 'CumSum: an input is missing');
    normalizeAxis(axis, x.shape.length, 'CumSum');
    return [{ dtype: x.dtype, shape: x.shape }];
  },
  gradient: ({ attributes }, [dy]) => [
    dy ? applyOne(CUM_SUM, [dy], { ...attributes, reverse: 1 - attributes.reverse }) : null,
  ],
});

export interface CumSumOptions {
  /** Without the element itself; default false. */
  readonly exclusive?: boolean;
  /** From the end; default false. */
  readonly reverse?: boolean;
}

/** Sums of all elements up to each, along an axis. */
export function cumSum(x: Value, axis: number, { exclusive = false, reverse = false }: CumSumOptions = {}): Value {
  return applyOne(CUM_SUM, [x], {
    exclusive: exclusive ? 1 : 0,
    reverse: reverse ? 1 : 0,
    axis: normalizeAxis(axis, x.shape.length, 'CumSum'),
  });
}

const TILE = defineOperation<{ readonly repeats: readonly number[] }>({
  name: 'Tile',
  attributes: { repeats: { kind: 'ints', asInput: true } },
  infer([x], { repeats }) {
    if (x === undefined || repeats.length !== x.shape.length) {
      throw new AmaasError(
        'INVALID_GRAPH',
        `Tile: expected one number per axis of ${formatShape(x?.shape ?? [])}, got ${formatShape(repeats)}`,
      );
    }
    return [{ dtype: x.dtype, shape: x.shape.map((size, axis) => tiled(size, repeats[axis] ?? 1)) }];
  },
  gradient({ inputs: [x], attributes: { repeats } }, [dy]) {
    if (!x || !dy) return [null];
    const sizes = staticShape(x.shape, 'Tile');
    const copies = reshape(
      dy,
      sizes.flatMap((size, axis) => [repeats[axis] ?? 1, size]),
    );
    return [reduceSum(copies, { axes: sizes.map((_, axis) => 2 * axis) })];
  },
});

/** A tensor laid beside itself. @param repeats - how often, per axis */
export function tile(x: Value, repeats: readonly number[]): Value {
  return repeats.length > 0 && repeats.every((times) => times === 1) ? x : applyOne(TILE, [x], { repeats });
}

function tiled(size: Size, times: number): Size {
  if (times === 1) return size;
  if (typeof size === 'number') return size * times;
  throw new AmaasError('INVALID_GRAPH', `Tile: the size ${size} must be known`);
}

interface TriluAttributes {
  readonly [name: string]: number;
  readonly upper: number;
  readonly k: number;
}

const TRILU: Operation<TriluAttributes> = defineOperation<TriluAttributes>({
  name: 'Trilu',
  attributes: { upper: { kind: 'int' }, k: { kind: 'int', asInput: true } },
  infer([x]) {
    if (x === undefined || x.shape.length < 2) {
      throw new AmaasError('INVALID_GRAPH', `Trilu: expected matrices, got ${formatShape(x?.shape ?? [])}`);
    }
    return [{ dtype: x.dtype, shape: x.shape }];
  },
  gradient: ({ attributes }, [dy]) => [dy ? applyOne(TRILU, [dy], attributes) : null],
});

/** Matrices (last two axes) with zeros above a diagonal. @param diagonal - 0: the main one; 1: the one above it */
export function lowerTriangle(x: Value, diagonal = 0): Value {
  return applyOne(TRILU, [x], { upper: 0, k: diagonal });
}

/** Matrices (last two axes) with zeros below a diagonal. @param diagonal - 0: the main one; 1: the one above it */
export function upperTriangle(x: Value, diagonal = 0): Value {
  return applyOne(TRILU, [x], { upper: 1, k: diagonal });
}

/** The constant start, start + step, … of `size` numbers. */
export function rangeOf(
  size: number,
  {
    start = 0,
    step = 1,
    dtype = 'int64',
  }: { readonly start?: number; readonly step?: number; readonly dtype?: DType } = {},
): Value {
  return constantOf(
    dtype,
    [size],
    Array.from({ length: size }, (_, index) => start + index * step),
  );
}

function zeros(dtype: DType, shape: Shape): Value {
  return expand(scalar(dtype, 0), staticShape(shape, 'gradient of chosen elements'));
}

function expectElements(
  data: Value | undefined,
  indices: Value | undefined,
  { axis, operation }: { readonly axis: number; readonly operation: string },
): Value {
  if (data === undefined || indices === undefined || (indices.dtype !== 'int64' && indices.dtype !== 'int32')) {
    throw new AmaasError('INVALID_GRAPH', `${operation}: expected int32 or int64 indices, got ${indices?.dtype}`);
  }
  const fits = data.shape.every((size, at) => {
    const wanted = indices.shape[at];
    return at === axis || wanted === size || (typeof wanted === 'number' && typeof size === 'number' && wanted < size);
  });
  if (data.shape.length !== indices.shape.length || !fits) {
    throw new AmaasError(
      'INVALID_GRAPH',
      `${operation}: indices ${formatShape(indices.shape)} do not fit ${formatShape(data.shape)}`,
    );
  }
  return data;
}
