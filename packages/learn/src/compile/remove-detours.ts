// Rules that drop work: moves that cancel, neutral operands, factors of factors, repetition that broadcasting does anyway.
import type { DType } from '@amaas/core';
import {
  add,
  broadcastShapes,
  div,
  isStatic,
  mul,
  type Node,
  nodeOf,
  reshape,
  sameShape,
  scalar,
  sub,
  transpose,
  type Value,
} from '../graph/index.ts';
import { isNumbers, type Rule } from './rule.ts';

export const removeDetours: Rule = (node, uses) => {
  const value = shorter(node, uses);
  return value === null ? null : [value];
};

function shorter(node: Node, uses: (value: Value) => number): Value | null {
  const [a, b] = node.inputs;
  const [y] = node.outputs;
  if (a === undefined || y === undefined) return null;
  switch (node.operation.name) {
    case 'Reshape': {
      const inner = nodeOf(a);
      const source = inner?.operation.name === 'Reshape' ? inner.inputs[0] : undefined;
      return source === undefined || !canReshape(source, y) ? null : reshape(source, y.shape);
    }
    case 'Transpose':
      return transposeOfTranspose(node, a) ?? transposeOfOnes(node, a);
    case 'Identity':
      return a;
    case 'Neg':
      return negated(a, uses);
    case 'Add':
      if (b === undefined) return null;
      if (isScalar(b, 0)) return a;
      if (isScalar(a, 0)) return b;
      return addNegated(a, b) ?? withoutExpand(node, a, b);
    case 'Sub':
      if (b === undefined) return null;
      if (isScalar(b, 0)) return a;
      return subNegated(a, b) ?? withoutExpand(node, a, b);
    case 'Mul':
      if (b === undefined) return null;
      if (isScalar(b, 1)) return a;
      if (isScalar(a, 1)) return b;
      return factorOfFactor(a, b) ?? factorOfFactor(b, a) ?? withoutExpand(node, a, b);
    case 'Div':
      if (b === undefined) return null;
      if (isScalar(b, 1)) return a;
      return withoutExpand(node, a, b);
    default:
      return null;
  }
}

function transposeOfTranspose(node: Node, x: Value): Value | null {
  const inner = nodeOf(x);
  const source = inner?.inputs[0];
  const innerPerm = inner?.attributes['perm'];
  const perm = node.attributes['perm'];
  if (inner?.operation.name !== 'Transpose' || source === undefined || !isNumbers(innerPerm) || !isNumbers(perm))
    return null;
  return transpose(
    source,
    perm.map((axis) => innerPerm[axis] ?? 0),
  );
}

/** Moving axes of size 1 past the others moves nothing. */
function transposeOfOnes(node: Node, x: Value): Value | null {
  const perm = node.attributes['perm'];
  if (!isNumbers(perm) || !isStatic(x.shape)) return null;
  const long = perm.filter((axis) => x.shape[axis] !== 1);
  if (long.some((axis, index) => axis < (long[index - 1] ?? 0))) return null;
  return reshape(
    x,
    perm.map((axis) => x.shape[axis] ?? 1),
  );
}

/** −(c · x) = (−c) · x */
function negated(x: Value, uses: (value: Value) => number): Value | null {
  const inner = nodeOf(x);
  if (inner?.operation.name !== 'Mul' || uses(x) > 1) return null;
  const [a, b] = inner.inputs;
  if (a === undefined || b === undefined) return null;
  const factor = scalarOf(b);
  return factor === null ? null : mul(a, scalar(x.dtype, -factor));
}

/** ONNX can work out one size that is not known; those that keep their place need no working out. */
function canReshape(from: Value, to: Value): boolean {
  return to.shape.filter((size, axis) => typeof size === 'string' && from.shape[axis] !== size).length <= 1;
}

/** c · (d · x) = (c · d) · x, and c · (−x) = (−c) · x */
function factorOfFactor(x: Value, factor: Value): Value | null {
  const outer = scalarOf(factor);
  const inner = nodeOf(x);
  if (outer === null || inner === null) return null;
  const [a, b] = inner.inputs;
  if (inner.operation.name === 'Neg' && a !== undefined) return mul(a, scalar(x.dtype, -outer));
  if (inner.operation.name !== 'Mul' || a === undefined || b === undefined) return null;
  const known = scalarOf(b);
  const factors = known === null ? null : productOf(outer, known, x.dtype);
  return factors === null || !sameShape(a.shape, x.shape) ? null : mul(a, scalar(x.dtype, factors));
}

/** Two factors as one, or null where the one would overflow or vanish and the two after each other need not. */
export function productOf(a: number, b: number, dtype: DType): number | null {
  const product = dtype === 'float32' ? Math.fround(a * b) : a * b;
  const holds = Number.isFinite(product) && (product !== 0 || a === 0 || b === 0);
  return holds || !Number.isFinite(a) || !Number.isFinite(b) ? product : null;
}

/** a + (−b) = a − b */
function addNegated(a: Value, b: Value): Value | null {
  const right = nodeOf(b);
  if (right?.operation.name === 'Neg' && right.inputs[0] !== undefined) return sub(a, right.inputs[0]);
  const left = nodeOf(a);
  return left?.operation.name === 'Neg' && left.inputs[0] !== undefined ? sub(b, left.inputs[0]) : null;
}

/** a − (−b) = a + b */
function subNegated(a: Value, b: Value): Value | null {
  const right = nodeOf(b);
  return right?.operation.name === 'Neg' && right.inputs[0] !== undefined ? add(a, right.inputs[0]) : null;
}

/** Elementwise operators repeat operands by themselves. */
function withoutExpand({ operation, outputs: [y] }: Node, a: Value, b: Value): Value | null {
  const [left, right] = [beforeExpand(a), beforeExpand(b)];
  if (y === undefined) return null;
  const apply = { Add: add, Sub: sub, Mul: mul, Div: div }[operation.name];
  if (apply === undefined) return null;
  if (left !== null && sameShape(broadcastShapes(left.shape, b.shape, operation.name), y.shape)) return apply(left, b);
  if (right !== null && sameShape(broadcastShapes(a.shape, right.shape, operation.name), y.shape))
    return apply(a, right);
  return null;
}

function beforeExpand(value: Value): Value | null {
  const node = nodeOf(value);
  return node?.operation.name === 'Expand' ? (node.inputs[0] ?? null) : null;
}

/** The number a float constant without axes holds; it never decides a result's shape. */
export function scalarOf(value: Value): number | null {
  if (value.origin.kind !== 'constant' || value.shape.length > 0) return null;
  const { tensor } = value.origin;
  return tensor.dtype === 'float32' || tensor.dtype === 'float64' ? (tensor.data[0] ?? null) : null;
}

function isScalar(value: Value, number: number): boolean {
  return scalarOf(value) === number;
}
