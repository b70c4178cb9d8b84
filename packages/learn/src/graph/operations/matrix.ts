// Matrix products. `matMul` is what models are written with; `Gemm` and `FusedMatMul` are what compiling turns it into,
// because they take transposed operands, scaling and an addend for nothing.
import { AmaasError, formatShape } from '@amaas/core';
import { broadcastShapes, isStatic, type Shape, type Size, sameShape } from '../shape.ts';
import { applyOne, defineOperation, type Value } from '../value.ts';
import { reshape, transpose } from './shaping.ts';
import { sumToShape } from './summation.ts';

const MAT_MUL = defineOperation({
  name: 'MatMul',
  attributes: {},
  infer([a, b]) {
    const { left, right } = expectMatrices(a, b, 'MatMul');
    return [{ dtype: left.dtype, shape: productShape(left.shape, right.shape, 'MatMul') }];
  },
  gradient({ inputs: [a, b] }, [dy]) {
    if (!a || !b || !dy) return [null, null];
    if (b.shape.length === 2 && a.shape.length > 2 && isStatic(a.shape)) {
      // One large product instead of a batch of small ones that would then be summed.
      const rows = reshape(a, [-1, a.shape.at(-1) ?? 1]);
      const dyRows = reshape(dy, [-1, dy.shape.at(-1) ?? 1]);
      return [reshape(matMul(dyRows, swapLast(b)), a.shape), matMul(transpose(rows), dyRows)];
    }
    return [sumToShape(matMul(dy, swapLast(b)), a.shape), sumToShape(matMul(swapLast(a), dy), b.shape)];
  },
});

/**
 * Matrix product of the last two axes; the axes before them broadcast.
 * @param a - [..., M, K]
 * @param b - [..., K, N]
 * @returns [..., M, N]
 */
export function matMul(a: Value, b: Value): Value {
  return applyOne(MAT_MUL, [a, b], {});
}

/** The last two axes exchanged. */
export function swapLast(x: Value): Value {
  const axes = [...x.shape.keys()];
  return transpose(x, [...axes.slice(0, -2), ...axes.slice(-2).reverse()]);
}

export interface GemmAttributes {
  readonly [name: string]: number;
  readonly alpha: number;
  readonly beta: number;
  readonly transA: number;
  readonly transB: number;
}

const GEMM = defineOperation<GemmAttributes>({
  name: 'Gemm',
  attributes: {
    alpha: { kind: 'float' },
    beta: { kind: 'float' },
    transA: { kind: 'int' },
    transB: { kind: 'int' },
  },
  infer([a, b, c], { transA, transB }) {
    const { left, right } = expectMatrices(a, b, 'Gemm');
    if (left.shape.length !== 2 || right.shape.length !== 2) {
      throw new AmaasError(
        'INVALID_GRAPH',
        `Gemm: expected matrices, got ${formatShape(left.shape)} and ${formatShape(right.shape)}`,
      );
    }
    const shape = productShape(
      transA === 1 ? left.shape.toReversed() : left.shape,
      transB === 1 ? right.shape.toReversed() : right.shape,
      'Gemm',
    );
    if (c !== undefined && !sameShape(broadcastShapes(shape, c.shape, 'Gemm'), shape)) {
      throw new AmaasError(
        'INVALID_GRAPH',
        `Gemm: ${formatShape(c.shape)} does not broadcast to ${formatShape(shape)}`,
      );
    }
    return [{ dtype: left.dtype, shape }];
  },
});

/** alpha · A·B + beta · C for matrices, A and B transposed where asked. Has no gradient: differentiate before fusing. */
export function gemm(
  inputs: readonly [Value, Value] | readonly [Value, Value, Value],
  attributes: Partial<GemmAttributes> = {},
): Value {
  return applyOne(GEMM, inputs, { alpha: 1, beta: 1, transA: 0, transB: 0, ...attributes });
}

export interface FusedMatMulAttributes {
  readonly [name: string]: number;
  readonly alpha: number;
  /** 1: the last two axes of the operand are exchanged. */
  readonly transA: number;
  readonly transB: number;
  /** 1: the operand's axes [0 … r−2] are rotated by one, so that [M, batch, K] is read as [batch, M, K]. */
  readonly transBatchA: number;
  readonly transBatchB: number;
}

const FUSED_MAT_MUL = defineOperation<FusedMatMulAttributes>({
  name: 'FusedMatMul',
  domain: 'com.microsoft',
  attributes: {
    alpha: { kind: 'float' },
    transA: { kind: 'int' },
    transB: { kind: 'int' },
    transBatchA: { kind: 'int' },
    transBatchB: { kind: 'int' },
  },
  infer([a, b], { transA, transB, transBatchA, transBatchB }) {
    const { left, right } = expectMatrices(a, b, 'FusedMatMul');
    const seen = (shape: Shape, batch: number, swap: number): Shape =>
      fusedOperandPerm(shape.length, batch, swap).map((axis) => shape[axis] ?? 1);
    const shape = productShape(
      seen(left.shape, transBatchA, transA),
      seen(right.shape, transBatchB, transB),
      'FusedMatMul',
    );
    return [{ dtype: left.dtype, shape }];
  },
});

/**
 * ONNX Runtime's product of transposed operands: alpha · A·B. Has no gradient: differentiate before fusing.
 * Source: microsoft/onnxruntime, docs/ContribOperators.md, com.microsoft.FusedMatMul
 */
export function fusedMatMul(a: Value, b: Value, attributes: Partial<FusedMatMulAttributes>): Value {
  return applyOne(FUSED_MAT_MUL, [a, b], {
    alpha: 1,
    transA: 0,
    transB: 0,
    transBatchA: 0,
    transBatchB: 0,
    ...attributes,
  });
}

/**
 * The permutation FusedMatMul applies to an operand: result axis → operand axis.
 * With `batch` the operand is [M, batch..., K]; with `swap` too it is [K, batch..., M].
 */
export function fusedOperandPerm(rank: number, batch: number, swap: number): readonly number[] {
  const axes = Array.from({ length: rank }, (_, axis) => axis);
  const last = rank - 1;
  const rows = batch === 1 ? 0 : rank - 2;
  const leading = axes.filter((axis) => axis !== rows && axis !== last);
  return swap === 1 ? [...leading, last, rows] : [...leading, rows, last];
}

function expectMatrices(a: Value | undefined, b: Value | undefined, operation: string): { left: Value; right: Value } {
  if (a === undefined || b === undefined || a.dtype !== b.dtype || a.shape.length < 2 || b.shape.length < 2) {
    const show = (value: Value | undefined): string =>
      value ? `${value.dtype} ${formatShape(value.shape)}` : 'nothing';
    throw new AmaasError(
      'INVALID_GRAPH',
      `${operation}: expected two tensors of rank 2 or more and one dtype, got ${show(a)} and ${show(b)}`,
    );
  }
  return { left: a, right: b };
}

function productShape(a: Shape, b: Shape, operation: string): Shape {
  const inner: readonly [Size | undefined, Size | undefined] = [a.at(-1), b.at(-2)];
  if (inner[0] !== inner[1]) {
    throw new AmaasError(
      'INVALID_GRAPH',
      `${operation}: the inner sizes of ${formatShape(a)} and ${formatShape(b)} differ (${inner[0]} against ${inner[1]})`,
    );
  }
  return [...broadcastShapes(a.slice(0, -2), b.slice(0, -2), operation), a.at(-2) ?? 1, b.at(-1) ?? 1];
}
