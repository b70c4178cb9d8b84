// Shapes of graph values: whole numbers where the size is known when the graph is built, symbols where it is not.
// Two symbols are the same size only if they have the same name.
import { AmaasError, formatShape } from '@amaas/core';

/** A size, or a symbol for one that is known when the model runs (`N`). */
export type Size = number | string;
export type Shape = readonly Size[];

/** Whether every size is known. */
export function isStatic(shape: Shape): shape is readonly number[] {
  return shape.every((size) => typeof size === 'number');
}

/**
 * The sizes as numbers.
 * @throws INVALID_GRAPH naming `operation` when one is a symbol.
 */
export function staticShape(shape: Shape, operation: string): readonly number[] {
  if (isStatic(shape)) return shape;
  throw new AmaasError('INVALID_GRAPH', `${operation}: expected known sizes, got ${formatShape(shape)}`);
}

/** Number of elements; symbols make it unknown. @throws INVALID_GRAPH */
export function countElements(shape: Shape, operation: string): number {
  return staticShape(shape, operation).reduce((product, size) => product * size, 1);
}

export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((size, axis) => size === b[axis]);
}

/**
 * The shape two operands have together by NumPy's rules.
 * @throws INVALID_GRAPH when two sizes differ and neither is 1.
 */
export function broadcastShapes(a: Shape, b: Shape, operation: string): Shape {
  const rank = Math.max(a.length, b.length);
  const result: Size[] = [];
  for (let axis = 0; axis < rank; axis++) {
    const left = a[axis - rank + a.length] ?? 1;
    const right = b[axis - rank + b.length] ?? 1;
    if (left !== right && left !== 1 && right !== 1) {
      throw new AmaasError(
        'INVALID_GRAPH',
        `${operation}: shapes ${formatShape(a)} and ${formatShape(b)} do not broadcast (${left} against ${right})`,
      );
    }
    result.push(left === 1 ? right : left);
  }
  return result;
}

/**
 * An axis counted from the front.
 * @param axis - −rank … rank − 1
 * @throws INVALID_GRAPH when it is outside.
 */
export function normalizeAxis(axis: number, rank: number, operation: string): number {
  if (!Number.isInteger(axis) || axis < -rank || axis >= rank) {
    throw new AmaasError('INVALID_GRAPH', `${operation}: axis must be in [${-rank}, ${rank - 1}], got ${axis}`);
  }
  return axis < 0 ? axis + rank : axis;
}

/** Axes counted from the front, ascending. @throws INVALID_GRAPH when one is outside or comes twice. */
export function normalizeAxes(axes: readonly number[], rank: number, operation: string): readonly number[] {
  const result = axes.map((axis) => normalizeAxis(axis, rank, operation)).toSorted((a, b) => a - b);
  if (new Set(result).size !== result.length) {
    throw new AmaasError('INVALID_GRAPH', `${operation}: axes ${formatShape(axes)} name one axis twice`);
  }
  return result;
}

/** The size at `axis`, which the caller has checked to exist. @throws INVALID_GRAPH */
export function sizeAt(shape: Shape, axis: number, operation: string): Size {
  const size = shape.at(axis);
  if (size === undefined) {
    throw new AmaasError('INVALID_GRAPH', `${operation}: ${formatShape(shape)} has no axis ${axis}`);
  }
  return size;
}
