// Work that a backward loop need not do step by step. The gradient of a weight matrix is a sum over steps of small
// products: stacked, they are one product with the steps as further rows, which ONNX Runtime computes at several times
// the speed, and no sum of the weights' size is carried along. So is the gradient of what a step multiplied by a matrix.
import { isStatic, type Shape } from '../shape.ts';
import { type Node, nodeOf, type Value } from '../value.ts';
import { add, neg } from './arithmetic.ts';
import { matMul } from './matrix.ts';
import { reshape, transpose } from './shaping.ts';
import { reduceSum } from './summation.ts';

/** Products of more rows than this are fast enough step by step, and stacking their operands would take much memory. */
const MAX_ROWS = 128;

/** A gradient computed after the loop. */
export interface Tail {
  /** Values of one step that it needs stacked. */
  readonly leaves: readonly Value[];
  build(stacked: (leaf: Value) => Value): Value;
}

/**
 * The sum of a value over the steps.
 * @param isStacked - values that are stacked anyway: only of those is a plain sum worth it
 * @returns null where it is to be added up step by step
 */
export function sumTail(value: Value, isStacked: (value: Value) => boolean): Tail | null {
  const node = nodeOf(value);
  const [a, b] = node?.inputs ?? [];
  if (node === null || a === undefined || !isStatic(value.shape)) return null;
  switch (node.operation.name) {
    case 'Add': {
      const left = a.shape.length === value.shape.length ? sumTail(a, isStacked) : null;
      const right = b?.shape.length === value.shape.length ? sumTail(b, isStacked) : null;
      if (left === null || right === null) return null;
      const leaves = [...left.leaves, ...right.leaves];
      return { leaves, build: (stacked) => add(left.build(stacked), right.build(stacked)) };
    }
    case 'Neg':
      return after(sumTail(a, isStacked), neg);
    case 'Reshape':
      return after(sumTail(a, isStacked), (sum) => reshape(sum, value.shape));
    case 'Transpose':
      return after(sumTail(a, isStacked), (sum) => transpose(sum, permOf(node)));
    case 'ReduceSum': {
      const axes = node.attributes['axes'];
      if (!isStacked(a) || !Array.isArray(axes)) return null;
      const stackedAxes = [0, ...axes.map((axis) => Number(axis) + 1)];
      return { leaves: [a], build: (stacked) => reshape(reduceSum(stacked(a), { axes: stackedAxes }), value.shape) };
    }
    case 'MatMul': {
      const left = nodeOf(a);
      const [source] = left?.inputs ?? [];
      if (left?.operation.name !== 'Transpose' || source === undefined || b === undefined) return null;
      if (!areMatrices(source, b) || permOf(left).length !== 2 || !isShort(source.shape)) return null;
      const [x, y] = [withoutReshape(source), withoutReshape(b)];
      const [rows, columns] = [source.shape.at(-1) ?? 1, b.shape.at(-1) ?? 1];
      return {
        leaves: [x, y],
        build: (stacked) => matMul(transpose(reshape(stacked(x), [-1, rows])), reshape(stacked(y), [-1, columns])),
      };
    }
    default:
      return null;
  }
}

/**
 * A value of every step, stacked.
 * @param isInvariant - values that are the same in every step
 * @param outer - such a value outside of the loop
 * @returns null where each step is to compute it
 */
export function stackTail(
  value: Value,
  { isInvariant, outer }: { readonly isInvariant: (value: Value) => boolean; readonly outer: (value: Value) => Value },
): Tail | null {
  const node = nodeOf(value);
  const [a, b] = node?.inputs ?? [];
  if (node === null || a === undefined || !isStatic(value.shape)) return null;
  if (node.operation.name === 'Reshape') {
    return after(stackTail(a, { isInvariant, outer }), (all) => reshape(all, [all.shape[0] ?? -1, ...value.shape]));
  }
  if (node.operation.name !== 'MatMul' || b === undefined || !isInvariant(b)) return null;
  if (!areMatrices(a, b) || !isShort(a.shape)) return null;
  const leaf = withoutReshape(a);
  const inner = a.shape.at(-1) ?? 1;
  return {
    leaves: [leaf],
    build: (stacked) => {
      const all = stacked(leaf);
      return reshape(matMul(reshape(all, [-1, inner]), outer(b)), [all.shape[0] ?? -1, ...value.shape]);
    },
  };
}

function after(tail: Tail | null, change: (sum: Value) => Value): Tail | null {
  return tail === null ? null : { leaves: tail.leaves, build: (stacked) => change(tail.build(stacked)) };
}

/** Stacked rows are the same whatever shape they have in a step. */
function withoutReshape(value: Value): Value {
  let current = value;
  for (let node = nodeOf(current); node?.operation.name === 'Reshape'; node = nodeOf(current)) {
    current = node.inputs[0] ?? current;
  }
  return current;
}

function areMatrices(a: Value, b: Value): boolean {
  return a.shape.length === 2 && b.shape.length === 2 && isStatic(a.shape) && isStatic(b.shape);
}

function isShort(shape: Shape): boolean {
  return typeof shape[0] === 'number' && shape[0] <= MAX_ROWS;
}

function permOf(node: Node): readonly number[] {
  const perm = node.attributes['perm'];
  return Array.isArray(perm) ? perm.map(Number) : [];
}
