// Choosing elements by index, and the scatter-add that is its gradient.
import { AmaasError, type DType, formatShape } from '@amaas/core';
import { normalizeAxis, type Shape, sameShape, sizeAt } from '../shape.ts';
import { applyOne, defineOperation, type Value } from '../value.ts';
import { cast } from './comparison.ts';
import { constantOf, filled } from './constants.ts';
import { matMul } from './matrix.ts';
import { flatten, reshape, transpose, unsqueeze } from './shaping.ts';

/**
 * Up to this many rows a gather's gradient is a product with one-hot rows, above it a scatter. The scatter's cost does
 * not grow with the table but it runs on one thread.
 */
const ONE_HOT_ROWS = 512;

const GATHER = defineOperation<{ readonly axis: number }>({
  name: 'Gather',
  attributes: { axis: { kind: 'int' } },
  infer([data, indices], { axis }) {
    if (data === undefined || indices === undefined || !isIndex(indices)) {
      throw new AmaasError('INVALID_GRAPH', `Gather: expected int32 or int64 indices, got ${indices?.dtype}`);
    }
    normalizeAxis(axis, data.shape.length, 'Gather');
    return [{ dtype: data.dtype, shape: data.shape.toSpliced(axis, 1, ...indices.shape) }];
  },
  gradient({ inputs: [data, indices], attributes: { axis } }, [dy]) {
    if (!data || !indices || !dy) return [null, null];
    // The indexed axes to the front, rows added there, and back.
    const rank = dy.shape.length;
    const moved = [...dy.shape.keys()].slice(axis, axis + indices.shape.length);
    const others = [...Array(rank).keys()].filter((each) => !moved.includes(each));
    const rows = transpose(dy, [...moved, ...others]);
    const size = sizeAt(data.shape, axis, 'Gather');
    const shape = [size, ...data.shape.toSpliced(axis, 1)];
    const added =
      typeof size === 'number' && size <= ONE_HOT_ROWS
        ? addRows(size, indices, rows)
        : scatterAddRows(shape, indices, rows);
    const back = [...data.shape.keys()].map((each) => (each === axis ? 0 : each < axis ? each + 1 : each));
    return [transpose(added, back), null];
  },
});

/** Σ over equal indices by a product with one-hot rows. @param rows - [...indices, ...rest] @returns [size, ...rest] */
function addRows(size: number, indices: Value, rows: Value): Value {
  const rest = rows.shape.slice(indices.shape.length);
  const table = flatten(reshape(rows, [-1, ...rest]), 1);
  const summed = matMul(transpose(oneHot(reshape(indices, [-1]), size, rows.dtype)), table);
  return reshape(summed, [size, ...rest]);
}

/**
 * Rows of zeros with a one at each index, as rows of an identity matrix: ONNX Runtime has no OneHot for most dtypes.
 * @returns [...indices, size]
 */
export function oneHot(indices: Value, size: number, dtype: DType = 'float32'): Value {
  const identity = new Float64Array(size * size);
  for (let row = 0; row < size; row++) identity[row * size + row] = 1;
  return gather(constantOf(dtype, [size, size], identity), indices);
}

/**
 * Slices of `data` by position along an axis.
 * @param indices - int32 or int64 of any shape; −size … size − 1
 * @returns data's shape with the axis replaced by the shape of the indices
 */
export function gather(data: Value, indices: Value, axis = 0): Value {
  return applyOne(GATHER, [data, indices], { axis: normalizeAxis(axis, data.shape.length, 'Gather') });
}

const SCATTER_ND = defineOperation<{ readonly reduction: string }>({
  name: 'ScatterND',
  attributes: { reduction: { kind: 'string' } },
  infer([data, indices, updates]) {
    const depth = indices?.shape.at(-1);
    if (
      !data ||
      !indices ||
      !updates ||
      typeof depth !== 'number' ||
      indices.dtype !== 'int64' ||
      updates.dtype !== data.dtype
    ) {
      throw new AmaasError(
        'INVALID_GRAPH',
        `ScatterND: expected int64 indices and ${data?.dtype} updates, got ${indices?.dtype} and ${updates?.dtype}`,
      );
    }
    const expected: Shape = [...indices.shape.slice(0, -1), ...data.shape.slice(depth)];
    if (!sameShape(expected, updates.shape)) {
      throw new AmaasError(
        'INVALID_GRAPH',
        `ScatterND: expected updates ${formatShape(expected)}, got ${formatShape(updates.shape)}`,
      );
    }
    return [{ dtype: data.dtype, shape: data.shape }];
  },
  gradient({ inputs: [, indices], attributes: { reduction } }, [dy]) {
    if (!dy || !indices) return [null, null, null];
    if (reduction !== 'add')
      throw new AmaasError('INVALID_GRAPH', `ScatterND: only the sum can be differentiated, got ${reduction}`);
    return [dy, null, gatherNd(dy, indices)];
  },
});

/** `data` with `updates` added at index tuples. @param indices - int64 [..., depth] @param updates - [..., data.shape[depth...]] */
export function scatterNdAdd(data: Value, indices: Value, updates: Value): Value {
  return applyOne(SCATTER_ND, [data, indices, updates], { reduction: 'add' });
}

/** Zeros of `shape` with rows added at positions of the first axis; equal positions add up. @param rows - [...indices, ...shape[1...]] */
export function scatterAddRows(shape: Shape, indices: Value, rows: Value): Value {
  const wide = indices.dtype === 'int64' ? indices : cast(indices, 'int64');
  return scatterNdAdd(filled(rows.dtype, shape, 0), unsqueeze(wide, indices.shape.length), rows);
}

const GATHER_ND = defineOperation({
  name: 'GatherND',
  attributes: {},
  infer([data, indices]) {
    const depth = indices?.shape.at(-1);
    if (!data || !indices || typeof depth !== 'number' || indices.dtype !== 'int64' || depth > data.shape.length) {
      throw new AmaasError(
        'INVALID_GRAPH',
        `GatherND: expected int64 index tuples, got ${indices?.dtype} ${formatShape(indices?.shape ?? [])}`,
      );
    }
    return [{ dtype: data.dtype, shape: [...indices.shape.slice(0, -1), ...data.shape.slice(depth)] }];
  },
  gradient: ({ inputs: [data, indices] }, [dy]) => [
    data && indices && dy ? scatterNdAdd(filled(dy.dtype, data.shape, 0), indices, dy) : null,
    null,
  ],
});

/** Slices of `data` at index tuples. @param indices - int64 [..., depth] @returns [..., data.shape[depth...]] */
export function gatherNd(data: Value, indices: Value): Value {
  return applyOne(GATHER_ND, [data, indices], {});
}

function isIndex(value: Value): boolean {
  return value.dtype === 'int32' || value.dtype === 'int64';
}
